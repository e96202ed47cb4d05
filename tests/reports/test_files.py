"""The CSV files: columns, types, data dictionary, and savings read back."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields, replace
from pathlib import Path

import pandas as pd
import pytest

from energy.array import SystolicArray
from energy.closed_form.engine import simulate
from nfenergy.ground.errors import InputError
from reports.columns import (
    FILES,
    LAYER_COLUMNS,
    SAVING_COLUMNS,
    TRADEOFF_COLUMNS,
    csv_text,
    dictionary_csv,
    dictionary_markdown,
    pandas_types,
)
from reports.files import layers_csv, read_savings, savings_csv, tradeoff_csv
from reports.layer_rows import CountedNetwork, layer_rows
from reports.records import LayerRow, Saving
from tests.reports.samples import merged, savings
from topologies.layers import Layer, Topology

BASE = Topology(
    name="resnet18",
    convention="exact",
    layers=(
        Layer(name="conv1", ifmap_h=10, ifmap_w=10, filter_h=3, filter_w=3, channels=3, filters=40, stride=1),
        Layer.gemm(name="fc", m=1, k=64, n=10, operation="linear"),
    ),
)
GENERATOR = Topology(name="convs", convention="exact", layers=(BASE.layers[0],))


def layer_table() -> list[LayerRow]:
    array = SystolicArray(rows=8, cols=8)
    return layer_rows(
        [
            CountedNetwork(role="base", topology=BASE, counts=simulate(BASE, array)),
            CountedNetwork(role="generator", topology=GENERATOR, counts=simulate(GENERATOR, array)),
        ],
        dataset="cifar10",
        array=array,
        weight_bits=8,
        energy_per_access_norm=0.5,
    )


def test_tradeoff_csv_opens_in_pandas_with_the_right_types() -> None:
    text = tradeoff_csv(merged().tradeoffs)
    frame = pd.read_csv(io.StringIO(text), keep_default_na=True)
    assert len(frame) == 40
    assert list(frame.columns) == [column.name for column in TRADEOFF_COLUMNS]
    for column in TRADEOFF_COLUMNS:
        kind = frame[column.name].dtype
        if column.kind == "integer":
            assert pd.api.types.is_integer_dtype(kind), column.name
        elif column.kind == "number":
            assert pd.api.types.is_float_dtype(kind), column.name
        elif column.kind == "text":
            assert pd.api.types.is_string_dtype(kind), column.name
    typed = pd.read_csv(io.StringIO(text), dtype=pandas_types(TRADEOFF_COLUMNS))
    assert typed["on_front_twma"].dtype == "boolean"
    assert int(typed["on_front_twma"].isna().sum()) == 10
    found = typed[(typed["base"] == "resnet18") & typed["on_front_twma"].fillna(False)]
    assert set(found["generator"]) == {"convs", "deconvl", "unetl", "unets"}


def test_spreadsheets_find_plain_cells() -> None:
    rows = list(csv.reader(io.StringIO(tradeoff_csv(merged().tradeoffs))))
    assert {len(row) for row in rows} == {len(TRADEOFF_COLUMNS)}
    assert not any(
        cell.startswith(("=", "+", "@")) or cell in ("None", "nan") for row in rows for cell in row
    )


def test_every_column_is_in_the_dictionary() -> None:
    listed = list(csv.DictReader(io.StringIO(dictionary_csv())))
    assert [(row["file"], row["column"]) for row in listed] == [
        (file, column.name) for file, columns in FILES.items() for column in columns
    ]
    assert all(row["meaning"] and row["source"] and row["type"] for row in listed)
    for file, text in (
        ("tradeoff.csv", tradeoff_csv(merged(("vgg11",)).tradeoffs)),
        ("layers.csv", layers_csv(layer_table())),
    ):
        header = text.splitlines()[0].split(",")
        assert header == [row["column"] for row in listed if row["file"] == file]
        assert all(f"| {column} |" in dictionary_markdown() for column in header)


def test_every_field_of_a_saving_has_its_column() -> None:
    assert [column.name for column in SAVING_COLUMNS] == [field.name for field in fields(Saving)]


def test_a_value_without_a_column_is_refused() -> None:
    row = asdict(savings(("vgg11",), ("convs",), alone=False)[0])
    with pytest.raises(KeyError, match="surprise"):
        csv_text(SAVING_COLUMNS, [{**row, "surprise": 1}])
    with pytest.raises(KeyError, match="base_twma"):
        csv_text([column for column in SAVING_COLUMNS if column.name != "base_twma"], [row])


def test_layers_csv_has_shape_folds_counts_and_shares() -> None:
    frame = pd.read_csv(io.StringIO(layers_csv(layer_table())))
    assert list(frame.columns) == [column.name for column in LAYER_COLUMNS]
    assert list(frame["layer"]) == ["conv1", "fc", "conv1"]
    assert set(frame["base"]) == {"resnet18"}
    assert set(frame["generator"]) == {"convs"}
    # 64 ofmap pixels x 40 filters on an 8 x 8 array.
    assert list(frame["folds"]) == [8 * 5, 1 * 2, 8 * 5]
    assert frame["energy_share_percent"].sum() == pytest.approx(100.0)
    low, _, nominal = frame["energy_share_percent"]
    assert nominal == pytest.approx(2.0 * low)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_savings_are_read_back_as_they_were(tmp_path: Path, suffix: str) -> None:
    wanted = [replace(row, mac_break_even_voltage_norm=None) for row in savings(("vgg11",))]
    file = tmp_path / f"sweep{suffix}"
    if suffix == ".csv":
        file.write_text(savings_csv(wanted), encoding="utf-8")
    else:
        pd.DataFrame([{**asdict(row), "extra": 1} for row in wanted]).to_parquet(file)
    assert list(read_savings(file)) == wanted


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("base_macs", "many", "row 2, column base_macs: expected a whole number, found 'many'"),
        ("base_macs", "1.5", "row 2, column base_macs"),
        ("voltage_norm", "nan", "row 2, column voltage_norm: expected a number"),
        ("voltage_norm", "", "row 2, column voltage_norm"),
        ("dataset", "", "row 2, column dataset: the cell is empty"),
    ],
)
def test_bad_savings_are_named_with_row_and_column(
    tmp_path: Path, column: str, value: str, words: str
) -> None:
    row = {**asdict(savings(("vgg11",), ("convs",), alone=False)[0]), column: value}
    file = tmp_path / "summary.csv"
    pd.DataFrame([row]).to_csv(file, index=False)
    with pytest.raises(InputError, match=words):
        read_savings(file)


def test_a_savings_file_without_a_column_or_without_rows(tmp_path: Path) -> None:
    file = tmp_path / "summary.csv"
    frame = pd.DataFrame([asdict(row) for row in savings(("vgg11",), ("convs",))])
    frame.drop(columns="engine").to_csv(file, index=False)
    with pytest.raises(InputError, match="row 1: no column 'engine'"):
        read_savings(file)
    frame.head(0).to_csv(file, index=False)
    with pytest.raises(InputError, match="no rows"):
        read_savings(file)
    broken = tmp_path / "sweep.parquet"
    broken.write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"cannot read savings from .*sweep\.parquet"):
        read_savings(broken)
