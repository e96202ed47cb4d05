"""Small statements that the rules of several formats are made of; none of them calls nfenergy."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import yaml

from tests.fuzz.case import Forbidden

BASES = (
    *("resnet18", "resnet50", "vgg11", "vgg16", "vgg19"),
    *("simplenet", "simplenet-mnist", "resnet20", "wrn", "preact-resnet18"),
)
SHIPPED_CURVES = ("stutz2021-14nm", "salami2018-28nm-kc705b", "salami2018-28nm-vc707")
SHIPPED_TABLES = (
    *("horowitz2014-45nm", "jouppi2021-7nm", "cacti7-45nm-lop", "cacti7-22nm-lop"),
    "eyeriss2016-relative",
)
DATASETS = ("cifar10", "cifar100", "gtsrb", "imagenet10", "digits", "mnist", "fashion-mnist")
GENERATORS = (
    *("none", "convl", "convs", "deconvl", "deconvs", "unetl", "unets"),
    *("unetl-released", "unets-released", "uip"),
)


def demand(condition: object, rule: str) -> None:
    """Raises Forbidden: the rule is broken."""
    if not condition:
        raise Forbidden(rule)


def text_of(path: Path) -> str:
    """The text of a file, which must be UTF-8; a byte-order mark may lead it."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Forbidden("it is not UTF-8") from None


def rows_of(path: Path, *, separator: str = ",") -> list[dict[str, str]]:
    """The rows of a CSV by column: a header, no column twice, as many cells in each row."""
    try:
        found = list(csv.reader(io.StringIO(text_of(path), newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise Forbidden(f"it is no CSV: {error}") from None
    rows = [[cell.strip() for cell in row] for row in found if row]
    demand(rows, "it is empty")
    named = [title for title in rows[0] if title]
    demand(len(named) == len(set(named)), "a column stands twice")
    for row in rows[1:]:
        demand(len(row) == len(rows[0]), "a row has another number of cells than the header")
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def number(text: Any, low: float = -math.inf, high: float = math.inf, *, whole: bool = False) -> float:
    """A finite number in a range, in ASCII digits."""
    spelt = str(text).strip()
    demand(
        re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", spelt, re.ASCII),
        f"{spelt[:30]!r} is no number",
    )
    if whole and re.fullmatch(r"[+-]?\d+", spelt):
        demand(low <= int(spelt) <= high, f"{spelt[:30]} is not between {low} and {high}")
        return low
    value = float(spelt)
    demand(math.isfinite(value) and low <= value <= high, f"{spelt[:30]} is not between {low} and {high}")
    demand(not whole or value.is_integer(), f"{spelt[:30]} is no whole number")
    return value


def plain(value: Any, low: float, high: float, *, above: bool = False) -> float:
    """A number of a YAML or JSON in a range; `above`: the lower end left out. True and text are none."""
    demand(isinstance(value, int | float) and not isinstance(value, bool), f"{value!r:.40} is no number")
    demand(math.isfinite(value), f"{value!r:.40} is not finite")
    demand(
        low < value <= high if above else low <= value <= high,
        f"{value!r:.40} is not between {low} and {high}",
    )
    return float(value)


def tree_of(path: Path) -> Any:
    """What a YAML holds: plain data, no anchors, no tags, no key twice, no deep nesting."""
    text = text_of(path)
    try:
        events = list(yaml.parse(text, yaml.SafeLoader))
        tree = yaml.load(text, _NoDoubles)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, RecursionError) as error:
        if (type(error) is ValueError and "month" in str(error)) or "day" in str(error):
            return None  # dates stay text in nfenergy
        raise Forbidden(f"it is no YAML: {type(error).__name__}") from None
    depth = deepest = 0
    for event in events:
        demand(getattr(event, "anchor", None) is None, "it has anchors")
        demand(getattr(event, "tag", None) is None, "it has tags")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            deepest = max(deepest, depth)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    demand(deepest <= 50, "it is nested deeper than 50")
    return tree


class _NoDoubles(yaml.SafeLoader):
    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        try:
            demand(len(keys) == len(set(keys)), "a key stands twice")
        except TypeError:
            raise Forbidden("a key is a list or a mapping") from None
        return super().construct_mapping(node, deep=deep)


EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+", re.ASCII)


def as_number(value: Any) -> Any:
    """A text such as 1e-3, which YAML 1.1 takes for text and nfenergy for a number; others as they are."""
    return float(value) if isinstance(value, str) and EXPONENT.fullmatch(value) else value
