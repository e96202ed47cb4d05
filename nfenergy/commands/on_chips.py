"""What commands share that measure accuracies on chips."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from neuralfuse.registry import NO_PROTECTION
from nfenergy.commands.options import named

MinAccuracy = Annotated[
    str | None, typer.Option("--min-accuracy", help="Smallest perturbed accuracy in percent, such as 85.")
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Test chips, from 50000 on.")]
Images = Annotated[
    int | None, typer.Option("--images", min=1, help="Test images, evenly spread; default all.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionOptions:
    """How the weight memory is protected."""

    protection: Annotated[
        str, named("--protection", kind="protections", help="Of the weight memory, separated by commas")
    ] = NO_PROTECTION

    def chosen(self) -> tuple[str, ...]:
        """The protections by name, each once."""
        from neuralfuse.memory.protections import PROTECTIONS

        names = self.protection.split(",")
        return tuple(dict.fromkeys(PROTECTIONS.find(name.strip()).name for name in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyOptions:
    """Which measured accuracies."""

    accuracy: Annotated[
        list[Path] | None,
        typer.Option("--accuracy", help="Tables of `evaluate`, measured under protections."),
    ] = None
    dataset: Annotated[
        str | None, named("--dataset", kind="datasets", help="Default that of the accuracies, else cifar10")
    ] = None
    fault_model: Annotated[
        str, named("--fault-model", kind="fault-models", help="Take the accuracies of this one only")
    ] = ""

    def arguments(self) -> dict[str, Any]:
        """As `nfenergy.api.protections` takes them."""
        return asdict(self)


def warn(message: str) -> None:
    """One line on stderr."""
    typer.echo(f"nfenergy: {message}", err=True)


def tell(files: list[Path], *, quiet: bool) -> None:
    """Name the files written, on stderr."""
    if not quiet:
        for path in files:
            typer.echo(str(path), err=True)
