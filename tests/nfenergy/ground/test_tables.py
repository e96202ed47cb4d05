"""Tables: what is written is read again, and the first fault is one line with file, row and column."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfenergy.ground import table_files, tables
from nfenergy.ground.columns import columns
from nfenergy.ground.errors import InputError
from tests.nfenergy.ground.records import COLUMNS, Maker, Part, Share, part

WHAT = "a table of parts"

words = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=9
)
texts = words.map(str.strip)
amounts = st.floats(0, 1e12)
parts = st.builds(
    Part,
    name=texts.filter(lambda text: text not in ("", "nothing")),
    width_mm=st.integers(1, 10**9),
    weight_g=st.none() | amounts,
    waste=st.integers(0, 10**12).map(lambda whole: whole / 10**12),
    sold=st.booleans(),
    colour=st.sampled_from(["red", "blue"]),
    maker=st.builds(Maker, name=texts.filter(bool), town=texts),
    metals=st.fixed_dictionaries(
        {
            "iron": st.builds(Share, amount=st.integers(0, 10**15), price=st.none() | amounts),
            "tin": st.builds(Share, amount=amounts, price=st.none() | amounts),
        }
    ),
)


def write_parquet(path: Path, rows: list[Part]) -> None:
    listed = [tables.as_dict(row) for row in rows]
    parquet.write_table(pa.Table.from_pylist(listed, schema=tables.arrow_schema(Part)), path)


@settings(max_examples=60)
@given(rows=st.lists(parts, min_size=1, max_size=4))
def test_a_csv_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, rows: list[Part]) -> None:
    path = tmp_path_factory.mktemp("csv") / "parts.csv"
    path.write_bytes(tables.csv_text(Part, rows).encode())
    assert [row for _, row in table_files.read(Part, path, WHAT)] == rows


@settings(max_examples=40)
@given(rows=st.lists(parts, min_size=1, max_size=4))
def test_parquet_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Part]
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "parts.parquet"
    write_parquet(path, rows)
    assert [row for _, row in table_files.read(Part, path, WHAT)] == rows
    assert list(enumerate(rows, start=2)) == table_files.read(Part, path, WHAT)


def test_the_csv_is_of_one_dialect() -> None:
    header, row, end = tables.csv_text(Part, [part(weight_g=None, sold=True)]).split("\n")
    assert header == ",".join(COLUMNS)
    assert row == "bolt,8,,12.5,true,blue,Acme,Ulm,3,0.5,0.25,,64"
    assert end == ""


def test_a_frame_has_the_columns_and_their_types() -> None:
    frame = tables.to_frame(Part, [part(), part(weight_g=None)])
    assert tuple(frame.columns) == COLUMNS
    assert [str(frame[name].dtype) for name in ("width_mm", "weight_g", "sold")] == [
        "Int64", "float64", "boolean",
    ]  # fmt: skip
    assert math.isnan(frame["weight_g"][1])


# What is wrong with a file


def written(folder: Path, **change: str | None) -> Path:
    """A table of one part with other cells; None leaves the column out."""
    header, row = csv.reader(tables.csv_text(Part, [part()]).splitlines())
    cells = {**dict(zip(header, row, strict=True)), **change}
    kept = {name: cell for name, cell in cells.items() if cell is not None}
    path = folder / "parts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([kept.keys(), kept.values()])
    return path


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("width_mm", "", "the cell is empty"),
        ("width_mm", "wide", "expected a number, found 'wide'"),
        ("width_mm", "8%", "expected a number, found '8%'; write percent without the sign"),
        ("width_mm", "8.5", "expected a whole number, found '8.5'"),
        ("width_mm", "3_2", "expected a number, found '3_2'"),
        ("width_mm", "0", "0 is not between 1 and 1e+09"),
        ("weight_g", "-1", "-1 is not between 0 and inf"),
        ("weight_g", "nan", "the value is nan; leave such rows out"),
        ("weight_g", "1e999", "the value is 1e999; leave such rows out"),
        ("waste_percent", "101", "101 is not between -inf and 100"),
        ("sold", "yes", "expected true or false, found 'yes'"),
        ("colour", "green", "'green' is neither red nor blue"),
        ("iron_grams", "2.5", "expected a whole number, found '2.5'"),
        ("maker", "", "the cell is empty"),
    ],
)
def test_a_bad_cell_is_named_with_row_and_column(
    tmp_path: Path, column: str, cell: str, message: str
) -> None:
    path = written(tmp_path, **{column: cell})
    with pytest.raises(InputError) as error:
        table_files.read(Part, path, WHAT)
    assert str(error.value) == f"{path} row 2, column {column}: {message}"


def test_what_a_record_refuses_is_named_with_its_row(tmp_path: Path) -> None:
    path = written(tmp_path, name="nothing")
    with pytest.raises(InputError) as error:
        table_files.read(Part, path, WHAT)
    assert str(error.value) == f"{path} row 2: a part has a name"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row 1: no column 'name'; expected a table of parts with name, width_mm, "),
        ("{header}\n", " has a header and no rows; expected a table of parts"),
        ("{header},sold\n{row},true\n", " row 1: column 'sold' comes twice"),
        ("{header},Tin_Gram\n{row},1\n", None),
        ("{header}\n{row},1\n", " row 2: it has 14 cells, the header 13"),
        ('{header}\n"bolt\n', "row 2: not CSV"),
        ("name;width_mm\nbolt;8\n", " row 1: its columns are separated by ';'; save it with commas"),
        ("name\twidth_mm\nbolt\t8\n", " row 1: its columns are separated by '\\t'; save it with commas"),
    ],
)
def test_a_table_that_is_none(tmp_path: Path, text: str, message: str | None) -> None:
    header, row, _ = tables.csv_text(Part, [part()]).split("\n")
    path = tmp_path / "parts.csv"
    path.write_text(text.format(header=header, row=row), encoding="utf-8")
    if message is None:
        assert [found for _, found in table_files.read(Part, path, WHAT)] == [part()]
        return
    with pytest.raises(InputError) as error:
        table_files.read(Part, path, WHAT)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("column", "typed"), [("sold", "Solds"), ("maker_town", "Maker_Towns"), ("tin_price", "tin_prize")]
)
def test_a_misspelt_column_is_not_passed_over(tmp_path: Path, column: str, typed: str) -> None:
    path = written(tmp_path, **{column: None, typed: "0"})
    with pytest.raises(InputError) as error:
        table_files.read(Part, path, WHAT)
    assert str(error.value) == f"{path} row 1: no column is called {typed!r}; did you mean {column!r}?"


def test_other_columns_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, shelf="12", area_mm2="never read")
    path.write_text(path.read_text() + "\n")
    assert table_files.read(Part, path, WHAT) == [(2, part())]


def test_an_empty_cell_stands_for_the_default(tmp_path: Path) -> None:
    path = written(tmp_path, sold="", colour="", maker_town="", weight_g="")
    ((_, found),) = table_files.read(Part, path, WHAT)
    assert (found.sold, found.colour, found.maker.town, found.weight_g) == (False, "red", "", None)


def test_some_rows_are_taken_by_their_cells(tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text(tables.csv_text(Part, [part(), part(name="nut")]).replace("nut,8", "nut,wide"))
    assert table_files.read(Part, path, WHAT, where=lambda raw: raw["name"] == "bolt") == [(2, part())]
    assert table_files.read(Part, path, WHAT, where=lambda raw: False) == []


def test_a_parquet_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "parts.parquet"
    path.write_text("text")
    with pytest.raises(InputError, match="cannot read a table of parts") as error:
        table_files.read(Part, path, WHAT)
    assert "\n" not in str(error.value)


# What is derived


def test_the_dictionary_has_every_column_of_every_file() -> None:
    found = tables.dictionary({"parts.csv": columns(Part), "makers.csv": columns(Maker)})
    assert [row["column"] for row in found if row["file"] == "parts.csv"] == list(COLUMNS)
    assert all(tuple(row) == tables.DICTIONARY for row in found)
    assert found[1] == {
        "file": "parts.csv", "column": "width_mm", "type": "integer", "unit": "mm", "meaning": "how wide",
        "source": "",
    }  # fmt: skip


@given(row=parts)
def test_the_json_schema_holds_for_every_row(row: Part) -> None:
    schema = tables.json_schema(Part, title="parts")
    assert (schema["type"], schema["title"]) == ("array", "parts")
    item = schema["items"]
    values = tables.as_dict(row)
    assert list(values) == item["required"] == list(item["properties"])
    assert item["additionalProperties"] is False
    for name, value in values.items():
        fits(value, item["properties"][name])


TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}


def fits(value: object, schema: dict[str, object]) -> None:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert any(isinstance(value, TYPES[kind]) for kind in kinds), (value, schema)
    if isinstance(value, int | float):
        assert schema.get("minimum", value) <= value <= schema.get("maximum", value)  # type: ignore[operator]


def test_the_json_schema_says_units_ranges_and_what_may_be_missing() -> None:
    found = tables.json_schema(Part, title="parts")["items"]["properties"]
    assert found["width_mm"] == {
        "type": "integer",
        "description": "how wide [mm]",
        "minimum": 1,
        "maximum": 10**9,
    }
    assert found["weight_g"]["type"] == ["number", "null"]
    assert found["sold"] == {"type": "boolean", "description": "whether it is sold"}
