"""Settings of a declaration filled in with the cells of a row, as records that training and test take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from neuralfuse.evaluation.conditions import Conditions
from neuralfuse.quantization import Quantization, get_scheme
from neuralfuse.registry import BASES, GENERATORS
from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.data_recipes import PAPERS, base_recipe, eopm_settings
from neuralfuse.training.eopm import EopmSettings
from neuralfuse.training.streams import TEST_CHIPS
from neuralfuse.user_networks import find_network
from nfenergy.experiments.declaration import Cell, Template
from nfenergy.experiments.stages import BaseStage, GeneratorStage
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import parse_rate

STORED = ("scheme", "bits", "memory")
BASE_KEYS = {
    *("network", "dataset", "width", "normalization", "images", "unquantized", "clip_factor", "wide_groups"),
    *STORED,
} | {field.name for field in fields(BaseRecipe) if field.name != "quantization"}
WIDE_GROUPS = {"group-shifted": "group-shifted-8", "group-fixed": "group-fixed-8"}
"""Half as many groups as channels leaves a narrow network two values to normalise where images are small."""

GENERATOR_KEYS = {"network", "images", "before"} | {field.name for field in fields(EopmSettings)}
TEST_KEYS = {field.name for field in fields(Conditions)} - {"rate", "quantization"} | {*STORED, "pattern"}


def filled(template: Any, cells: Mapping[str, Cell]) -> Any:
    """A template in which ``$NAME`` has become that cell, and ``$NAME%`` the fraction of that percentage.

    Raises:
        InputError: there is no such cell, or it is no percentage.
    """
    if isinstance(template, Mapping):
        return {key: filled(value, cells) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, cells) for value in template]
    if not isinstance(template, str) or not template.startswith("$"):
        return template
    name = template.removeprefix("$").removesuffix("%")
    if name not in cells:
        raise InputError(f"{template}: a row has no cell {name!r}. Known: {', '.join(cells)}.")
    if template.endswith("%") and cells[name] is not None:
        return parse_rate(f"{cells[name]}%")
    return cells[name]


def base_stage(settings: Template, *, paper: str, dataset: str) -> BaseStage:
    """The training of a base: the paper's recipe for the data set, changed by `settings`.

    Raises:
        InputError: an unknown key, or a value that the recipe refuses.
    """
    _check_keys("base", settings, BASE_KEYS)
    dataset = settings.get("dataset", dataset)
    recipe = base_recipe(dataset, paper=paper if paper in PAPERS else "")
    stored: Quantization | None = None
    if not settings.get("unquantized"):
        stored = _stored(recipe.quantization or Quantization(), settings)
    own = {field.name for field in fields(BaseRecipe)} & settings.keys()
    changes = {name: settings[name] for name in own}
    if changes.get("clip") is not None:
        changes["clip"] *= settings.get("clip_factor", 1.0)
    if "milestones" in changes:
        changes["milestones"] = tuple(changes["milestones"])
    normalization = settings.get("normalization") or "batch"
    if settings.get("wide_groups"):
        normalization = WIDE_GROUPS.get(normalization, normalization)
    return BaseStage(
        network=_network(settings.get("network", ""), "base"),
        dataset=dataset,
        recipe=_replaced(recipe, {**changes, "quantization": stored}, "base"),
        width=settings.get("width", 1.0),
        normalization=normalization,
        images=settings.get("images"),
    )


def generator_stage(settings: Template, *, bases: Sequence[BaseStage]) -> GeneratorStage:
    """The training of a generator before `bases`: the recipe of their data set, changed by `settings`."""
    _check_keys("generator", settings, GENERATOR_KEYS)
    images = settings.get("images", bases[0].images)
    recipe = eopm_settings(bases[0].dataset, base=bases[0].network, images=images)
    own = {field.name for field in fields(EopmSettings)} & settings.keys()
    return GeneratorStage(
        network=_network(settings.get("network", ""), "generator"),
        bases=tuple(bases),
        settings=_replaced(recipe, {name: settings[name] for name in own}, "generator"),
        images=images,
    )


def conditions(settings: Template, base: BaseStage) -> Conditions:
    """How a network is tested, but for the rate."""
    _check_keys("test", settings, TEST_KEYS)
    changes = {name: value for name, value in settings.items() if name not in (*STORED, "pattern")}
    chips = settings.get("chips", len(TEST_CHIPS))
    if isinstance(chips, int):
        changes["chips"] = tuple(range(TEST_CHIPS[0], TEST_CHIPS[0] + chips))
    if settings.get("pattern"):
        if base.recipe.pattern is None:
            raise InputError("test: pattern tests on the chip of a base's training, and this one has none")
        changes["chips"] = (base.recipe.pattern,)
    if any(settings.get(name) is not None for name in STORED):
        changes["quantization"] = _stored(base.recipe.quantization or Quantization(), settings)
    found: Conditions = _replaced(Conditions(), changes, "test")
    return found


def network_names(text: str) -> list[str]:
    """Networks of a printed cell, such as ``ResNet18`` or ``VGG11 + VGG16``, as users type them."""
    return [_network(part, "base") for part in text.replace("+", ",").split(",")]


def _network(printed: str, role: Any) -> str:
    name = str(printed).strip()
    known = BASES if role == "base" else GENERATORS
    plain = name.lower().replace(" ", "-")
    if plain in known or plain == "uip":
        return plain
    return find_network(name, role).given


def _stored(default: Quantization, settings: Template) -> Quantization:
    scheme, bits, memory = (settings.get(name) for name in STORED)
    return Quantization(
        scheme=get_scheme(scheme) if scheme else default.scheme,
        bits=bits or default.bits,
        memory=memory or default.memory,
    )


def _replaced(record: Any, changes: dict[str, Any], what: str) -> Any:
    try:
        return replace(record, **changes)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: {error}") from error


def _check_keys(what: str, settings: Template, known: set[str]) -> None:
    for key in settings:
        if key not in known:
            raise InputError(f"{what}: no setting named {key!r}. Known: {', '.join(sorted(known))}.")
