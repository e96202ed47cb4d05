"""Registries: names in any case, near matches, one row a name."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.registry import Registry


@dataclass(frozen=True)
class Tool:
    name: str
    title: str = ""


def tools() -> Registry[Tool]:
    return Registry("tool", [Tool("saw"), Tool("hammer-2.5"), Tool("drill")])


def test_rows_keep_their_order_and_are_a_mapping() -> None:
    found = tools()
    assert list(found) == ["saw", "hammer-2.5", "drill"]
    assert (len(found), found["saw"], found.get("axe")) == (3, Tool("saw"), None)


@pytest.mark.parametrize("name", ["drill", "Drill", "DRILL"])
def test_a_row_is_found_in_any_case(name: str) -> None:
    assert tools().find(name) == Tool("drill")


def test_an_unknown_name_gets_near_matches_and_all_names() -> None:
    with pytest.raises(UnknownName) as error:
        tools().find("dril")
    assert str(error.value) == ("no tool named 'dril'. Did you mean 'drill'? Known: drill, hammer-2.5, saw.")
    assert error.value.exit_status == 2


def test_a_name_is_taken_once() -> None:
    found = tools()
    with pytest.raises(InputError, match="two rows for tool 'saw'; rename one"):
        found.add(Tool("saw", "another"))
    assert found["saw"].title == ""


@pytest.mark.parametrize("name", ["", "Saw", "two words", "tab\t", "line\n"])
def test_a_name_that_could_not_be_typed_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="a name is one word in lower case"):
        tools().add(Tool(name))
