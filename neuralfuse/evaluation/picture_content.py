"""What the pictures show: outputs of the last layer on a chip, and images before and after generators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuralfuse.accuracy_files import read_accuracies
from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.accuracy_drawing import accuracy_figure
from neuralfuse.evaluation.chips import in_use, transformed
from neuralfuse.evaluation.picture_drawing import (
    Panel,
    embedding_figure,
    image_grid,
    save_figure,
)
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.registry import title_of
from neuralfuse.training.runs import Trained, stored_base
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.figures import check_format
from nfenergy.ground.files import check_folder
from nfenergy.ground.rates import percent_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One perturbed model: seed, bit error rate as a fraction, and what the rate counts."""

    seed: int
    rate: float
    fault_model: str = "flip"


def embeddings(
    base: QuantizedBase,
    generators: Mapping[str, nn.Module],
    images: LabelledImages,
    chip: Chip,
    *,
    seed: int = 0,
) -> tuple[Panel, ...]:
    """t-SNE maps of the base's outputs, clean and on `chip`, without and with each generator (Fig. 15).

    Args:
        base: frozen.
        generators: as deployed, by title.
        images: at least four; t-SNE takes seconds for a thousand.
        chip: where the perturbed outputs come from.
        seed: of t-SNE.

    Raises:
        InputError: fewer than four images.
    """
    if len(images) < 4:
        raise InputError(f"t-SNE of {len(images)} images is not possible; give at least 4")
    inputs = {"": images} | {f" with {name}": transformed(images, net) for name, net in generators.items()}
    panels = []
    for suffix, part in inputs.items():
        panels.append(_panel(f"clean{suffix}", base.model, part, seed))
        with base.perturb(seed=chip.seed, rate=chip.rate, fault_model=chip.fault_model) as model:
            panels.append(_panel(f"{100 * chip.rate:g} % bit errors{suffix}", model, part, seed))
    return tuple(panels)


def draw_all(
    out: Path,
    base: Trained,
    generators: Sequence[Trained],
    images: LabelledImages,
    chip: Chip,
    *,
    maps: int = 1000,
    label: int = 0,
    accuracy: Path | None = None,
    class_names: Sequence[str] = (),
    suffix: str = "png",
) -> tuple[Path, ...]:
    """Draw every picture of a base and its generators into folder `out`.

    Args:
        out: folder.
        base: drawn with the bits of its training.
        generators: each with its stored weights.
        images: of all classes.
        chip: of the perturbed outputs.
        maps: greatest number of images in a t-SNE map; they are spread over `images`, which may be in the
            order of their classes.
        label: class of the one-class grid.
        accuracy: table of an evaluation, for accuracy against bit error rate; None draws no such plot.
        class_names: in the order of the labels; empty for their numbers.
        suffix: format.

    Returns:
        the files written.

    Raises:
        InputError: a class without images, two generators of one kind, no accuracy table, an unknown
            format.
        NfEnergyError: a file cannot be written.
    """
    check_format(Path(f"classes.{suffix}"))
    check_folder(out)
    deployed = {
        title_of("generator", network.record.network): in_use(network.model, network.record.stored)
        for network in generators
    }
    if len(deployed) < len(generators):
        raise InputError("two of the generators are of one kind; draw them in two folders")
    figures: dict[str, Figure] = {}
    if accuracy is not None:
        figures["accuracy"] = accuracy_figure(read_accuracies(accuracy))
    shown, labels = by_class(deployed, images)
    figures["classes"] = image_grid(shown, [_called(int(name), class_names) for name in labels])
    shown, labels = of_class(deployed, images, label)
    figures[f"class-{label}"] = image_grid(shown, [_called(label, class_names)] * len(labels))
    figures["embeddings"] = embedding_figure(
        embeddings(stored_base(base), deployed, images.spread(maps), chip),
        class_names=class_names,
        caption=f"perturbed: chip {chip.seed}, {percent_text(chip.rate)} {chip.fault_model}",
    )
    for name, figure in figures.items():
        save_figure(figure, out / f"{name}.{suffix}")
    return tuple(out / f"{name}.{suffix}" for name in figures)


def class_number(text: str, class_names: Sequence[str]) -> int:
    """The label of a class by number or name. Raises InputError: there is none such."""
    if text.isdecimal():
        return int(text)
    lowered = [name.lower() for name in class_names]
    if text.lower() not in lowered:
        raise UnknownName("class", text, class_names or ["numbers from 0"])
    return lowered.index(text.lower())


def _called(label: int, class_names: Sequence[str]) -> str:
    return class_names[label] if label < len(class_names) else str(label)


def by_class(
    generators: Mapping[str, nn.Module], images: LabelledImages, *, classes: int = 10
) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """One image of each of the first `classes` classes, before and after each generator (Fig. 17)."""
    present = sorted(set(images.labels.tolist()))[:classes]
    first = torch.stack([(images.labels == label).nonzero()[0, 0] for label in present])
    return _grid(generators, images, first), [str(label) for label in present]


def of_class(
    generators: Mapping[str, nn.Module], images: LabelledImages, label: int, *, count: int = 8
) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """Several images of one class, before and after each generator (Fig. 16).

    Raises:
        InputError: there is no image of that class.
    """
    index = (images.labels == label).nonzero()[:count, 0]
    if not len(index):
        raise InputError(f"there is no image of class {label}")
    return _grid(generators, images, index), [str(label)] * len(index)


def _grid(
    generators: Mapping[str, nn.Module], images: LabelledImages, index: Tensor
) -> dict[str, NDArray[np.float32]]:
    shown, labels = images.batch(index)
    chosen = LabelledImages(images=shown, labels=labels)
    rows = {"input": shown}
    rows |= {name: transformed(chosen, generator).images for name, generator in generators.items()}
    return {name: tensor.numpy().astype(np.float32) for name, tensor in rows.items()}


def _panel(title: str, model: nn.Module, images: LabelledImages, seed: int) -> Panel:
    from sklearn.manifold import TSNE

    outputs, labels = _outputs(model, images)
    perplexity = min(30.0, (len(labels) - 1) / 3.0)
    points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(outputs)
    accuracy = 100.0 * float((outputs.argmax(axis=1) == labels).mean())
    return Panel(title=f"{title}: {accuracy:.1f} %", points=points, labels=labels)


@torch.no_grad()
def _outputs(model: nn.Module, images: LabelledImages) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    device = next(model.parameters()).device
    logits = torch.cat([model(batch).cpu() for batch, _ in images.batches(256, device)])
    return logits.numpy(), images.labels.numpy()
