"""One recommendation on every voltage curve, and whether the answer flips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from energy.curve_files import CURVES
from energy.measures import MEASURES
from nfenergy.choices import Choice
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from reports.tables import render

ALL_CURVES = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveChoice:
    """A recommendation on one curve.

    Attributes:
        curve: its name.
        energy_model: ``measured`` or ``v2``, see `energy.curve.VoltageCurve`.
        choice: None where the curve has none of the bit error rates, or nothing qualifies.
        reason: why there is no choice; or the rates that the curve lacks; empty for neither.
    """

    curve: str
    energy_model: str
    choice: Choice | None
    reason: str

    @property
    def answer(self) -> str:
        """What is recommended, without voltage: that differs from curve to curve."""
        if self.choice is None:
            return ""
        found = self.choice.as_json()["best"]
        assert isinstance(found, dict)
        return f"{found['label']} at {percent_text(found['bit_error_rate'])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveChoices:
    """A recommendation on every curve."""

    rows: tuple[CurveChoice, ...]

    @property
    def flips(self) -> bool:
        """Two curves have different answers."""
        return len({row.answer for row in self.rows if row.choice}) > 1

    def text(self) -> str:
        """A table over the curves, what is left out, and whether the answer flips."""
        answered = [row for row in self.rows if row.choice]
        lines = [_table(answered), ""] if answered else []
        lines += [f"Curve {row.curve}: {row.reason}." for row in self.rows if row.reason]
        lines += [
            f"Curve {row.curve} has no measured energies: the square of the voltage is taken."
            for row in answered
            if row.energy_model == "v2"
        ]
        if len(answered) > 1:
            said = "flips between the curves" if self.flips else "is the same on all of them"
            lines.append(f"The answer {said} ({len(answered)} curves have the bit error rates).")
        else:
            lines.append(f"Curves that have the bit error rates: {len(answered)}; nothing to compare.")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        return {
            "flips": self.flips,
            "curves": {
                row.curve: {
                    "energy_model": row.energy_model,
                    "reason": row.reason or None,
                    "recommendation": row.choice.as_json() if row.choice else None,
                }
                for row in self.rows
            },
        }


def choices_by_curve(recommend: Callable[[str], Choice]) -> CurveChoices:
    """`recommend` on every named curve; one whose range lacks the rates is named, with the reason."""
    rows = []
    for name, entry in CURVES.items():
        model = entry.load().energy_model
        try:
            choice = recommend(name)
        except InputError as error:
            rows.append(CurveChoice(curve=name, energy_model=model, choice=None, reason=str(error)))
            continue
        if choice.recommendation.best is None:
            rows.append(CurveChoice(curve=name, energy_model=model, choice=None, reason="nothing qualifies"))
            continue
        lacking = sorted({row.bit_error_rate for row in choice.comparison.merged.unmatched_accuracies})
        reason = f"without the bit error rates {', '.join(map(percent_text, lacking))}" if lacking else ""
        rows.append(CurveChoice(curve=name, energy_model=model, choice=choice, reason=reason))
    return CurveChoices(rows=tuple(rows))


def _table(rows: list[CurveChoice]) -> str:
    cells = []
    for row in rows:
        assert row.choice is not None
        best, measure = row.choice.recommendation.best, row.choice.recommendation.measure
        assert best is not None
        cells.append(
            [
                row.curve,
                row.answer,
                f"{best.saving.voltage_norm:.4g}",
                f"{best.saving.saving_percent(measure):.1f} %",
                f"{best.accuracy.perturbed_percent:.1f} %",
            ]
        )
    assert rows[0].choice is not None
    title = MEASURES[rows[0].choice.recommendation.measure].title
    return render(["curve", "best", "V / Vmin", f"saving by {title}", "accuracy"], cells, left=(0, 1))
