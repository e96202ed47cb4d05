"""Names of accuracies: short, and different for any two measurements that differ."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from neuralfuse.accuracy import BASE_IDENTITY, GENERATOR_IDENTITY, Accuracy
from neuralfuse.accuracy_labels import base_labels, generator_labels, labels
from neuralfuse.registry import NO_GENERATOR, NO_PROTECTION

PLAIN = Accuracy(
    dataset="digits",
    base="vgg11",
    generator="convs",
    bit_error_rate=0.01,
    base_clean_percent=99.0,
    base_perturbed_percent=40.0,
    base_perturbed_std_percent=20.0,
    nf_clean_percent=98.0,
    nf_perturbed_percent=90.0,
    nf_perturbed_std_percent=5.0,
    fault_model="flip",
    weight_bits=8,
)


def digests() -> st.SearchStrategy[str]:
    return st.integers(0, 3).map(lambda n: hashlib.sha256(bytes([n])).hexdigest()[:16] if n else "")


VALUES: dict[str, st.SearchStrategy[object]] = {
    "dataset": st.just("digits"),
    "base": st.sampled_from(["vgg11", "resnet18", "nets.py:small"]),
    "base_width": st.sampled_from([1.0, 0.5, 0.50000001]),
    "base_normalization": st.sampled_from(["", "batch", "group"]),
    "base_training": st.sampled_from(["", "clip 0.1", "clip 0.1, RandBET 1 % flip"]),
    "quantization": st.sampled_from(["", "symmetric", "rquant"]),
    "weight_bits": st.sampled_from([8, 4]),
    "base_digest": digests(),
    "generator": st.sampled_from([NO_GENERATOR, "convs", "unets", "nets.py:wide"]),
    "train_bit_error_rate": st.sampled_from([None, 0.0, 0.01, 0.0100001]),
    "train_fault_model": st.sampled_from(["", "flip", "stuck-at"]),
    "train_bases": st.sampled_from(["", "vgg11", "vgg11 resnet18"]),
    "train_lambda": st.sampled_from([None, 0.0, 5.0]),
    "train_perturbed_models": st.sampled_from([None, 1, 10]),
    "train_flipped_bits": st.sampled_from([None, 0, 8]),
    "train_steps": st.sampled_from([None, 5, 150]),
    "train_learning_rate": st.sampled_from([None, 1e-3, 1.0000001e-3]),
    "train_seed": st.sampled_from([None, 0, 1]),
    "generator_bits": st.sampled_from([None, 0, 8]),
    "generator_digest": digests(),
    "fault_model": st.sampled_from(["flip", "stuck-at"]),
    "source": st.sampled_from(["measured", "published"]),
    "protection": st.sampled_from([NO_PROTECTION, "secded-72-64", "row-repair-8"]),
}
"""Every field of a measurement's identity but its rate, which stands beside a name."""


@st.composite
def accuracies(draw: st.DrawFn) -> Accuracy:
    """A measurement, most often with one or two changes, so that many are close neighbours."""
    some = st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True)
    names = draw(some | st.just(sorted(VALUES)))
    values = {name: draw(VALUES[name]) for name in names}
    generator = values.pop("generator", PLAIN.generator)
    row = replace(PLAIN, **values)
    return row.alone() if generator == NO_GENERATOR else replace(row, generator=generator)


def test_every_field_of_an_identity_is_tried() -> None:
    assert set(VALUES) == {*BASE_IDENTITY, *GENERATOR_IDENTITY, "fault_model", "source"}


@settings(max_examples=300, deadline=None)
@given(st.lists(accuracies(), min_size=1, max_size=8))
def test_any_two_different_measurements_have_different_names(rows: list[Accuracy]) -> None:
    by_identity: dict[object, set[str]] = {}
    for row, said in zip(rows, labels(rows), strict=True):
        assert "None" not in said
        by_identity.setdefault(row.identity, set()).add(said)
    assert all(len(said) == 1 for said in by_identity.values())
    names = [next(iter(said)) for said in by_identity.values()]
    assert len(set(names)) == len(names)


def test_names_are_no_longer_than_needed() -> None:
    assert labels([PLAIN, PLAIN.alone()]) == ["VGG11 + ConvS", "VGG11"]
    assert generator_labels([PLAIN.alone()]) == ["no generator"]
    robust = replace(PLAIN, base_training="clip 0.1", base_normalization="group", quantization="rquant")
    assert base_labels([robust]) == ["VGG11, clip 0.1"]
    assert base_labels([PLAIN, robust]) == ["VGG11", "VGG11, clip 0.1, group norm, rquant"]
    one, two = (replace(PLAIN, train_steps=n, train_seed=n, generator_digest=str(n)) for n in (5, 150))
    assert generator_labels([one, two]) == ["ConvS (5 steps)", "ConvS (150 steps)"]
    assert labels([PLAIN, replace(PLAIN, fault_model="stuck-at")]) == [
        "VGG11, flip + ConvS",
        "VGG11, stuck-at + ConvS",
    ]
