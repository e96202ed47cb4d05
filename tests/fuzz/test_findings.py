"""What fuzzing found: each was a traceback, a hang, a lack of memory, or a success that should be none."""

from __future__ import annotations

import io
import json
import math
import os
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy.curve_files import load_curve
from energy.scalesim.cfg import read_cfg
from neuralfuse.accuracy_files import read_accuracies
from neuralfuse.memory.map_files import read_fault_map
from neuralfuse.training.checkpoints import load_network
from neuralfuse.training.runs import use_threads
from nfenergy.ground.cache import JsonCache
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import read_text
from nfenergy.ground.table_files import read
from nfenergy.ground.tables import csv_text
from nfenergy.ground.yaml_files import read_yaml
from nfenergy.sweeps.folder import SweepFolder
from reports.records import Saving
from tests.conftest import HEADER, RunCli
from tests.fuzz.formats import accuracies, savings, unfinished
from tests.fuzz.formats.checkpoints import base_checkpoint, packed
from tests.fuzz.formats.lines import SPEC
from tests.fuzz.running import shortened
from tests.reports.samples import saving


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    return path


@pytest.fixture
def unfinished_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: RunCli, one_torch_thread: None
) -> Iterator[RunCli]:
    """Goes on with a short training whose state lies in the working folder, on a few images."""
    monkeypatch.chdir(tmp_path)
    unfinished.draw_training(tmp_path, None)
    with shortened(real=True):
        yield lambda: cli(*unfinished.TRAIN)


def test_an_unfinished_training_goes_on(unfinished_training: RunCli) -> None:
    assert unfinished_training().status == 0


# Files that are none


def test_a_pipe_that_nobody_writes_into_is_refused(pipe: Path) -> None:
    with pytest.raises(InputError, match="nobody writes into this pipe"):
        read_text(pipe, "a table")


def test_a_pipe_with_a_writer_is_read_to_its_end(pipe: Path) -> None:
    text = "first\r\nsecond\n" * 20_000
    writer = threading.Thread(target=lambda: pipe.write_text(text, encoding="utf-8", newline=""))
    writer.start()
    assert read_text(pipe, "a table") == text.replace("\r\n", "\n")
    writer.join()


def test_an_endless_device_is_refused() -> None:
    with pytest.raises(InputError, match="it is no regular file"):
        read_text(Path("/dev/zero"), "a table")


@pytest.mark.parametrize(
    "line",
    [
        ("simulate", "--base", "vgg11", "--curve", "{}.yaml"),
        ("simulate", "--base", "{}.onnx", "--convention", "exact"),
        ("simulate", "--base", "{}.py:build"),
        ("recommend", "--savings", "{}.parquet"),
        ("evaluate", "--base-checkpoint", "{}.safetensors"),
        ("layers", "--topology", "{}.csv"),
    ],
)
def test_no_command_waits_for_a_pipe(
    line: tuple[str, ...], cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    suffix = next(part for part in line if "{}" in part).partition(":")[0].format("pipe")
    os.mkfifo(suffix)
    done = cli(*(part.format("pipe") for part in line))
    assert done.status == 2
    assert "pipe" in done.error


def test_a_pipe_in_the_cache_counts_as_missing(empty_cache: Path) -> None:
    cache = JsonCache("x")
    cache.put({"a": 1}, {"b": 2})
    (entry,) = empty_cache.rglob("*.json")
    entry.unlink()
    os.mkfifo(entry)
    assert cache.get({"a": 1}) is None


# Lines


@pytest.mark.parametrize("line", [("--access", ""), ("--access=",), ("--engine", "", "--json"), ("",)])
def test_a_part_of_the_line_that_is_empty_is_named(line: tuple[str, ...], cli: RunCli) -> None:
    done = cli("simulate", "--base", "vgg11", *line)
    assert done.status == 2
    assert done.error == f"nothing stands after {line[0].rstrip('=') or 'vgg11'}; give a value"


def test_a_layer_beyond_all_layers_is_refused_at_once(cli: RunCli, tmp_path: Path) -> None:
    topology = tmp_path / "net.csv"
    topology.write_text(
        "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
        "A, 10, 10, 3, 3, 2147483647, 8, 2,\n"
    )
    done = cli("layers", "--topology", topology, "--engine", "closed-form", "--quiet")
    assert done.status == 2
    assert "214,748,364,700 ifmap values in overlapping windows" in done.error


def test_an_error_is_a_line_that_can_be_read(cli: RunCli, tmp_path: Path) -> None:
    path = tmp_path / "net.csv"
    path.write_text(f"{HEADER}\nA, {'9' * 100_000}, 8, 3, 3, 2, 4, 1,\n")
    error = cli("layers", "--topology", path).error
    assert len(error) < 2100
    assert "line 2" in error
    assert error.endswith("is not a whole number")


@pytest.mark.parametrize("digits", ["\u0663", "\uff11"])
def test_digits_are_those_of_ascii(digits: str, cli: RunCli, tmp_path: Path) -> None:
    path = tmp_path / "net.csv"
    path.write_text(f"{HEADER}\nA, 8, 8, {digits}, 3, 2, 4, 1,\n", encoding="utf-8")
    assert "is not a whole number" in cli("layers", "--topology", path).error
    assert "ROWSxCOLS" in cli("layers", "--topology", path, "--array", f"{digits}x8").error
    assert "is not a number" in cli("simulate", "--base", "vgg11", "--ber", f"{digits}%").error


def test_more_threads_than_any_machine_has_are_refused() -> None:
    with pytest.raises(InputError, match="give at most 1024"):
        use_threads(2**63)


# Tables


@pytest.mark.parametrize("digit", ["\u0661", "\uff11"])
def test_digits_of_tables_are_those_of_ascii(digit: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(accuracies.TABLE_TEXT.replace(b",flip,8,", f",flip,{digit},".encode(), 1))
    with pytest.raises(InputError, match="column weight_bits: expected a number"):
        read_accuracies(path)


def test_a_header_of_many_columns_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(f"base,{',' * 300_000}\n")
    with pytest.raises(InputError, match="no column"):
        read(Saving, path, "savings")


def test_accuracies_behind_no_generator_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(accuracies.TABLE_TEXT.replace(b"11.6,,,,", b"11.6,84.9,,,", 1))
    with pytest.raises(InputError, match="row 2: nf_ accuracies are of a generator, of which there is none"):
        read_accuracies(path)


def test_a_base_without_energy_is_no_saving() -> None:
    found = saving("vgg11")
    nothing = {name: replace(by, base=0) for name, by in found.measures.items()}
    with pytest.raises(InputError, match="expected more than 0"):
        replace(found, measures=nothing)


def test_a_saving_of_infinite_energies_is_none() -> None:
    found = saving("vgg11")
    endless = {name: replace(by, base_low=-1e308, generator=-1e308) for name, by in found.measures.items()}
    with pytest.raises(InputError, match="its energies give inf"):
        replace(found, measures=endless)


def test_a_measure_that_a_file_lacks_is_named() -> None:
    found = saving("vgg11")
    with pytest.raises(InputError, match="no columns of measure twma; choose --measure mac"):
        replace(found, measures={"mac": found.measures["mac"]}).saving_percent("twma")


def test_a_file_of_savings_may_lack_break_even_voltages(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    header, *rows = csv_text(Saving, [saving("vgg11")]).splitlines()
    path.write_text("\n".join([header.replace("twma_break_even_voltage_norm", "remark"), *rows, ""]))
    ((_, found),) = read(Saving, path, "savings")
    assert found.measures["twma"].break_even_voltage_norm is None


def test_a_count_beyond_64_bits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    found = saving("vgg11")
    path.write_text(csv_text(Saving, [replace(found, base_params=10**30)]))
    with pytest.raises(InputError, match="column base_params: 1000000000000000000000000000000 does not fit"):
        read(Saving, path, "savings")


@pytest.mark.parametrize("place", ["name", "cell"])
def test_a_parquet_whose_text_is_no_utf8_is_refused(place: str, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "s.parquet"
    parquet.write_table(pa.table({"basename": ["vgg11text"]}), path, compression="none", use_dictionary=False)
    old = b"basename" if place == "name" else b"vgg11text"
    path.write_bytes(
        path.read_bytes().replace(old, b"\xff" * len(old)).replace(b"ARROW:schema", b"ARROX:schema")
    )
    with pytest.raises(InputError, match=r"cannot read savings|no column"):
        read(Saving, path, "savings")


def test_a_seed_beyond_64_bits_is_refused(cli: RunCli, tmp_path: Path) -> None:
    done = cli("train-base", "--out", tmp_path / "out", "--seed", 2**64)
    assert "--seed" in done.error
    assert done.status == 2


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("bandwidths", -0.0, "the savings' bandwidths: --bandwidth is '-0.0'"),
        ("bandwidths", "1/2", "the savings' bandwidths: --bandwidth is '1/2'"),
        ("dataset", [], "no saving for these accuracies"),
    ],
)
def test_an_odd_cell_of_savings_is_one_line(
    column: str, value: object, said: str, cli: RunCli, tmp_path: Path
) -> None:
    frame = pd.read_parquet(io.BytesIO(savings.parquet()))
    frame[column] = pd.Series([value] * len(frame), dtype=object)
    path, table = tmp_path / "s.parquet", tmp_path / "a.csv"
    frame.to_parquet(path)
    table.write_bytes(accuracies.TABLE_TEXT)
    done = cli("recommend", "--accuracy", table, "--savings", path, "--quiet")
    assert (done.status, done.error.count("\n")) == (2, 0)
    assert said in done.error


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("voltage_norm,bit_error_rate_percent,energy_per_access_norm,remark,remark", "stands twice"),
        ('voltage_norm,bit_error_rate_percent,""energy_per_access_norm', "not CSV"),
    ],
)
def test_a_curve_s_odd_header_is_refused(header: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(f"{header}\n0.8,1,0.64,a,a\n1,0,1,a,a\n")
    with pytest.raises(InputError, match=said):
        load_curve(str(path))


# Fault maps


def test_a_map_that_promises_more_than_it_holds_needs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "map.npy"
    np.save(path, np.zeros((2, 3, 4), np.uint8))
    path.write_bytes(path.read_bytes().replace(b"(2, 3, 4)", b"(2, 99999999999, 4)"))
    with pytest.raises(InputError, match=r"broken \.npy file"):
        read_fault_map([path])


def test_a_map_whose_header_is_no_python_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.npy"
    np.save(path, np.zeros((2, 3, 4), np.uint8))
    path.write_bytes(path.read_bytes().replace(b"(2, 3, 4)", b"(2, 3, 4 "))
    with pytest.raises(InputError, match=r"broken \.npy file"):
        read_fault_map([path])


def test_rows_of_a_map_end_with_lines_only(tmp_path: Path) -> None:
    one, other = tmp_path / "zeros.txt", tmp_path / "ones.txt"
    one.write_text("# a remark\u20280 0\n0 1\n", encoding="utf-8")
    other.write_text("0 0\n0 0\n")
    with pytest.raises(InputError, match="describe one memory"):
        read_fault_map([one, other])


# ONNX


@pytest.mark.parametrize("extent", [-1, -(2**63)])
def test_a_negative_extent_in_an_onnx_file(extent: int, cli: RunCli, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from tests.fuzz.formats.onnx_files import model

    changed = onnx.load_model_from_string(model())
    changed.graph.initializer[0].dims[0] = extent
    path = tmp_path / "m.onnx"
    path.write_bytes(changed.SerializeToString())
    assert "negative extent" in cli("simulate", "--base", path, "--convention", "exact").error


@pytest.mark.parametrize(("attribute", "value"), [("strides", 2**40), ("kernel_shape", 10**6)])
def test_a_huge_attribute_in_an_onnx_file(attribute: str, value: int, cli: RunCli, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from tests.fuzz.formats.onnx_files import model

    changed = onnx.load_model_from_string(model())
    node = next(node for node in changed.graph.node if node.op_type == "ConvTranspose")
    for entry in [entry for entry in node.attribute if entry.name == attribute]:
        node.attribute.remove(entry)
    node.attribute.append(onnx.helper.make_attribute(attribute, [value, value]))
    path = tmp_path / "m.onnx"
    path.write_bytes(changed.SerializeToString())
    assert cli("simulate", "--base", path, "--engine", "closed-form", "--convention", "exact").error


# Checkpoints and states


def changed_checkpoint(
    path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object], *, content: bytes = b""
) -> Path:
    content = content or base_checkpoint()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    record = json.loads(header["__metadata__"]["nfenergy"])
    change(header, record)
    header["__metadata__"]["nfenergy"] = json.dumps(record)
    path.write_bytes(packed(header, content[8 + size :]))
    return path


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("network", 5),
        ("dataset", 5),
        ("width", {}),
        ("width", 1e300),
        ("width", 1e4),
        ("width", "1"),
        ("quantization", 2147483648),
        ("weight_bits", []),
        ("weight_bits", True),
        ("weight_bits", 9),
        ("training", None),
        ("whitening", [[1], "x"]),
        ("surplus", 1),
    ],
)
def test_a_record_of_other_types_is_refused(field: str, value: object, tmp_path: Path) -> None:
    path = changed_checkpoint(tmp_path / "b.safetensors", lambda _, record: record.update({field: value}))
    with pytest.raises(InputError, match=r"b\.safetensors"):
        load_network(path, "base")


@pytest.mark.parametrize(
    ("field", "value"), [("bases", 1), ("bases", [1]), ("clip", "0.1"), ("steps", True), ("fault_model", 5)]
)
def test_settings_of_a_training_of_other_types_are_refused(field: str, value: object, tmp_path: Path) -> None:
    path = changed_checkpoint(
        tmp_path / "b.safetensors", lambda _, record: record["training"].update({field: value})
    )
    with pytest.raises(InputError, match=rf"b\.safetensors describes no network .*: {field}"):
        load_network(path, "base")


def test_weights_of_another_type_are_refused(tmp_path: Path) -> None:
    def change(header: dict[str, Any], record: dict[str, Any]) -> None:
        header["features.0.weight"]["dtype"] = "I32"

    with pytest.raises(InputError, match=r"is of type torch\.int32"):
        load_network(changed_checkpoint(tmp_path / "b.safetensors", change), "base")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    path = tmp_path / "b.safetensors"
    path.write_bytes(base_checkpoint()[:-4] + struct.pack("<f", value))
    with pytest.raises(InputError, match="not finite"):
        load_network(path, "base")


def changed_state(change: Callable[[dict[str, Any]], object]) -> None:
    state = Path("out/training.safetensors")
    changed_checkpoint(state, lambda _, record: change(record), content=state.read_bytes())


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["loop"]["chips"].update(bit_generator="PCG63"),
        lambda record: record["loop"].clear(),
        lambda record: record.pop("loop"),
        lambda record: record.update(epoch=-1),
        lambda record: record.update(epoch=True),
        lambda record: record.update(epoch="1"),
    ],
)
def test_a_damaged_state_is_one_line(change: Any, unfinished_training: RunCli) -> None:
    changed_state(change)
    assert "training.safetensors is damaged" in unfinished_training().error


@pytest.mark.parametrize("byte", [-1, -5000])
def test_a_state_with_another_bit_is_refused(byte: int, unfinished_training: RunCli) -> None:
    state = Path("out/training.safetensors")
    content = bytearray(state.read_bytes())
    content[byte] ^= 1
    state.write_bytes(content)
    assert "do not bear out its checksum" in unfinished_training().error


def test_a_log_with_another_number_is_refused(unfinished_training: RunCli) -> None:
    log = Path("out/log.csv")
    header, row = log.read_text().splitlines()
    number, _, *others = row.split(",")
    log.write_text(f"{header}\n{','.join([number, '2.5', *others])}\n")
    assert "do not bear out its checksum" in unfinished_training().error


def test_a_log_of_no_numbers_is_refused(unfinished_training: RunCli) -> None:
    log = Path("out/log.csv")
    header, row = log.read_text().splitlines()
    number, _, *others = row.split(",")
    log.write_text(f"{header}\n{','.join([number, 'nan', *others])}\n")
    assert "is not a training log" in unfinished_training().error


# Sweeps


def test_a_damaged_part_of_a_sweep_counts_as_missing(tmp_path: Path) -> None:
    import pyarrow as pa

    folder = SweepFolder(tmp_path, {}, resume=False)
    folder.write_part(0, pa.table({"a": [1, 2]}))
    folder.close()
    (part,) = (tmp_path / "parts").glob("part-*")
    for content, whole in ((part.read_bytes(), True), (b"", False), (part.read_bytes()[:-1], False)):
        part.write_bytes(content)
        again = SweepFolder(tmp_path, {}, resume=True)
        assert again.has_part(0) == whole
        again.close()


def test_a_part_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    import pyarrow as pa

    rows = pa.table({"a": [1, 2]})
    folder = SweepFolder(tmp_path, {}, resume=False)
    folder.write_part(0, rows)
    (part,) = (tmp_path / "parts").glob("part-*")
    part.unlink()
    part.mkdir()
    with pytest.raises(NfEnergyError, match="Is a directory"):
        folder.write_part(0, rows)
    folder.close()
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {part.name, "plan.json", "lock"}


def test_a_pipe_in_the_place_of_a_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    os.mkfifo(tmp_path / "parts" / "lock")
    with pytest.raises(InputError, match="lock: it is no regular file"):
        SweepFolder(tmp_path, {}, resume=False)


@pytest.mark.parametrize("sparsity", ["1:1:30", "1", "1:", ":1", "1:1:"])
def test_a_sparsity_of_other_than_two_numbers_is_refused(sparsity: str, cli: RunCli, tmp_path: Path) -> None:
    topology = tmp_path / "net.csv"
    topology.write_text(f"Layer, M, N, K, Sparsity,\nA, 8, 16, 32, {sparsity},\n")
    done = cli("layers", "--topology", topology, "--engine", "closed-form", "--quiet")
    assert (done.status, done.error.count("\n")) == (2, 0)
    assert sparsity in done.error or "whole number" in done.error


def test_a_cfg_with_a_line_of_blanks_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.cfg"
    path.write_text(f"[general]\nrun_name = a\n{'  a' * 30_000}\n")
    with pytest.raises(InputError, match="line 3 has 90,000 characters"):
        read_cfg(path)


def test_a_number_of_a_hundred_thousand_digits_is_refused_at_once(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"sram_kb: {'9' * 140_000}\n")
    with pytest.raises(InputError, match="line 1, column 10: a number of 140,000 characters"):
        read_yaml(spec, "sweep")


def test_what_is_refused_is_not_remarked_on(cli: RunCli, tmp_path: Path) -> None:
    topology = tmp_path / "net.csv"
    topology.write_text("Layer, N, M, K,\nA, 8, 16, none,\n")
    done = cli("layers", "--topology", topology, "--engine", "closed-form", "--quiet")
    assert (done.status, done.error.count("\n")) == (2, 0)
    assert "not a whole number" in done.error


@pytest.mark.parametrize("name", ["parts/plan.json", "sweep.json"])
@pytest.mark.parametrize("content", [b"\xff", b"[]", b"[" * 100_000, b"null"])
def test_a_damaged_record_of_a_sweep_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"another sweep|not UTF-8"):
        SweepFolder(tmp_path, {}, resume=True)


def test_a_sweep_s_folder_may_be_called_like_an_address(
    cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_bytes(SPEC)
    assert cli("sweep", "spec.yaml", "--out", "net.py:f", "--quiet").status == 0
    assert (tmp_path / "net.py:f" / "sweep.parquet").is_file()


# Names


def test_a_checkpoint_whose_name_is_too_long_is_named(cli: RunCli) -> None:
    done = cli("sensitivity", "--base-checkpoint", "x" * 300)
    assert (done.status, done.error) == (2, f"no checkpoint at {'x' * 300}")


@pytest.mark.parametrize("line", [("demo-accuracy",), ("train-base", "--width", "0.0625", "--epochs", "1")])
def test_a_folder_whose_name_is_too_long_is_named(line: tuple[str, ...], cli: RunCli) -> None:
    done = cli(*line, "--out", "x" * 300)
    assert done.status == 1
    assert done.error.startswith("cannot write into xxx")
