"""Tables for people keep every cell whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.tables import render

cells = st.text(alphabet="abcXYZ 0189[]/:%,.-_äß", min_size=1, max_size=12).map(str.strip).filter(bool)


def test_names_to_the_left_and_numbers_to_the_right() -> None:
    lines = render(["name", "n"], [["a", "1"], ["longer", "1,000"]]).splitlines()
    assert lines[0] == "name         n"
    assert lines[2:] == ["a            1", "longer   1,000"]


def test_columns_that_are_told_to_are_flush_left() -> None:
    lines = render(["a", "b"], [["1", "x"], ["2", "xyz"]], left=(0, 1)).splitlines()
    assert lines[2:] == ["1   x", "2   xyz"]


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_no_cell_is_cut_wrapped_or_taken_for_markup(rows: list[tuple[str, str]]) -> None:
    lines = render(["one", "two"], rows).splitlines()
    assert len(lines) == 2 + len(rows)
    for line, (first, second) in zip(lines[2:], rows, strict=True):
        assert line.startswith(first)
        assert line.endswith(second)


def test_a_very_long_cell_stays_on_its_line() -> None:
    (line,) = render(["a", "b"], [["x" * 5000, "1"]]).splitlines()[2:]
    assert line.startswith("x" * 5000)


def test_the_terminals_width_does_not_matter(monkeypatch: object) -> None:
    import os
    from unittest import mock

    with mock.patch.dict(os.environ, {"COLUMNS": "10", "FORCE_COLOR": "1"}):
        text = render(["a" * 30, "b" * 30], [["c" * 30, "[bold]d[/bold]"]])
    assert "\x1b" not in text
    assert "[bold]d[/bold]" in text
