"""Voltage curves by name and from files: a YAML like the shipped ones, or a CSV with one row a voltage."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from energy.curve import CurvePoint, VoltageCurve
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.files import read_text
from nfenergy.ground.yaml_files import parse_yaml, read_yaml

CURVES = ("stutz2021-14nm",)
CSV_COLUMNS = ("voltage_norm", "bit_error_rate_percent", "energy_per_access_norm")
SEPARATORS = ",;\t"


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"Input should be a number, not {value}")  # noqa: TRY004 - pydantic's contract
    return value


Number = Annotated[float, BeforeValidator(_number)]


class PointSchema(BaseModel):
    """One measured voltage."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    voltage_norm: Annotated[Number, Field(gt=0, le=1)]
    bit_error_rate_percent: Annotated[Number, Field(ge=0, le=50)]
    energy_per_access_norm: Annotated[Number, Field(gt=0, le=1)]


class CurveSchema(BaseModel):
    """A curve file."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    title: str = ""
    source: str = ""
    normalisation: str = ""
    notes: list[str] = []
    points: Annotated[list[PointSchema], Field(min_length=3)]


def load_curve(name_or_file: str) -> VoltageCurve:
    """A shipped curve by name, or a curve from a file.

    Raises:
        UnknownName: neither a shipped curve nor a YAML or CSV file.
        InputError: the file is not a voltage curve; the message names the field.
    """
    if is_curve_file(name_or_file):
        return read_curve(Path(name_or_file))
    if name_or_file.lower() not in CURVES:
        raise UnknownName("voltage curve", name_or_file, CURVES)
    return _shipped(name_or_file.lower())


def is_curve_file(name: str) -> bool:
    """Whether `load_curve` takes this name for a file's: it ends as a YAML or CSV file."""
    return Path(name).suffix.lower() in (".yaml", ".yml", ".csv")


def read_curve(path: Path) -> VoltageCurve:
    """The curve in a YAML file, or in a CSV with the columns `CSV_COLUMNS` (others are ignored).

    The order of the points does not matter; a CSV may be separated by commas, semicolons or tabs.

    Raises:
        InputError: no such file, not a voltage curve (the message names the field), or another curve
            under the name of a shipped one.
    """
    if path.suffix.lower() == ".csv":
        content: object = {"name": path.stem, "points": _csv_points(path)}
    else:
        content = read_yaml(path, "voltage curve")
    try:
        curve = _curve(CurveSchema.model_validate(content))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "content"
        message = str(first["msg"]).removeprefix("Value error, ")
        hint = "; write decimals with a point" if "," in str(first["input"]) and "parse" in message else ""
        raise InputError(f"voltage curve {path}: {field}: {message}{hint}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if curve.name.lower() in CURVES and curve.points != _shipped(curve.name.lower()).points:
        raise InputError(
            f"voltage curve {path}: the name {curve.name!r} belongs to a shipped curve; rename this one"
        )
    return curve


def dump_curve(curve: VoltageCurve) -> str:
    """The curve as the YAML that `load_curve` reads."""
    return yaml.safe_dump(json.loads(json.dumps(asdict(curve))), sort_keys=False)


def _shipped(name: str) -> VoltageCurve:
    resource = files("energy") / "data" / "curves" / f"{name}.yaml"
    return _curve(CurveSchema.model_validate(parse_yaml(resource.read_text(encoding="utf-8"), name)))


def _curve(content: CurveSchema) -> VoltageCurve:
    points = sorted(content.points, key=lambda point: point.voltage_norm)
    fields: dict[str, Any] = content.model_dump(exclude={"points", "notes"})
    return VoltageCurve(
        **fields,
        notes=tuple(content.notes),
        points=tuple(CurvePoint(**point.model_dump()) for point in points),
    )


def _csv_points(path: Path) -> list[dict[str, str]]:
    text = read_text(path, "voltage curve")
    header = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(SEPARATORS, key=header.count))
    try:
        columns = [column.strip() for column in next(rows, [])]
        twice = [column for column in CSV_COLUMNS if columns.count(column) > 1]
        if twice:
            raise InputError(f"voltage curve {path}: column {twice[0]!r} stands twice")
        points = []
        for row in filter(None, rows):
            if len(row) > len(columns):
                raise InputError(
                    f"voltage curve {path}, line {rows.line_num}: "
                    f"{len(row)} fields under {len(columns)} columns"
                )
            cells = dict(zip(columns, row, strict=False))
            points.append({column: cells[column].strip() for column in CSV_COLUMNS if column in cells})
    except csv.Error as error:
        raise InputError(f"voltage curve {path}, line {rows.line_num}: {error}") from error
    return points
