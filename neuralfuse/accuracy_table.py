"""Measured accuracies as one tidy CSV, with all that made them in a JSON beside it.

The columns are those of the published tables, then what tells one measurement from another. A row says
``measured``; published rows are never among them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neuralfuse.evaluation.chips import Accuracy
from neuralfuse.networks.uip import get_generator
from neuralfuse.quantization import Quantization
from neuralfuse.registry import get_network
from neuralfuse.training.checkpoints import NetworkRecord
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import check_folder, read_text, write_text

DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyRow:
    """One row; percentages, and empty cells (None) where there is no generator.

    Attributes:
        table: of a publication; empty, because this is measured.
        base_training: what made the base robust by itself, see `robust_training`; empty for nothing.
        seeds: of the test chips, separated by spaces.
        train_bases: bases before which the generator was trained.
        recovery_per_million_parameters: efficiency ratio: points recovered by parameters of the generator.
    """

    table: str = ""
    dataset: str
    base: str
    generator: str
    bit_error_rate_percent: float
    clean_accuracy: float
    perturbed_accuracy_mean: float
    perturbed_accuracy_std: float
    nf_clean_accuracy: float | None
    nf_perturbed_accuracy_mean: float | None
    nf_perturbed_accuracy_std: float | None
    recovery_percent: float | None
    source: str = "measured"
    fault_model: str
    weight_bits: int
    quantization: str
    base_width: float
    base_normalization: str
    base_training: str
    train_bases: str
    train_bit_error_rate_percent: float | None
    train_fault_model: str
    generator_parameters: int | None
    recovery_per_million_parameters: float | None
    test_images: int
    seeds: str
    versions: str


COLUMNS = AccuracyRow.__slots__


def versions() -> str:
    """What decides the figures, besides seeds and settings."""
    return "; ".join(f"{package} {version(package)}" for package in ("nfenergy", "torch", "numpy"))


def robust_training(base: NetworkRecord) -> str:
    """Weight clipping and RandBET in the training of a base, in words; empty where it had neither."""
    clip, rate = base.training.get("clip"), base.training.get("randbet_rate")
    parts = [f"clip {clip:g}"] if clip else []
    parts += [f"RandBET {_percent(rate):g} % {base.training['fault_model']}"] if rate else []
    return ", ".join(parts)


def base_label(row: AccuracyRow) -> str:
    """What tells a row's base from others, for people."""
    width = "" if row.base_width == 1 else f" x {row.base_width:g}"
    return f"{row.base}{width}" + (f", {row.base_training}" if row.base_training else "")


def accuracy_row(
    accuracy: Accuracy,
    *,
    base: NetworkRecord,
    quantization: Quantization,
    test_images: int,
    generator: NetworkRecord | None = None,
    parameters: int | None = None,
) -> AccuracyRow:
    """The row of one evaluation.

    Args:
        accuracy: what was measured.
        base: record of the base's checkpoint.
        quantization: of the base in this evaluation, which may have fewer bits than in its training.
        test_images: how many.
        generator: record of the generator's checkpoint; None without generator.
        parameters: of the generator.
    """
    alone, protected, recovery = accuracy.base, accuracy.protected, accuracy.recovery_percent
    training = generator.training if generator else {}
    train_rate = training.get("bit_error_rate")
    return AccuracyRow(
        dataset=base.dataset,
        base=get_network(base.network, "base").title,
        generator=get_generator(generator.network).title if generator else accuracy.generator,
        bit_error_rate_percent=_percent(accuracy.bit_error_rate),
        clean_accuracy=round(alone.clean_percent, DIGITS),
        perturbed_accuracy_mean=round(alone.mean_percent, DIGITS),
        perturbed_accuracy_std=round(alone.std_percent, DIGITS),
        nf_clean_accuracy=round(protected.clean_percent, DIGITS) if protected else None,
        nf_perturbed_accuracy_mean=round(protected.mean_percent, DIGITS) if protected else None,
        nf_perturbed_accuracy_std=round(protected.std_percent, DIGITS) if protected else None,
        recovery_percent=None if recovery is None else round(recovery, DIGITS),
        fault_model=accuracy.fault_model,
        weight_bits=quantization.bits,
        quantization=quantization.scheme.name,
        base_width=base.width,
        base_normalization=base.normalization,
        base_training=robust_training(base),
        train_bases=" ".join(training.get("bases", [])),
        train_bit_error_rate_percent=None if train_rate is None else _percent(train_rate),
        train_fault_model=training.get("fault_model", ""),
        generator_parameters=parameters,
        recovery_per_million_parameters=(
            round(recovery / (parameters / 1e6), DIGITS) if recovery is not None and parameters else None
        ),
        test_images=test_images,
        seeds=" ".join(map(str, accuracy.chips)),
        versions=versions(),
    )


def csv_text(rows: Sequence[AccuracyRow]) -> str:
    """The table, header first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(["" if value is None else value for value in asdict(row).values()] for row in rows)
    return text.getvalue()


def as_cells(rows: Sequence[AccuracyRow]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table for people."""
    header = ["base", "generator", "bits", "rate %", "clean %", "perturbed %", "recovery", "per M parameters"]
    cells = []
    for row in rows:
        protected = row.nf_perturbed_accuracy_mean is not None
        mean = row.nf_perturbed_accuracy_mean if protected else row.perturbed_accuracy_mean
        std = row.nf_perturbed_accuracy_std if protected else row.perturbed_accuracy_std
        clean = row.nf_clean_accuracy if protected else row.clean_accuracy
        ratio = row.recovery_per_million_parameters
        cells.append(
            [
                base_label(row),
                row.generator,
                f"{row.weight_bits}",
                f"{row.bit_error_rate_percent:g}",
                f"{clean:.1f}",
                f"{mean:.1f} +- {std:.1f}",
                "" if row.recovery_percent is None else f"{row.recovery_percent:+.1f}",
                "" if ratio is None else f"{ratio:.0f}",
            ]
        )
    return header, cells


def read_table(path: Path) -> tuple[AccuracyRow, ...]:
    """The rows of a table that `write_table` wrote.

    Raises:
        InputError: no such file, other columns, or a cell of the wrong type.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, "accuracy table")))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"{path} has not the columns of an accuracy table of `nfenergy evaluate`")
    try:
        return tuple(AccuracyRow(**{name: _cell(name, row[name]) for name in COLUMNS}) for row in reader)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} is no whole accuracy table ({error})") from error


def check_place(path: Path) -> None:
    """Whether a table can be `path`, before a long measurement for it.

    Raises:
        InputError: it is a folder, or would take the name of the JSON beside it.
        NfEnergyError: see `check_folder`.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the table in it, such as {path / 'accuracy.csv'}")
    if path.suffix.lower() == ".json":
        raise InputError(f"{path.name} is the name of what the table's JSON records; end the table in .csv")
    check_folder(path.parent)


def write_table(path: Path, rows: Sequence[AccuracyRow], provenance: dict[str, Any]) -> None:
    """Write the table whole, and `provenance` (records, accuracies of each chip) as JSON beside it.

    Raises:
        NfEnergyError: a file cannot be written.
    """
    write_text(path.with_suffix(".json"), json.dumps(provenance, indent=2) + "\n")
    write_text(path, csv_text(rows))


def _cell(name: str, text: str) -> Any:
    kind = AccuracyRow.__annotations__[name]
    if kind == "str":
        return text
    if not text and kind.endswith("| None"):
        return None
    return int(text) if kind.startswith("int") else float(text)


def _percent(fraction: float) -> float:
    return round(100.0 * fraction, 12)
