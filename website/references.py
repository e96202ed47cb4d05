"""Generated pages: commands from the command line, columns from the tables, names from the registries."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).parents[1]
WRITTEN = re.compile(r"csv_text\(\s*(?:\w+\.)*(\w+)")
ROOMS = ("nfenergy", "topologies", "energy", "neuralfuse", "reports")

FILES = {
    "Saving": "`summary.csv` of `simulate --out`, `sweep.parquet` and `sweep.csv` of `sweep`",
    "Tradeoff": "`tradeoff.csv` of `report` and `plot`",
    "LayerRow": "`layers.csv` of `simulate --out` and `report`",
    "Accuracy": "`accuracy.csv` of `evaluate` and `demo-accuracy`, and every file given to `--accuracy`",
    "WallTime": "the CSV of `measure-latency --out`",
    "LayerSensitivity": "`sensitivity.csv` of `sensitivity`",
    "AssignedLayer": "`assignment.csv` of `assign`",
    "ProtectionRow": "`protections.csv` of `protections --out`",
    "TargetRow": "`targets.csv` of `protections --out`",
    "FloorRow": "`floors.csv` of `protections --out`",
    "AssignmentStanding": "`standings.csv` of `assign --out`",
    "Placement": "`placements.csv` of `assign --out` with a fault map",
}
"""Where a record's table is written; a record that is not named here is listed all the same."""


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    names = list(header)
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def commands_page() -> str:
    """Every command of the command line with its arguments and options."""
    import typer

    from nfenergy.cli import app
    from nfenergy.commands import COMMANDS

    group: Any = typer.main.get_command(app)
    parts = [
        "# Commands",
        "Generated from the command line itself. `nfenergy COMMAND --help` prints the same, "
        "`nfenergy --install-completion` completes commands, options and names in the shell.",
        table(
            ["command", "what it does"],
            [[f"[`{name}`](#{name})", text] for name, (_, text) in COMMANDS.items()],
        ),
    ]
    for name, (_, text) in COMMANDS.items():
        parts += [f"## {name}", text, *_parameters(name, group.get_command(None, name).params)]
    return "\n\n".join(parts) + "\n"


def _parameters(name: str, params: Iterable[Any]) -> Iterator[str]:
    shown = [param for param in params if not getattr(param, "hidden", False) and param.name != "help"]
    arguments = [param for param in shown if not any(word.startswith("-") for word in param.opts)]
    options = [param for param in shown if param not in arguments]
    usage = " ".join(
        [
            "nfenergy",
            name,
            *(_usage(param) for param in arguments),
            *(_usage(p) for p in options if p.required),
        ]
    )
    yield f"```text\n{usage} [OPTIONS]\n```"
    if arguments:
        yield table(
            ["argument", "meaning"], [[f"`{param.name.upper()}`", param.help or ""] for param in arguments]
        )
    if options:
        rows = [[_flags(param), param.help or "", _kind(param), _default(param)] for param in options]
        yield table(["option", "meaning", "takes", "default"], rows)


def _usage(param: Any) -> str:
    word = param.opts[0]
    if word.startswith("-"):
        return f"{word} {param.name.upper()}"
    return word.upper() if param.required else f"[{word.upper()}]"


def _flags(param: Any) -> str:
    return " ".join(f"`{word}`" for word in [*param.opts, *param.secondary_opts])


def _kind(param: Any) -> str:
    if getattr(param, "is_flag", False):
        return ""
    if param.metavar:
        return str(param.metavar)
    descriptor = getattr(param, "type_descriptor", None)
    hint = getattr(descriptor, "annotation", str)
    inner = next((part for part in get_args(hint) if part is not type(None)), hint)
    word = {int: "whole number", float: "number", Path: "path"}.get(inner, "text")
    return f"{word}, repeatable" if param.multiple else word


def _default(param: Any) -> str:
    if param.required:
        return "required"
    value = param.default
    if value is None or value == "" or getattr(param, "is_flag", False):
        return ""
    return f"`{value}`"


def columns_page() -> str:
    """Every table's columns: name, type, unit, meaning and source of each."""
    parts = [
        "# Columns",
        "Generated from the records that the tables are made of. CSV files are UTF-8 with commas, `.` in "
        "decimals, an empty cell for no value, `true` and `false` for a boolean. Parquet files have the same "
        "columns.",
    ]
    for record in records():
        parts += [f"## {record.__name__}", *_columns(record)]
    return "\n\n".join(parts) + "\n"


def _columns(record: type) -> Iterator[str]:
    from nfenergy.ground.columns import cells

    yield (inspect.getdoc(record) or "").split("\n\n")[0].replace("\n", " ")
    if record.__name__ in FILES:
        yield f"Written to {FILES[record.__name__]}."
    yield f"Record `{record.__module__}.{record.__name__}`."
    rows = [
        [
            f"`{cell.column.name}`",
            cell.column.meaning,
            cell.column.kind + (", may be empty" if cell.column.optional else ""),
            cell.column.unit,
            cell.column.source,
        ]
        for cell in cells(record)
    ]
    yield table(["column", "meaning", "type", "unit", "source"], rows)


def records() -> list[type]:
    """The records that are written as a table: those that a module hands to `csv_text`."""
    from nfenergy.ground.columns import columns

    tables = set(FILES).union(*(WRITTEN.findall(path.read_text(encoding="utf-8")) for path in _modules()))
    found = {record for module in _modules_with_columns() for record in _dataclasses(module)}
    rows = [
        record
        for record in found
        if record.__name__ in tables and not any("{" in column.name for column in columns(record))
    ]
    known = list(FILES)
    return sorted(rows, key=lambda row: (_place(row.__name__, known), row.__name__))


def _place(name: str, known: list[str]) -> int:
    return known.index(name) if name in known else len(known)


def _modules() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def _modules_with_columns() -> Iterator[Any]:
    for path in _modules():
        if "Column(" in path.read_text(encoding="utf-8") and path.name != "columns.py":
            yield import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def _dataclasses(module: Any) -> Iterator[type]:
    for value in vars(module).values():
        if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__:
            yield value


def names_page() -> str:
    """Everything that can be named on the command line."""
    from nfenergy.listing import listing

    parts = [
        "# Names",
        "Generated from the registries; `nfenergy list` prints the same, with what installed packages add. "
        "Names are case-insensitive.",
    ]
    for kind, entries in listing().items():
        parts += [
            f"## {kind}",
            table(["name", "what it is"], [[f"`{name}`", text] for name, text in entries.items()]),
        ]
    return "\n\n".join(parts) + "\n"
