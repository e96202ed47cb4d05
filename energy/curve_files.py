"""Voltage curves by name and from files: a YAML like the shipped ones, or a CSV with one row a voltage."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

import yaml

from energy.curve import VoltageCurve
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text
from nfenergy.ground.registry import Registry
from nfenergy.ground.yaml_files import parse_yaml, read_yaml

CSV_COLUMNS = ("voltage_norm", "voltage_v", "bit_error_rate_percent", "energy_per_access_norm")
VMIN_COLUMN = "vmin_v"
SEPARATORS = ",;\t"


def load_curve(name_or_file: str, *, assume_v2: bool = False) -> VoltageCurve:
    """A shipped curve by name, or a curve from a file.

    Args:
        name_or_file: one of `CURVES`, or the path of a YAML or CSV file.
        assume_v2: where a file gives no energy, take the square of the voltage, and note it. Energies
            that are given stay.

    Raises:
        UnknownName: neither a shipped curve nor a YAML or CSV file.
        InputError: the file is not a voltage curve; the message names the field.
    """
    if is_curve_file(name_or_file):
        return read_curve(Path(name_or_file), assume_v2=assume_v2)
    return CURVES.find(name_or_file).load()


def is_curve_file(name: str) -> bool:
    """Whether `load_curve` takes this name for a file's: it ends as a YAML or CSV file."""
    return Path(name).suffix.lower() in (".yaml", ".yml", ".csv")


def read_curve(path: Path, *, assume_v2: bool = False) -> VoltageCurve:
    """The curve in a YAML file, or in a CSV with the columns `CSV_COLUMNS` (others are ignored).

    Voltages are relative to Vmin (``voltage_norm``) or in volts (``voltage_v``), then with Vmin in
    ``vmin_v``: a field of the YAML, a column of equal values in a CSV. The order of the points does not
    matter; a CSV may be separated by commas, semicolons or tabs.

    Raises:
        InputError: no such file, not a voltage curve (the message names the field), no energy without
            `assume_v2`, or another curve under the name of a shipped one.
    """
    from energy.curve_schema import curve_of

    is_csv = path.suffix.lower() == ".csv"
    content = _csv_content(path) if is_csv else read_yaml(path, "voltage curve")
    try:
        curve = curve_of(content, assume_v2=assume_v2)
    except InputError as error:
        raise InputError(f"voltage curve {path}: {error}") from error
    if curve.name.lower() in CURVES and curve.points != CURVES[curve.name.lower()].load().points:
        raise InputError(
            f"voltage curve {path}: the name {curve.name!r} belongs to a shipped curve; rename this one"
        )
    return curve


def dump_curve(curve: VoltageCurve) -> str:
    """The curve as the YAML that `load_curve` reads."""
    content = json.loads(json.dumps(asdict(curve)))
    return yaml.safe_dump(
        {field: value for field, value in content.items() if value is not None}, sort_keys=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCurve:
    """A curve by name; it is read when it is needed."""

    name: str
    load: Callable[[], VoltageCurve]

    @property
    def title(self) -> str:
        """What was measured, and by whom."""
        return f"{self.load().title}. {self.load().source}"


@cache
def _shipped(name: str) -> VoltageCurve:
    from energy.curve_schema import curve_of

    resource = files("energy") / "data" / "curves" / f"{name}.yaml"
    return curve_of(parse_yaml(resource.read_text(encoding="utf-8"), name))


CURVES: Registry[NamedCurve] = Registry(
    "voltage curve",
    (
        NamedCurve(name=name, load=partial(_shipped, name))
        for name in ("stutz2021-14nm", "salami2018-28nm-kc705b", "salami2018-28nm-vc707")
    ),
)


def _csv_content(path: Path) -> dict[str, object]:
    """A CSV as the content of a YAML."""
    rows = _csv_rows(path)
    vmin = {row.get(VMIN_COLUMN) for row in rows}
    if len(vmin) > 1:
        raise InputError(f"voltage curve {path}: {VMIN_COLUMN} must be the same in every row")
    points = [{column: row[column] for column in CSV_COLUMNS if column in row} for row in rows]
    return {"name": path.stem, "points": points, VMIN_COLUMN: next(iter(vmin), None)}


def _csv_rows(path: Path) -> list[dict[str, str]]:
    text = read_text(path, "voltage curve")
    separator = max(SEPARATORS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = [column.strip() for column in next(reader, [])]
        twice = [column for column in columns if column and columns.count(column) > 1]
        if twice:
            raise InputError(f"voltage curve {path}: column {twice[0]!r} stands twice")
        rows = []
        for row in filter(None, reader):
            if len(row) != len(columns):
                raise InputError(
                    f"voltage curve {path}, line {reader.line_num}: "
                    f"{len(row)} fields under {len(columns)} columns"
                )
            rows.append(dict(zip(columns, map(str.strip, row), strict=False)))
    except csv.Error as error:
        raise InputError(f"voltage curve {path}, line {reader.line_num}: not CSV: {error}") from error
    return rows
