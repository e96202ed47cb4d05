"""A recommendation from a comparison, with what a notebook expects of a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy.measures import MEASURES
from nfenergy.robustness import Robustness, robustness
from nfenergy.tradeoffs import Comparison
from reports.recommend import Constraints, Recommendation, recommend
from reports.recommend_text import as_json, as_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class Choice:
    """A recommendation, what it was chosen from, and whether it holds in other scenarios."""

    recommendation: Recommendation
    comparison: Comparison
    robustness: Robustness | None = None

    def __repr__(self) -> str:
        return self.text().splitlines()[0]

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.text())}</pre>"

    def text(self) -> str:
        """The answer in sentences, one a line, and the table of what qualifies."""
        joins = (f"Joined: {join}." for join in self.comparison.merged.joins)
        held = [f"Robust? {self.robustness.sentence()}"] if self.robustness else []
        return "\n".join([as_text(self.recommendation), *held, *joins])

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        robust = self.robustness.as_json() if self.robustness else None
        return {
            **as_json(self.recommendation),
            "robustness": robust,
            "joins": list(self.comparison.merged.joins),
        }

    def to_frame(self) -> pd.DataFrame:
        """What qualifies, the best first, with the columns of ``tradeoff.csv``."""
        from nfenergy.ground.tables import to_frame
        from reports.records import Tradeoff

        return to_frame(Tradeoff, self.recommendation.ranked)


def choose(
    comparison: Comparison, constraints: Constraints, *, measure: str, interpolate: bool = False
) -> Choice:
    """See `reports.recommend.recommend`.

    Raises:
        UnknownName: no such measure.
    """
    found = recommend(
        comparison.merged.tradeoffs,
        constraints,
        measure=MEASURES.find(measure).name,
        curve=comparison.machine.curve,
        interpolate=interpolate,
    )
    best = found.best
    robust = None if best is None else robustness(comparison, best, constraints, measure=found.measure)
    return Choice(found, comparison, robust)
