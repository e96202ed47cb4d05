"""The energy that a row of an experiment saves: counted, not tested."""

from __future__ import annotations

from functools import lru_cache

from energy.measures import DEFAULT_MEASURE


@lru_cache(maxsize=256)
def twma_saving_percent(
    base: str, generator: str | None, *, dataset: str, width: float, rate: float
) -> float:
    """Saving by T.W.M.A. (Sun et al., Eq. 6) of 8-bit weights on the default machine and curve.

    Args:
        base, generator: networks by name; None for the base alone.
        dataset: decides the networks' form.
        width: factor on the base's channels.
        rate: bit error rate of the base's memory, a fraction.

    Raises:
        InputError: a network, a data set or a rate for which nothing can be counted.
    """
    import nfenergy

    report = nfenergy.simulate(base, generator, dataset=dataset, width=width, ber=rate, engine="closed-form")
    return report.measures[DEFAULT_MEASURE].saving_percent
