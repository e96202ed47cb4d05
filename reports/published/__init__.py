"""The published tables, shipped as reference data: compared with what nfenergy computes, never fed into it.

`README.md` beside this file says which table holds what, and lists the misprints. Networks and data sets
carry here the names users type (``resnet18``); the tables print the papers' (``ResNet18``).
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from neuralfuse.accuracy import PUBLISHED, Accuracy
from nfenergy.ground.errors import UnknownName
from nfenergy.ground.rates import fraction_of

if TYPE_CHECKING:
    import pandas as pd

NEURALFUSE = "Sun et al., NeuralFuse (NeurIPS 2024)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamsMacs:
    """One row of Table 7.

    Attributes:
        macs_printed: as printed, with its unit prefix: ``557.14M``.
        macs: the same as a number, at the printed precision.
    """

    network: str
    role: str
    dataset: str
    params: int
    macs_printed: str
    macs: int


def published_tables() -> tuple[str, ...]:
    """Names of the shipped tables, sorted."""
    return tuple(
        sorted(
            entry.name.removesuffix(".csv")
            for entry in files(__name__).iterdir()
            if entry.name.endswith(".csv")
        )
    )


def published(table: str) -> pd.DataFrame:
    """A shipped table as printed, for example ``neuralfuse_accuracy_relaxed``; empty cells are NaN.

    Raises:
        UnknownName: there is no such table.
    """
    import pandas as pd

    return pd.read_csv(io.StringIO((files(__name__) / f"{_known(table)}.csv").read_text(encoding="utf-8")))


def published_twma() -> dict[str, int]:
    """T.W.M.A. of the 11 networks in their CIFAR form, by network (Table 6)."""
    return {row["network"].lower(): int(row["twma"]) for row in _rows("neuralfuse_table6_twma")}


def published_params_macs() -> tuple[ParamsMacs, ...]:
    """Parameters and MACs of the 11 networks, CIFAR and ImageNet-10 forms, in the order of Table 7."""
    return tuple(
        ParamsMacs(
            network=row["network"].lower(),
            role=row["role"],
            dataset=row["dataset"],
            params=int(row["params"]),
            macs_printed=row["macs_printed"],
            macs=int(row["macs"]),
        )
        for row in _rows("neuralfuse_table7_params_macs")
    )


def published_mac_savings() -> dict[tuple[str, str], float]:
    """MAC-based energy saving in percent at 1 % bit errors, by base and generator, CIFAR-10 (Table 8)."""
    return {
        (row["base"].lower(), row["generator"].lower()): float(row["mac_energy_saving_percent"])
        for row in _rows("neuralfuse_table8_mac_energy_saving")
    }


def published_accuracies() -> tuple[Accuracy, ...]:
    """The relaxed-access accuracies of Sun et al., Tables 11 to 14, in their order."""
    return tuple(
        Accuracy(
            reference=f"Sun et al., Table {row['table']}",
            dataset=row["dataset"],
            base=row["base"].lower(),
            generator=row["generator"].lower(),
            bit_error_rate=fraction_of(float(row["bit_error_rate_percent"])),
            base_clean_percent=float(row["clean_accuracy"]),
            base_perturbed_percent=float(row["perturbed_accuracy_mean"]),
            base_perturbed_std_percent=float(row["perturbed_accuracy_std"]),
            nf_clean_percent=float(row["nf_clean_accuracy"]),
            nf_perturbed_percent=float(row["nf_perturbed_accuracy_mean"]),
            nf_perturbed_std_percent=float(row["nf_perturbed_accuracy_std"]),
            source=PUBLISHED,
            fault_model="neuralfuse-map",
            weight_bits=8,
            seeds="10 chips",
        )
        for row in _rows("neuralfuse_accuracy_relaxed")
    )


def published_weights() -> dict[str, int]:
    """Weights of SimpleNet by data set (Stutz et al., Table 6)."""
    return {str(row["dataset"]): int(row["network_weights"]) for row in _rows("stutz_table6_simplenet")}


@cache
def _rows(table: str) -> tuple[dict[str, str], ...]:
    text = (files(__name__) / f"{_known(table)}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def _known(table: str) -> str:
    name = table.lower().removesuffix(".csv")
    if name not in published_tables():
        raise UnknownName("published table", table, published_tables())
    return name
