"""The two conventions and the rules that only they decide."""

from __future__ import annotations

import pytest

from nfenergy.ground.errors import InputError, UnknownName
from topologies.convention import CONVENTIONS, DECONVOLUTIONS, get_convention
from topologies.deconv import EXACT_MAPPINGS


def test_there_are_two_and_names_ignore_case() -> None:
    assert set(CONVENTIONS) == {"paper", "exact"}
    for name, convention in CONVENTIONS.items():
        assert get_convention(name.upper()) is convention
        assert convention.name == name


def test_an_unknown_one_names_the_near_one() -> None:
    with pytest.raises(UnknownName, match=r"no convention named 'papers'\. Did you mean 'paper'"):
        get_convention("papers")


@pytest.mark.parametrize(
    ("convention", "default"), [("paper", "paper"), ("exact", "zero-insertion"), ("EXACT", "zero-insertion")]
)
def test_default_deconvolution(convention: str, default: str) -> None:
    assert get_convention(convention).deconvolution(None) == default


@pytest.mark.parametrize(
    ("convention", "mapping"),
    [("paper", "subpixel"), ("paper", "zero-insertion"), ("exact", "paper"), ("exact", "zeros")],
)
def test_a_mapping_of_the_other_convention_is_refused(convention: str, mapping: str) -> None:
    rules = CONVENTIONS[convention]
    with pytest.raises(InputError, match=f"{mapping!r} does not go with convention {convention!r}") as error:
        rules.deconvolution(mapping)
    assert all(allowed in str(error.value) for allowed in rules.deconvolutions)


def test_every_exact_mapping_is_implemented() -> None:
    assert set(CONVENTIONS["exact"].deconvolutions) == set(EXACT_MAPPINGS)
    assert set(DECONVOLUTIONS) == {"paper", *EXACT_MAPPINGS}


def test_ifmap_extents_of_a_stride_two_convolution() -> None:
    # 32 pixels, padding 1, filter 3, stride 2: PyTorch's ofmap is 16.
    assert CONVENTIONS["paper"].ifmap_extent(32, 1, 3, 2, 16) == 34
    assert CONVENTIONS["exact"].ifmap_extent(32, 1, 3, 2, 16) == 33
