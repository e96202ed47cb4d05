"""Figures that are no curve of a table: fault maps, weights with bit errors, weights and outputs of bases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from neuralfuse.memory.profiled_chips import MAP_SEED, get_chip, synthetic_map
from neuralfuse.quantization import Quantization, get_scheme, stored_weights
from neuralfuse.training.streams import TEST_CHIPS
from nfenergy.experiments.plan import Plan, PlannedRow
from nfenergy.experiments.store import Store, data_of
from nfenergy.ground.errors import InputError
from reports.plots import style

SHOWN_CELLS = (64, 128)
"""Rows and columns of a map that are drawn, as in the paper."""

SHOWN_IMAGES = 500
PERTURBED_RATE = 0.01
STATES = ("clean", "with bit errors")
MISREAD = ("reads 1 for 0", "reads 0 for 1")
SCATTERED = "#b06a2c"
"""Of marks in a picture, whose colour stays where the page is dark: 3 to 1 against both grounds."""
DRAWN_WEIGHTS = 4000
DRAWN_RATE = 0.025
"""Bit error rate of Fig. 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A figure as SVG and in words, and its figures as a table."""

    svg: bytes
    words: str
    header: tuple[str, ...] = ()
    body: tuple[tuple[str, ...], ...] = ()


def draw(plan: Plan, store: Store) -> Drawn:
    """The figure that an experiment declares; the bases that it needs are trained."""
    name = plan.experiment.draw
    assert name is not None
    return _DRAWINGS[name](plan, store)


def study_protections(
    plan: Plan, store: Store, folder: Path, *, on_message: Callable[[str], None] | None = None
) -> list[Path]:
    """Protections of a plain and of a robust base compared: the two bases of the rows, with generators."""
    from neuralfuse.training.runs import BASE_FILE, GENERATOR_FILE
    from nfenergy.protection_study import run_study

    bases = list(dict.fromkeys(store.folder(row.base) / BASE_FILE for row in plan.rows))
    before: dict[Path, list[Path]] = {base: [] for base in bases}
    for row in plan.rows:
        if row.generator is not None:
            before[store.folder(row.base) / BASE_FILE].append(store.folder(row.generator) / GENERATOR_FILE)
    if len(bases) != 2:
        raise InputError(f"experiment {plan.experiment.name}: rows of {len(bases)} bases; it compares two")
    conditions = plan.rows[0].conditions
    settings = plan.experiment.study
    return run_study(
        bases[0],
        bases[1],
        before[bases[0]],
        before[bases[1]],
        rates=plan.rows[0].rates,
        chips=conditions.chips,
        test_images=conditions.images,
        out=folder,
        min_accuracy_percent=settings[plan.scale],
        fault_model=conditions.fault_model,
        data_dir=store.data_dir,
        on_message=on_message,
    )


def _fault_maps(plan: Plan, store: Store) -> Drawn:
    """Probability of each cell to misread, of the profiled chips that the rows name."""
    del store
    chips = [get_chip(str(next(iter(row.values())))) for row in plan.experiment.rows]
    size = style.COLUMN
    rows, columns = SHOWN_CELLS
    told = []
    with style.drawing(size):
        figure = style.new_figure(size, 0.95 * len(chips) + 0.6)
        grid = figure.subplots(len(chips), 2, squeeze=False)
        for chip, axes in zip(chips, grid, strict=True):
            found = synthetic_map(chip, seed=MAP_SEED)
            axes[0].set_ylabel(f"{chip.name} %")
            for panel, chance, title in zip(axes, (found.to_one, found.to_zero), MISREAD, strict=True):
                cells = np.zeros(found.size)
                cells[found.cells] = chance
                told.append(f"{chip.name} % {title} in {100 * float((cells > 0).mean()):.2f} % of its cells")
                image = panel.imshow(
                    cells.reshape(found.rows, found.columns)[:rows, :columns],
                    cmap="viridis", vmin=0, vmax=1, aspect="auto", interpolation="nearest",
                )  # fmt: skip
                panel.set_xticks([])
                panel.set_yticks([])
        for panel, title in zip(grid[0], MISREAD, strict=True):
            panel.set_title(title)
        figure.colorbar(image, ax=grid, label="probability", location="bottom", aspect=40, pad=0.02)
        words = f"Maps of {rows} rows and {columns} columns of cells: {'; '.join(told)}."
        return Drawn(svg=style.figure_bytes(figure, size, "svg"), words=words)


def _quantization(plan: Plan, store: Store) -> Drawn:
    """Weights under bit errors against the weights, by quantization scheme; mean errors as a table."""
    del store
    rows = plan.experiment.rows
    size = style.COLUMN
    with style.drawing(size):
        figure = style.new_figure(size, 1.4 * ceil(len(rows) / 2) + 0.3)
        panels = list(figure.subplots(ceil(len(rows) / 2), 2, squeeze=False).flat)
        body = []
        for panel in panels[len(rows) :]:
            panel.set_axis_off()
        for row, panel in zip(rows, panels, strict=False):
            before, after = _read_back(row)
            errors = (after - before).abs()
            panel.scatter(before, after, s=1.5, color=SCATTERED, linewidth=0, rasterized=True)
            panel.set_title(f"{row['scheme']}, {row['bits']} bits")
            panel.locator_params(nbins=4)
            relative = float(errors.mean() / before.abs().max())
            body.append(
                (str(row["scheme"]), str(row["bits"]), f"{float(errors.mean()):.4f}", f"{relative:.4f}")
            )
        figure.supxlabel("weight", fontsize=size.font_pt)
        figure.supylabel("weight with bit errors", fontsize=size.font_pt)
        svg = style.figure_bytes(figure, size, "svg")
    told = "; ".join(f"{scheme} at {bits} bits {mean}" for scheme, bits, mean, _ in body)
    return Drawn(
        svg=svg,
        words=f"Weights read back against the weights; mean error of {told}.",
        header=("scheme", "bits", "mean error", "relative to the greatest"),
        body=tuple(body),
    )


def _read_back(row: Any) -> tuple[Any, Any]:
    """Weights in [-0.25, 1] (one layer) or +-0.1 as they are, and as a faulty memory gives them back."""
    import torch

    from neuralfuse.memory.perturbation import QuantizedBase

    rng = torch.Generator().manual_seed(0)
    low, high = (-0.1, 0.1) if row.get("clipped") else (-0.25, 1.0)
    layer = torch.nn.Linear(DRAWN_WEIGHTS, 1, bias=False)
    layer.weight.data = (torch.rand((1, DRAWN_WEIGHTS), generator=rng) * (high - low) + low).float()
    before = layer.weight.detach().clone().flatten()
    quantization = Quantization(scheme=get_scheme(str(row["scheme"])), bits=int(row["bits"]))
    memory = QuantizedBase(layer, quantization)
    with memory.perturb(seed=TEST_CHIPS[0], rate=DRAWN_RATE) as model:
        after = model.weight.detach().clone().flatten()  # type: ignore[operator]
    return before, after


def _weights(plan: Plan, store: Store) -> Drawn:
    """Histograms of weights, logits and confidences, clean and with bit errors; redundancy as a table."""
    size = style.COLUMN
    images = data_of(store, plan.dataset, None).test.first(SHOWN_IMAGES)
    body = []
    with style.drawing(size):
        figure = style.new_figure(size, min(1.1 * len(plan.rows) + 0.6, size.max_height_in))
        grid = figure.subplots(len(plan.rows), 3, squeeze=False)
        for row, panels in zip(plan.rows, grid, strict=True):
            found = _inspected(row, store, images)
            for panel, values in zip(panels, found.histograms, strict=True):
                for series, colour, label in zip(values, style.COLOURS, STATES, strict=False):
                    panel.hist(series, bins=60, density=True, color=colour, alpha=0.6, label=label)
                panel.set_yticks([])
                panel.locator_params(axis="x", nbins=2)
            panels[0].set_ylabel(fill(found.name, 14))
            body.append((found.name, *found.measures))
        for panel, title in zip(grid[0], ("weights", "logits", "confidences"), strict=True):
            panel.set_title(title)
        handles, labels = grid[0][1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        svg = style.figure_bytes(figure, size, "svg")
    header = ("model", "greatest weight", "weight relevance, %", "relative error at 1 %", "active ReLUs, %")
    told = "; ".join(
        f"{name} has weights up to {greatest}, relative error {error}, {active} % of ReLUs active"
        for name, greatest, _, error, active in body
    )
    words = f"Histograms of weights, logits and confidences of {len(body)} models: {told}."
    return Drawn(svg=svg, words=words, header=header, body=tuple(body))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inspected:
    name: str
    histograms: Sequence[Sequence[Any]]
    measures: tuple[str, ...]


def _inspected(row: PlannedRow, store: Store, images: Any) -> _Inspected:
    """A base's weights and outputs, clean and on one chip, and how redundant they are (App. G.3)."""
    import torch

    from neuralfuse.training.runs import BASE_FILE, load_trained, stored_base

    trained = load_trained(store.folder(row.base) / BASE_FILE, "base")
    memory = stored_base(trained)
    batch, _ = images.batch(slice(None))
    weights = torch.cat([weight.flatten() for weight in stored_weights(memory.model, "weights").values()])
    active: list[float] = []
    hooks = [
        module.register_forward_hook(lambda *given: active.append(float((given[2] > 0).float().mean())))
        for module in memory.model.modules()
        if isinstance(module, torch.nn.ReLU)
    ]
    clean = memory.model(batch)
    for hook in hooks:
        hook.remove()
    with memory.perturb(seed=TEST_CHIPS[0], rate=PERTURBED_RATE) as model:
        perturbed = model(batch)
        changed = torch.cat([weight.flatten() for weight in stored_weights(model, "weights").values()])
        error = float((changed - weights).abs().sum() / weights.abs().sum())
    greatest = float(weights.abs().max())
    relevance = 100 * float(weights.abs().mean()) / greatest
    return _Inspected(
        name=" ".join(str(cell) for cell in row.cells.values() if cell is not None),
        histograms=[
            [weights.numpy()],
            [clean.flatten().numpy(), perturbed.flatten().numpy()],
            [outputs.softmax(dim=1).amax(dim=1).numpy() for outputs in (clean, perturbed)],
        ],
        measures=(f"{greatest:.3f}", f"{relevance:.2f}", f"{error:.3f}", f"{100 * active[-1]:.1f}"),
    )


_DRAWINGS: dict[str, Callable[[Plan, Store], Drawn]] = {
    "fault-maps": _fault_maps,
    "quantization": _quantization,
    "weights": _weights,
}
