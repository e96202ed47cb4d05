"""SCALE-Sim's cfg files: read as SCALE-Sim demands them, what is not heeded named, written for version 3."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scalesim.scale_config import scale_config

from energy.array import DATAFLOWS, PRESETS, Sparsity, SystolicArray
from energy.scalesim.cfg import DEMANDED, LAYOUT_KEYS, cfg_text, load_array, read_cfg
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


V3_GOOGLE_CFG = """\
[general]
run_name = GoogleTPU_v1_os

[architecture_presets]
ArrayHeight:    256
ArrayWidth:     256
IfmapSramSzkB:    6144
FilterSramSzkB:   6144
OfmapSramSzkB:    2048
IfmapOffset:    0
FilterOffset:   10000000
OfmapOffset:    20000000
Dataflow : os
Bandwidth : 10
ReadRequestBuffer: 512
WriteRequestBuffer: 512

[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2

[sparsity]
SparsitySupport : false
SparseRep : ellpack_block
OptimizedMapping : false
BlockSize : 8
RandomNumberGeneratorSeed : 40

[run_presets]
InterfaceBandwidth: USER
UseRamulatorTrace: False
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
        (
            "ArrayHeight:    12",
            "",
            "it has no ArrayHeight in [architecture_presets], which SCALE-Sim demands",
        ),
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


def test_flags_override_the_file(tmp_path: Path) -> None:
    array = load_array(config=str(write(tmp_path, V2_CFG)), size="8X16", dataflow="IS")
    assert (array.rows, array.cols, array.dataflow, array.filter_sram_kb) == (8, 16, "is", 32)


def test_the_files_that_version_3_ships_are_its_presets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_cfg(write(tmp_path, V3_GOOGLE_CFG)) == PRESETS["google-v3"]
    calc = V3_GOOGLE_CFG.replace("USER", "CALC").replace("6144", "64").replace("2048", "64")
    scale = calc.replace("256", "32").replace("Dataflow : os", "Dataflow : ws")
    assert read_cfg(write(tmp_path, scale)) == PRESETS["scale-v3"]
    assert capsys.readouterr().err == ""


def test_in_user_mode_a_file_of_version_2_has_one_bandwidth_for_all(tmp_path: Path) -> None:
    text = V2_CFG.replace("CALC", "USER").replace("Bandwidth : 10", "Bandwidth : 7")
    assert read_cfg(write(tmp_path, text)).interface_bandwidths == (7, 7, 7)
    text = V3_GOOGLE_CFG.replace("Bandwidth : 10", "Bandwidth : 7")
    assert read_cfg(write(tmp_path, text)).interface_bandwidths == (10, 10, 7)


@pytest.mark.parametrize("key", [key for keys in DEMANDED.values() for key in keys])
def test_what_both_versions_demand_is_demanded(tmp_path: Path, key: str) -> None:
    assert key in V2_CFG
    text = "".join(line for line in V2_CFG.splitlines(True) if not line.startswith(key))
    with pytest.raises(InputError, match=f"it has no {key} in "):
        read_cfg(write(tmp_path, text))


@pytest.mark.parametrize("key", [*LAYOUT_KEYS, "SparsitySupport"])
def test_a_section_of_version_3_must_be_whole(tmp_path: Path, key: str) -> None:
    text = "".join(line for line in V3_GOOGLE_CFG.splitlines(True) if not line.startswith(key))
    with pytest.raises(InputError, match=f"it has no {key} in "):
        read_cfg(write(tmp_path, text))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Dataflow", "Datafow", "SCALE-Sim knows no key Datafow. Did you mean Dataflow?"),
        ("InterfaceBandwidth", "InterfaceBandwith", "Did you mean InterfaceBandwidth?"),
        ("IfmapSramSzkB", "IfmapSramSz", "Did you mean IfmapSramSzkB?"),
        ("IfmapCustomLayout", "IfmapCustomLayuot", "Did you mean IfmapCustomLayout?"),
        ("[layout]", "[layot]", "SCALE-Sim knows no section layot. Did you mean layout?"),
        ("[sparsity]", "[Sparsity]", "Did you mean sparsity?"),
        ("[architecture_presets]", "[architecture_preset]", "Did you mean architecture_presets?"),
        (
            "UseRamulatorTrace: False",
            "Dataflow: os",
            "Dataflow stands in [run_presets], SCALE-Sim reads it in",
        ),
        ("IfmapCustomLayout: False", "IfmapCustomLayout: 1", "sets IfmapCustomLayout"),
        ("IfmapCustomLayout: False", "IfmapCustomLayout: yes", "sets IfmapCustomLayout"),
        ("FilterCustomLayout: False", "FilterCustomLayout: On", "sets FilterCustomLayout"),
        ("FilterCustomLayout: False", "FilterCustomLayout: maybe", "is 'maybe', expected True or False"),
        ("ArrayHeight:    256", "ArrayHeight: 64,32", "ArrayHeight is '64,32', expected a whole number"),
        ("ArrayHeight:    256", "ArrayHeight: 3_2", "ArrayHeight is '3_2', expected a whole number"),
        ("ArrayHeight:    256", "ArrayHeight: " + "9" * 5000, "line 5 has 5,013 characters"),
        ("Bandwidth : 10", "Bandwidth : 10,20", "Bandwidth is '10,20', expected a whole number"),
        ("FilterOffset:   10000000", "FilterOffset: far", "FilterOffset is 'far'"),
    ],
)
def test_misspelt_keys_and_loose_values_are_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in V3_GOOGLE_CFG
    with pytest.raises(InputError) as error:
        read_cfg(write(tmp_path, V3_GOOGLE_CFG.replace(old, new, 1)))
    assert reason in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("old", "new", "remark"),
    [
        ("MemoryBanks: 1", "MemoryBanks: 4", "not modelled: MemoryBanks = 4"),
        (
            "MemoryBanks: 1",
            "NumCores: 4\nWordSize: 2",
            "unknown to SCALE-Sim and ignored: NumCores, WordSize",
        ),
        ("Bandwidth : 10", "Bandwidth : 50", "not modelled: Bandwidth = 50 in mode CALC"),
        ("OfmapOffset:    20000000", "OfmapOffset: 1", "not modelled: OfmapOffset = 1"),
        ("[run_presets]", "[energy]\nWordSize: 2\n[run_presets]", "ignored: WordSize"),
        ("MemoryBanks: 1", "MemoryBanks: 2\nNumCores: 4", "ignored: NumCores; not modelled: MemoryBanks = 2"),
    ],
)
def test_what_is_not_heeded_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, remark: str
) -> None:
    assert old in V2_CFG
    expected = read_cfg(write(tmp_path, V2_CFG))
    assert capsys.readouterr().err == ""
    assert read_cfg(write(tmp_path, V2_CFG.replace(old, new))) == expected
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nfenergy: {tmp_path / 'array.cfg'}: ")
    assert line.endswith(remark)


def test_banks_that_are_not_modelled_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = V3_GOOGLE_CFG.replace("IfmapSRAMBankNum: 10", "IfmapSRAMBankNum: 5")
    assert read_cfg(write(tmp_path, text)) == PRESETS["google-v3"]
    assert capsys.readouterr().err.endswith("array.cfg: not modelled: IfmapSRAMBankNum = 5\n")


@given(array=arrays())
def test_what_is_written_needs_no_remark(folder: Path, array: SystolicArray) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr.write", pytest.fail)
        assert read_cfg(write(folder, cfg_text(array))) == array


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(InputError, match="no file and no preset 'xxx"):
        load_array(config="x" * 300)


SPARSE = Sparsity(representation="csc", seed=7)


@pytest.mark.parametrize(
    "sparsity", [SPARSE, replace(SPARSE, optimized_mapping=True, block_size=8), Sparsity()]
)
def test_sparsity_is_written_and_read_back(tmp_path: Path, sparsity: Sparsity) -> None:
    array = SystolicArray(rows=8, dataflow="ws", sparsity=sparsity)
    assert read_cfg(write(tmp_path, cfg_text(array))).sparsity == sparsity
    assert array.for_ratio("2:4").sparsity == replace(sparsity, ratio="2:4")
    assert SystolicArray().for_ratio("2:4") == SystolicArray()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("SparsitySupport = true", "SparsitySupport = yes", "SparsitySupport is 'yes'"),
        ("OptimizedMapping = true", "", "it has no OptimizedMapping"),
        ("SparseRep = csc", "SparseRep = coo", "SparseRep is 'coo', expected one of csr"),
        ("BlockSize = 8", "BlockSize = 16", "OptimizedMapping works in dataflow ws and"),
        ("BlockSize = 8", "BlockSize = 1", "BlockSize is 1 and Random"),
        ("Dataflow = ws", "Dataflow = os", "here they are os and 8; SCALE-Sim fails"),
    ],
)
def test_sparsity_that_scalesim_fails_on_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    sparsity = replace(SPARSE, optimized_mapping=True, block_size=8)
    text = cfg_text(SystolicArray(rows=8, dataflow="ws", sparsity=sparsity))
    assert old in text
    with pytest.raises(InputError, match=re.escape(reason)):
        read_cfg(write(tmp_path, text.replace(old, new)))
