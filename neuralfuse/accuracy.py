"""THE accuracy record: one base model, alone or behind one generator, at one bit error rate.

Its columns are those of the published tables, then what tells one measurement from another: how base and
generator were trained and stored. A measured accuracy, a published one and a row of a user's file are the
same record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Annotated, Any

from neuralfuse.registry import (
    DATASETS,
    NO_GENERATOR,
    NO_PROTECTION,
    Dataset,
    dataset_name,
    generator_name,
    network_name,
    own_dataset,
)
from nfenergy.ground.columns import Column
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import rate_key

MEASURED, PUBLISHED = "measured", "published"
BASE, GENERATOR = "record of the base's checkpoint", "record of the generator's checkpoint"

Key = tuple[str | float | int | None, ...]


def _accuracy(meaning: str, name: str, joined: str | None = None) -> Column:
    return Column(meaning, unit="%", source="test images", name=name, joined=joined, low=0.0, high=100.0)


def _rate(meaning: str, name: str, high: float, source: str = "", joined: str | None = "") -> Column:
    return Column(
        meaning, unit="%", source=source, name=name, joined=joined, percent=True, low=0.0, high=high
    )


def _source(text: str) -> str:
    if text.lower() not in (MEASURED, PUBLISHED):
        raise InputError(f"{text!r} is neither {MEASURED} nor {PUBLISHED}")
    return text.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Accuracy of one base model, alone or behind a generator, at one bit error rate.

    Means and standard deviations are over chips (fault seeds), in percent. For the base model alone the
    three figures of the generator (``nf_...``) are None.

    Raises:
        InputError: a generator lacks one of its figures, or there are such figures without a generator.
    """

    reference: Annotated[str, Column("where it was read", name="table", joined="accuracy_reference")] = ""
    dataset: Annotated[str, Column("data set", check=dataset_name, joined=None)]
    base: Annotated[str, Column("base model", check=partial(network_name, "base"), joined=None)]
    generator: Annotated[
        str, Column("generator; none: no generator", check=generator_name, empty=NO_GENERATOR, joined=None)
    ]
    bit_error_rate: Annotated[
        float, _rate("what it counts is up to the fault model", "bit_error_rate_percent", 50.0, joined=None)
    ]
    base_clean_percent: Annotated[
        float,
        _accuracy("base model without bit errors", "clean_accuracy", "base_clean_accuracy_percent"),
    ]
    base_perturbed_percent: Annotated[
        float,
        _accuracy(
            "base model with bit errors, mean over chips",
            "perturbed_accuracy_mean",
            "base_perturbed_accuracy_percent",
        ),
    ]
    base_perturbed_std_percent: Annotated[
        float,
        _accuracy(
            "its standard deviation over chips",
            "perturbed_accuracy_std",
            "base_perturbed_accuracy_std_percent",
        ),
    ]
    nf_clean_percent: Annotated[
        float | None, _accuracy("with the generator, without bit errors", "nf_clean_accuracy")
    ]
    nf_perturbed_percent: Annotated[
        float | None, _accuracy("with both, mean over chips", "nf_perturbed_accuracy_mean")
    ]
    nf_perturbed_std_percent: Annotated[
        float | None, _accuracy("its standard deviation over chips", "nf_perturbed_accuracy_std")
    ]
    recovery_half_width_percent: Annotated[
        float | None,
        Column("half the 95 % interval of the recovery, paired over chips", unit="points", low=0.0),
    ] = None
    source: Annotated[
        str, Column("measured or published, interpolated or not", check=_source, joined="accuracy_source")
    ] = MEASURED
    fault_model: Annotated[str, Column("what a bit error is; rates of two do not compare", check=str.lower)]
    weight_bits: Annotated[int, Column("bits a stored weight", unit="bit", low=1, high=64, joined=None)]
    protection: Annotated[
        str, Column("of the base's weight memory; none: it is read as it is", check=str.lower)
    ] = NO_PROTECTION
    quantization: Annotated[str, Column("scheme of the base's stored weights", source=BASE)] = ""
    base_width: Annotated[
        float, Column("factor on the base's channels", source=BASE, low=1e-6, high=1e6, joined=None)
    ] = 1.0
    base_normalization: Annotated[str, Column("batch or group", source=BASE)] = ""
    base_training: Annotated[str, Column("what made the base robust; empty: nothing", source=BASE)] = ""
    base_digest: Annotated[str, Column("names the base's stored weights", source=BASE)] = ""
    train_bases: Annotated[str, Column("bases that the generator was trained before", source=GENERATOR)] = ""
    train_bit_error_rate: Annotated[
        float | None, _rate("of the generator's training", "train_bit_error_rate_percent", 100.0, GENERATOR)
    ] = None
    train_fault_model: Annotated[str, Column("of the generator's training", source=GENERATOR)] = ""
    train_lambda: Annotated[float | None, Column("weight of the perturbed loss", source=GENERATOR)] = None
    train_perturbed_models: Annotated[int | None, Column("N, chips a step", source=GENERATOR)] = None
    train_flipped_bits: Annotated[
        int | None, Column("K, bits that an attack flips; 0: none", source=GENERATOR)
    ] = None
    train_steps: Annotated[int | None, Column("mini-batches", source=GENERATOR)] = None
    train_learning_rate: Annotated[float | None, Column("of Adam", source=GENERATOR)] = None
    train_seed: Annotated[int | None, Column("of the generator's training", source=GENERATOR)] = None
    generator_bits: Annotated[int | None, Column("bits a weight; 0: floating-point", source=GENERATOR)] = None
    generator_digest: Annotated[str, Column("names the generator's weights", source=GENERATOR)] = ""
    generator_parameters: Annotated[
        int | None, Column("trainable numbers", source=GENERATOR, joined=None)
    ] = None
    dataset_classes: Annotated[
        int | None, Column("of a data set of one's own", source=BASE, low=1, joined=None)
    ] = None
    dataset_extent: Annotated[
        int | None, Column("rows and columns of its images", "pixel", BASE, low=1, joined=None)
    ] = None
    test_images: Annotated[int | None, Column("images of the test")] = None
    seeds: Annotated[str, Column("chips (fault seeds) that mean and deviation are over")] = ""
    versions: Annotated[str, Column("packages that decide the figures", joined=None)] = ""

    def __post_init__(self) -> None:
        figures = (self.nf_clean_percent, self.nf_perturbed_percent, self.nf_perturbed_std_percent)
        if self.has_generator and None in figures:
            raise InputError(
                f"generator {self.generator!r} lacks nf_clean_accuracy, nf_perturbed_accuracy_mean or "
                "nf_perturbed_accuracy_std"
            )
        if not self.has_generator and figures != (None, None, None):
            raise InputError("nf_ accuracies are of a generator, of which there is none; leave them empty")

    @property
    def has_generator(self) -> bool:
        return self.generator != NO_GENERATOR

    @property
    def clean_percent(self) -> float:
        """Without bit errors, of what runs: behind the generator where there is one."""
        return self.base_clean_percent if self.nf_clean_percent is None else self.nf_clean_percent

    @property
    def perturbed_percent(self) -> float:
        """With bit errors, mean over chips, of what runs."""
        return self.base_perturbed_percent if self.nf_perturbed_percent is None else self.nf_perturbed_percent

    @property
    def perturbed_std_percent(self) -> float:
        """Its standard deviation over chips."""
        alone = self.nf_perturbed_std_percent is None
        return self.base_perturbed_std_percent if alone else self.nf_perturbed_std_percent or 0.0

    @property
    def recovery_percent(
        self,
    ) -> Annotated[float | None, Column("perturbed accuracy that the generator adds", unit="points")]:
        if self.nf_perturbed_percent is None:
            return None
        return round(self.nf_perturbed_percent - self.base_perturbed_percent, 4)

    @property
    def recovery_per_million_parameters(
        self,
    ) -> Annotated[float | None, Column("efficiency ratio of the generator", unit="points", joined=None)]:
        if self.recovery_percent is None or not self.generator_parameters:
            return None
        return round(self.recovery_percent / (self.generator_parameters / 1e6), 4)

    @property
    def data(self) -> Dataset:
        """What a network must know of the data.

        Raises:
            UnknownName: the registry does not hold them, and the row does not say it.
        """
        if self.dataset_classes is None or self.dataset_extent is None:
            return DATASETS.find(self.dataset)
        return own_dataset(self.dataset, classes=self.dataset_classes, extent=self.dataset_extent)

    @property
    def is_interpolated(self) -> bool:
        """Whether it lies between two measured bit error rates, where nobody measured."""
        return "interpolated" in self.source

    @property
    def key(self) -> Key:
        """What an energy saving must agree in; the fault model, and how it was trained, is ours alone."""
        return (
            self.dataset,
            self.base,
            self.base_width,
            self.generator,
            rate_key(self.bit_error_rate),
            self.weight_bits,
            self.protection,
        )

    @property
    def base_identity(self) -> Key:
        """What tells a base model as it was trained and stored from another one."""
        return tuple(getattr(self, name) for name in BASE_IDENTITY)

    @property
    def generator_identity(self) -> Key:
        """What tells a generator as it was trained and stored from another one."""
        return tuple(getattr(self, name) for name in GENERATOR_IDENTITY)

    @property
    def identity(self) -> Key:
        """What tells a measurement from every other: two rows with the same one are one."""
        measured = (self.fault_model, self.source, rate_key(self.bit_error_rate))
        return (*self.base_identity, *self.generator_identity, *measured)

    def alone(self, *, nominal: bool = False) -> Accuracy:
        """The base model without the generator; `nominal` without bit errors as well."""
        row = replace(
            self,
            generator=NO_GENERATOR,
            nf_clean_percent=None,
            nf_perturbed_percent=None,
            nf_perturbed_std_percent=None,
            recovery_half_width_percent=None,
            **{name: _DEFAULTS[name] for name in (*GENERATOR_IDENTITY[1:], "generator_parameters")},
        )
        if not nominal:
            return row
        clean = self.base_clean_percent
        return replace(
            row,
            protection=NO_PROTECTION,
            bit_error_rate=0.0,
            base_perturbed_percent=clean,
            base_perturbed_std_percent=0.0,
        )


BASE_IDENTITY = (
    "dataset",
    "base",
    "base_width",
    "base_normalization",
    "base_training",
    "quantization",
    "weight_bits",
    "protection",
    "base_digest",
)
GENERATOR_IDENTITY = (
    "generator",
    "train_bit_error_rate",
    "train_fault_model",
    "train_bases",
    "train_lambda",
    "train_perturbed_models",
    "train_flipped_bits",
    "train_steps",
    "train_learning_rate",
    "train_seed",
    "generator_bits",
    "generator_digest",
)
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Accuracy)}


def with_baselines(accuracies: Sequence[Accuracy]) -> tuple[Accuracy, ...]:
    """`accuracies` and the base models alone that they report, at each bit error rate and without errors.

    A row of its own speaks before one that comes with a generator's.
    """
    found = {row.identity: row for row in accuracies}
    for row in accuracies:
        for alone in (row.alone(), row.alone(nominal=True)):
            found.setdefault(alone.identity, alone)
    return tuple(found.values())
