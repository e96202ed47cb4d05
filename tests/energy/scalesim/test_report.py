"""SCALE-Sim's reports, by column name, whatever their order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.array import DATAFLOWS, SystolicArray
from energy.scalesim.report import SimulationError, ofmap_write_excess, read_reports
from topologies.layers import LayerShape

SHAPE = LayerShape(8, 8, 3, 3, 2, 4, 1)
ARRAY = SystolicArray()

COMPUTE = """\
LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles, Overall Util %, \
Mapping Efficiency %, Compute Util %,
0, 229, 159, 0, 1.5919811320754718, 7.03125, 1.58203125,
"""
BANDWIDTH = """\
LayerID, Avg IFMAP SRAM BW, Avg FILTER SRAM BW, Avg OFMAP SRAM BW, Avg IFMAP DRAM BW, \
Avg FILTER DRAM BW, Avg OFMAP DRAM BW,
0, 4.1, 0.9, 1.7, 3.5, 3.6, 9.0,
"""
ENDS = [
    f"{memory} {operand} {end} Cycle"
    for memory in ("SRAM", "DRAM")
    for operand in ("IFMAP", "Filter", "OFMAP")
    for end in ("Start", "Stop")
]
ACCESS = f"""\
LayerID, SRAM IFMAP Reads, SRAM Filter Reads, SRAM OFMAP Writes, DRAM IFMAP Reads, \
DRAM Filter Reads, DRAM OFMAP Writes, {", ".join(ENDS)},
0, 648.0, 144.0, 272.0, 128, 72, 144, {", ".join(f"{number - 9}.0" for number in range(12))},
"""


def write(folder: Path, compute: str = COMPUTE, access: str = ACCESS, bandwidth: str = BANDWIDTH) -> Path:
    for name, text in (
        ("COMPUTE_REPORT.csv", compute),
        ("DETAILED_ACCESS_REPORT.csv", access),
        ("BANDWIDTH_REPORT.csv", bandwidth),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_every_field_has_its_column(tmp_path: Path) -> None:
    (counts,) = read_reports(write(tmp_path), [SHAPE], ARRAY)
    assert (counts.total_cycles, counts.total_cycles_incl_prefetch, counts.stall_cycles) == (159, 229, 0)
    assert (counts.sram_ifmap_reads, counts.sram_filter_reads) == (648, 144)
    assert (counts.sram_ofmap_writes, counts.sram_ofmap_writes_true) == (272, 144)
    assert (counts.dram_ifmap_reads, counts.dram_filter_reads, counts.dram_ofmap_writes) == (128, 72, 144)
    assert (counts.sram_ifmap_start_cycle, counts.sram_ifmap_stop_cycle) == (-9, -8)
    assert (counts.sram_filter_start_cycle, counts.sram_ofmap_stop_cycle) == (-7, -4)
    assert (counts.dram_ifmap_start_cycle, counts.dram_filter_stop_cycle) == (-3, 0)
    assert (counts.dram_ofmap_start_cycle, counts.dram_ofmap_stop_cycle) == (1, 2)
    assert counts.overall_util_percent == 1.5919811320754718
    assert counts.dram_ofmap_bw_words_per_cycle == 9.0


def test_the_order_of_columns_does_not_matter(tmp_path: Path) -> None:
    def reversed_columns(text: str) -> str:
        return "".join(
            ", ".join(reversed(line.rstrip(",").split(", "))) + ",\n" for line in text.splitlines()
        )

    plain = read_reports(write(tmp_path), [SHAPE], ARRAY)
    texts = [reversed_columns(text) for text in (COMPUTE, ACCESS, BANDWIDTH)]
    assert read_reports(write(tmp_path, *texts), [SHAPE], ARRAY) == plain


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@given(filters=st.integers(1, 200), extent=st.integers(3, 40), side=st.integers(1, 64))
def test_the_excess_of_writes_is_one_row_and_column_a_fold_in_os(
    dataflow: str, filters: int, extent: int, side: int
) -> None:
    shape = SHAPE._replace(ifmap_h=extent, ifmap_w=extent, filters=filters)
    array = SystolicArray(rows=side, cols=2 * side, dataflow=dataflow)
    folds = -(-((extent - 2) ** 2) // side) * -(-filters // (2 * side))
    assert ofmap_write_excess(shape, array) == (folds * 3 * side if dataflow == "os" else 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"compute": ""}, "COMPUTE_REPORT.csv has 0 rows for 1 layers"),
        ({"compute": COMPUTE + COMPUTE.splitlines()[1] + "\n"}, "has 2 rows for 1 layers"),
        ({"compute": COMPUTE.replace("159", "many")}, "unreadable report"),
        ({"compute": COMPUTE.replace("159", "159.5")}, "159.5"),
        ({"compute": COMPUTE.replace("0, 229, 159", "0, 229")}, "unreadable report"),
        ({"access": ACCESS.replace("SRAM Filter Reads", "Filter SRAM Reads")}, "SRAM Filter Reads"),
        ({"bandwidth": BANDWIDTH.replace("9.0", "")}, "unreadable report"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    with pytest.raises(SimulationError) as error:
        read_reports(write(tmp_path, **change), [SHAPE], ARRAY)
    assert reason in str(error.value)


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    (write(tmp_path) / "BANDWIDTH_REPORT.csv").unlink()
    with pytest.raises(SimulationError, match=r"left no readable BANDWIDTH_REPORT\.csv"):
        read_reports(tmp_path, [SHAPE], ARRAY)
