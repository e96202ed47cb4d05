"""Option group of the commands that train: where a run writes, what computes it, how it is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nfenergy.commands.progress import TimeLeft, announcements
from nfenergy.ground.errors import InputError

if TYPE_CHECKING:
    from neuralfuse.datasets.images import Splits
    from neuralfuse.training.validation import Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """A training's folder, device and validation."""

    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for checkpoint, log and state; needed to train.")
    ] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the state in OUT.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that is in OUT.")] = False
    device: Annotated[
        str | None, typer.Option("--device", help="Of PyTorch: cpu, cuda, cuda:1; default the best.")
    ] = None
    precision: Annotated[
        str | None,
        typer.Option("--precision", help="fp32, or bf16 (mixed, on a GPU); default the recipe's."),
    ] = None
    validation: Annotated[
        str,
        typer.Option(
            "--validation",
            help="Images that each epoch is tried on: test, none, or 10% of those for training.",
        ),
    ] = "test"
    recipe: Annotated[
        bool, typer.Option("--recipe", help="Show how it would be trained, and train nothing.")
    ] = False

    def check(self) -> None:
        """Raises InputError: two options exclude each other, or there is no such precision."""
        if self.resume and self.overwrite:
            raise InputError("--resume goes on with the run in OUT, --overwrite drops it; give one of them")
        if self.precision not in (None, "fp32", "bf16"):
            raise InputError(f"no precision named {self.precision!r}. Known: fp32, bf16.")
        if self.out is None and not self.recipe:
            raise InputError("--out names the folder of the run; --recipe shows its recipe without one")

    def chosen_device(self) -> str:
        """As PyTorch names it. Raises InputError: this machine has none such, or bf16 is wanted of a CPU."""
        from neuralfuse.training.devices import device_named

        device = device_named(self.device)
        if self.precision == "bf16" and device == "cpu":
            raise InputError("bf16 is for a GPU; leave it out on the CPU, or name a --device")
        return device

    def folder(self, checkpoint: str) -> Path:
        """The run's folder, with no other run in it unless to be resumed.

        Raises:
            InputError: it holds another run.
        """
        from neuralfuse.training.state import begin_in

        assert self.out is not None
        if not self.resume:
            begin_in(self.out, checkpoint, overwrite=self.overwrite)
        return self.out

    def validated(self, splits: Splits) -> Validation:
        """What is trained with, and what validates it."""
        from neuralfuse.training.validation import validation_of

        return validation_of(splits, self.validation)


@contextmanager
def watched(out: Path, total: int, *, quiet: bool) -> Iterator[Callable[[int, Any, str], None]]:
    """A function that is told of each epoch or step: its number, its row of the log, and words for it.

    It says them and the time left on stderr, and writes the row for TensorBoard where that is installed.
    """
    from neuralfuse.training.event_log import event_log

    left = TimeLeft(total)
    with announcements(quiet=quiet) as say, event_log(out) as record:

        def tell(number: int, row: Any, words: str) -> None:
            record(number, row)
            say(f"{words}; {left.after(number)}")

        yield tell
