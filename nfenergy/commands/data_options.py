"""Option groups of the commands that train and measure: what a bit error is, and where data come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nfenergy.commands.options import Threads, named
from nfenergy.ground.errors import InputError

if TYPE_CHECKING:
    from neuralfuse.datasets.images import Splits
    from neuralfuse.datasets.sources import FoundData
    from neuralfuse.training.runs import Trained

FOLDER_PREFIX = "folder:"
OWN_DATA = "or folder:PATH, file.py:function"

Norm = Annotated[str, typer.Option("--norm", help="Normalisation: batch, group, group-shifted, ...")]
Extent = Annotated[
    int | None,
    typer.Option("--extent", min=8, help="Rows and columns of a folder's pictures; default 32."),
]
OtherData = Annotated[
    str | None,
    typer.Option(
        "--data", help="Where the data of the training are now, where their record leads nowhere any more."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOptions:
    """What a bit error is."""

    fault_model: Annotated[
        str | None, named("--fault-model", kind="fault-models", help="What a bit error is, default flip")
    ] = None
    stuck_at_maps: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--stuck-at-maps",
            metavar="ZEROS ONES",
            help="Map of your own memory instead: matrices of the cells stuck at 0, and at 1; 1 is faulty.",
        ),
    ] = None
    flip_maps: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--flip-maps",
            metavar="TO_ONE TO_ZERO",
            help="Likewise: matrices of each cell's probability to read 1 for 0, and 0 for 1.",
        ),
    ] = None

    fault_map: Annotated[
        list[Path] | None,
        typer.Option(
            "--fault-map",
            help="Likewise, stuck-at cells in any format: KC705-B read-out, NeuralFuse's maps, text, .npy; "
            "may come twice, for a pair of files.",
        ),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """As `nfenergy.api.sensitivity` takes them."""
        return {**asdict(self), "fault_map": self.fault_map or None}

    def chosen(self, default: str | None = None) -> Any:
        """The one fault model that was asked for; `default` where none was."""
        from neuralfuse.memory.fault_models import choose_fault_model

        map_given = self.stuck_at_maps or self.flip_maps or self.fault_map
        return choose_fault_model(
            self.fault_model or (None if map_given else default),
            stuck_at_maps=self.stuck_at_maps,
            flip_maps=self.flip_maps,
            fault_map=self.fault_map or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """Where data come from, and what computes with them."""

    threads: Threads = None
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder of the data sets; else $NFENERGY_DATA_DIR, else the user's."),
    ] = None
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Compare archives' checksums.")] = True

    def arguments(self) -> dict[str, Any]:
        """As `nfenergy.api.sensitivity` takes them."""
        return asdict(self)

    def load(self, given: str, *, extent: int | None = None) -> FoundData:
        """The images that `given` names, on as many threads as asked for."""
        from neuralfuse.datasets.sources import find_data
        from neuralfuse.training.devices import use_threads

        use_threads(self.threads)
        return find_data(given, extent=extent, data_dir=self.data_dir, verify=self.verify)

    def load_for(self, *networks: Trained, given: str | None = None) -> Splits:
        """The images of trained networks' one data set; one line on stderr for each trained for others.

        Args:
            networks: trained.
            given: what names the data set now, in place of what their records say.
        """
        from neuralfuse.training import runs

        records = [network.record for network in networks]
        name = runs.same_dataset(records)
        place = next((record.data_place for record in records if record.data_place), "")
        extent = records[0].extent if (given or place).startswith(FOLDER_PREFIX) else None
        try:
            found = self.load(given or place or name, extent=extent)
        except InputError as error:
            if given or not place:
                raise
            raise InputError(f"{error}; or say with --data where {name} is now") from error
        classes = records[0].classes or found.dataset.classes
        if found.dataset.classes != classes:
            raise InputError(
                f"{given or place} has {found.dataset.classes} classes, the networks were trained for "
                f"{classes}"
            )
        for warning in dict.fromkeys(runs.other_data(record, found.splits) for record in records):
            if warning:
                typer.echo(f"nfenergy: {warning}", err=True)
        return found.splits
