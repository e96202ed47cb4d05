"""Names for accuracies: as short as tells each of those shown from the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neuralfuse.accuracy import Accuracy
from neuralfuse.registry import NO_GENERATOR, NO_PROTECTION, title_of
from nfenergy.ground.rates import percent_text

Say = Callable[[Accuracy], str]


def _number(template: str, name: str) -> Say:
    """Words for a number; none where there is none."""

    def say(row: Accuracy) -> str:
        value = getattr(row, name)
        return "" if value is None else template.format(f"{value:.12g}")

    return say


def _rate(row: Accuracy) -> str:
    rate = row.train_bit_error_rate
    return "" if rate is None else f"trained at {percent_text(rate, digits=12)}"


BASE_WORDS: dict[str, Say] = {
    "base_normalization": lambda row: f"{row.base_normalization} norm" if row.base_normalization else "",
    "quantization": lambda row: row.quantization,
    "weight_bits": lambda row: f"{row.weight_bits} bit",
    "protection": lambda row: "" if row.protection == NO_PROTECTION else row.protection,
    "fault_model": lambda row: row.fault_model,
    "source": lambda row: row.source.partition(",")[0],
}
"""What tells two base models, or measurements of one, apart, besides width and robust training."""

GENERATOR_WORDS: dict[str, Say] = {
    "train_bit_error_rate": _rate,
    "train_fault_model": lambda row: row.train_fault_model,
    "train_bases": lambda row: f"before {row.train_bases}" if row.train_bases else "",
    "train_lambda": _number("lambda {}", "train_lambda"),
    "train_perturbed_models": _number("N {}", "train_perturbed_models"),
    "train_flipped_bits": _number("K {}", "train_flipped_bits"),
    "train_steps": _number("{} steps", "train_steps"),
    "train_learning_rate": _number("learning rate {}", "train_learning_rate"),
    "generator_bits": _number("{}-bit weights", "generator_bits"),
    "train_seed": _number("seed {}", "train_seed"),
    "generator_digest": lambda row: row.generator_digest[:6],
}
"""What tells two generators of one kind apart, the most telling first."""


def base_labels(rows: Sequence[Accuracy]) -> list[str]:
    """A name for each row's base model: how it was made robust always, the rest where rows differ in it."""
    found = []
    for row in rows:
        others = [other for other in rows if (other.base, other.dataset) == (row.base, row.dataset)]
        width = "" if row.base_width == 1 else f" x {row.base_width:.12g}"
        words = [row.base_training, *_differing(row, others, BASE_WORDS)]
        if any(other.base_identity != row.base_identity and _looks_like(other, row) for other in others):
            words.append(row.base_digest[:6])
        found.append(", ".join([f"{title_of('base', row.base)}{width}", *filter(None, words)]))
    return found


def generator_labels(rows: Sequence[Accuracy]) -> list[str]:
    """A name for each row's generator: its title, and how it was trained where rows differ in it."""
    found = []
    for row in rows:
        if row.generator == NO_GENERATOR:
            found.append("no generator")
            continue
        others = [other for other in rows if other.generator == row.generator]
        words = ", ".join(filter(None, _distinct(row, others)))
        title = title_of("generator", row.generator)
        found.append(f"{title} ({words})" if words else title)
    return found


def labels(rows: Sequence[Accuracy]) -> list[str]:
    """A name for each row: base model and generator."""
    pairs = zip(rows, base_labels(rows), generator_labels(rows), strict=True)
    return [f"{base} + {generator}" if row.has_generator else base for row, base, generator in pairs]


def _differing(row: Accuracy, others: Sequence[Accuracy], words: dict[str, Say]) -> list[str]:
    return [say(row) for say in words.values() if len({say(other) for other in others}) > 1]


def _distinct(row: Accuracy, others: Sequence[Accuracy]) -> list[str]:
    """Words for what differs, as far as needed to tell `row` from all other trainings among `others`."""
    said = []
    left = [other for other in others if _training(other) != _training(row)]
    for name, say in GENERATOR_WORDS.items():
        if not left:
            break
        apart = [other for other in left if getattr(other, name) != getattr(row, name)]
        if apart:
            said.append(say(row))
            left = [other for other in left if other not in apart]
    return said


def _training(row: Accuracy) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in GENERATOR_WORDS)


def _looks_like(other: Accuracy, row: Accuracy) -> bool:
    same = (other.base_width, other.base_training) == (row.base_width, row.base_training)
    return same and all(say(other) == say(row) for say in BASE_WORDS.values())
