"""All tables and figures of both papers: what each needs, and how it is made."""

from __future__ import annotations

from dataclasses import dataclass

from neuralfuse.registry import DATASETS
from nfenergy.experiments.declaration import Experiment, experiments, get_experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A table or figure.

    Attributes:
        name: of the experiment.
        source: where it is printed.
        title: what it shows.
        state: ``exact``, ``training`` or ``drawing``.
        needs: what must be there for the papers' figures; smaller scales need less.
        command: what makes it.
    """

    name: str
    source: str
    title: str
    state: str
    needs: str
    command: str


def catalogue() -> tuple[Entry, ...]:
    """Every shipped experiment, in the papers' order."""
    return tuple(entry_of(get_experiment(name)) for name in experiments())


def entry_of(experiment: Experiment) -> Entry:
    """What the list shows of an experiment."""
    trains = experiment.runs
    return Entry(
        name=experiment.name,
        source=experiment.source,
        title=experiment.title,
        state=experiment.state,
        needs=DATASETS.find(experiment.dataset).title if trains and experiment.base else experiment.needs,
        command=f"nfenergy experiment run {experiment.name}" if trains else experiment.command,
    )
