"""Our figures beside the published ones, at the precision that was printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from energy.macs import NetworkSize
from energy.savings import saving_percent
from reports.published import published_mac_savings, published_params_macs, published_twma, published_weights

TABLES = {
    "table6": "T.W.M.A. of 11 networks, CIFAR form",
    "table7": "parameters and MACs of 11 networks, CIFAR and ImageNet-10 forms",
    "table8": "MAC-based energy savings of 30 combinations at a bit error rate of 1 %",
    "stutz-table6": "weights of the two forms of SimpleNet (Stutz et al.)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One published figure and ours.

    Attributes:
        table: one of `TABLES`.
        entry: the network or combination, with its data set where the table has several.
        quantity: what was counted.
        ours: our figure at the printed precision.
        published: the figure as printed.
        difference: ours at full precision minus the printed figure.
        agrees: both are the same as printed.
        note: how they agree, where that takes a word.
    """

    table: str
    entry: str
    quantity: str
    ours: str
    published: str
    difference: float
    agrees: bool
    note: str = ""


def compare_twma(twma: Mapping[str, float]) -> list[Comparison]:
    """Table 6 against our T.W.M.A. by network."""
    return [
        Comparison(
            table="table6",
            entry=network,
            quantity="twma",
            ours=f"{twma[network]:.12g}",
            published=str(printed),
            difference=twma[network] - printed,
            agrees=twma[network] == printed,
        )
        for network, printed in published_twma().items()
    ]


def compare_sizes(sizes: Mapping[tuple[str, str], NetworkSize]) -> list[Comparison]:
    """Table 7 against our parameters and MACs by network and data set."""
    rows = []
    for row in published_params_macs():
        size = sizes[row.network, row.dataset]
        entry = f"{row.network} {row.dataset}"
        rows.append(
            Comparison(
                table="table7",
                entry=entry,
                quantity="params",
                ours=str(size.params),
                published=str(row.params),
                difference=size.params - row.params,
                agrees=size.params == row.params,
            )
        )
        rows.append(
            Comparison(
                table="table7",
                entry=entry,
                quantity="macs",
                ours=macs_as_printed(size.macs),
                published=row.macs_printed,
                difference=size.macs - row.macs,
                agrees=macs_as_printed(size.macs) == row.macs_printed,
            )
        )
    return rows


def compare_mac_savings(macs: Mapping[str, int], *, energy_per_access_norm: float) -> list[Comparison]:
    """Table 8 against the savings from our MACs by network, CIFAR form.

    The authors computed it from the MACs that Table 7 prints. Where our unrounded MACs give another
    last digit and our MACs rounded as Table 7 prints them give the published one, a note says so.
    """
    rows = []
    for (base, generator), printed in published_mac_savings().items():
        ours, from_rounded = (
            saving_percent(
                base_accesses=counted[base],
                generator_accesses=counted[generator],
                energy_per_access_norm=energy_per_access_norm,
            )
            for counted in (macs, {name: _rounded_macs(value) for name, value in macs.items()})
        )
        agrees_rounded = f"{from_rounded:.1f}" == f"{printed:.1f}"
        note = ""
        if agrees_rounded and f"{ours:.1f}" != f"{printed:.1f}":
            note = f"{from_rounded:.1f} with MACs rounded as Table 7 prints them"
        rows.append(
            Comparison(
                table="table8",
                entry=f"{base} + {generator}",
                quantity="mac_saving_percent",
                ours=f"{ours:.1f}",
                published=f"{printed:.1f}",
                difference=ours - printed,
                agrees=agrees_rounded or f"{ours:.1f}" == f"{printed:.1f}",
                note=note,
            )
        )
    return rows


def compare_weights(weights: Mapping[str, int]) -> list[Comparison]:
    """Table 6 of Stutz et al. against our parameters of SimpleNet by data set."""
    return [
        Comparison(
            table="stutz-table6",
            entry=f"SimpleNet {dataset}",
            quantity="weights",
            ours=str(weights[dataset]),
            published=str(printed),
            difference=weights[dataset] - printed,
            agrees=weights[dataset] == printed,
        )
        for dataset, printed in published_weights().items()
    ]


def macs_as_printed(macs: int) -> str:
    """MACs with a unit prefix and up to two decimals, as Table 7 prints them.

    >>> macs_as_printed(80_495_616), macs_as_printed(1_307_570_186)
    ('80.5M', '1.31G')
    """
    value, unit = (macs / 1e9, "G") if macs >= 1e9 else (macs / 1e6, "M")
    return f"{round(value, 2):g}{unit}"


def differences(rows: Iterable[Comparison]) -> int:
    """How many entries differ at the printed precision."""
    return sum(not row.agrees for row in rows)


def _rounded_macs(macs: int) -> int:
    unit = 10**7 if macs >= 10**9 else 10**4
    return round(macs / unit) * unit
