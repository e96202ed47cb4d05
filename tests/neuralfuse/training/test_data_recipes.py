"""The recipe of each data set is the papers' where they have one."""

from __future__ import annotations

import pytest

from neuralfuse.registry import DATASETS
from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.data_recipes import base_recipe, eopm_settings
from neuralfuse.training.eopm import EopmSettings
from nfenergy.ground.errors import UnknownName


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_every_data_set_has_both(dataset: str) -> None:
    for paper in ("", "neuralfuse", "stutz"):
        assert base_recipe(dataset.upper(), paper=paper, seed=3).seed == 3
    assert eopm_settings(dataset, seed=3).seed == 3


def test_the_digits_keep_the_demos_defaults_and_ones_own_data_too() -> None:
    assert base_recipe("digits") == base_recipe("folder:mine") == BaseRecipe()
    assert eopm_settings("digits") == eopm_settings("folder:mine") == EopmSettings()


def test_sun_et_al() -> None:
    recipe, settings = base_recipe("cifar10"), eopm_settings("cifar10")
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size, recipe.epochs) == (
        "sgd",
        1e-3,
        256,
        300,
    )
    assert (settings.learning_rate, settings.perturbed_weight, settings.batch_size) == (1e-3, 5.0, 25)
    assert (settings.perturbed_models, settings.fault_model) == (10, "neuralfuse-map")
    assert settings.steps == 300 * 2000
    batches = [eopm_settings("imagenet10", base=base).batch_size for base in ("resnet50", "vgg11", "VGG16")]
    assert batches == [64, 64, 32]
    assert eopm_settings("gtsrb", images=100).steps == 300 * 4
    assert base_recipe("gtsrb").augment == "affine-crop-mirror"


def test_stutz_et_al() -> None:
    cifar, mnist = base_recipe("cifar100", paper="stutz"), base_recipe("mnist", paper="stutz")
    assert (cifar.epochs, mnist.epochs) == (250, 100)
    assert (cifar.randbet_start_loss, mnist.randbet_start_loss) == (3.5, 1.75)
    assert (cifar.augment, mnist.augment) == ("autoaugment-cutout", "")
    assert (cifar.whiten, mnist.whiten) == (True, False)
    for recipe in (cifar, mnist):
        assert (recipe.learning_rate, recipe.weight_decay, recipe.nesterov) == (0.05, 5e-4, True)
        assert recipe.learning_rate_in(recipe.epochs) == pytest.approx(5e-5)
        assert recipe.quantization is not None
        assert (recipe.quantization.scheme.name, recipe.quantization.memory) == ("rquant", "all")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownName, match="fashion-mnist"):
        base_recipe("fashionmnist")
    with pytest.raises(UnknownName, match="stutz"):
        base_recipe("digits", paper="stuts")
