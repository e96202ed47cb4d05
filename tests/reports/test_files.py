"""The CSV files: columns, types, data dictionary, and savings read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from energy.array import SystolicArray
from energy.closed_form.engine import simulate
from nfenergy.ground.columns import columns
from nfenergy.ground.errors import InputError
from nfenergy.ground.table_files import read
from nfenergy.ground.tables import PANDAS_TYPES, csv_text, dictionary, to_frame
from nfenergy.saving_files import WHAT
from reports.layer_records import LayerRow
from reports.layer_rows import CountedNetwork, layer_rows
from reports.page import FILES
from reports.records import Saving, Tradeoff
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
            CountedNetwork(name="resnet18", role="base", topology=BASE, counts=simulate(BASE, array)),
            CountedNetwork(
                name="convs", role="generator", topology=GENERATOR, counts=simulate(GENERATOR, array)
            ),
        ],
        dataset="cifar10",
        array=array,
        weight_bits=8,
        energy_per_access_norm=0.5,
    )


def names(record: type) -> list[str]:
    return [column.name for column in columns(record)]


def saving_cells() -> dict[str, object]:
    """One saving as the cells of a table."""
    frame = to_frame(Saving, savings(("vgg11",), ("convs",), alone=False))
    found: dict[str, object] = frame.iloc[0].to_dict()
    return found


def test_tradeoff_csv_opens_in_pandas_with_the_right_types() -> None:
    text = csv_text(Tradeoff, merged().tradeoffs)
    frame = pd.read_csv(io.StringIO(text), keep_default_na=True)
    assert len(frame) == 40
    assert list(frame.columns) == names(Tradeoff)
    for column in columns(Tradeoff):
        kind = frame[column.name].dtype
        if frame[column.name].isna().all():
            continue
        if column.kind == "integer":
            assert pd.api.types.is_integer_dtype(kind), column.name
        elif column.kind == "number":
            assert pd.api.types.is_float_dtype(kind), column.name
        elif column.kind == "text":
            assert pd.api.types.is_string_dtype(kind), column.name
    types = {column.name: PANDAS_TYPES[column.kind] for column in columns(Tradeoff)}
    typed = pd.read_csv(io.StringIO(text), dtype=types)  # type: ignore[arg-type]
    assert typed["on_front_twma"].dtype == "boolean"
    assert not typed["on_front_twma"].isna().any()
    found = typed[(typed["base"] == "resnet18") & typed["on_front_twma"]]
    assert set(found["generator"]) == {"none", "convs", "deconvl", "unetl", "unets"}


def test_spreadsheets_find_plain_cells() -> None:
    rows = list(csv.reader(io.StringIO(csv_text(Tradeoff, merged().tradeoffs))))
    assert {len(row) for row in rows} == {len(names(Tradeoff))}
    assert not any(
        cell.startswith(("=", "+", "@")) or cell in ("None", "nan") for row in rows for cell in row
    )


@pytest.mark.parametrize("record", [Tradeoff, LayerRow, Saving])
def test_no_column_comes_twice(record: type) -> None:
    assert len(set(names(record))) == len(names(record))


def test_every_column_is_in_the_dictionary_with_its_meaning() -> None:
    listed = dictionary({file: columns(record) for file, record in FILES.items()})
    assert all(row["meaning"] and row["type"] for row in listed)
    for file, text in (
        ("tradeoff.csv", csv_text(Tradeoff, merged(("vgg11",)).tradeoffs)),
        ("layers.csv", csv_text(LayerRow, layer_table())),
    ):
        header = text.splitlines()[0].split(",")
        assert header == [row["column"] for row in listed if row["file"] == file]


def test_what_tells_measurements_and_machines_apart_is_in_every_row() -> None:
    expected = {
        "deconvolution",
        "bit_error_rate_is_bound",
        "bandwidths",
        "quantization",
        "base_normalization",
        "base_training",
        "train_bit_error_rate_percent",
        "train_fault_model",
        "train_steps",
        "generator_digest",
        "accuracy_source",
        "accuracy_reference",
        "fault_model",
    }
    assert expected <= set(names(Tradeoff))


def test_layers_csv_has_shape_folds_counts_and_shares() -> None:
    frame = pd.read_csv(io.StringIO(csv_text(LayerRow, layer_table())))
    assert list(frame.columns) == names(LayerRow)
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
    wanted = [
        replace(row, measures={**row.measures, "mac": replace(by, break_even_voltage_norm=None)})
        for row in savings(("vgg11",))
        for by in (row.measures["mac"],)
    ]
    file = tmp_path / f"sweep{suffix}"
    if suffix == ".csv":
        file.write_text(csv_text(Saving, wanted), encoding="utf-8")
    else:
        to_frame(Saving, wanted).assign(extra=1).to_parquet(file)
    assert [row for _, row in read(Saving, file, WHAT)] == wanted


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("base_macs", "many", "row 2, column base_macs: expected a number, found 'many'"),
        ("base_macs", "1.5", "row 2, column base_macs: expected a whole number, found '1.5'"),
        ("voltage_norm", "nan", "row 2, column voltage_norm: the value is nan; leave such rows out"),
        ("voltage_norm", "", "row 2, column voltage_norm: the cell is empty"),
        ("energy_per_access_norm", "99.9", "energy_per_access_norm: 99.9 is not between 0 and 1"),
        ("dataset", "", "row 2, column dataset: the cell is empty"),
    ],
)
def test_bad_savings_are_named_with_row_and_column(
    tmp_path: Path, column: str, value: str, words: str
) -> None:
    file = tmp_path / "summary.csv"
    pd.DataFrame([{**saving_cells(), column: value}]).to_csv(file, index=False)
    with pytest.raises(InputError, match=words):
        read(Saving, file, WHAT)


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("twma_saving_percent", lambda value: value + 20.0),
        ("base_low_twma", lambda value: value / 2),
        ("generator_macs", lambda value: 0),
    ],
)
def test_a_saving_that_does_not_follow_from_its_energies_is_refused(
    tmp_path: Path, column: str, change: Callable[[float], float]
) -> None:
    cells = saving_cells()
    file = tmp_path / "summary.csv"
    pd.DataFrame([{**cells, column: change(float(str(cells[column])))}]).to_csv(file, index=False)
    measure = "mac" if "mac" in column else "twma"
    with pytest.raises(InputError, match=rf"row 2: it says .* % saved by {measure}, its energies give"):
        read(Saving, file, WHAT)


def test_a_savings_file_without_a_column_or_without_rows(tmp_path: Path) -> None:
    file = tmp_path / "summary.csv"
    frame = to_frame(Saving, savings(("vgg11",), ("convs",)))
    frame.drop(columns="engine").to_csv(file, index=False)
    with pytest.raises(InputError, match="row 1: no column 'engine'"):
        read(Saving, file, WHAT)
    frame.head(0).to_csv(file, index=False)
    with pytest.raises(InputError, match="no rows"):
        read(Saving, file, WHAT)
    broken = tmp_path / "sweep.parquet"
    broken.write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"cannot read a summary or sweep of nfenergy .*sweep\.parquet"):
        read(Saving, broken, WHAT)
