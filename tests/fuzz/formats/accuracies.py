"""Accuracy tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.case import Sample, file_format
from tests.fuzz.formats.rules import BASES, DATASETS, GENERATORS, demand, number, rows_of
from tests.fuzz.structures import TABLE

TABLE_TEXT = b"""\
table,dataset,base,generator,bit_error_rate_percent,clean_accuracy,perturbed_accuracy_mean,perturbed_accuracy_std,\
nf_clean_accuracy,nf_perturbed_accuracy_mean,nf_perturbed_accuracy_std,source,fault_model,weight_bits,train_seed
,cifar10,vgg11,none,1,88.4,42.2,11.6,,,,measured,flip,8,
,cifar10,vgg11,convs,1,88.4,42.2,11.6,84.9,69.6,7.6,measured,flip,8,3
,cifar10,vgg11,convs,0.5,88.4,63.6,9.3,84.9,75.5,5.0,measured,flip,8,3
"""
LINES = (
    ("recommend", "--accuracy", "a.csv", "--base", "vgg11", "--engine", "closed-form", "--quiet", "--json"),
    ("protections", "--accuracy", "a.csv", "--base", "vgg11", "--engine", "closed-form", "--quiet"),
    ("plot", "tradeoff", "--accuracy", "a.csv", "--out", "p.png", "--engine", "closed-form", "--quiet"),
    ("report", "--accuracy", "a.csv", "--out", "r.html", "--engine", "closed-form", "--quiet"),
)
BASE = ("clean_accuracy", "perturbed_accuracy_mean", "perturbed_accuracy_std")
BEHIND = ("nf_clean_accuracy", "nf_perturbed_accuracy_mean", "nf_perturbed_accuracy_std")
ALSO_TITLES = {"vgg11": "vgg11", "cifar10": "cifar-10"}


def _rules(folder: Path) -> None:
    """Every demanded column; names known; percent in 0 to 100; none twice; no figures of nothing."""
    rows = rows_of(folder / "a.csv")
    demand(rows, "no rows")
    seen = set()
    for row in rows:
        for column in (
            "dataset",
            "base",
            "bit_error_rate_percent",
            "fault_model",
            "weight_bits",
            *BASE,
            *BEHIND,
        ):
            demand(column in row, f"no column {column}")
        demand("generator" in row, "no column generator")
        demand(row["dataset"].lower() in DATASETS or row["dataset"].upper() == "CIFAR-10", "data set")
        network = row["base"].lower()
        demand(network in BASES or ":" in network or network.endswith(".onnx"), "base")
        generator = row["generator"].lower() or "none"
        demand(generator in GENERATORS or ":" in generator or generator.endswith(".onnx"), "generator")
        number(row["bit_error_rate_percent"], 0, 50)
        number(row["weight_bits"], 1, 64, whole=True)
        for column in BASE:
            number(row[column], 0, 100)
        for column in BEHIND:
            demand((row[column] != "") == (generator != "none"), f"{column} and generator {generator}")
            if row[column]:
                number(row[column], 0, 100)
        demand(
            row.get("source", "") in ("", "measured", "published")
            or row["source"].lower() in ("measured", "published"),
            "source",
        )
        rate = round(float(row["bit_error_rate_percent"]), 9)
        free = {
            column: cell
            for column, cell in row.items()
            if column not in (*BASE, *BEHIND, "table", "bit_error_rate_percent")
        }
        key = (rate, tuple(sorted((column, cell.lower()) for column, cell in free.items())))
        demand(key not in seen, "a measurement twice")
        seen.add(key)


def _samples() -> Sequence[Sample]:
    return [Sample(files={"a.csv": TABLE_TEXT}, lines=LINES, rules=_rules, mutate=TABLE)]


FORMAT = file_format("accuracy csv", _samples, share=0.8)
