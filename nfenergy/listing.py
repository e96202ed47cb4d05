"""Everything that can be named on the command line, read from the registries."""

from __future__ import annotations

from energy.array import PRESETS
from energy.curve import CURVES, load_curve
from energy.engines import ENGINES
from neuralfuse.registry import DATASETS, networks
from nfenergy.errors import UnknownName
from topologies.convention import CONVENTIONS


def listing(what: str | None = None) -> dict[str, dict[str, str]]:
    """Names and descriptions by kind; one kind only where `what` names it.

    Raises:
        UnknownName: there is no such kind.
    """
    everything = {
        "bases": {name: network.title for name, network in networks("base").items()},
        "generators": {name: network.title for name, network in networks("generator").items()},
        "datasets": {
            name: f"{data.title}: {data.classes} classes, {' x '.join(map(str, data.image_shape))}"
            for name, data in DATASETS.items()
        },
        "curves": {name: f"{load_curve(name).title}. {load_curve(name).source}" for name in CURVES},
        "conventions": {name: convention.description for name, convention in CONVENTIONS.items()},
        "engines": dict(ENGINES),
        "arrays": {
            name: f"{array}, {array.ifmap_sram_kb}/{array.filter_sram_kb}/{array.ofmap_sram_kb} kB SRAM"
            for name, array in PRESETS.items()
        },
    }
    if what is None:
        return everything
    if what.lower() not in everything:
        raise UnknownName("kind of name", what, everything)
    return {what.lower(): everything[what.lower()]}
