"""Everything that can be named on the command line, read from the registries."""

from __future__ import annotations

from collections.abc import Callable

from energy.array import PRESETS
from energy.curve_files import CURVES, load_curve
from energy.engines import ENGINES
from neuralfuse.registry import DATASETS, networks
from nfenergy.ground.errors import UnknownName
from topologies.convention import CONVENTIONS

Entries = dict[str, str]


def listing(what: str | None = None) -> dict[str, Entries]:
    """Names and descriptions by kind; one kind only where `what` names it.

    Raises:
        UnknownName: there is no such kind.
    """
    if what is None:
        return {kind: entries() for kind, entries in KINDS.items()}
    if what.lower() not in KINDS:
        raise UnknownName("kind of name", what, KINDS)
    return {what.lower(): KINDS[what.lower()]()}


def _datasets() -> Entries:
    return {
        name: f"{data.title}: {data.classes} classes, {' x '.join(map(str, data.image_shape))}"
        for name, data in DATASETS.items()
    }


def _fault_models() -> Entries:
    from neuralfuse.memory.fault_models import FAULT_MODELS
    from neuralfuse.memory.profiled_chips import PROFILED_CHIPS

    built_in = {name: model.title for name, model in FAULT_MODELS.items()}
    return built_in | {name: chip.title for name, chip in PROFILED_CHIPS.items()}


def _arrays() -> Entries:
    return {
        name: f"{array}, {array.ifmap_sram_kb}/{array.filter_sram_kb}/{array.ofmap_sram_kb} kB SRAM"
        for name, array in PRESETS.items()
    }


KINDS: dict[str, Callable[[], Entries]] = {
    "bases": lambda: {name: network.title for name, network in networks("base").items()},
    "generators": lambda: {name: network.title for name, network in networks("generator").items()},
    "datasets": _datasets,
    "fault-models": _fault_models,
    "curves": lambda: {name: f"{load_curve(name).title}. {load_curve(name).source}" for name in CURVES},
    "conventions": lambda: {name: convention.description for name, convention in CONVENTIONS.items()},
    "engines": lambda: dict(ENGINES),
    "arrays": _arrays,
}
