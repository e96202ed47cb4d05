"""The recipe of each data set: the papers' where they trained on it, else one that fits two cores."""

from __future__ import annotations

from typing import Any

from neuralfuse.quantization import Quantization, get_scheme
from neuralfuse.registry import dataset_name
from neuralfuse.training.base_recipe import MILESTONES, BaseRecipe, start_loss
from neuralfuse.training.eopm import EopmSettings
from nfenergy.ground.errors import UnknownName

PAPERS = ("neuralfuse", "stutz")

TRAINING_IMAGES = {"cifar10": 50_000, "cifar100": 50_000, "gtsrb": 39_209, "imagenet10": 13_000}
"""Of Sun et al.'s data sets; their steps are epochs of so many images."""

GENERATOR_EPOCHS = 300
"""Of the command in the released code's README; the paper prints none."""

SMALL = ("mnist", "fashion-mnist")
SMALL_BASE: dict[str, Any] = {"epochs": 8}
SMALL_GENERATOR: dict[str, Any] = {"steps": 700, "perturbed_models": 5, "cooldown_steps": 100}
"""Of these data sets, what differs from the defaults, which are the digits'."""


def base_recipe(dataset: str, *, paper: str = "", seed: int = 0) -> BaseRecipe:
    """How a base is trained for `dataset`; ``dataclasses.replace`` changes one thing of it.

    Args:
        dataset: name in the registry, in any case; one of one's own gets the digits' recipe.
        paper: ``neuralfuse`` (Sun et al.'s released code) or ``stutz`` (Stutz et al., Sec. 5 and App. F,
            without clipping and RandBET); empty for Sun et al. on their data sets
            and a recipe for two cores on the others.
        seed: of the training.

    Raises:
        UnknownName: there is no such data set or paper.
    """
    name = _known(dataset, paper)
    if paper == "stutz":
        small = name in (*SMALL, "digits")
        return BaseRecipe(
            quantization=Quantization(scheme=get_scheme("rquant"), memory="all"),
            epochs=100 if small else 250,
            optimizer="sgd",
            learning_rate=0.05,
            nesterov=True,
            weight_decay=5e-4,
            milestones=MILESTONES,
            randbet_start_loss=start_loss(name),
            augment="" if small else "autoaugment-cutout",
            whiten=not small,
            seed=seed,
        )
    if paper == "neuralfuse" or name in TRAINING_IMAGES:
        return BaseRecipe(
            epochs=300,
            batch_size=256,
            optimizer="sgd",
            randbet_start_loss=start_loss(name),
            augment=released_augmentation(name),
            seed=seed,
        )
    return BaseRecipe(**(SMALL_BASE if name in SMALL else {}), seed=seed)


def eopm_settings(
    dataset: str, *, base: str = "resnet18", images: int | None = None, seed: int = 0
) -> EopmSettings:
    """How a generator is trained for `dataset`: Sun et al.'s settings on their data, else for two cores.

    Args:
        dataset: name in the registry, in any case; one of one's own gets the digits' settings.
        base: before which; with ImageNet-10 the batch depends on it.
        images: for training, of which the papers' steps are epochs; None for those of the official set.
        seed: of the training.

    Raises:
        UnknownName: there is no such data set.
    """
    name = _known(dataset, "")
    if name not in TRAINING_IMAGES:
        return EopmSettings(**(SMALL_GENERATOR if name in SMALL else {}), seed=seed)
    batch = 25 if name != "imagenet10" else 32 if base.lower() in ("vgg16", "vgg19") else 64
    return EopmSettings(
        fault_model="neuralfuse-map",
        steps=GENERATOR_EPOCHS * -(-(images or TRAINING_IMAGES[name]) // batch),
        batch_size=batch,
        decay=0.96,
        augment=released_augmentation(name),
        seed=seed,
    )


def released_augmentation(dataset: str) -> str:
    """The augmentation of the released NeuralFuse code for a data set; empty where it has none."""
    from neuralfuse.datasets.loading import AUGMENTED

    return AUGMENTED.get(dataset, "")


def _known(dataset: str, paper: str) -> str:
    if paper not in ("", *PAPERS):
        raise UnknownName("paper", paper, PAPERS)
    return dataset_name(dataset)
