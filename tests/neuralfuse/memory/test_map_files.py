"""Files of measured maps in every format, and what is said of those that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralfuse.memory import map_text
from neuralfuse.memory.fault_maps import FaultMap
from neuralfuse.memory.fault_models import choose_fault_model, get_fault_model
from neuralfuse.memory.map_files import read_fault_map, read_flip_maps, read_stuck_at_maps
from neuralfuse.memory.map_text import parse_matrix
from nfenergy.ground.errors import InputError

Write = Callable[[str, str], Path]

BANK = 4096
"""Hex digits of one block RAM in a read-out."""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def save(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return save


def _dense(found: FaultMap) -> tuple[np.ndarray, np.ndarray]:
    to_one, to_zero = np.zeros(found.size), np.zeros(found.size)
    to_one[found.cells], to_zero[found.cells] = found.to_one, found.to_zero
    return to_one, to_zero


def _read_out(faulty: list[tuple[int, int, int]], banks: int = 2) -> str:
    """A made-up KC705-B read-out with these (bank, row, bit) faulty."""
    rows = np.full((banks, 1024), 0xFF)
    for bank, row, bit in faulty:
        rows[bank, row] &= ~(1 << bit)
    return "".join(f"{byte:02X}" * 2 for byte in rows.ravel())


def test_stuck_at_maps_are_read_from_text(write: Write) -> None:
    zeros = write("zeros.txt", "# measured at 0.8 V\n0 1 0\n\n0 0 0\n")
    ones = write("ones.txt", "0,0,1\n1, 0, 0  # second row\n")
    found = read_stuck_at_maps(zeros, ones)
    assert (found.rows, found.columns) == (2, 3)
    to_one, to_zero = _dense(found)
    assert to_one.tolist() == [0, 0, 1, 1, 0, 0]
    assert to_zero.tolist() == [0, 1, 0, 0, 0, 0]
    assert found.fault_rate == pytest.approx(0.5)


def test_flip_maps_are_read_from_text(write: Write) -> None:
    found = read_flip_maps(write("01.txt", "0 0.5\n"), write("10.txt", "1e-3 0.25\n"))
    assert found.cells.tolist() == [0, 1]
    assert found.to_one.tolist() == [0.0, 0.5]
    assert found.to_zero.tolist() == [0.001, 0.25]


@pytest.mark.parametrize(
    ("zeros", "ones", "message"),
    [
        ("0 1\n0\n", "0 0\n0 0\n", r"zeros.txt, line 2 has 1 cells, the rows above 2"),
        ("0 1\n\n0 x\n", "0 0\n0 0\n", r"zeros.txt, line 3: 'x' is neither 0 nor 1"),
        ("0 1\n", "0 0.5\n", r"ones.txt, line 1: '0.5' is neither 0 nor 1"),
        ("0 1\n", "0 0\n0 0\n", r"zeros.txt and .*ones.txt .* 1 x 2 and 2 x 2 cells"),
        ("0 1\n", "0 1\n", r"row 1, column 2 is stuck at 0 in .*zeros.txt and stuck at 1 in .*ones.txt"),
        ("# nothing\n", "0\n", r"zeros.txt is empty; expected a matrix of stuck-at-0 cells"),
    ],
)
def test_bad_stuck_at_maps_say_where(write: Write, zeros: str, ones: str, message: str) -> None:
    paths = write("zeros.txt", zeros), write("ones.txt", ones)
    with pytest.raises(InputError, match=message):
        read_stuck_at_maps(*paths)


@pytest.mark.parametrize("value", ["-0.1", "1.01", "nan", "inf"])
def test_bad_probabilities_say_where(write: Write, value: str) -> None:
    good = write("10.txt", "0 0\n")
    with pytest.raises(InputError, match=r"01.txt, line 1: .* is no probability in \[0, 1\]"):
        read_flip_maps(write("01.txt", f"0 {value}\n"), good)


def test_a_missing_map_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read a matrix of 0-to-1 flip probabilities .*none.txt"):
        read_flip_maps(tmp_path / "none.txt", tmp_path / "none.txt")


def test_a_read_out_of_block_ram_marks_cells_that_read_zero(write: Write) -> None:
    faulty = [(0, 0, 0), (0, 3, 7), (1, 1023, 4), (1, 1023, 5)]
    found = read_fault_map([write("KC705B-0.53.bin", _read_out(faulty) + "\n")])
    assert (found.rows, found.columns, found.bank_cells) == (2048, 8, 8192)
    assert found.cells.tolist() == [(bank * 1024 + row) * 8 + bit for bank, row, bit in faulty]
    assert found.to_one.tolist() == [0.0] * 4
    assert found.to_zero.tolist() == [1.0] * 4
    other_name = read_fault_map([write("dump.txt", _read_out(faulty).lower())])
    assert other_name.digest == found.digest
    banks = found.statistics()
    assert banks.faults.tolist() == [2, 2]
    assert (banks.clean_banks, banks.worst_bank, banks.broken_words) == (0, 2, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("F" * 17 + "G", r"m.bin, digit 18 is 'G', not one of 0 to F"),
        ("F" * (BANK + 4), r"m.bin has 4,100 hex digits; a KC705-B read-out has 4,096 for every block RAM"),
        ("", r"m.bin has 0 hex digits"),
        ("F" * BANK + "FFFEFF" + "F" * (BANK - 6), r"m.bin, row 1 of block RAM 2 has two bytes that differ"),
        ("FF\u00e9F", r"m.bin, digit 3 is '\?'"),
    ],
)
def test_bad_read_outs_say_what_is_wrong(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_fault_map([write("m.bin", text)])


@pytest.mark.parametrize("given", [["sa0"], ["sa1"], ["sa0", "sa1"], ["sa1", "sa0"]])
def test_the_maps_of_neuralfuse_are_a_pair_by_name(write: Write, given: list[str]) -> None:
    paths = {
        "sa0": write("fmap_sa0_v_0.8.txt", "0,1,0\n0,0,0\n"),
        "sa1": write("fmap_sa1_v_0.8.txt", "0,0,1\n1,0,0\n"),
    }
    to_one, to_zero = _dense(read_fault_map([paths[name] for name in given]))
    assert to_one.tolist() == [0, 0, 1, 1, 0, 0]
    assert to_zero.tolist() == [0, 1, 0, 0, 0, 0]


def test_half_a_pair_is_not_a_map(write: Write, tmp_path: Path) -> None:
    lone = write("fmap_sa1_v_0.7.txt", "0,1\n")
    with pytest.raises(InputError, match=r"cannot read a matrix of stuck-at-0 cells .*fmap_sa0_v_0.7.txt"):
        read_fault_map([lone])
    with pytest.raises(InputError, match=r"are both of cells stuck at 1"):
        read_fault_map([lone, lone])
    with pytest.raises(InputError, match=r"zeros.txt is half of a map; give two files, a matrix of"):
        read_fault_map([write("zeros.txt", "0 1\n")])
    with pytest.raises(InputError, match=r"a fault map is one file or a pair of files, not 3"):
        read_fault_map([lone] * 3)
    with pytest.raises(InputError, match=r"cannot read a fault map .*none"):
        read_fault_map([tmp_path / "none"])


@pytest.mark.parametrize("kind", ["stuck-at", "flip"])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_arrays_say_the_same_as_text(tmp_path: Path, kind: str, dtype: type) -> None:
    first, second = np.eye(3, 4), np.roll(np.eye(3, 4), 1, axis=1)
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "a.npy", "b.npy", "both.npy")]
    np.savetxt(paths[0], first, fmt="%g")
    np.savetxt(paths[1], second, fmt="%g")
    np.save(paths[2], first.astype(dtype))
    np.save(paths[3], second.astype(dtype))
    np.save(paths[4], np.stack([first, second]).astype(dtype))
    files = (paths[:2], paths[2:4], paths[4:], [paths[0], paths[3]])
    text, *others = (read_fault_map(given, kind=kind) for given in files)
    assert [found.digest for found in others] == [text.digest] * 3
    assert len(text.cells) == 6


def test_bad_arrays_say_what_is_wrong(tmp_path: Path) -> None:
    good, path = tmp_path / "good.npy", tmp_path / "bad.npy"
    np.save(good, np.zeros((2, 3)))
    for value, kind, message in (
        (np.full((2, 3), 2), "stuck-at", r"bad.npy, row 1, column 1: 2 is neither 0 nor 1"),
        (np.array([[0, 0.5, 0], [0, 0, 0]]), "stuck-at", r"row 1, column 2: 0.5 is neither 0 nor 1"),
        (np.full((2, 3), np.nan), "flip", r"nan is no probability in \[0, 1\]"),
        (np.zeros(6), "flip", r"an array of shape \(6,\); expected a matrix of 0-to-1 flip probabilities"),
        (np.zeros((0, 3)), "flip", r"an array of shape \(0, 3\)"),
        (np.zeros((2, 4)), "flip", r"describe one memory, but have 2 x 4 and 2 x 3 cells"),
        (np.array([["a", "b", "c"]]), "flip", r"holds values of type <U1"),
        (np.array([[None]]), "flip", r"broken .npy file, or one of objects"),
    ):
        np.save(path, value, allow_pickle=True)
        with pytest.raises(InputError, match=message):
            read_fault_map([path, good], kind=kind)
    np.save(path, np.ones((3, 2, 2)))
    with pytest.raises(InputError, match=r"an array of shape \(3, 2, 2\); expected \(2, rows, columns\)"):
        read_fault_map([path])
    np.save(path, np.ones((2, 2, 2)))
    with pytest.raises(InputError, match=r"column 1 is stuck at 0 in .*\[0\] and stuck at 1 in .*\[1\]"):
        read_fault_map([path])
    np.save(path, np.full((2, 2, 2), 3))
    with pytest.raises(InputError, match=r"bad.npy, row 1, column 1: 3 is neither 0 nor 1"):
        read_fault_map([path])
    path.write_bytes(path.read_bytes()[:90])
    with pytest.raises(InputError, match=r"broken .npy file"):
        read_fault_map([path])


def test_a_read_out_is_a_fault_model(write: Write) -> None:
    path = write("KC705B-0.53.bin", _read_out([(0, 5, 1)]))
    found = choose_fault_model(fault_map=[path])
    assert get_fault_model(found.name) is found
    assert found.record["files"] == [str(path)]
    assert found.rate() == float(f"{1 / 16384:.4g}")
    with pytest.raises(InputError, match="exclude each other"):
        choose_fault_model("flip", fault_map=[path])


some_numbers = st.sampled_from(
    ["0", "1", "0.5", "1e-3", ".25", "1.", "0.000", "00", "2", "x", "nan", "-0", "1_0", "0x1", "\x0b"]
)
some_flags, some_probabilities = st.sampled_from("01"), st.sampled_from(["0", "0.5", "1e-3"])
gaps = st.sampled_from([" ", ",", ", ", "\t", "  "])
line_ends = st.sampled_from(["\n", "\r\n", "\n\n", "  # 1 2\n", " \r"])


@settings(deadline=None, max_examples=400)
@given(data=st.data(), flags=st.booleans(), block=st.sampled_from([1, 5, 1 << 20]))
def test_text_is_read_alike_at_once_and_line_by_line(data: st.DataObject, flags: bool, block: int) -> None:
    columns = data.draw(st.integers(1, 4))
    entry = data.draw(st.sampled_from([some_numbers, some_flags, some_probabilities]))
    rows = data.draw(st.lists(st.lists(entry, min_size=columns, max_size=columns), max_size=4))
    if rows and data.draw(st.integers(0, 4)) == 0:
        rows[-1].append("0")
    text = data.draw(st.sampled_from(["", "# map\n", "\n", "#\u00e9\n"]))
    for row in rows:
        text += data.draw(gaps).join(row) + data.draw(line_ends)
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(map_text, "BLOCK", block)
        for read in (parse_matrix, lambda *given, flags: map_text._line_by_line(*given, flags)):
            try:
                results.append(read(text, "map.txt", "a map", flags=flags).tolist())
            except InputError as error:
                results.append(str(error))
    assert results[0] == results[1]


def test_text_without_a_mistake_is_never_read_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_text, "_line_by_line", None)
    for text, flags in (("# a\r\n0,1\r\n1, 0\r\n", True), ("0 0.5\n1e-3\t0 # x\n\n", False), ("1", True)):
        assert parse_matrix(text, "map.txt", "a map", flags=flags).ndim == 2
