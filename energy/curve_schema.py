"""What a curve file may hold, and the `VoltageCurve` that follows from it."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from energy.curve import CurvePoint, VoltageCurve
from nfenergy.ground.errors import InputError

ASSUMED = "The file gives no energy: it is assumed to follow the square of the voltage."


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"Input should be a number, not {value}")  # noqa: TRY004 - pydantic's contract
    return value


Number = Annotated[float, BeforeValidator(_number)]
Volts = Annotated[Number, Field(gt=0, le=20)]


class PointSchema(BaseModel):
    """One measured voltage, relative to Vmin or in volts; its bit error rate or its count of faulty cells."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    voltage_norm: Annotated[Number, Field(gt=0, le=1)] | None = None
    voltage_v: Volts | None = None
    bit_error_rate_percent: Annotated[Number, Field(ge=0, le=50)] | None = None
    faults: Annotated[StrictInt, Field(ge=0)] | None = None
    energy_per_access_norm: Annotated[Number, Field(gt=0, le=1)] | None = None


class CurveSchema(BaseModel):
    """A curve file."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: Annotated[str, Field(min_length=1)]
    title: str = ""
    source: str = ""
    normalisation: str = ""
    notes: list[str] = []
    energy_model: Literal["measured", "v2"] = "measured"
    vmin_v: Volts | None = None
    cells: Annotated[StrictInt, Field(gt=0)] | None = None
    points: Annotated[list[PointSchema], Field(min_length=3)]


def curve_of(content: object, *, assume_v2: bool = False) -> VoltageCurve:
    """The curve in the content of a curve file, its points by rising voltage.

    Args:
        content: what the file holds.
        assume_v2: where it gives no energy, take the square of the voltage, and note it.

    Raises:
        InputError: a field is missing, unknown, of another type, or contradicts another; the message
            names it.
    """
    try:
        return _curve(CurveSchema.model_validate(content), assume_v2=assume_v2)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "content"
        message = str(first["msg"]).removeprefix("Value error, ")
        hint = "; write decimals with a point" if "," in str(first["input"]) and "parse" in message else ""
        raise InputError(f"{field}: {message}{hint}") from error


def _curve(content: CurveSchema, *, assume_v2: bool) -> VoltageCurve:
    given = [point.energy_per_access_norm is not None for point in content.points]
    assumed = assume_v2 and not any(given) and content.energy_model == "measured"
    squared = content.energy_model == "v2" or assumed
    if not squared and not any(given):
        raise InputError(
            "it has no energy_per_access_norm; give it, or --assume-v2 to take the square of the voltage"
        )
    points = []
    for number, point in enumerate(content.points):
        try:
            points.append(_point(point, content, squared=squared))
        except InputError as error:
            raise InputError(f"points.{number}.{error}") from error
    return VoltageCurve(
        name=content.name,
        title=content.title,
        source=content.source,
        normalisation=content.normalisation,
        notes=(*content.notes, *([ASSUMED] if assumed else [])),
        energy_model="v2" if squared else "measured",
        vmin_v=content.vmin_v,
        points=tuple(sorted(points, key=lambda point: point.voltage_norm)),
    )


def _point(point: PointSchema, content: CurveSchema, *, squared: bool) -> CurvePoint:
    voltage = _voltage(point, content.vmin_v)
    energy = point.energy_per_access_norm
    if squared and energy is not None and not math.isclose(energy, voltage**2, rel_tol=1e-6):
        raise InputError(f"energy_per_access_norm: {energy:g} is not the square of the voltage, as v2 has it")
    if energy is None and not squared:
        raise InputError("energy_per_access_norm: Field required")
    return CurvePoint(
        voltage_norm=voltage,
        bit_error_rate_percent=_rate(point, content.cells),
        energy_per_access_norm=voltage**2 if energy is None else energy,
    )


def _voltage(point: PointSchema, vmin_v: float | None) -> float:
    if point.voltage_v is None:
        if point.voltage_norm is None:
            raise InputError("voltage_norm: Field required, or voltage_v and the curve's vmin_v")
        return point.voltage_norm
    if point.voltage_norm is not None:
        raise InputError("voltage_v: give voltage_norm or voltage_v, not both")
    if vmin_v is None:
        raise InputError("voltage_v: the curve needs vmin_v, the lowest voltage without errors, in volts")
    if point.voltage_v > vmin_v:
        raise InputError(f"voltage_v: {point.voltage_v:g} is above Vmin, {vmin_v:g} V; the curve ends there")
    return point.voltage_v / vmin_v


def _rate(point: PointSchema, cells: int | None) -> float:
    if point.faults is None:
        if point.bit_error_rate_percent is None:
            raise InputError("bit_error_rate_percent: Field required, or faults and the curve's cells")
        return point.bit_error_rate_percent
    if point.bit_error_rate_percent is not None:
        raise InputError("faults: give bit_error_rate_percent or faults, not both")
    if cells is None or point.faults > cells / 2:
        raise InputError("faults: the curve needs cells, at least twice as many as faults")
    return 100.0 * point.faults / cells
