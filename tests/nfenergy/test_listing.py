"""The registries, listed."""

from __future__ import annotations

import pytest

from energy.array import PRESETS
from energy.curve_files import CURVES
from energy.engines import ENGINES
from neuralfuse.memory.fault_models import FAULT_MODELS
from neuralfuse.memory.profiled_chips import PROFILED_CHIPS
from neuralfuse.registry import DATASETS, networks
from nfenergy.ground.errors import UnknownName
from nfenergy.listing import listing
from topologies.convention import CONVENTIONS


def test_everything_is_listed_from_its_registry() -> None:
    found = listing()
    assert list(found["bases"]) == list(networks("base"))
    assert list(found["generators"]) == list(networks("generator"))
    assert list(found["datasets"]) == list(DATASETS)
    assert list(found["fault-models"]) == [*FAULT_MODELS, *PROFILED_CHIPS]
    assert list(found["curves"]) == list(CURVES)
    assert list(found["conventions"]) == list(CONVENTIONS)
    assert list(found["engines"]) == list(ENGINES)
    assert list(found["arrays"]) == list(PRESETS)
    assert all(description for entries in found.values() for description in entries.values())


@pytest.mark.parametrize("kind", ["bases", "generators", "curves", "datasets", "Engines", "fault-models"])
def test_one_kind(kind: str) -> None:
    assert listing(kind) == {kind.lower(): listing()[kind.lower()]}


def test_an_unknown_kind_names_the_near_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'bases'"):
        listing("base")
