"""Damage to tables and trees: columns and keys dropped, doubled, renamed, and values of other kinds."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any

import yaml

from tests.fuzz.mutations import damaged_bytes, damaged_text, number, several, word

Tree = Any


def damaged_table(content: bytes, rng: random.Random) -> bytes:
    """A CSV with one cell, column or row changed."""
    try:
        rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline="")) if row]
    except csv.Error:
        return damaged_bytes(content, rng)
    if not rows or not rows[0]:
        return content
    rng.choice((_cell, _cell, _cell, _cell, _title, _title, _column, _column, _row))(rows, rng)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _cell(rows: list[list[str]], rng: random.Random) -> None:
    row = rng.choice(rows[1:] or rows)
    if row:
        at = rng.randrange(len(row))
        other = rng.choice(rows)
        row[at] = rng.choice(
            (number(rng), number(rng), word(rng), "", other[min(at, len(other) - 1)] if other else "")
        )


def _title(rows: list[list[str]], rng: random.Random) -> None:
    at = rng.randrange(len(rows[0]))
    title = rows[0][at]
    rows[0][at] = rng.choice(
        (
            title.upper(),
            f" {title} ",
            title[:-1],
            title + "s",
            rng.choice(rows[0]),
            word(rng),
            "",
            f"{title}x",
        )
    )


def _column(rows: list[list[str]], rng: random.Random) -> None:
    at, to = rng.randrange(len(rows[0])), rng.randrange(len(rows[0]))
    kind = rng.randrange(4)
    for row in rows:
        if at >= len(row) or to >= len(row):
            continue
        if kind == 0:
            del row[at]
        elif kind == 1:
            row.insert(to, row[at])
        elif kind == 2:
            row[at], row[to] = row[to], row[at]
        else:
            row.append("remark" if row is rows[0] else word(rng))


def _row(rows: list[list[str]], rng: random.Random) -> None:
    at = rng.randrange(len(rows))
    kind = rng.randrange(4)
    if kind == 0:
        del rows[at]
    elif kind == 1:
        rows.append(list(rows[at]))
    elif kind == 2:
        rows[at].append("1")
    elif rows[at]:
        rows[at].pop()


def damaged_tree(tree: Tree, rng: random.Random) -> Tree:
    """A tree of dicts and lists with one value or key changed; the tree itself is changed."""
    places: list[tuple[Any, Any]] = []

    def visit(node: Tree) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                places.append((node, key))
                visit(value)
        elif isinstance(node, list):
            for at, value in enumerate(node):
                places.append((node, at))
                visit(value)

    visit(tree)
    if not places:
        return rng.choice(([], {}, None, 1, "x"))
    holder, key = rng.choice(places)
    kind = rng.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice((f"{key}s", str(key).upper(), str(key)[:-1], word(rng)))] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.insert(key, holder[rng.randrange(len(holder))])
    elif kind == 3 and isinstance(holder, dict):
        holder[rng.choice((word(rng), "extra", number(rng)))] = odd_value(rng, holder[key])
    else:
        holder[key] = odd_value(rng, holder[key])
    return tree


def odd_value(rng: random.Random, value: Tree = None) -> Tree:
    """A value of another kind or size."""
    return rng.choice(
        (
            *(
                None,
                True,
                False,
                0,
                1,
                -1,
                0.5,
                -0.0,
                1e300,
                1e-320,
                float("inf"),
                float("nan"),
                2**31,
                2**63 - 1,
            ),
            *(2**63, 10**30, "", "x", "1", "nan", [], {}, [value], {"x": value}, [value, value], [[]], [{}]),
            *(number(rng), number(rng), word(rng), rng.randint(-3, 200), rng.uniform(-1, 2)),
        )
    )


def _nested(text: str, rng: random.Random) -> str:
    depth = rng.choice((60, 3000))
    return f"{text}\ndeep: {'[' * depth}{']' * depth}\n"


def _yaml_extras(text: str, rng: random.Random) -> str:
    lines = text.splitlines()
    at = rng.randrange(len(lines)) if lines else 0
    extra = rng.choice(
        (
            *(
                "a: &x 1",
                "b: *x",
                "<<: {a: 1}",
                "name: !!python/object/apply:os.getpid []",
                "? [1, 2]\n: 3",
                "%YAML 1.2",
            ),
            *(
                "---",
                "...",
                "- 1",
                "x: 2020-99-99",
                "x: !!binary aGk=",
                "name: !!set {a}",
                "\tname: x",
                "{",
                "a: b: c",
            ),
            *(lines[at : at + 1] or ["x: 1"]),
        )
    )
    return "\n".join([*lines[:at], extra, *lines[at:], ""])


def damaged_yaml(content: bytes, rng: random.Random) -> bytes:
    """A YAML with one value or key changed, something added, or nested deeply."""
    text = content.decode("utf-8", "replace")
    kind = rng.randrange(6)
    if kind == 0:
        return (_nested if rng.random() < 0.3 else _yaml_extras)(text, rng).encode("utf-8", "surrogatepass")
    try:
        tree = yaml.safe_load(text)
        changed = yaml.safe_dump(damaged_tree(tree, rng), sort_keys=False, allow_unicode=True)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, LookupError):
        return damaged_text(content, rng)
    return changed.encode("utf-8", "surrogatepass")


def damaged_json(content: bytes, rng: random.Random) -> bytes:
    """A JSON with one value or key changed."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return damaged_text(content, rng)
    return json.dumps(damaged_tree(tree, rng), indent=1).encode("utf-8", "surrogatepass")


TABLE: Callable[[bytes, random.Random], bytes] = several(damaged_table, damaged_table, damaged_text)
YAML: Callable[[bytes, random.Random], bytes] = several(damaged_yaml, damaged_yaml, damaged_text)
JSON: Callable[[bytes, random.Random], bytes] = several(damaged_json, damaged_text)
