"""The commands experiment list, show, run and report."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from nfenergy.commands import options
from nfenergy.commands.progress import announcements, telling_stages

if TYPE_CHECKING:
    from nfenergy.experiments.declaration import Scale
    from nfenergy.experiments.running import ExperimentResult

Out = Annotated[Path, typer.Option("--out", help="Folder of the results, one folder an experiment.")]


def list_(as_json: options.AsJson = False) -> None:
    from nfenergy.experiments.catalogue import catalogue
    from reports.tables import render

    entries = catalogue()
    if as_json:
        typer.echo(json.dumps([asdict(entry) for entry in entries], indent=2))
        return
    cells = [[entry.name, entry.source, entry.state, entry.needs, entry.command] for entry in entries]
    typer.echo(render(["name", "printed as", "state", "needs", "command"], cells, left=(0, 1, 2, 3, 4)))


def show(
    name: Annotated[str, typer.Argument(help="Of a shipped experiment.", metavar="NAME")],
) -> None:
    from nfenergy.experiments.declaration import shipped_text

    typer.echo(shipped_text(name), nl=False)


def run(
    names: Annotated[
        list[str], typer.Argument(help="Experiments, YAML files of your own, or all.", metavar="NAME...")
    ],
    out: Out,
    scale: Annotated[
        str, typer.Option("--scale", help="smoke, small (two cores) or paper (a GPU).")
    ] = "small",
    data: Annotated[str | None, typer.Option("--data", help="Data set in place of the scale's.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Folder of the data sets; else $NFENERGY_DATA_DIR.")
    ] = None,
    stages: Annotated[
        Path | None, typer.Option("--stages", help="Where networks and tests are kept; default OUT/stages.")
    ] = None,
    jobs: options.Jobs = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Dask scheduler, tcp://HOST:PORT, whose workers train.")
    ] = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from nfenergy.experiments.running import run_experiments

    with announcements(quiet=quiet) as say:
        results = run_experiments(
            names,
            out,
            scale=_scale(scale),
            dataset=data,
            stages=stages,
            data_dir=data_dir,
            jobs=jobs,
            scheduler=scheduler,
            on_stage=telling_stages(say),
            on_message=say,
        )
    _print(results, as_json=as_json)


def report(
    folder: Annotated[Path, typer.Argument(help="The OUT of `experiment run`.", metavar="DIR")],
    as_json: options.AsJson = False,
) -> None:
    from nfenergy.experiments.results_page import counted, write_report

    written, claims = write_report(folder)
    if as_json:
        typer.echo(json.dumps({"page": str(written), "claims": claims}, indent=2))
        return
    typer.echo(f"{written}: {counted(claims) or 'no claims'}")


def _scale(text: str) -> Scale:
    from nfenergy.experiments.declaration import SCALES
    from nfenergy.ground.errors import UnknownName

    if text.lower() not in SCALES:
        raise UnknownName("scale", text, SCALES)
    return cast("Scale", text.lower())


def _print(results: list[ExperimentResult], *, as_json: bool) -> None:
    from nfenergy.experiments.result_tables import CLAIM_HEADER, claim_cells, table_cells
    from nfenergy.experiments.writing import record_of
    from reports.tables import render

    if as_json:
        typer.echo(
            json.dumps([record_of(result.outcome, command=result.command) for result in results], indent=2)
        )
        return
    for result in results:
        plan = result.outcome.plan
        typer.echo(f"{plan.experiment.origin}: {plan.experiment.title}; {plan.scale} scale, {plan.dataset}\n")
        if plan.experiment.draw is not None:
            typer.echo(f"{result.folder}\n")
            continue
        header, cells = table_cells(result.outcome)
        typer.echo(render(header, cells, left=tuple(range(len(plan.rows[0].cells)))))
        if result.claims:
            body = [claim_cells(found) for found in result.claims]
            typer.echo("\n" + render(CLAIM_HEADER, body, left=(0, 2, 4)))
        typer.echo(f"\n{result.folder}\n")


EXPERIMENT = {
    "list": (list_, "Every table and figure of both papers: state, what it needs, and its command."),
    "show": (show, "Print the declaration of an experiment, to read or to start one's own from."),
    "run": (run, "Train and test what is not there yet, and write table, claims and figure."),
    "report": (report, "Write one page of all experiments in a folder, claims first."),
}
