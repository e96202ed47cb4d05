"""Arrays by size and preset."""

from __future__ import annotations

import pytest

from energy.array import PRESET_TITLES, PRESETS, SystolicArray, parse_size
from energy.scalesim.cfg import load_array
from nfenergy.ground.errors import InputError


@pytest.mark.parametrize("name", [*PRESETS, "GOOGLE", "Eyeriss"])
def test_presets_by_upstream_names(name: str) -> None:
    assert load_array(config=name) == PRESETS[name.lower()]


def test_presets_are_upstreams() -> None:
    assert load_array() == PRESETS["scale"] == SystolicArray()
    assert str(PRESETS["scale"]) == "32x32 os"
    google, eyeriss = PRESETS["google"], PRESETS["eyeriss"]
    assert (google.rows, google.cols, google.ifmap_sram_kb, google.ofmap_sram_kb) == (256, 256, 6144, 2048)
    assert (eyeriss.rows, eyeriss.cols) == (12, 14)


def test_every_preset_has_a_description_and_its_version() -> None:
    assert list(PRESET_TITLES) == list(PRESETS)
    assert all(("SCALE-Sim 3" in title) == name.endswith("-v3") for name, title in PRESET_TITLES.items())


@pytest.mark.parametrize("text", ["32", "32x", "x32", "32*32", "32x32x32", "-1x4", "1.5x2", "", "32 x 32"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected ROWSxCOLS such as 32x32"):
        parse_size(text)


@pytest.mark.parametrize("size", ["0x4", "4x0", "70000x1"])
def test_a_size_out_of_range_is_refused(size: str) -> None:
    with pytest.raises(InputError, match="expected 1 to 65536"):
        load_array(size=size)


def test_neither_preset_nor_file() -> None:
    with pytest.raises(InputError, match=r"no file and no preset 'gogle'\. Presets: scale, google, eyeriss"):
        load_array(config="gogle")
