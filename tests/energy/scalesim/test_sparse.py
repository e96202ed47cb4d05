"""Sparse filters: SCALE-Sim's own figures in every dataflow, and no closed form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from energy import engines
from energy.array import DATAFLOWS, Sparsity, SystolicArray
from energy.scalesim.engine import simulate
from nfenergy.ground.errors import InputError
from tests.conftest import RunCli, WriteTopology, in_scalesim
from tests.energy.direct import run_scalesim
from topologies.layers import Layer, Topology

ARRAY = SystolicArray(rows=8, cols=4, ifmap_sram_kb=1, filter_sram_kb=1, ofmap_sram_kb=1)
CONV = Layer(name="c", ifmap_h=8, ifmap_w=7, filter_h=3, filter_w=2, channels=3, filters=5, stride=1)
LAYERS = (
    replace(CONV, sparsity="2:4"),
    replace(CONV, sparsity="3:4"),
    Layer.gemm(name="g", m=5, k=37, n=6, sparsity="1:4"),
    CONV,
)
NET = Topology(name="net", layers=LAYERS)
RANDOM = Sparsity(representation="csr", optimized_mapping=True, block_size=4, seed=3)


@pytest.mark.parametrize(
    ("dataflow", "sparsity"), [*((dataflow, Sparsity()) for dataflow in DATAFLOWS), ("ws", RANDOM)]
)
@in_scalesim
def test_figures_are_those_of_a_direct_call(
    empty_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dataflow: str,
    sparsity: Sparsity,
) -> None:
    array = replace(ARRAY, dataflow=dataflow, sparsity=sparsity)
    theirs = run_scalesim(LAYERS, array, tmp_path / "direct", monkeypatch)
    for counts, expected in zip(simulate(NET, array), theirs, strict=True):
        expected["sram_ifmap_reads"] = round(expected["sram_ifmap_reads"])
        assert {field: float(counts.as_dict()[field]) for field in expected} == expected


def test_only_what_is_stored_is_read_from_the_filter_sram(empty_cache: Path) -> None:
    half, most, quarter, dense = simulate(NET, replace(ARRAY, dataflow="ws", sparsity=Sparsity()))
    assert dense.sram_filter_reads == CONV.window * CONV.filters == 18 * 5
    assert (half.sram_filter_reads, most.sram_filter_reads) == (10 * 5, 14 * 5)
    assert quarter.sram_filter_reads == 10 * 6
    assert replace(dense, layer="") == replace(
        simulate(Topology(name="n", layers=(CONV,)), replace(ARRAY, dataflow="ws"))[0], layer=""
    )


@pytest.mark.parametrize("engine", ["closed-form", "both"])
def test_there_is_no_closed_form(engine: str) -> None:
    with pytest.raises(InputError, match="sparse filters have no closed form; use --engine scalesim"):
        engines.simulate(NET, replace(ARRAY, sparsity=Sparsity()), engine=engine)


def test_a_cfg_switches_it_on_for_a_file_and_is_refused_for_a_network(
    cli: RunCli, tmp_path: Path, topology_file: WriteTopology, empty_cache: Path
) -> None:
    from energy.scalesim.cfg import cfg_text

    cfg = tmp_path / "sparse.cfg"
    cfg.write_text(cfg_text(replace(ARRAY, sparsity=Sparsity())), encoding="ascii")
    path = topology_file("Conv1, 8, 7, 3, 2, 3, 5, 1, 2:4,")
    shown = cli("layers", "--topology", path, "--config", cfg, "--format", "csv", "--quiet")
    assert (shown.status, shown.stderr) == (0, "")
    assert ",50," not in shown.stdout.splitlines()[0]
    refused = cli("simulate", "--base", "resnet18", "--config", cfg)
    assert "the cfg sets SparsitySupport, but a network has no sparsity ratios" in refused.error
