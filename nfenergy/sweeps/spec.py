"""A sweep's specification: validated as a whole before anything runs, every error with its field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from energy.array import LARGEST_SIDE, SystolicArray, parse_size
from energy.counts import weights_per_word
from energy.curve import OperatingPoint, VoltageCurve, load_curve
from energy.engines import ENGINES
from neuralfuse.registry import DATASETS, NO_GENERATOR
from neuralfuse.user_networks import find_network
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text
from nfenergy.ground.rates import parse_rate
from topologies.convention import get_convention

EXAMPLE = """\
# A sweep is the cross product of everything listed here. Every list may have one entry or many;
# what is left out has the default shown.
bases: [resnet18, vgg19]            # `nfenergy list bases`
generators: [none, convs, unets]    # none: the base model alone
datasets: [cifar10]                 # `nfenergy list datasets`
conventions: [paper]                # paper or exact
arrays: [16x16, 32x32, 64x32]       # or {rows: [16, 32], cols: [16, 32]} for all pairs
dataflows: [os, ws, is]
sram_kb: [64, [64, 128, 64]]        # one size for all three SRAMs, or ifmap, filter and ofmap
weight_bits: [8]
curves: [stutz2021-14nm]            # names, or YAML or CSV files
voltages: [0.7917, 0.8333, 0.875]   # relative to Vmin; or instead: bit_error_rates: [1%, 0.5%]
base_width: 1.0                     # factor on the base models' channels
clock_ghz: 1.0
engine: closed-form                 # closed-form, scalesim or both
seed: 0                             # chooses the layers that --verify simulates
"""

T = TypeVar("T")


def _each(check: Callable[[Any], T]) -> Callable[[list[Any]], list[T]]:
    """A validator that checks every entry of a list and drops repetitions."""

    def validate(values: list[Any]) -> list[T]:
        try:
            return list(dict.fromkeys(check(value) for value in values))
        except InputError as error:
            raise ValueError(str(error)) from error

    return validate


def _generator(name: str) -> str:
    return NO_GENERATOR if name.lower() == NO_GENERATOR else find_network(name, "generator").given


def _weight_bits(bits: int) -> int:
    weights_per_word(bits)
    return bits


def _sram_kb(sizes: int | tuple[int, int, int]) -> tuple[int, int, int]:
    ifmap, filter_, ofmap = (sizes, sizes, sizes) if isinstance(sizes, int) else sizes
    SystolicArray(ifmap_sram_kb=ifmap, filter_sram_kb=filter_, ofmap_sram_kb=ofmap)
    return ifmap, filter_, ofmap


def _extents(text: str) -> str:
    rows, cols = parse_size(text)
    SystolicArray(rows=rows, cols=cols)
    return f"{rows}x{cols}"


def _curve(name: str) -> str:
    load_curve(name)
    return name


def _rate(rate: float | str) -> float:
    return parse_rate(str(rate))


def _engine(name: str) -> str:
    try:
        return ENGINES.find(name).name
    except InputError as error:
        raise ValueError(str(error)) from error


NonEmpty = Field(min_length=1)
Extents = Annotated[list[Annotated[int, Field(ge=1, le=LARGEST_SIDE)]], NonEmpty]


class ArrayGrid(BaseModel):
    """All pairs of rows and columns."""

    model_config = ConfigDict(extra="forbid")

    rows: Extents
    cols: Extents


class SweepSpec(BaseModel):
    """The axes of a sweep; see `EXAMPLE` for what they mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bases: Annotated[
        list[str], NonEmpty, AfterValidator(_each(lambda name: find_network(name, "base").given))
    ]
    generators: Annotated[list[str], NonEmpty, AfterValidator(_each(_generator))] = [NO_GENERATOR]
    datasets: Annotated[list[str], NonEmpty, AfterValidator(_each(lambda name: DATASETS.find(name).name))] = [
        "cifar10"
    ]
    conventions: Annotated[
        list[str], NonEmpty, AfterValidator(_each(lambda name: get_convention(name).name))
    ] = ["paper"]
    deconvolution: str | None = None
    arrays: Annotated[list[str], NonEmpty, AfterValidator(_each(_extents))] | ArrayGrid = ["32x32"]
    dataflows: Annotated[
        list[str],
        NonEmpty,
        AfterValidator(_each(lambda name: SystolicArray(dataflow=name.lower()).dataflow)),
    ] = ["os"]
    sram_kb: Annotated[list[int | tuple[int, int, int]], NonEmpty, AfterValidator(_each(_sram_kb))] = [
        (64, 64, 64)
    ]
    weight_bits: Annotated[list[int], NonEmpty, AfterValidator(_each(_weight_bits))] = [8]
    curves: Annotated[list[str], NonEmpty, AfterValidator(_each(_curve))] = ["stutz2021-14nm"]
    voltages: Annotated[list[float], NonEmpty] | None = None
    bit_error_rates: (
        Annotated[list[float | str], NonEmpty, AfterValidator(_each(lambda rate: parse_rate(str(rate))))]
        | None
    ) = None
    base_width: Annotated[float, Field(gt=0, le=4)] = 1.0
    clock_ghz: Annotated[float, Field(gt=0, lt=1000)] = 1.0
    engine: Annotated[str, AfterValidator(_engine)] = "closed-form"
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _whole(self) -> SweepSpec:
        if (self.voltages is None) == (self.bit_error_rates is None):
            raise ValueError("give either voltages or bit_error_rates")
        try:
            field = "deconvolution"
            for name in self.conventions:
                get_convention(name).deconvolution(self.deconvolution)
            field = "voltages" if self.voltages else "bit_error_rates"
            self.operating_points()
        except InputError as error:
            raise ValueError(f"{field}: {error}") from error
        return self

    def accelerators(self) -> list[SystolicArray]:
        """Every array with every dataflow and SRAM size, in this order of nesting."""
        if isinstance(self.arrays, ArrayGrid):
            sizes = [(rows, cols) for rows in self.arrays.rows for cols in self.arrays.cols]
        else:
            sizes = [parse_size(text) for text in self.arrays]
        return [
            SystolicArray(
                rows=rows,
                cols=cols,
                dataflow=dataflow,
                ifmap_sram_kb=ifmap_kb,
                filter_sram_kb=filter_kb,
                ofmap_sram_kb=ofmap_kb,
            )
            for rows, cols in dict.fromkeys(sizes)
            for dataflow in self.dataflows
            for ifmap_kb, filter_kb, ofmap_kb in map(_sram_kb, self.sram_kb)
        ]

    def operating_points(self) -> list[tuple[VoltageCurve, OperatingPoint]]:
        """Every curve with every voltage or bit error rate."""
        points = []
        for curve in map(load_curve, self.curves):
            points += [(curve, curve.at_voltage(voltage)) for voltage in self.voltages or ()]
            rates = (float(rate) for rate in self.bit_error_rates or ())
            points += [(curve, curve.at_bit_error_rate(rate)) for rate in rates]
        return points


def load_spec(source: SweepSpec | dict[str, Any] | str | Path) -> SweepSpec:
    """A specification from a YAML file, a mapping, or itself.

    Raises:
        InputError: not a specification; the message names the field.
    """
    if isinstance(source, SweepSpec):
        return source
    if isinstance(source, dict):
        return _validated(source, "sweep")
    path = Path(source)
    try:
        content = yaml.safe_load(read_text(path, "sweep specification"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    return _validated(content, str(path))


def _validated(content: object, where: str) -> SweepSpec:
    if not isinstance(content, dict):
        raise InputError(f"{where} is not a sweep specification; `nfenergy sweep --example` prints one")
    try:
        return SweepSpec.model_validate(content)
    except ValidationError as error:
        errors = error.errors()
        grid = isinstance(content.get("arrays"), dict)
        first = next((found for found in errors if grid and "ArrayGrid" in found["loc"]), errors[0])
        known = {*SweepSpec.model_fields, *ArrayGrid.model_fields, *content}
        field = ".".join(str(part) for part in first["loc"] if part in known)
        hint = ""
        if first["type"] == "extra_forbidden":
            hint = f"; known fields: {', '.join(SweepSpec.model_fields)}"
        message = str(first["msg"]).removeprefix("Value error, ")
        raise InputError(f"{where}: {field + ': ' if field else ''}{message}{hint}") from error
