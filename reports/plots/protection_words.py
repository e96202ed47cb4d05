"""The plot of protections in words: what a mark says on hover, and what is to be seen."""

from __future__ import annotations

from collections.abc import Sequence

from energy.measures import MEASURES
from nfenergy.ground.rates import percent_text
from reports.plots.protection_panels import is_bare, mark_id, protection_panels
from reports.plots.words import extent
from reports.protection_rows import ProtectionRow


def hover_texts(rows: Sequence[ProtectionRow]) -> dict[str, str]:
    """The text of each mark by the id that the plot gave it."""
    texts = {}
    for place, panel in enumerate(protection_panels(rows)):
        for row in panel.rows:
            said = f"{_name(row)}: "
            if panel.kind == "rate":
                said += f"{_percent(row.residual_rate)} of the bits in error, "
                said += f"{_percent(row.residual_rate_top)} of the highest"
            elif panel.kind == "energy":
                said += f"{row.energy_percent:.1f} % by {MEASURES[row.measure].title}"
            elif row.perturbed_percent is not None:
                said += f"accuracy {row.perturbed_percent:.1f} ± {row.perturbed_std_percent or 0:.1f} %"
            texts[mark_id(place, row)] = said
    return texts


def description(rows: Sequence[ProtectionRow]) -> str:
    """What is to be seen, in sentences."""
    panels = protection_panels(rows)
    rates = panels[0].rows
    least = min(rates, key=lambda row: row.residual_rate)
    said = [
        f"{len(rates)} protections, no protection included, leave {_percent(least.residual_rate)} "
        f"({least.protection}) to {_percent(max(row.residual_rate for row in rates))} of the bits in error."
    ]
    for panel in panels[1:]:
        found = [(value, row) for row in panel.rows if (value := panel.value(row)) is not None]
        if not found:
            continue
        bare = next((value for value, row in found if is_bare(row)), None)
        without = "" if bare is None else f", unprotected {bare:.1f} %"
        values = extent(value for value, _ in found)
        best = (max if panel.kind == "accuracy" else min)(found, key=lambda pair: pair[0])[1]
        if panel.kind == "energy":
            dearer = sum(value > 100 for value, _ in found)
            measure = MEASURES[panel.rows[0].measure].title
            said.append(
                f"Energy by {measure} is {values}{without}; least {_name(best)}; {dearer or 'none'} of "
                f"{len(found)} above 100 %."
            )
        else:
            of = f" of {best.base}" if sum(other.kind == "accuracy" for other in panels) > 1 else ""
            said.append(f"Accuracy{of} is {values}{without}; highest {_name(best)}.")
    return " ".join(said)


def _percent(rate: float) -> str:
    return "none" if rate == 0 else percent_text(float(f"{rate:.3g}"))


def _name(row: ProtectionRow) -> str:
    return "no protection" if is_bare(row) else row.name
