"""Experiments from names to files: what the command calls, and a notebook may."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nfenergy.experiments.declaration import Experiment, Scale, experiments, get_experiment
from nfenergy.experiments.outcome import Found, Outcome, outcome
from nfenergy.experiments.plan import plan
from nfenergy.experiments.progress import OnStage
from nfenergy.experiments.schedule import run_stages
from nfenergy.experiments.store import Store
from nfenergy.experiments.writing import write_drawing, write_outcome, write_study
from nfenergy.ground.errors import InputError

STAGES = "stages"
"""Folder of the stages, which all experiments of one output folder share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """What a run of one experiment left.

    Attributes:
        outcome: its values.
        command: that repeats it.
        folder: of its files.
        files: what was written.
    """

    outcome: Outcome
    command: str
    folder: Path
    files: tuple[Path, ...]

    @property
    def claims(self) -> tuple[Found, ...]:
        """Every claim with its verdict."""
        return self.outcome.claims()


def chosen(names: Sequence[str]) -> list[Experiment]:
    """The experiments of these names or files; ``all`` is every shipped one that trains or draws.

    Raises:
        InputError: there is none of that name, or one is made by another command.
    """
    found: dict[str, Experiment] = {}
    for name in names:
        for each in experiments() if name.lower() == "all" else [name]:
            experiment = get_experiment(each)
            if experiment.runs:
                found[experiment.name] = experiment
            elif name.lower() != "all":
                raise InputError(f"{experiment.name} is no run of its own; `{experiment.command}` makes it")
    return list(found.values())


def run_experiments(
    names: Sequence[str],
    out: Path,
    *,
    scale: Scale = "small",
    dataset: str | None = None,
    stages: Path | None = None,
    data_dir: Path | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    on_stage: OnStage | None = None,
    on_message: Callable[[str], None] | None = None,
) -> list[ExperimentResult]:
    """Train and test what experiments need and is not there yet, and write their tables.

    Args:
        names: of shipped experiments, or YAML files; ``all`` for every one.
        out: folder of the results, one folder an experiment.
        scale: see `nfenergy.experiments.declaration.SCALES`.
        dataset: in place of the scale's.
        stages: where trained networks and tests are kept; ``stages`` in `out` by default.
        data_dir: folder of the data sets.
        jobs, scheduler, on_stage: as in `nfenergy.experiments.schedule.run_stages`.
        on_message: told what a comparison of protections, which is no stage, is at.

    Raises:
        InputError: an experiment that there is not, or that cannot be run so.
        NfEnergyError: a stage failed, or a file cannot be written; what was finished is kept.
    """
    from nfenergy.experiments.drawings import draw, study_protections

    plans = [plan(experiment, scale, dataset=dataset) for experiment in chosen(names)]
    for each in plans:
        Outcome(plan=each, tested={}).claims()  # a claim that cannot be judged is known before the work
    store = Store(root=(stages or out / STAGES).absolute(), data_dir=data_dir)
    wanted = [stage for each in plans for stage in each.wanted]
    run_stages(store, wanted, jobs=jobs, scheduler=scheduler, on_stage=on_stage)
    results = []
    for each, name in zip(plans, _names(names), strict=True):
        found, folder = outcome(each, store), out / each.experiment.name
        command = _command(name, scale, dataset)
        if each.experiment.draw is None:
            files = write_outcome(found, folder, command=command)
        elif each.experiment.draw == "protections":
            written = study_protections(each, store, folder, on_message=on_message)
            files = write_study(found, written, folder, command=command)
        else:
            files = write_drawing(found, draw(each, store), folder, command=command)
        results.append(ExperimentResult(outcome=found, command=command, folder=folder, files=files))
    return results


def _names(names: Sequence[str]) -> list[str]:
    """What names each experiment on the command line."""
    given = {get_experiment(name).name: name for name in names if name.lower() != "all"}
    return [given.get(experiment.name, experiment.name) for experiment in chosen(names)]


def _command(name: str, scale: Scale, dataset: str | None) -> str:
    parts = ["nfenergy", "experiment", "run", name, "--scale", scale]
    return shlex.join([*parts, *(["--data", dataset] if dataset else []), "--out", "results"])
