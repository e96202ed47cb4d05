"""Declarations of experiments: what `nfenergy experiment run` takes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.fuzz.case import Forbidden, Sample, file_format
from tests.fuzz.formats.rules import BASES, DATASETS, GENERATORS, as_number, demand, plain, tree_of
from tests.fuzz.structures import YAML

OWN = b"""\
title: Mine
paper: nfenergy
dataset: digits
rows:
- {training: plain, generator: none, rate_percent: 1}
- {training: plain, generator: ConvS, rate_percent: 1}
- {training: clipped, generator: ConvS, rate_percent: 0.5}
rates: [0.5%, 1%]
values: {clean: null, perturbed: null, nf_perturbed: null, recovery: null}
base: {network: vgg11, width: 0.0625, epochs: 2, batch_size: 32, images: 96}
generator: {network: $generator, steps: 4, bit_error_rate: $rate_percent%, learning_rate: 1.0e-3}
test: {chips: 2, images: 32, fault_model: flip, protection: none}
cases:
  training:
    clipped:
      base: {clip: 0.2, randbet_rate: 0.01, optimizer: sgd, nesterov: true, milestones: [0.4, 0.8]}
claims:
- text: a generator gives accuracy back
  greater: {value: nf_perturbed, rate: 1%, where: {training: plain, generator: ConvS}}
  than: {value: perturbed, rate: 1%, where: {training: plain, generator: ConvS}}
  by: 2
figure: {y: perturbed, by: [training, generator]}
"""
PRINTED = b"""\
title: Universal input perturbation
source: a table
published: neuralfuse_table10_uip
row: [base, bit_error_rate_percent]
rate: bit_error_rate_percent
values: {clean: clean_accuracy, perturbed: perturbed_accuracy_mean, nf_clean: uip_clean_accuracy}
base: {network: $base}
generator: {network: uip, bit_error_rate: $bit_error_rate_percent%}
test: {bits: 8, scheme: symmetric}
smoke: {where: {base: [ResNet18, VGG11], bit_error_rate_percent: 1}, base: {seed: 3}}
claims:
- text: nothing is lost
  greater: {value: nf_clean, where: {base: VGG11}}
  than: {value: clean, where: {base: VGG11}}
  within: 50
"""
LINE = ("experiment", "run", "own.yaml", "--out", "out", "--jobs", "1", "--quiet", "--scale")
TITLE_COLUMNS = ("table", "dataset", "base", "bit_error_rate_percent", "clean_accuracy", "recovery_percent")
PRINTED_COLUMNS = {
    *TITLE_COLUMNS,
    *("perturbed_accuracy_mean", "perturbed_accuracy_std", "uip_clean_accuracy"),
    *("uip_perturbed_accuracy_mean", "uip_perturbed_accuracy_std"),
}
PRINTED_BASES = ("ResNet18", "ResNet50", "VGG11", "VGG16", "VGG19")
TEXTS = {"name", "title", "source", "state", "paper", "dataset", "command", "needs", "published", "rate"}
MAPPINGS = {"study", "where", "values", "base", "generator", "test", "cases", "small", "smoke", "figure"}
LISTS = {"row", "rows", "rates", "claims"}
QUANTITIES = (
    *("clean", "perturbed", "perturbed_std", "nf_clean", "nf_perturbed", "nf_perturbed_std", "recovery"),
    *("err", "rerr", "rerr_std", "guarantee", "confidence", "perturbed_confidence", "saving"),
)
BEHIND = ("nf_clean", "nf_perturbed", "nf_perturbed_std", "recovery")
CLEAN = ("clean", "err", "confidence", "nf_clean")


def _between(low: float, high: float = math.inf, *, above: bool = False) -> Callable[[Any], None]:
    return lambda value: demand(plain(as_number(value), low, high, above=above) is not None, "a number")


def _whole(low: int) -> Callable[[Any], None]:
    return lambda value: demand(type(value) is int and value >= low, f"{value!r:.40} is no whole number")


def _one_of(*names: str) -> Callable[[Any], None]:
    return lambda value: demand(
        isinstance(value, str) and value.strip().lower().replace(" ", "-") in names, f"{value!r:.40}"
    )


def _flag(value: Any) -> None:
    demand(isinstance(value, bool), f"{value!r:.40} is not true or false")


def _milestones(value: Any) -> None:
    demand(isinstance(value, list), "milestones")
    for place in value:
        demand(0 < plain(as_number(place), 0, 1) < 1, "milestones")


RATE, COUNT = _between(0, 1), _whole(1)
FAULTS = _one_of(
    *("flip", "stuck-at", "neuralfuse-map", "chip1-2.744", "chip1-0.866", "chip2-4.707", "chip2-1.01"),
    *("chip2-0.136", "chip3-2.297", "chip3-0.597"),
)
AUGMENTATIONS = ("", "crop-mirror", "cutout", "autoaugment-cutout", "affine-crop-mirror", "resized-crop")
SCHEMES = (
    *("symmetric", "global", "per-layer", "asymmetric", "unsigned", "rquant", "rquant-symmetric"),
    *("global-floor", "per-layer-floor", "asymmetric-floor", "unsigned-unclamped", "rquant-unclamped"),
    *("unsigned-offset", "rquant-offset", "symmetric-int8"),
)
STORED: dict[str, Callable[[Any], None]] = {
    "scheme": _one_of(*SCHEMES),
    "bits": lambda value: demand(type(value) is int and value in (2, 3, 4, 5, 6, 7, 8, 16), "bits"),
    "memory": _one_of("weights", "all"),
}
BASE: dict[str, Callable[[Any], None]] = {
    **STORED,
    **dict.fromkeys(("epochs", "batch_size", "images"), COUNT),
    **dict.fromkeys(
        ("nesterov", "curricular", "whiten", "mixed_precision", "unquantized", "wide_groups"), _flag
    ),
    **dict.fromkeys(("pattern", "flipped_bits", "seed"), _whole(0)),
    **dict.fromkeys(("weight_decay", "awp"), _between(0)),
    **dict.fromkeys(("learning_rate", "clip", "clip_factor"), _between(0, above=True)),
    "network": _one_of(*BASES, *(name.replace(" ", "-") for name in BASES)),
    "dataset": _one_of(*DATASETS),
    "width": _between(0, 4, above=True),
    "normalization": _one_of(
        *("batch", "group", "batch-shifted", "group-released", "group-shifted", "group-shifted-8"),
        *("group-fixed", "group-fixed-8"),
    ),
    "optimizer": _one_of("adam", "sgd"),
    "milestones": _milestones,
    "label_smoothing": RATE,
    "randbet_rate": RATE,
    "randbet": _one_of("alg1", "released", "alternating"),
    "fault_model": FAULTS,
    "randbet_start_loss": _between(-math.inf),
    "input_attack": _between(0, 2),
    "augment": _one_of(*AUGMENTATIONS),
}
GENERATOR: dict[str, Callable[[Any], None]] = {
    **dict.fromkeys(("perturbed_models", "steps", "batch_size", "decay_steps", "images"), COUNT),
    **dict.fromkeys(("flipped_bits", "cooldown_steps", "seed"), _whole(0)),
    **dict.fromkeys(("learning_rate", "decay"), _between(0, above=True)),
    "network": _one_of(*GENERATORS),
    "before": lambda value: [_one_of(*BASES)(part) for part in value.replace("+", ",").split(",")] and None,
    "bit_error_rate": RATE,
    "fault_model": FAULTS,
    "perturbed_weight": _between(0),
    "generator_bits": lambda value: demand(value == 0 or STORED["bits"](value) is None, "bits"),
    "augment": lambda value: None if isinstance(value, bool) else _one_of(*AUGMENTATIONS)(value),
    "mixed_precision": _flag,
}
TEST: dict[str, Callable[[Any], None]] = {
    **STORED,
    **dict.fromkeys(("chips", "images"), COUNT),
    **dict.fromkeys(("floating_point", "batch_statistics", "pattern"), _flag),
    **dict.fromkeys(("greatest", "noise"), _between(0)),
    "fault_model": FAULTS,
    "protection": lambda value: demand(isinstance(value, str) and value, "protection"),
}
PARTS = {"base": BASE, "generator": GENERATOR, "test": TEST}
MAYBE_NOTHING = (
    *("scheme", "bits", "memory", "normalization", "images", "unquantized", "clip", "randbet_rate"),
    *("pattern", "network", "before", "greatest"),
)


def _rules(scale: str, folder: Path) -> None:
    """Known fields of their types, settings in range, and no name that the rows do not bear out."""
    tree = tree_of(folder / "own.yaml")
    demand(isinstance(tree, dict), "no mapping")
    demand({*tree} <= TEXTS | MAPPINGS | LISTS | {"draw"}, "an unknown field")
    for key, value in tree.items():
        kind = str if key in TEXTS else dict if key in MAPPINGS else list
        nothing = value is None and key in ("published", "rate", "figure", "draw")
        demand(isinstance(value, kind) or nothing, f"{key} is {value!r:.40}")
    demand("title" in tree, "no title")
    demand(tree.get("draw") is None and tree.get("state", "training") == "training", "it trains nothing")
    demand(tree.get("paper", "neuralfuse") in ("neuralfuse", "stutz", "nfenergy"), "paper")
    demand(tree.get("dataset", "cifar10").lower() in DATASETS, "data set")
    demand(tree.get("base") and tree.get("values") and not tree.get("study"), "nothing is trained")
    demand((tree.get("published") is None) == bool(tree.get("rows")), "rows, or a printed table")
    rows = _own_rows(tree) if tree.get("rows") else _printed_rows(tree)
    _check_values(tree)
    for place in (tree.get("where", {}), *(tree.get(at, {}).get("where", {}) for at in ("small", "smoke"))):
        _check_where(place, rows, known=PRINTED_COLUMNS if tree.get("published") else None)
    for at in ("small", "smoke"):
        demand({*tree.get(at, {})} <= {*PARTS, "where", "rates", "cases"}, f"{at}: an unknown field")
    at = tree.get(scale, {}) if scale != "paper" else {}
    for text in at.get("rates") or tree.get("rates", []):
        _check_rate(text)
    for cells in rows:
        if not _matches(cells, at.get("where", {})):
            continue
        for part, known in PARTS.items():
            _check_part(part, known, [tree.get(part, {}), at.get(part, {})], cells)
    for holder in (tree, at):
        _check_cases(holder.get("cases", {}), rows)
    for claim in tree.get("claims", []):
        _check_claim(claim, rows)
    figure = tree.get("figure")
    if figure is not None:
        demand({*figure} <= {"y", "x", "by", "log_x"} and figure.get("y") in QUANTITIES, "figure")
        _check_columns([*figure.get("by", []), *({figure.get("x", "rate")} - {"rate"})], rows)
        _flag(figure.get("log_x", True))


def _own_rows(tree: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tree["rows"]
    demand(not any(tree.get(key) for key in ("row", "rate", "where")), "columns of no printed table")
    for cells in rows:
        demand(isinstance(cells, dict) and [*cells] == [*rows[0]], "rows of other cells")
        demand(not any(isinstance(cell, list | dict) for cell in cells.values()), "a cell that is none")
    return rows


def _printed_rows(tree: Mapping[str, Any]) -> list[dict[str, Any]]:
    demand(tree.get("published") == "neuralfuse_table10_uip", "an unknown table")
    demand(tree.get("row"), "no columns of rows")
    demand({*tree["row"], *filter(None, [tree.get("rate")])} <= PRINTED_COLUMNS, "an unknown column")
    demand({*filter(None, tree["values"].values())} <= PRINTED_COLUMNS, "an unknown column")
    demand(tree.get("rate") in (None, "bit_error_rate_percent"), "a rate of no rates")
    return [
        {name: {"base": base, "bit_error_rate_percent": rate}.get(name) for name in tree["row"]}
        for base in PRINTED_BASES
        for rate in (1, 0.5)
    ]


def _check_values(tree: Mapping[str, Any]) -> None:
    for name, column in tree["values"].items():
        demand(name in QUANTITIES, f"quantity {name!r:.40}")
        demand(column is None or (tree.get("published") and isinstance(column, str)), "a column of no table")
        demand(name not in BEHIND or tree.get("generator"), "a generator's values without one")
    perturbed = {*tree["values"]} - {*CLEAN}
    demand(not perturbed or tree.get("rates") or tree.get("rate"), "no rates")


def _check_rate(text: Any) -> None:
    demand(isinstance(text, str), f"rate {text!r:.40}")
    spelt = text.strip()
    value = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", spelt.removesuffix("%").strip(), re.ASCII)
    demand(value, f"rate {text[:40]!r}")
    plain(float(spelt.removesuffix("%")), 0, 50 if spelt.endswith("%") else 0.5)


def _check_part(
    part: str,
    known: Mapping[str, Callable[[Any], None]],
    settings: Sequence[Mapping[str, Any]],
    cells: Mapping[str, Any],
) -> None:
    whole: dict[str, Any] = {}
    for each in settings:
        demand(isinstance(each, dict), f"{part} is no mapping")
        whole |= each
    demand({*whole} <= {*known}, f"{part}: unknown {sorted(map(str, {*whole} - {*known}))}")
    demand(part == "test" or not whole or "network" in whole, f"{part}: no network")
    for key, value in whole.items():
        if isinstance(value, str) and value.startswith("$"):
            name = value.removeprefix("$").removesuffix("%")
            demand(name in cells, f"{part}: {key}: no cell {name[:40]!r}")
            value = cells[name]
            if whole[key].endswith("%") and value is not None:
                _check_rate(f"{value}%")
                value = float(f"{value}".strip()) / 100
        if value is None and key in MAYBE_NOTHING:
            continue
        try:
            known[key](value)
        except (AttributeError, TypeError, ValueError) as error:
            raise Forbidden(f"{part}: {key}: {error}") from None
        except Forbidden as reason:
            raise Forbidden(f"{part}: {key}: {reason}") from None


def _check_cases(cases: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    demand(isinstance(cases, dict), "cases")
    for column, by_cell in cases.items():
        _check_columns([column], rows)
        demand({*by_cell} <= {str(cells[column]) for cells in rows}, f"cases: {column}: a case of no row")
        for changes in by_cell.values():
            demand({*changes} <= {*PARTS}, "cases: an unknown field")
            for part, settings in changes.items():
                demand({*settings} <= {*PARTS[part]}, f"cases: {part}: an unknown setting")


def _check_claim(claim: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    demand({*claim} <= {"text", "greater", "than", "by", "within"}, "claims: an unknown field")
    demand(isinstance(claim.get("text"), str), "claims: no text")
    for key in ("by", "within"):
        if claim.get(key) is not None:
            plain(as_number(claim[key]), -math.inf, math.inf)
    for name in ("greater", "than"):
        side = claim[name]
        demand({*side} <= {"value", "where", "rate"} and side.get("value") in QUANTITIES, f"claims: {name}")
        _check_where(side.get("where", {}), rows)
        if side.get("rate") is not None and side["value"] not in CLEAN:
            _check_rate(side["rate"])


def _check_columns(columns: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    for column in columns:
        demand(all(column in cells for cells in rows), f"no column {column!r:.40}")


def _check_where(
    where: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], known: set[str] | None = None
) -> None:
    if known is not None and {*where} <= known - {*rows[0]}:
        return
    _check_columns([*where], rows)
    for column, wanted in where.items():
        for value in wanted if isinstance(wanted, list) else [wanted]:
            demand(value in [cells[column] for cells in rows], f"no row has {column} {value!r:.40}")


def _matches(cells: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    return all(
        cells.get(column) in (wanted if isinstance(wanted, list) else [wanted])
        for column, wanted in where.items()
    )


def _samples() -> Sequence[Sample]:
    return [
        Sample(
            files={"own.yaml": content},
            lines=[(*LINE, scale)],
            rules=partial(_rules, scale),
            mutate=YAML,
        )
        for content, scale in ((OWN, "paper"), (PRINTED, "smoke"))
    ]


FORMAT = file_format("experiment", _samples)
