"""Weights with bit errors: what stands in them, that they come back bit for bit, what is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from neuralfuse.memory.fault_models import FAULT_MODELS
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.quantization import SCHEMES, Quantization, get_scheme, weight_names
from neuralfuse.training.initialization import initialize
from nfenergy.ground.errors import InputError, NfEnergyError

every_fault_model = pytest.mark.parametrize("fault_model", sorted(FAULT_MODELS))


def _model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return initialize(
            nn.Sequential(
                nn.Conv2d(3, 16, 3, padding=1),
                nn.BatchNorm2d(16),
                nn.ReLU(),
                nn.ConvTranspose2d(16, 32, 4, stride=2, padding=1),
                nn.Flatten(),
                nn.Linear(32 * 16 * 16, 10),
            )
        )


def _state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def _same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(
        torch.equal(value.view(torch.int32), right[name].view(torch.int32))
        for name, value in left.items()
        if value.dtype == torch.float32
    )


@every_fault_model
@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_weights_come_back_bit_for_bit(fault_model: str, scheme: str) -> None:
    base = QuantizedBase(_model(), Quantization(scheme=get_scheme(scheme), bits=8))
    before = _state(base.model)
    with base.perturb(seed=1, rate=0.05, fault_model=fault_model) as model:
        during = _state(model)
    assert _same(before, _state(base.model))
    changed = {name for name in before if not torch.equal(before[name], during[name])}
    assert changed == set(weight_names(base.model))


def test_tied_weights_share_their_words_and_come_back() -> None:
    tied = nn.Sequential(nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 40))
    tied[2].weight = tied[0].weight
    base = QuantizedBase(tied, Quantization())
    before = _state(base.model)
    assert base.words == (1600,)
    for seed in range(3):
        with base.perturb(seed=seed, rate=0.2) as model:
            assert torch.equal(model[0].weight, model[2].weight)
    assert _same(before, _state(base.model))


def test_weights_that_overlap_in_memory_come_back() -> None:
    """A change is taken back before the one that it was made upon."""
    whole = torch.randn(60)
    model = nn.Module()
    model.first = nn.Parameter(whole.view(6, 10))
    model.second = nn.Parameter(whole.view(10, 6))
    base = QuantizedBase(model, Quantization())
    for layer in base.layers.values():
        layer.weight.data = whole.view(layer.weight.shape)
    before = whole.clone()
    with base.perturb(seed=1, rate=0.3):
        assert not torch.equal(whole, before)
    assert torch.equal(whole, before)


def test_layers_of_every_kind_get_bit_errors() -> None:
    model = nn.ModuleDict(
        {
            "embedding": nn.Embedding(50, 8),
            "convolution": nn.Conv3d(2, 8, 3),
            "recurrent": nn.LSTM(8, 8),
            "attention": nn.MultiheadAttention(8, 2),
        }
    )
    base = QuantizedBase(model, Quantization())
    before = _state(model)
    with base.perturb(seed=1, rate=0.2) as perturbed:
        during = _state(perturbed)
    changed = {name for name in before if not torch.equal(before[name], during[name])}
    assert changed == {name for name, value in model.named_parameters() if value.dim() > 1}


def test_biases_and_norm_scales_are_hit_where_all_parameters_are_stored() -> None:
    model = _model()
    for parameter in model.parameters():
        parameter.data += torch.randn_like(parameter)
    base = QuantizedBase(model, Quantization(memory="all"))
    before = _state(model)
    with base.perturb(seed=1, rate=0.3):
        during = _state(model)
    changed = {name for name in before if not torch.equal(before[name], during[name])}
    assert changed == set(base.layers) == {name for name, _ in model.named_parameters()}
    assert _same(before, _state(model))


def test_the_authors_words_of_fewer_bits_are_sign_extended_bytes() -> None:
    """The released NeuralFuse code at 4 bits: AND and OR masks on int8 codes, times the step."""
    model = _model()
    base = QuantizedBase(model, Quantization(scheme=get_scheme("symmetric-int8"), bits=4))
    before = _state(model)
    faults = base.draw(seed=2, rate=0.05, fault_model="neuralfuse-map")
    beyond = 0.0
    with base.apply(faults):
        for (name, layer), errors in zip(base.layers.items(), faults, strict=True):
            greatest = float(before[name].abs().max())
            codes = (before[name].flatten() / (greatest / 7)).round().numpy().astype(np.int8)
            stored = codes.view(np.uint8)
            stored[errors.index] = (stored[errors.index] & errors.keep) | errors.toggle
            expected = torch.from_numpy(stored.view(np.int8) * np.float32(greatest / 7))
            assert torch.allclose(layer.weight.flatten(), expected, atol=1e-5)
            beyond = max(beyond, float(layer.weight.abs().max()) / greatest)
    assert beyond > 5.0


@pytest.mark.parametrize("relative", [0.0, 0.1])
def test_noise_stays_within_its_bound_and_leaves_no_trace(relative: float) -> None:
    base = QuantizedBase(_model(), Quantization())
    before = _state(base.model)
    greatest = max(float(layer.weight.abs().max()) for layer in base.layers.values())
    with base.noise(seed=1, relative=relative) as model:
        during = _state(model)
    with base.noise(seed=1, relative=relative) as model:
        assert _same(during, _state(model))
    assert _same(before, _state(base.model))
    change = max(float((during[name] - before[name]).abs().max()) for name in base.layers)
    assert 0.99 * relative * greatest <= change <= relative * greatest + 1e-6
    with pytest.raises(InputError, match="both are 0 or more"), base.noise(seed=1, relative=-0.1):
        pass


def test_they_come_back_after_an_error_too() -> None:
    base = QuantizedBase(_model(), Quantization())
    before = _state(base.model)
    with pytest.raises(ZeroDivisionError), base.perturb(seed=1, rate=0.05):
        raise ZeroDivisionError
    assert _same(before, _state(base.model))
    with base.perturb(seed=2, rate=0.05):
        pass


@every_fault_model
@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_a_perturbed_weight_is_what_its_faulty_word_means(fault_model: str, bits: int) -> None:
    if fault_model == "neuralfuse-map" and bits == 16:
        pytest.skip("the map has 8 cells a word")
    base = QuantizedBase(_model(), Quantization(bits=bits))
    faults = base.draw(seed=9, rate=0.03, fault_model=fault_model)
    with base.apply(faults) as model:
        for (name, layer), errors in zip(base.layers.items(), faults, strict=True):
            words = layer.words.numpy().astype(np.int64)
            words[errors.index] = (words[errors.index] & errors.keep) ^ errors.toggle
            expected = layer.meaning[torch.from_numpy(words)].view_as(layer.weight)
            assert torch.equal(model.get_parameter(name), expected)


def test_one_seed_gives_the_same_weights_whatever_the_batch() -> None:
    base = QuantizedBase(_model(), Quantization())
    states = []
    for images in (1, 7):
        with base.perturb(seed=4, rate=0.01) as model:
            model(torch.randn(images, 3, 8, 8))
            states.append(_state(model))
    assert _same(*states)
    again = QuantizedBase(_model(), Quantization())
    with again.perturb(seed=4, rate=0.01) as model:
        assert _same(states[0], _state(model))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_one_seed_gives_the_same_weights_on_the_gpu() -> None:
    on_cpu = QuantizedBase(_model(), Quantization())
    on_gpu = QuantizedBase(_model().cuda(), Quantization())
    with on_cpu.perturb(seed=4, rate=0.01) as left, on_gpu.perturb(seed=4, rate=0.01) as right:
        assert _same(_state(left), {name: value.cpu() for name, value in _state(right).items()})


def test_a_base_holds_its_quantized_weights_and_wants_no_gradients() -> None:
    model = _model()
    twice = QuantizedBase(QuantizedBase(copy.deepcopy(model), Quantization()).model, Quantization())
    once = QuantizedBase(model, Quantization())
    assert once.model is model
    assert all(len(value.unique()) <= 255 for value in (model[0].weight, model[5].weight))
    assert _same(_state(once.model), _state(twice.model))
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not any(module.training for module in model.modules())
    assert sum(once.words) == sum(model.get_parameter(name).numel() for name in weight_names(model))


def test_gradients_reach_the_input_through_perturbed_weights() -> None:
    base = QuantizedBase(_model(), Quantization())
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    gradients = []
    for seed in (1, 2):
        with base.perturb(seed=seed, rate=0.05) as model:
            (gradient,) = torch.autograd.grad(model(x).square().sum(), x)
        gradients.append(gradient)
    assert not torch.equal(*gradients)


def test_a_backward_pass_after_the_chip_is_gone_fails_instead_of_lying() -> None:
    base = QuantizedBase(_model(), Quantization())
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with base.perturb(seed=1, rate=0.05) as model:
        loss = model(x).square().sum()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_training_mode_is_refused() -> None:
    base = QuantizedBase(_model(), Quantization())
    base.model[1].train()
    with pytest.raises(NfEnergyError, match="1 is in training mode"), base.perturb(seed=1, rate=0.01):
        pass


def test_changed_buffers_are_noticed() -> None:
    base = QuantizedBase(_model(), Quantization())
    with pytest.raises(NfEnergyError, match="buffers changed"), base.perturb(seed=1, rate=0.01) as model:
        model[1].train()(torch.randn(4, 16, 8, 8))


def test_two_chips_at_once_are_refused() -> None:
    base = QuantizedBase(_model(), Quantization())
    with (
        base.perturb(seed=1, rate=0.01),
        pytest.raises(NfEnergyError, match="already has bit errors"),
        base.perturb(seed=2, rate=0.01),
    ):
        pass


def test_weights_that_are_no_numbers_are_refused() -> None:
    model = _model()
    model[5].weight.data[3, 2] = float("nan")
    with pytest.raises(NfEnergyError, match=r"5\.weight holds weights that are not finite"):
        QuantizedBase(model, Quantization())
