"""The command line: options in, one library call, report out."""

from __future__ import annotations

import difflib
import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nfenergy.commands import COMMANDS
from nfenergy.ground.errors import InputError, NfEnergyError

INTERRUPTED = 130
TERMINATED = 143
GO_ON = "interrupted; files already written are whole: run the command again, with --resume where it has that"
LONGEST_LINE = 2000
"""Characters of an error; of what is longer, such as a file quoted whole, the middle is left out."""
HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class _Commands(TyperGroup):
    """`COMMANDS`, each built when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            self.commands[cmd_name] = _built(cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _built(name: str) -> Any:
    from nfenergy.commands.groups import spliced

    place, text = COMMANDS[name]
    module, function = place.split(":")
    alone = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False)
    found = getattr(import_module(module), function)
    if isinstance(found, Mapping):
        alone.callback(help=text)(lambda: None)
        alone.info.context_settings = HELP_NAMES
    for own, (command, help_) in found.items() if isinstance(found, Mapping) else [(name, (found, text))]:
        alone.command(own, help=help_, context_settings=HELP_NAMES)(spliced(command))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="nfenergy",
    cls=_Commands,
    help="Energy saved, accuracy kept and latency added when a DNN accelerator's weight SRAM runs below "
    "its safe voltage behind a NeuralFuse generator.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=HELP_NAMES,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from nfenergy.ground.provenance import versions

        typer.echo(f"nfenergy {versions()['nfenergy']}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def _whole(line: list[str]) -> list[str]:
    """The line itself. Raises InputError: a part is empty, as of a shell's variable that is not set."""
    for before, part in zip(["nfenergy", *line], line, strict=False):
        if not part or (part.startswith("--") and part.endswith("=")):
            raise InputError(f"nothing stands after {before if not part else part[:-1]}; give a value")
    return line


def main() -> None:
    """Run the command line; every expected failure is one line on stderr and a status of 1 or 2."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(TERMINATED))
    try:
        status = app(_whole(sys.argv[1:]) or ["--help"], standalone_mode=False) or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except NfEnergyError as error:
        if error.details:
            typer.echo(error.details)
        status = _fail(str(error), error.exit_status)
    except typer.TyperException as error:
        status = _fail(_said(error), error.exit_code)
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


def _said(error: typer.TyperException) -> str:
    """The message, with none but near matches of a misspelt option."""
    name = getattr(error, "option_name", None)
    possible = getattr(error, "possibilities", None)
    if name is None or possible is None:
        return error.format_message()
    near = difflib.get_close_matches(name, possible, n=2, cutoff=0.7)
    return f"no such option: {name}" + (f"; did you mean {' or '.join(near)}?" if near else "")


def _discard_stdout() -> None:
    """Keep the flush at exit from failing once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, status: int) -> int:
    line = " ".join(message.split())
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE // 2]} ... {line[-LONGEST_LINE // 2 :]}"
    sys.stderr.write(f"nfenergy: {line}\n")
    return status


if __name__ == "__main__":
    main()
