"""The command line: options in, one library call, report out."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from nfenergy.commands import accuracy as accuracy_commands
from nfenergy.commands import energy as energy_commands
from nfenergy.commands import reports as report_commands
from nfenergy.commands import sweep as sweep_commands
from nfenergy.commands import training as training_commands
from nfenergy.ground.errors import NfEnergyError

INTERRUPTED = 130
TERMINATED = 143
GO_ON = "interrupted; files already written are whole: run the command again, with --resume where it has that"

app = typer.Typer(
    name="nfenergy",
    help="Energy saved, accuracy kept and latency added when a DNN accelerator's weight SRAM runs below "
    "its safe voltage behind a NeuralFuse generator.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for commands in (
    energy_commands,
    sweep_commands,
    report_commands,
    training_commands,
    accuracy_commands,
):
    commands.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from nfenergy.ground.provenance import versions

        typer.echo(f"nfenergy {versions()['nfenergy']}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; every expected failure is one line on stderr and a status of 1 or 2."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(TERMINATED))
    try:
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except NfEnergyError as error:
        if error.details:
            typer.echo(error.details)
        status = _fail(str(error), error.exit_status)
    except typer.TyperException as error:
        status = _fail(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except BrokenPipeError:
        _discard_stdout()
        status = 1
    except OSError as error:
        _discard_stdout()
        status = _fail(f"cannot write the output: {error.strerror or error}", 1)
    except MemoryError:
        status = _fail("out of memory", 1)
    if status == INTERRUPTED:
        sys.stderr.write(f"nfenergy: {GO_ON}\n")
    sys.exit(status)


def _discard_stdout() -> None:
    """Keep the flush at exit from failing once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, status: int) -> int:
    sys.stderr.write(f"nfenergy: {' '.join(message.split())}\n")
    return status


if __name__ == "__main__":
    main()
