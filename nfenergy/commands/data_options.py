"""Option groups of the commands that train and measure: what a bit error is, and where data come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nfenergy.commands.options import Threads, named

if TYPE_CHECKING:
    from neuralfuse.training.runs import Trained


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

    def chosen(self) -> Any:
        """The one fault model that was asked for."""
        from neuralfuse.memory.fault_models import choose_fault_model

        return choose_fault_model(
            self.fault_model,
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

    def load(self, dataset: str) -> Any:
        """The images of a data set, on as many threads as asked for."""
        from neuralfuse.datasets.loading import load
        from neuralfuse.training import runs

        runs.use_threads(self.threads)
        return load(dataset, data_dir=self.data_dir, verify=self.verify)

    def load_for(self, *networks: Trained) -> Any:
        """The images of trained networks' one data set; one line on stderr for each trained for others."""
        from neuralfuse.training import runs

        records = [network.record for network in networks]
        splits = self.load(runs.same_dataset(records))
        for warning in dict.fromkeys(runs.other_data(record, splits) for record in records):
            if warning:
                typer.echo(f"nfenergy: {warning}", err=True)
        return splits
