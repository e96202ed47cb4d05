"""Voltage curves of one's own: a YAML like the shipped ones, or a CSV with one row a voltage."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from energy.curve import VoltageCurve, curve_from
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text

CSV_COLUMNS = ("voltage_norm", "bit_error_rate_percent", "energy_per_access_norm")


class PointSchema(BaseModel):
    """One measured voltage."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    voltage_norm: Annotated[float, Field(gt=0, le=1)]
    bit_error_rate_percent: Annotated[float, Field(ge=0, le=50)]
    energy_per_access_norm: Annotated[float, Field(gt=0, le=1)]


class CurveSchema(BaseModel):
    """A curve file."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    title: str = ""
    source: str = ""
    normalisation: str = ""
    notes: list[str] = []
    points: Annotated[list[PointSchema], Field(min_length=3)]


def read_curve(path: Path) -> VoltageCurve:
    """The curve in a YAML file, or in a CSV with the columns `CSV_COLUMNS` (others are ignored).

    Raises:
        InputError: no such file, or not a voltage curve; the message names the field.
    """
    text = read_text(path, "voltage curve")
    if path.suffix.lower() == ".csv":
        rows = csv.DictReader(io.StringIO(text))
        points = [{column: row[column] for column in CSV_COLUMNS if column in row} for row in rows]
        content: object = {"name": path.stem, "points": points}
    else:
        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        return curve_from(CurveSchema.model_validate(content).model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "content"
        raise InputError(f"voltage curve {path}: {field}: {first['msg']}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
