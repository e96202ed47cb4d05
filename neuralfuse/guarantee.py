"""How far a measured robust error can be from the expected one: Stutz et al., Prop. 1 (App. C.2)."""

from __future__ import annotations

import math

from nfenergy.ground.errors import InputError


def error_excess(*, images: int, patterns: int, delta: float) -> float:
    """What the expected error exceeds the measured one by at most, with probability 1 - `delta`.

    Both are fractions: the measured one is of `images` test images on `patterns` chips, drawn independently.
    It holds of any distribution of bit errors. With 10,000 images and a million patterns it is 4.1 % for a
    `delta` of 1 %; the paper's text calls that probability 99 %, and delta once 0.99.

    >>> round(100 * error_excess(images=10_000, patterns=1_000_000, delta=0.01), 1)
    4.1
    >>> round(100 * error_excess(images=100_000, patterns=1_000_000, delta=0.01), 1)
    1.7

    Raises:
        InputError: no images or patterns, or `delta` is not between 0 and 1.
    """
    _check(images, patterns)
    if not 0.0 < delta < 1.0:
        raise InputError(f"delta is a probability between 0 and 1, not {delta}")
    return math.sqrt(math.log((images + 1) / delta) / images) * _share(images, patterns)


def violation_probability(*, images: int, patterns: int, excess: float) -> float:
    """Bound on the probability that the errors differ by `excess` or more; 1 where it says nothing.

    Raises:
        InputError: no images or patterns, or a negative excess.
    """
    _check(images, patterns)
    if excess < 0.0:
        raise InputError(f"an excess is 0 or more, not {excess}")
    exponent = images * (excess / _share(images, patterns)) ** 2
    return min(1.0, (images + 1) * math.exp(-exponent))


def _share(images: int, patterns: int) -> float:
    return (math.sqrt(patterns) + math.sqrt(images)) / math.sqrt(patterns)


def _check(images: int, patterns: int) -> None:
    if min(images, patterns) < 1:
        raise InputError(f"{images} images on {patterns} chips: both must be 1 or more")
