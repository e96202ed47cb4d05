"""A simulation report in words and aligned figures."""

from __future__ import annotations

from energy.measures import MEASURES
from energy.savings import SavingBy
from nfenergy.energy_results import energy_lines
from nfenergy.ground.rates import percent_text
from nfenergy.simulation import NetworkResult, SimulationReport
from reports.tables import render


def headline(report: SimulationReport) -> str:
    """The report in one line."""
    point = report.operating_point
    return (
        f"{_title(report)} on {_data(report)} at {point.voltage_norm:.4g} of Vmin: saves "
        f"{_saved(report)}, {report.latency.total_ms:.3f} ms ({report.machine.array}, convention "
        f"{report.machine.convention.name})"
    )


def as_text(report: SimulationReport) -> str:
    """Title, one column a network, and what follows from them."""
    machine = report.machine
    mapping = "" if machine.mapping == machine.convention.deconvolution(None) else f" ({machine.mapping})"
    return "\n".join(
        [
            f"{_title(report)} on {_data(report)}: array {machine.array}, {machine.weight_bits}-bit "
            f"weights, convention {machine.convention.name}{mapping}, engine {machine.engine}",
            "",
            _networks_table(report),
            "",
            *_conclusions(report),
            "",
            *energy_lines(report),
        ]
    )


def _data(report: SimulationReport) -> str:
    size = f" with input {report.input_text}" if report.input_text else ""
    batch = f", {report.inputs.batch} samples at a time" if report.inputs.batch != 1 else ""
    return report.dataset.title + size + batch


def _title(report: SimulationReport) -> str:
    return " + ".join(result.model.network.title for result in report.networks)


def _saved(report: SimulationReport) -> str:
    return ", ".join(
        f"{by.saving_percent:.1f} % by {MEASURES[name].title}" for name, by in _accesses(report).items()
    )


def _accesses(report: SimulationReport) -> dict[str, SavingBy]:
    """The measures that count accesses; those of energy follow in a block of their own."""
    return {name: by for name, by in report.measures.items() if not MEASURES[name].domains}


def _networks_table(report: SimulationReport) -> str:
    results, counter = report.networks, report.machine.convention.macs
    rows = [
        ("parameters", [f"{result.model.size.params:,}" for result in results]),
        (f"MACs ({counter})", [f"{result.model.size.macs:,}" for result in results]),
        ("SRAM filter reads", [f"{result.sram_filter_reads:,}" for result in results]),
        ("T.W.M.A.", [_grouped(result.twma) for result in results]),
        ("cycles", [f"{result.total_cycles:,}" for result in results]),
        ("in the topology", [_coverage(result) for result in results]),
    ]
    header = ["", *(result.model.network.title for result in results)]
    return render(header, [[label, *cells] for label, cells in rows])


def _conclusions(report: SimulationReport) -> list[str]:
    point, latency = report.operating_point, report.latency
    below = "below " if point.bit_error_rate_is_bound else ""
    lines = [
        f"operating point  {point.voltage_norm:.4g} of Vmin: bit error rate {below}"
        f"{percent_text(point.bit_error_rate, digits=3)}, {point.energy_per_access_norm:.4g} of the energy "
        f"per access (curve {point.curve})",
        f"energy saving    {_saved(report)}",
        f"latency          {latency.total_ms:.3f} ms at {latency.clock_ghz:g} GHz",
    ]
    if report.generator:
        lines[-1] += f", {latency.overhead_percent:.1f} % on top of the base model's {latency.base_ms:.3f} ms"
        evens = (f"by {MEASURES[name].title} {_break_even(by)}" for name, by in _accesses(report).items())
        lines.append(f"break-even       {'; '.join(evens)}")
    return lines


def _break_even(by: SavingBy) -> str:
    needed = f"from {by.break_even_percent:.1f} % saved per access"
    if by.break_even_voltage_norm is None:
        return f"{needed}, which the curve does not reach"
    return f"{needed}, at {by.break_even_voltage_norm:.4f} of Vmin"


def _coverage(result: NetworkResult) -> str:
    return str(result.model.topology.coverage).replace(" weighted", "")


def _grouped(value: float) -> str:
    return f"{int(value):,}" if value.is_integer() else f"{value:,.2f}"
