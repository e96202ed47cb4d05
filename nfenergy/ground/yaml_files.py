"""YAML files of users: plain data, read strictly, every refusal one line with its place."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text

DEEPEST = 50
LONGEST_NUMBER = 10_000
NUMBERS_BEGIN_WITH = "-+.0123456789"
LARGEST_INTEGER = 2**63 - 1
_TIMESTAMP, _INTEGER, _FLOAT = (f"tag:yaml.org,2002:{kind}" for kind in ("timestamp", "int", "float"))
_EXPONENT = re.compile(
    r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+\Z"
)  # 1e-3, which YAML 1.1 takes for text


def read_yaml(path: Path, what: str) -> object:
    """The data in a YAML file: mappings, lists, text, numbers, booleans and None; `what` as in `read_text`.

    Dates stay text, and ``1e-3`` is a number. Anchors, tags, a key that stands twice, nesting deeper than
    50 and integers beyond 64 bits are refused: a file of settings needs none of them, and some are attacks.

    Raises:
        InputError: the file cannot be read or is not such YAML; the message has file, line and column.
    """
    return parse_yaml(read_text(path, what), str(path))


def parse_yaml(text: str, where: str) -> object:
    """The data in a YAML text, as in `read_yaml`; `where` names its origin in errors."""
    try:
        return yaml.load(text, _StrictLoader)
    except _Refused as error:
        raise InputError(f"{where}, {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        raise InputError(f"{where} is not YAML:{place} {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{where} is not YAML: {' '.join(str(error).split())}") from error


class _Refused(Exception):
    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        super().__init__(f"line {mark.line + 1}, column {mark.column + 1}: {problem}")


class _StrictLoader(yaml.SafeLoader):
    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Refused("anchors and aliases are not read", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise _Refused(f"the tag {event.tag[:60]} is not read", event.start_mark)
        plain = isinstance(event, yaml.ScalarEvent) and event.style is None
        if plain and len(event.value) > LONGEST_NUMBER and event.value[0] in NUMBERS_BEGIN_WITH:
            # PyYAML's patterns take a time that grows with the square of the length.
            raise _Refused(
                f"a number of {len(event.value):,} characters; quote what is text", event.start_mark
            )
        if self.depth >= DEEPEST:
            raise _Refused(f"nested deeper than {DEEPEST}", event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag == _INTEGER and len(node.value) > len(str(LARGEST_INTEGER)) * 4:
            raise _Refused("an integer beyond 64 bits", node.start_mark)
        try:
            value = super().construct_object(node, deep=deep)
            if isinstance(value, str):
                value.encode()
        except (ValueError, LookupError) as error:
            problem = f"{str(node.value)[:60]!r} cannot be read"
            raise _Refused(problem, node.start_mark) from error
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            raise _Refused("an integer beyond 64 bits", node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise _Refused(f"key {key!r} stands twice", key_node.start_mark)
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(_FLOAT, _EXPONENT, list(NUMBERS_BEGIN_WITH))
