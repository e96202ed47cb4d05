"""A column more is one line: an annotated field, read back from every kind of file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from neuralfuse.accuracy import Accuracy
from nfenergy.ground import table_files, tables
from nfenergy.ground.columns import Column, columns
from nfenergy.tabular import saving_of
from reports.published import published_accuracies
from reports.records import Saving
from tests.nfenergy.counted import simulate


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyAtHeat(Accuracy):
    temperature_c: Annotated[float | None, Column("of the chip", "degrees C", low=-273.15)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingOfWater(Saving):
    water_ml: Annotated[int, Column("of cooling for one inference", "ml", low=0)]


def with_column(record: type, row: Any, **value: object) -> Any:
    return record(**{field.name: getattr(row, field.name) for field in fields(row)}, **value)


def heated() -> list[Any]:
    return [with_column(AccuracyAtHeat, row, temperature_c=85.5) for row in published_accuracies()[:3]]


def watered() -> list[Any]:
    reports = [simulate("vgg11", generator) for generator in (None, "convs")]
    return [with_column(SavingOfWater, saving_of(report), water_ml=3) for report in reports]


@pytest.mark.parametrize(
    ("record", "rows", "column", "value", "schema"),
    [
        (AccuracyAtHeat, heated, "temperature_c", 85.5, {"type": ["number", "null"], "minimum": -273.15}),
        (SavingOfWater, watered, "water_ml", 3, {"type": "integer", "minimum": 0}),
    ],
)
def test_it_is_in_every_file(
    tmp_path: Path, record: Any, rows: Any, column: str, value: float, schema: dict[str, object]
) -> None:
    made = rows()
    listed = [tables.as_dict(row) for row in made]
    (tmp_path / "table.csv").write_text(tables.csv_text(record, made), encoding="utf-8")
    parquet.write_table(
        pa.Table.from_pylist(listed, schema=tables.arrow_schema(record)), tmp_path / "table.parquet"
    )
    for name in ("table.csv", "table.parquet"):
        assert [row for _, row in table_files.read(record, tmp_path / name, "a table")] == made
    assert {row[column] for row in listed} == {value}
    assert set(tables.to_frame(record, made)[column]) == {value}
    found = tables.json_schema(record, title="rows")["items"]["properties"][column]
    assert schema.items() <= found.items()
    (entry,) = [row for row in tables.dictionary({"f": columns(record)}) if row["column"] == column]
    assert entry["unit"] in found["description"]
