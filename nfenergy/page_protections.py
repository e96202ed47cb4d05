"""The protections that the report page shows: of each base model in it, at its highest bit error rate."""

from __future__ import annotations

from collections.abc import Sequence

from energy.curve import OperatingPoint
from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.accuracy import Accuracy
from neuralfuse.registry import base_title
from nfenergy.protected_energy import Reckoning
from nfenergy.protecting import Question, protection_rows, target_rows
from nfenergy.protecting_results import LATENCY_NOTE, code_findings, labelled
from nfenergy.simulation import SimulationReport
from nfenergy.tradeoffs import Comparison
from reports.measured import chief_measures
from reports.protection_rows import ProtectionRow
from reports.protections_section import ShownProtections


def page_protections(comparison: Comparison) -> ShownProtections | None:
    """All protections of all base models; None where nothing was simulated at a low voltage."""
    points = [report.operating_point for report in comparison.reports]
    low = [point for point in points if point.bit_error_rate > 0]
    if not low:
        return None
    point = max(low, key=lambda found: found.bit_error_rate)
    measures = list(chief_measures(row.saving for row in comparison.merged.tradeoffs))
    found: list[ProtectionRow] = []
    by_base: dict[tuple[str, float], list[SimulationReport]] = {}
    for report in comparison.reports:
        by_base.setdefault((report.base.model.network.given, report.base_width), []).append(report)
    for reports in by_base.values():
        for measure in measures:
            found += _rows(reports, measure, point, _accuracies(comparison), comparison)
    first = _reckoning(comparison.reports, DEFAULT_MEASURE, comparison)
    targets = target_rows(first, comparison.machine.curve)
    return ShownProtections(
        rows=tuple(found),
        targets=tuple(targets),
        findings=tuple(code_findings(targets)),
        notes=(LATENCY_NOTE, *(f"Costs: {source}." for source in dict.fromkeys(row.source for row in found))),
    )


def _accuracies(comparison: Comparison) -> list[Accuracy]:
    """Of all protections: what is joined with a saving has none."""
    merged = comparison.merged
    joined = [row.accuracy for row in merged.tradeoffs]
    return list({row.identity: row for row in (*joined, *merged.unmatched_accuracies)}.values())


def _rows(
    reports: Sequence[SimulationReport],
    measure: str,
    point: OperatingPoint,
    accuracies: Sequence[Accuracy],
    comparison: Comparison,
) -> list[ProtectionRow]:
    reckoning, first = _reckoning(reports, measure, comparison), reports[0]
    network, bits = first.base.model.network, comparison.machine.weight_bits
    question = Question(
        base=network.given,
        dataset=first.dataset.name,
        width=first.base_width,
        generators=tuple(reckoning.generators),
        measure=measure,
    )
    own = [
        row
        for row in accuracies
        if (row.base, row.base_width, row.weight_bits) == (network.given, first.base_width, bits)
        and (row.generator in reckoning.generators or not row.has_generator)
    ]
    if not own:
        return protection_rows(question, reckoning, point, ())
    found: list[ProtectionRow] = []
    for model in dict.fromkeys(row.fault_model for row in own):
        rows = labelled([row for row in own if row.fault_model == model])
        found += protection_rows(question, reckoning, point, rows)
    return found


def _reckoning(reports: Sequence[SimulationReport], measure: str, comparison: Comparison) -> Reckoning:
    base = reports[0].base
    generators = [report.generator for report in reports if report.generator is not None]
    return Reckoning(
        measure=MEASURES.find(measure),
        base=base,
        generators={generator.model.network.given: generator for generator in generators},
        read_factor=Question(base=base_title(base.model.network.given)).read_factor,
        bits=comparison.machine.weight_bits,
    )
