"""Arrays by size, preset and SCALE-Sim cfg file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scalesim.scale_config import scale_config

from energy.array import DATAFLOWS, PRESETS, SystolicArray, cfg_text, load_array, parse_size, read_cfg
from nfenergy.ground.errors import InputError

V2_CFG = """\
[general]
run_name = scale_example_run_32x32_os

[architecture_presets]
ArrayHeight:    12
ArrayWidth:     14
IfmapSramSzkB:    64
FilterSramSzkB:   32
OfmapSramSzkB:    16
IfmapOffset:    0
FilterOffset:   10000000
OfmapOffset:    20000000
Dataflow : ws
Bandwidth : 10
MemoryBanks: 1

[run_presets]
InterfaceBandwidth: CALC
"""


@st.composite
def arrays(draw: st.DrawFn) -> SystolicArray:
    size, kb = st.integers(1, 512), st.integers(1, 8192)
    bandwidths = st.none() | st.tuples(kb, kb, kb)
    return SystolicArray(
        rows=draw(size), cols=draw(size), dataflow=draw(st.sampled_from(DATAFLOWS)),
        ifmap_sram_kb=draw(kb), filter_sram_kb=draw(kb), ofmap_sram_kb=draw(kb),
        interface_bandwidths=draw(bandwidths),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cfg")


def write(folder: Path, text: str) -> Path:
    path = folder / "array.cfg"
    path.write_text(text, encoding="utf-8")
    return path


@given(array=arrays())
def test_what_is_written_reads_back(folder: Path, array: SystolicArray) -> None:
    assert read_cfg(write(folder, cfg_text(array))) == array


@given(array=arrays())
def test_scalesims_own_class_reads_what_is_written(folder: Path, array: SystolicArray) -> None:
    theirs = scale_config()
    theirs.read_conf_file(str(write(folder, cfg_text(array, "name"))))
    assert theirs.get_run_name() == "name"
    assert tuple(theirs.get_array_dims()) == (array.rows, array.cols)
    assert tuple(theirs.get_mem_sizes()) == (
        array.ifmap_sram_kb, array.filter_sram_kb, array.ofmap_sram_kb,
    )  # fmt: skip
    assert theirs.get_dataflow() == array.dataflow
    assert theirs.use_user_dram_bandwidth() == (array.interface_bandwidths is not None)


def test_a_cfg_of_version_2_is_filled_in(tmp_path: Path) -> None:
    expected = SystolicArray(
        rows=12, cols=14, dataflow="ws", ifmap_sram_kb=64, filter_sram_kb=32, ofmap_sram_kb=16
    )
    assert read_cfg(write(tmp_path, V2_CFG)) == expected
    user = V2_CFG.replace("CALC", "USER")
    assert read_cfg(write(tmp_path, user)) == replace(expected, interface_bandwidths=(10, 10, 10))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("ArrayHeight:    12", "", "it has no ArrayHeight in [architecture_presets]"),
        ("12", "twelve", "ArrayHeight is 'twelve', expected a whole number"),
        ("12", "12%", "ArrayHeight is '12%', expected a whole number"),
        ("12", "0", "array rows is 0, expected 1 to"),
        ("12", "-4", "array rows is -4"),
        ("12", "99999999", "array rows is 99999999"),
        ("64", "0", "array ifmap_sram_kb is 0"),
        ("ws", "rs", "dataflow is 'rs', expected one of os, ws, is"),
        ("CALC", "AUTO", "InterfaceBandwidth is 'AUTO'"),
        ("[architecture_presets]", "[presets]", "has no section [architecture_presets]"),
        ("[general]", "general", "is not a SCALE-Sim cfg"),
        (V2_CFG, "", "has no section"),
        (V2_CFG, "\x00\x01", "is not a SCALE-Sim cfg"),
        ("[run_presets]", "[run_presets]\nUseRamulatorTrace = True", "sets UseRamulatorTrace"),
        ("[run_presets]", "[sparsity]\nSparsitySupport = true\n[run_presets]", "sets SparsitySupport"),
        ("[run_presets]", "[layout]\nIfmapCustomLayout = True\n[run_presets]", "sets IfmapCustomLayout"),
    ],
)
def test_a_cfg_that_cannot_be_used_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in V2_CFG
    path = write(tmp_path, V2_CFG.replace(old, new))
    with pytest.raises(InputError) as error:
        read_cfg(path)
    assert reason in str(error.value)
    assert str(path) in str(error.value)


def test_percent_signs_in_a_cfg_are_no_interpolation(tmp_path: Path) -> None:
    text = V2_CFG.replace("scale_example_run_32x32_os", "100%")
    assert read_cfg(write(tmp_path, text)).rows == 12


@pytest.mark.parametrize("name", [*PRESETS, "GOOGLE", "Eyeriss"])
def test_presets_by_upstream_names(name: str) -> None:
    assert load_array(config=name) == PRESETS[name.lower()]


def test_presets_are_upstreams() -> None:
    assert load_array() == PRESETS["scale"] == SystolicArray()
    assert str(PRESETS["scale"]) == "32x32 os"
    google, eyeriss = PRESETS["google"], PRESETS["eyeriss"]
    assert (google.rows, google.cols, google.ifmap_sram_kb, google.ofmap_sram_kb) == (256, 256, 6144, 2048)
    assert (eyeriss.rows, eyeriss.cols) == (12, 14)


def test_flags_override_the_file(tmp_path: Path) -> None:
    array = load_array(config=str(write(tmp_path, V2_CFG)), size="8X16", dataflow="IS")
    assert (array.rows, array.cols, array.dataflow, array.filter_sram_kb) == (8, 16, "is", 32)


@pytest.mark.parametrize("text", ["32", "32x", "x32", "32*32", "32x32x32", "-1x4", "1.5x2", "", "32 x 32"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected ROWSxCOLS such as 32x32"):
        parse_size(text)


@pytest.mark.parametrize("size", ["0x4", "4x0", "70000x1"])
def test_a_size_out_of_range_is_refused(size: str) -> None:
    with pytest.raises(InputError, match="expected 1 to 65536"):
        load_array(size=size)


def test_neither_preset_nor_file() -> None:
    with pytest.raises(InputError, match=r"no file and no preset 'gogle'\. Presets: scale, google, eyeriss"):
        load_array(config="gogle")
