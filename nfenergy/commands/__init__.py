"""The commands by name: where each is, and what it does; a module is imported when its command is used."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str]] = {
    "simulate": (
        "nfenergy.commands.energy:simulate",
        "Energy saved, T.W.M.A., MACs, cycles and latency of a base model behind a generator.",
    ),
    "layers": (
        "nfenergy.commands.energy:layers",
        "Cycles, utilisation, SRAM and DRAM accesses of each layer of a topology file.",
    ),
    "export": (
        "nfenergy.commands.energy:export",
        "Write SCALE-Sim topology, layout and cfg files, and a table of the modules behind the rows.",
    ),
    "list": ("nfenergy.commands.energy:list_", "Everything that can be named on the command line."),
    "reproduce": (
        "nfenergy.commands.energy:reproduce",
        "Compute published tables and compare every entry (status 1 if one differs), or draw Fig. 5 or 6.",
    ),
    "sweep": (
        "nfenergy.commands.sweep:sweep",
        "Energy saved over a whole design space: one row a combination, in sweep.parquet.",
    ),
    "plot": ("nfenergy.commands.reports:plot", "Draw savings and accuracies for a paper or a slide."),
    "report": (
        "nfenergy.commands.reports:report",
        "Write one HTML page with figures, tables, sources and warnings, and the tables as CSV beside it.",
    ),
    "recommend": (
        "nfenergy.commands.reports:recommend",
        "Choose voltage and protection: the largest saving under the constraints.",
    ),
    "train-base": (
        "nfenergy.commands.training:train_base",
        "Train a base model whose weights are quantized, and write OUT/base.safetensors.",
    ),
    "train": (
        "nfenergy.commands.training:train",
        "Train a generator before one base model or several, and write OUT/generator.safetensors.",
    ),
    "import-weights": (
        "nfenergy.commands.importing:import_weights",
        "Take in a base model or a generator trained elsewhere: a state dict becomes a checkpoint.",
    ),
    "evaluate": (
        "nfenergy.commands.measuring:evaluate",
        "Clean and perturbed accuracy of base models, alone and behind generators, as one tidy CSV.",
    ),
    "experiment": (
        "nfenergy.commands.experiments:EXPERIMENT",
        "The tables and figures of both papers, trained and tested: list, show, run, report.",
    ),
    "demo-accuracy": (
        "nfenergy.commands.measuring:demo_accuracy",
        "Train a base and two generators on handwritten digits, ruin the base with bit errors, and recover.",
    ),
    "measure-latency": (
        "nfenergy.commands.measuring:measure_latency",
        "Wall time of one inference on this machine, base alone and behind generators (medians).",
    ),
    "protections": (
        "nfenergy.commands.protecting:protections",
        "Compare protections of the weight memory at one voltage, and each at its cheapest.",
    ),
    "sensitivity": (
        "nfenergy.commands.sensitivity:sensitivity",
        "Accuracy with bit errors in one layer only, in all but one, and in one bit of one layer.",
    ),
    "assign": (
        "nfenergy.commands.assigning:assign",
        "A voltage for each layer: the least energy under an accuracy floor, checked on chips held out.",
    ),
    "pictures": (
        "nfenergy.commands.measuring:pictures",
        "t-SNE of the outputs, transformed inputs by class, and accuracy against bit error rate.",
    ),
}
