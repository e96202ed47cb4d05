"""YAML of users: plain data as it is meant, everything else refused in one line with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nfenergy.ground.errors import InputError
from nfenergy.ground.yaml_files import DEEPEST, parse_yaml, read_yaml

BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=8)
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3)
)


@given(documents)
def test_plain_data_arrives_as_it_was(document: object) -> None:
    assert parse_yaml(yaml.safe_dump(document), "x") == document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 2020-99-99", {"a": "2020-99-99"}),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: [1e-3, -2E6, 0.5, 1.5e3, .5e1]", {"a": [0.001, -2e6, 0.5, 1500.0, 5.0]}),
        ("a: [1e, e3, '1e-3', 1e-3x]", {"a": ["1e", "e3", "1e-3", "1e-3x"]}),
        ("a: 9223372036854775807", {"a": 2**63 - 1}),
        ("[" * DEEPEST + "]" * DEEPEST, json.loads("[" * DEEPEST + "]" * DEEPEST)),
    ],
)
def test_what_is_read(text: str, value: object) -> None:
    assert parse_yaml(text, "x") == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("voltages: [0.9]\nvoltages: [0.8]\n", "x.yaml, line 2, column 1: key 'voltages' stands twice"),
        ("a: {b: 1, c: 2, b: 3}", "x.yaml, line 1, column 17: key 'b' stands twice"),
        ("- a: 1\n  'a': 2\n", "x.yaml, line 2, column 3: key 'a' stands twice"),
        ("1: a\n1.0: b\n", "key 1.0 stands twice"),
        ("a: " + "9" * 5000, "x.yaml, line 1, column 4: an integer beyond 64 bits"),
        ("a: 9223372036854775808", "an integer beyond 64 bits"),
        ("a: 0x" + "f" * 1000, "an integer beyond 64 bits"),
        ("a: 0x_", "'0x_' cannot be read"),
        ("a: !!float 1[x]", "x.yaml, line 1, column 4: the tag tag:yaml.org,2002:float is not read"),
        ("a: !mine 1", "the tag !mine is not read"),
        (
            "!!python/object/apply:os.system ['true']",
            "python/object/apply:os.system is not",
        ),
        ("[" * 3000, f"nested deeper than {DEEPEST}"),
        ("[" * 3000 + "]" * 3000, f"nested deeper than {DEEPEST}"),
        ("- " * 3000 + "1", f"nested deeper than {DEEPEST}"),
        ("? " * 3000 + "1", f"nested deeper than {DEEPEST}"),
        (BOMB, "x.yaml, line 1, column 4: anchors and aliases are not read"),
        ("a: *b", "anchors and aliases are not read"),
        ("{[1]: 2}", "x.yaml is not YAML: line 1, column 2: found unhashable key"),
        ("<<: {a: 1}\nb: 2", "could not determine a constructor"),
        ("a: [1, 2", "x.yaml is not YAML: line 1, column 9: expected ',' or ']'"),
        ("a: 1\n--- \nb: 2\n", "another document"),
        ('a: "\\ud800"', "cannot be read"),
        ("\x00", "x.yaml is not YAML: unacceptable character"),
    ],
)
def test_what_is_refused_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(text.encode())
    with pytest.raises(InputError) as error:
        read_yaml(path, "curve")
    assert reason in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read curve .*absent"):
        read_yaml(tmp_path / "absent.yaml", "curve")
