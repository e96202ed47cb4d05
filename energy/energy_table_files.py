"""Energy tables as YAML files: absolute ones in pJ, relative ones in multiples of one MAC."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from energy.energy_tables import EnergyTable, PowerLaw, Provenance
from nfenergy.ground.errors import InputError
from nfenergy.ground.yaml_files import read_yaml

Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0, le=1e9)]
SizeKb = Annotated[float, Field(gt=0, le=2**30)]
BySize = Annotated[dict[SizeKb, Positive], Field(min_length=2)]
STEEPEST = 8
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class ProvenanceSchema(BaseModel):
    """Source of one number; what is left out is as for the whole table."""

    model_config = STRICT

    source: Text | None = None
    certainty: Text | None = None


class TableSchema(BaseModel, ABC):
    """What absolute and relative tables share."""

    model_config = STRICT

    name: Text
    title: str = ""
    source: Text
    certainty: Text
    sources: dict[Text, ProvenanceSchema] = {}

    @abstractmethod
    def numbers(self) -> dict[str, float | Mapping[float, float]]:
        """The numbers by key, of DRAM one a kind."""

    @model_validator(mode="after")
    def _sources_name_numbers(self) -> Self:
        numbers = self.numbers()
        for key in self.sources:
            if key not in numbers:
                raise ValueError(f"sources: no number {key!r}; the table has {', '.join(numbers)}")
        return self


class AbsoluteSchema(TableSchema):
    """Energies in pJ; SRAM by size in kB of 1,024 bytes, an access of 64 bits."""

    unit: Literal["pj"] = "pj"
    technology_nm: Positive | None = None
    supply_v: Positive | None = None
    mac_pj: Positive
    sram_pj_per_64bit: BySize
    sram_write_pj_per_64bit: BySize | None = None
    sram_write_factor: Positive | None = None
    sram_leakage_mw: BySize | None = None
    leakage: Literal["not counted"] | None = None
    dram_pj_per_bit: Annotated[dict[Text, Positive], Field(min_length=1)]
    dram_default: str

    def numbers(self) -> dict[str, float | Mapping[float, float]]:
        named = {
            key: getattr(self, key)
            for key in (
                "mac_pj",
                "sram_pj_per_64bit",
                "sram_write_pj_per_64bit",
                "sram_write_factor",
                "sram_leakage_mw",
            )
        }
        dram = {f"dram_pj_per_bit.{kind}": energy for kind, energy in self.dram_pj_per_bit.items()}
        return {key: value for key, value in named.items() if value is not None} | dram

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _one_of(self, "sram_write_pj_per_64bit", "sram_write_factor")
        _one_of(self, "sram_leakage_mw", "leakage")
        sizes = self.sram_pj_per_64bit.keys()
        for key in ("sram_pj_per_64bit", "sram_write_pj_per_64bit", "sram_leakage_mw"):
            by_size: dict[float, float] | None = getattr(self, key)
            if by_size is None:
                continue
            for size in sorted(sizes ^ by_size.keys()):
                lacking = key if size in sizes else "sram_pj_per_64bit"
                raise ValueError(f"{lacking}: no figure for {size:g} kB; all sizes must be the same")
            _not_too_steep(key, by_size)
        if self.dram_default not in self.dram_pj_per_bit:
            raise ValueError(
                f"dram_default: no DRAM kind {self.dram_default!r} in dram_pj_per_bit, "
                f"which has {', '.join(self.dram_pj_per_bit)}"
            )
        for kind in self.dram_pj_per_bit:
            if kind != kind.lower():
                raise ValueError(f"dram_pj_per_bit.{kind}: expected lower case")
        return self


class RelativeSchema(TableSchema):
    """Energies in multiples of one MAC; a memory costs the same whatever its size, reads and writes alike."""

    unit: Literal["mac"]
    value_bits: Annotated[int, Field(ge=1, le=64)]
    mac: Literal[1] = 1
    register_file: Positive | None = None
    inter_pe: Positive | None = None
    global_buffer: Positive
    dram: Positive
    leakage: Literal["not counted"]

    def numbers(self) -> dict[str, float | Mapping[float, float]]:
        return {"mac": self.mac, "global_buffer": self.global_buffer, "dram": self.dram}


def read_energy_table(path: Path) -> EnergyTable:
    """The table in a YAML file.

    Raises:
        InputError: no such file, or not an energy table; the message names file and key.
    """
    content = read_yaml(path, "an energy table")
    relative = isinstance(content, dict) and content.get("unit") == "mac"
    try:
        if relative:
            return _relative(RelativeSchema.model_validate(content))
        return _absolute(AbsoluteSchema.model_validate(content))
    except ValidationError as error:
        raise InputError(f"energy table {path}: {_reason(error)}") from error


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "no such key"
    return f"{key}: {message}" if key else message


def _one_of(schema: BaseModel, *keys: str) -> None:
    given = [key for key in keys if getattr(schema, key) is not None]
    if len(given) != 1:
        what = "one of them is missing" if not given else "both are there"
        raise ValueError(f"{keys[0]}: expected either this or {keys[1]}; {what}")


def _not_too_steep(key: str, by_size: Mapping[float, float]) -> None:
    for low, high in pairwise(sorted(by_size)):
        exponent = math.log(by_size[high] / by_size[low]) / math.log(high / low)
        if abs(exponent) > STEEPEST:
            raise ValueError(f"{key}: goes with capacity^{exponent:.0f} from {low:g} to {high:g} kB")


def _absolute(schema: AbsoluteSchema) -> EnergyTable:
    reads = _power_law(schema.sram_pj_per_64bit)
    factor = schema.sram_write_factor
    if schema.sram_write_pj_per_64bit is None:
        assert factor is not None
        writes = PowerLaw(
            capacities_kb=reads.capacities_kb, values=tuple(factor * energy for energy in reads.values)
        )
    else:
        writes = _power_law(schema.sram_write_pj_per_64bit)
    return EnergyTable(
        **_common(schema),
        mac=schema.mac_pj,
        sram_read=reads,
        sram_write=writes,
        dram_per_bit=schema.dram_pj_per_bit,
        dram_default=schema.dram_default,
        leakage_mw=None if schema.sram_leakage_mw is None else _power_law(schema.sram_leakage_mw),
    )


def _relative(schema: RelativeSchema) -> EnergyTable:
    buffer = PowerLaw(capacities_kb=(1.0,), values=(schema.global_buffer,))
    return EnergyTable(
        **_common(schema),
        unit="mac",
        access_bits=schema.value_bits,
        mac=float(schema.mac),
        sram_read=buffer,
        sram_write=buffer,
        dram_per_bit={"dram": schema.dram / schema.value_bits},
        dram_default="dram",
        leakage_mw=None,
    )


def _common(schema: TableSchema) -> dict[str, Any]:
    sources = {
        key: Provenance(source=given.source or schema.source, certainty=given.certainty or schema.certainty)
        for key, given in schema.sources.items()
    }
    return {
        "name": schema.name,
        "title": schema.title,
        "source": schema.source,
        "certainty": schema.certainty,
        "numbers": schema.numbers(),
        "sources": sources,
    }


def _power_law(by_size: Mapping[float, float]) -> PowerLaw:
    sizes = sorted(by_size)
    return PowerLaw(capacities_kb=tuple(map(float, sizes)), values=tuple(by_size[size] for size in sizes))
