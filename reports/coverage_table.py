"""What the topologies hold of the compared networks, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from neuralfuse.registry import base_title, dataset_title, generator_title
from nfenergy.ground.rates import share_text
from reports.cells import Cell, Table
from reports.records import Saving


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A network's share of multiplications in its topology, a fraction, and the others in words."""

    title: str
    dataset: str
    share: float
    left_out: str


def covered(savings: Iterable[Saving]) -> list[Covered]:
    """Each base model and generator once; without those of files that do not say it."""
    found = []
    for row in savings:
        for title, share, left_out in (
            (base_title(row.base), row.base_coverage, row.base_left_out),
            (generator_title(row.generator), row.generator_coverage, row.generator_left_out),
        ):
            if share is not None:
                found.append(Covered(title=title, dataset=row.dataset, share=share, left_out=left_out))
    return list(dict.fromkeys(found))


def coverage_table(savings: Iterable[Saving]) -> Table:
    """A row a network."""
    return Table(
        caption="Multiplications of two tensors that the topologies hold; counts, cycles and energies are "
        "of these alone.",
        header=("network", "data set", "in the topology", "left out"),
        rows=tuple(
            (
                Cell(text=row.title),
                Cell(text=dataset_title(row.dataset)),
                Cell(text=share_text(row.share), value=row.share),
                Cell(text=row.left_out),
            )
            for row in covered(savings)
        ),
    )


def coverage_warnings(savings: Iterable[Saving]) -> list[str]:
    """A sentence for every network of which the topology leaves something out."""
    return [
        f"Not in the topology of {row.title}: {row.left_out} of its multiplications. Reads, cycles and "
        "energies do not contain them."
        for row in covered(savings)
        if row.left_out
    ]
