"""Columns: found in a record's fields, in records within it, in its properties, and one set a row."""

from __future__ import annotations

from nfenergy.ground.columns import Column, build, cells, columns
from tests.nfenergy.ground.records import COLUMNS, METALS, Maker, Metal, Part, Share, part


def by_name(record: type, *, joined: bool = False) -> dict[str, Column]:
    return {column.name: column for column in columns(record, joined=joined)}


def test_fields_come_first_and_in_order_then_properties() -> None:
    assert tuple(by_name(Part)) == COLUMNS


def test_kinds_and_empty_cells_follow_the_types() -> None:
    found = by_name(Part)
    kinds = {"name": "text", "width_mm": "integer", "weight_g": "number", "sold": "boolean"}
    assert {name: found[name].kind for name in kinds} == kinds
    assert [name for name, column in found.items() if column.optional] == [
        "weight_g", "iron_price", "tin_price",
    ]  # fmt: skip


def test_a_record_alone_has_its_own_names_and_joined_those_for_it() -> None:
    assert list(by_name(Maker)) == ["name", "town", "founded"]
    assert list(by_name(Maker, joined=True)) == ["maker", "maker_town"]


def test_a_row_fills_in_the_texts_and_the_kind_of_its_columns() -> None:
    found = by_name(Part)
    assert (found["iron_grams"].meaning, found["iron_grams"].kind) == ("Iron in it", "integer")
    assert (found["tin_grams"].meaning, found["tin_grams"].kind) == ("Tin in it", "number")


def test_a_new_row_brings_its_columns() -> None:
    METALS.append(Metal(name="zinc", title="Zinc"))
    try:
        assert {"zinc_grams", "zinc_price"} <= set(by_name(Part))
        assert {cell.column.name: cell.value(part()) for cell in cells(Part)}["zinc_grams"] is None
    finally:
        METALS.pop()
    assert tuple(by_name(Part)) == COLUMNS


def test_values_are_those_of_the_table() -> None:
    found = {cell.column.name: cell.value(part()) for cell in cells(Part)}
    assert (found["waste_percent"], found["maker"], found["iron_grams"]) == (12.5, "Acme", 3)
    assert (found["tin_price"], found["area_mm2"]) == (None, 64)


def test_a_property_is_calculated_and_a_field_is_not() -> None:
    assert [cell.column.name for cell in cells(Part) if cell.derived] == ["area_mm2"]


def test_a_record_is_built_from_its_columns_and_lacks_rows_that_the_table_lacks() -> None:
    values = {"name": "nut", "width_mm": 3, "weight_g": None, "waste_percent": 0.0, "colour": "red",
              "maker": "Acme", "tin_grams": 0.5, "iron_price": 1.0}  # fmt: skip
    found = build(Part, values)
    assert found.maker == Maker(name="Acme")
    assert found.metals == {"tin": Share(amount=0.5)}
