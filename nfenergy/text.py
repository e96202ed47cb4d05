"""A simulation report in words and aligned figures."""

from __future__ import annotations

from energy.savings import BreakEven
from nfenergy.simulation import NetworkResult, SimulationReport
from reports.tables import render


def as_text(report: SimulationReport) -> str:
    """Title, one column a network, and what follows from them."""
    title = " + ".join(result.model.network.title for result in report.networks)
    return "\n".join(
        [
            f"{title} on {report.dataset.title}: array {report.array}, {report.weight_bits}-bit weights, "
            f"convention {report.convention.name}, engine {report.engine}",
            "",
            _networks_table(report),
            "",
            *_conclusions(report),
        ]
    )


def _networks_table(report: SimulationReport) -> str:
    rows = [
        ("parameters", [f"{result.model.size.params:,}" for result in report.networks]),
        (f"MACs ({report.convention.macs})", [f"{result.model.size.macs:,}" for result in report.networks]),
        ("SRAM filter reads", [f"{result.sram_filter_reads:,}" for result in report.networks]),
        ("T.W.M.A.", [_grouped(result.twma) for result in report.networks]),
        ("cycles", [f"{result.total_cycles:,}" for result in report.networks]),
        ("in the topology", [_coverage(result) for result in report.networks]),
    ]
    header = ["", *(result.model.network.title for result in report.networks)]
    return render(header, [[label, *cells] for label, cells in rows])


def _conclusions(report: SimulationReport) -> list[str]:
    point, saving, latency = report.operating_point, report.saving, report.latency
    rate = f"{100 * point.bit_error_rate:.3g} %"
    if point.bit_error_rate_is_bound:
        rate = f"below {rate}"
    lines = [
        f"operating point  {point.voltage_norm:.4g} of Vmin: bit error rate {rate}, "
        f"{point.energy_per_access_norm:.4g} of the energy per access (curve {point.curve})",
        f"energy saving    {saving.twma_percent:.1f} % by T.W.M.A., {saving.mac_percent:.1f} % by MACs",
        f"latency          {latency.total_ms:.3f} ms at {latency.clock_ghz:g} GHz",
    ]
    if report.generator:
        lines[-1] += f", {latency.overhead_percent:.1f} % on top of the base model's {latency.base_ms:.3f} ms"
        lines.append(
            f"break-even       by T.W.M.A. {_break_even(saving.twma_break_even)}; "
            f"by MACs {_break_even(saving.mac_break_even)}"
        )
    return lines


def _break_even(point: BreakEven) -> str:
    needed = f"from {point.saving_per_access_percent:.1f} % saved per access"
    if point.voltage_norm is None:
        return f"{needed}, which the curve does not reach"
    return f"{needed}, at {point.voltage_norm:.4f} of Vmin"


def _coverage(result: NetworkResult) -> str:
    return str(result.model.topology.coverage).replace(" weighted", "")


def _grouped(value: float) -> str:
    return f"{int(value):,}" if value.is_integer() else f"{value:,.2f}"
