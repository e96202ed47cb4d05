"""The command that measures which layers bit errors hurt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nfenergy import api
from nfenergy.commands import data_options, on_chips, options
from nfenergy.commands.progress import announcements
from nfenergy.ground.files import check_folder


def sensitivity(
    base_checkpoint: Annotated[Path, typer.Option("--base-checkpoint", help="From train-base.")],
    faults: data_options.FaultOptions,
    data: data_options.DataOptions,
    ber: Annotated[
        str | None, typer.Option("--ber", help="Bit error rate; default 1%, or a map's own.")
    ] = None,
    seeds: on_chips.Seeds = 10,
    images: on_chips.Images = None,
    by_bit: Annotated[
        bool, typer.Option("--by-bit/--no-by-bit", help="Measure every bit position of every layer.")
    ] = True,
    out: options.OutFolder = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from nfenergy.sensitivity_files import as_text, sensitivity_json, write_sensitivity

    if out is not None:
        check_folder(out)
    with announcements(quiet=quiet) as say:
        found = api.sensitivity(
            base_checkpoint,
            ber=ber,
            seeds=seeds,
            images=images,
            by_bit=by_bit,
            on_message=say,
            on_warning=on_chips.warn,
            **faults.arguments(),
            **data.arguments(),
        )
    files = [] if out is None else write_sensitivity(found, out)
    typer.echo(json.dumps(sensitivity_json(found), indent=2) if as_json else as_text(found))
    on_chips.tell(files, quiet=quiet)
