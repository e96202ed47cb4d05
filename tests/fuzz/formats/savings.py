"""Savings of a run or a sweep, as CSV and as parquet."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.fuzz.case import Forbidden, Sample, file_format
from tests.fuzz.formats.accuracies import TABLE_TEXT
from tests.fuzz.formats.rules import demand, number, rows_of
from tests.fuzz.mutations import damaged_bytes
from tests.fuzz.structures import TABLE, odd_value

PARTS = ("base", "base_lowered", "base_low", "generator")
LINE = ("recommend", "--accuracy", "a.csv", "--engine", "closed-form", "--quiet", "--savings")
RANGES = {
    "array_rows": (1, 2**31, True),
    "array_cols": (1, 2**31, True),
    "ifmap_sram_kb": (1, 2**31, True),
    "filter_sram_kb": (1, 2**31, True),
    "ofmap_sram_kb": (1, 2**31, True),
    "weight_bits": (1, 64, True),
    "voltage_norm": (0, 1, False),
    "bit_error_rate": (0, 0.5, False),
    "energy_per_access_norm": (0, 1, False),
    "base_params": (0, 2**63, True),
    "base_cycles": (1, 2**63, True),
    "generator_params": (0, 2**63, True),
    "generator_cycles": (0, 2**63, True),
    "clock_ghz": (0, 1000, False),
    "base_latency_ms": (0, math.inf, False),
    "total_latency_ms": (0, math.inf, False),
    "latency_overhead_percent": (0, math.inf, False),
    "base_twma": (0, math.inf, False),
    "base_low_twma": (0, math.inf, False),
    "generator_twma": (0, math.inf, False),
}


@cache
def summary() -> bytes:
    """What a simulation of two combinations writes."""
    from nfenergy import api
    from nfenergy.ground.tables import csv_text
    from nfenergy.results import saving_of
    from reports.records import Saving

    rows = [saving_of(api.simulate("vgg11", name, engine="closed-form")) for name in (None, "convs")]
    return csv_text(Saving, rows).encode()


@cache
def parquet() -> bytes:
    """The same as parquet."""
    import pandas as pd

    return _parquet(pd.read_csv(io.BytesIO(summary()), keep_default_na=False, na_values=[""]))


def _parquet(frame: Any) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out)
    return out.getvalue()


def damaged_parquet(content: bytes, rng: random.Random) -> bytes:
    """A cell or a column changed; or bytes."""
    import pandas as pd

    if rng.random() < 0.5:
        return damaged_bytes(content, rng)
    frame = pd.read_parquet(io.BytesIO(parquet()))
    column = rng.choice(list(frame.columns))
    kind = rng.randrange(4)
    if kind == 0:
        frame = frame.drop(columns=column)
    elif kind == 1:
        frame = frame.rename(columns={column: rng.choice([*frame.columns, "x", f"{column}s"])})
    else:
        value = odd_value(rng, frame[column].iloc[0])
        frame[column] = frame[column].astype(object)
        for row in range(len(frame)) if kind == 2 else (rng.randrange(len(frame)),):
            frame.at[row, column] = value
    try:
        return _parquet(frame)
    except Exception:
        return damaged_bytes(content, rng)


def _rules(file: str, folder: Path) -> None:
    """Of the savings of the accuracies' networks: numbers in range, and each saving that of its energies."""
    for row in _rows(folder / file):
        generator = str(row.get("generator") or "none")
        if (
            row.get("base") != "vgg11"
            or row.get("dataset") != "cifar10"
            or generator not in ("none", "convs")
        ):
            continue
        demand(row.get("weight_bits") not in (None, ""), "no bits")
        if float(row["weight_bits"]) != 8:
            continue
        for column, (low, high, whole) in RANGES.items():
            demand(column in row, f"no column {column}")
            number(row[column], low, high, whole=whole)
        for short, name in (("twma", "twma"), ("mac", "macs")):
            parts = (*(f"{part}_{name}" for part in PARTS), f"{short}_saving_percent")
            if short == "mac" and not all(row.get(part) not in (None, "") for part in parts):
                continue  # the row lacks this measure
            base, low, other = (float(row[f"{part}_{name}"]) for part in ("base", "base_low", "generator"))
            demand(base > 0, f"base_{name} is 0")
            own = 100 * (base - low - other) / base
            demand(abs(own - number(row[f"{short}_saving_percent"])) < 1e-5, f"{short} saving is {own}")
        demand(row["dataflow"] in ("os", "ws", "is"), "dataflow")
        demand(row["convention"] in ("paper", "exact"), "convention")


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        return rows_of(path)
    from pyarrow import parquet

    try:
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except Exception as error:
        raise Forbidden(f"no parquet: {type(error).__name__}") from None
    return rows


def _samples() -> Sequence[Sample]:
    return [
        Sample(
            files={name: content, "a.csv": TABLE_TEXT},
            fixed=("a.csv",),
            lines=[(*LINE, name)],
            rules=partial(_rules, name),
            mutate=mutate,
        )
        for name, content, mutate in (("s.csv", summary(), TABLE), ("s.parquet", parquet(), damaged_parquet))
    ]


FORMAT = file_format("savings", _samples)
