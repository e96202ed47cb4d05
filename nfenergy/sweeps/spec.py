"""A sweep's specification: validated as a whole before anything runs, every error with its field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from energy.array import LARGEST_SIDE, SystolicArray, parse_size
from energy.counts import weights_per_word
from energy.curve import OperatingPoint, VoltageCurve
from energy.curve_files import is_curve_file, load_curve
from energy.domains import CLOCK_LIMIT_GHZ, LOWEST_CLOCK_GHZ, EnergySetting
from energy.energy_tables import DEFAULT_ENERGY_TABLE, is_table_file, load_energy_table
from energy.engines import ENGINES
from neuralfuse.registry import DATASETS, NO_GENERATOR
from neuralfuse.user_networks import find_network
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import parse_rate
from nfenergy.ground.yaml_files import read_yaml
from nfenergy.machine import WEIGHTS_LOWERED, parse_low_voltage
from nfenergy.sweeps.example import EXAMPLE as EXAMPLE
from topologies.convention import get_convention

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


def _curves(names: list[str], *, assume_v2: bool) -> list[str]:
    """The names without repetitions; each stands for one curve, and rows are told apart by its name."""
    kept: dict[str, tuple[str, VoltageCurve]] = {}
    try:
        for name in names:
            curve = load_curve(name, assume_v2=assume_v2)
            first, other = kept.setdefault(curve.name, (name, curve))
            if other.points != curve.points:
                raise ValueError(f"{first} and {name} are both named {curve.name!r}; rename one of them")
    except InputError as error:
        raise ValueError(str(error)) from error
    return [name for name, _ in kept.values()]


def _distinct_names(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _rate(rate: float | str) -> float:
    return parse_rate(str(rate))


def _distinct(values: Iterable[float]) -> list[float]:
    """The values without those that repeat an earlier one to nine digits."""
    kept: dict[str, float] = {}
    for value in values:
        kept.setdefault(f"{value:.9g}", value)
    return list(kept.values())


def _engine(name: str) -> str:
    try:
        return ENGINES.find(name).name
    except InputError as error:
        raise ValueError(str(error)) from error


NonEmpty = Field(min_length=1)
Extents = Annotated[list[Annotated[StrictInt, Field(ge=1, le=LARGEST_SIDE)]], NonEmpty]


class ArrayGrid(BaseModel):
    """All pairs of rows and columns."""

    model_config = ConfigDict(extra="forbid")

    rows: Extents
    cols: Extents


class SweepSpec(BaseModel):
    """The axes of a sweep; see `nfenergy.sweeps.example` for what they mean."""

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
    sram_kb: Annotated[
        list[StrictInt | tuple[StrictInt, StrictInt, StrictInt]], NonEmpty, AfterValidator(_each(_sram_kb))
    ] = [(64, 64, 64)]
    weight_bits: Annotated[list[StrictInt], NonEmpty, AfterValidator(_each(_weight_bits))] = [8]
    assume_v2: StrictBool = False
    curves: Annotated[list[str], NonEmpty] = ["stutz2021-14nm"]
    voltages: Annotated[list[StrictFloat], NonEmpty, AfterValidator(_distinct)] | None = None
    bit_error_rates: (
        Annotated[
            list[StrictFloat | StrictInt | str],
            NonEmpty,
            AfterValidator(_each(_rate)),
            AfterValidator(_distinct),
        ]
        | None
    ) = None
    energy_tables: list[str] = [DEFAULT_ENERGY_TABLE]
    residents: Annotated[
        list[Literal["none", "weights", "all"]], NonEmpty, AfterValidator(_distinct_names)
    ] = ["none"]
    dram: str | None = None
    access: Literal["word", "value"] = "word"
    low_voltage: str = WEIGHTS_LOWERED
    leakage: StrictBool = False
    activation_bits: StrictInt = 8
    base_width: Annotated[StrictFloat, Field(gt=0, le=4)] = 1.0
    clock_ghz: Annotated[StrictFloat, Field(ge=LOWEST_CLOCK_GHZ, lt=CLOCK_LIMIT_GHZ)] = 1.0
    engine: Annotated[str, AfterValidator(_engine)] = "closed-form"
    seed: Annotated[StrictInt, Field(ge=0)] = 0

    @field_validator("curves")
    @classmethod
    def _each_curve_once(cls, names: list[str], info: ValidationInfo) -> list[str]:
        return _curves(names, assume_v2=info.data.get("assume_v2", False))

    @model_validator(mode="after")
    def _whole(self) -> SweepSpec:
        if (self.voltages is None) == (self.bit_error_rates is None):
            raise ValueError("give either voltages or bit_error_rates")
        try:
            field = "deconvolution"
            for name in self.conventions:
                get_convention(name).deconvolution(self.deconvolution)
            field = "energy_tables"
            self.energy_settings()
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

    def energy_settings(self) -> list[EnergySetting]:
        """Every energy table with every residency; none without tables."""
        tables = {table.name: table for table in map(load_energy_table, self.energy_tables)}
        if len(tables) < len(set(self.energy_tables)):
            raise InputError(f"two of {', '.join(self.energy_tables)} have one name; rename one of them")
        return [
            EnergySetting(
                table=table,
                dram=None if self.dram is None else self.dram.lower(),
                residency=residency,
                access=self.access,
                low_voltage=parse_low_voltage(self.low_voltage),
                leakage=self.leakage,
                activation_bits=self.activation_bits,
                clock_ghz=self.clock_ghz,
            )
            for table in tables.values()
            for residency in self.residents
        ]

    def operating_points(self) -> list[tuple[VoltageCurve, OperatingPoint]]:
        """Every curve with every voltage or bit error rate."""
        points = []
        for curve in (load_curve(name, assume_v2=self.assume_v2) for name in self.curves):
            points += [(curve, curve.at_voltage(voltage)) for voltage in self.voltages or ()]
            rates = (float(rate) for rate in self.bit_error_rates or ())
            points += [(curve, curve.at_bit_error_rate(rate)) for rate in rates]
        return points


def load_spec(source: SweepSpec | dict[str, Any] | str | Path) -> SweepSpec:
    """A specification from a YAML file, a mapping, or itself; a file's curves and tables are relative to it.

    Raises:
        InputError: not a specification; the message names the field.
    """
    if isinstance(source, SweepSpec):
        return source
    if isinstance(source, dict):
        return _validated(source, "sweep")
    path = Path(source)
    content = read_yaml(path, "sweep specification")
    for name, is_file in (("curves", is_curve_file), ("energy_tables", is_table_file)):
        if isinstance(content, dict) and isinstance(content.get(name), list):
            content[name] = [_beside(path, entry, is_file) for entry in content[name]]
    return _validated(content, str(path))


def _beside(path: Path, name: object, is_file: Callable[[str], bool]) -> object:
    """A file where the specification that names it means it: relative to itself."""
    return str(path.parent / name) if isinstance(name, str) and is_file(name) else name


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
