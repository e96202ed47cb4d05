"""Codes of weights: exact inverses, the schemes' four choices, straight-through gradients, what is stored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from neuralfuse.quantization import (
    BIT_WIDTHS,
    SCHEMES,
    Quantization,
    dequantize,
    fake_quantize,
    fit_grids,
    get_scheme,
    left_out,
    quantize,
    quantized_call,
    stored_weights,
    weight_names,
    word_weights,
    words_of,
)
from neuralfuse.registry import BASES, DATASETS, GENERATORS, paper_networks
from nfenergy.ground.errors import InputError, UnknownName
from tests.neuralfuse.literal_schemes import LiteralScheme

every_scheme = pytest.mark.parametrize("name", sorted(SCHEMES))


def _weights(seed: int, shift: float = 0.0) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return {
        "wide": torch.randn(40, 30, generator=rng) + shift,
        "narrow": 0.01 * torch.randn(500, generator=rng),
    }


@every_scheme
@pytest.mark.parametrize("bits", BIT_WIDTHS)
def test_every_code_survives_dequantizing_and_quantizing(name: str, bits: int) -> None:
    quantization = Quantization(scheme=get_scheme(name), bits=bits)
    for grid in fit_grids(_weights(0, shift=0.3), quantization).values():
        last = int(quantization.reach)
        codes = torch.arange(-last, last + 1) + quantization.zero
        assert torch.equal(quantize(dequantize(codes, grid), grid).long(), codes)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("name", [name for name in sorted(SCHEMES) if name != "global"])
def test_codes_and_words_are_those_of_the_equations(name: str, bits: int) -> None:
    """What every weight becomes and what every word means, by the papers' equations in NumPy."""
    quantization = Quantization(scheme=get_scheme(name), bits=bits)
    for seed in range(3):
        weights = {"layer": _weights(seed, shift=0.3)["wide"]}
        literal = LiteralScheme.of(name, weights["layer"].double().numpy(), bits)
        grid = fit_grids(weights, quantization)["layer"]
        codes = quantize(weights["layer"], grid).long().numpy()
        expected, clear = literal.codes(weights["layer"].double().numpy())
        assert np.array_equal(codes[clear], expected[clear])
        assert clear.mean() > 0.99
        meanings = [literal.meaning(word) for word in range(2**quantization.word_bits)]
        assert np.allclose(word_weights(grid).numpy(), meanings, atol=1e-5)


def test_unsigned_codes_are_rounded_down_not_towards_the_centre() -> None:
    weights = {"layer": torch.linspace(-1.0, 3.0, 4001)}
    schemes = {name: Quantization(scheme=get_scheme(name)) for name in ("unsigned", "rquant")}
    codes = {
        name: quantize(weights["layer"], fit_grids(weights, scheme)["layer"]).int()
        for name, scheme in schemes.items()
    }
    below = codes["rquant"] - codes["unsigned"]
    assert set(below.unique().tolist()) == {0, 1}
    assert 0.45 < float(below.float().mean()) < 0.55


@pytest.mark.parametrize(("bits", "outside"), [(2, 1), (3, 1), (4, 1), (8, 1)])
def test_no_word_of_the_released_scheme_lies_outside_the_range(bits: int, outside: int) -> None:
    weights = {"layer": torch.tensor([-1.0, 0.5, 3.0])}
    beyond = {}
    for name in ("rquant", "rquant-unclamped"):
        grid = fit_grids(weights, Quantization(scheme=get_scheme(name), bits=bits))["layer"]
        beyond[name] = int((word_weights(grid) > 3.0 + 1e-6).sum() + (word_weights(grid) < -1.0 - 1e-6).sum())
    assert beyond == {"rquant": 0, "rquant-unclamped": outside}


def test_sign_extended_words_reach_far_beyond_the_range() -> None:
    weights = {"layer": torch.tensor([-1.0, 0.6, 1.0])}
    quantization = Quantization(scheme=get_scheme("symmetric-int8"), bits=4)
    grid = fit_grids(weights, quantization)["layer"]
    assert words_of(quantize(weights["layer"], grid), quantization).tolist() == [256 - 7, 4, 7]
    assert float(word_weights(grid)[0b0100_0000]) == pytest.approx(64 / 7)


class _Attending(nn.Module):
    """One of each layer with weights of its own form, an embedding tied to the output."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(12, 8)
        self.convolution = nn.Conv1d(8, 8, 3, padding=1)
        self.recurrent = nn.LSTM(8, 8, batch_first=True)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.place = nn.Parameter(torch.randn(5, 8))
        self.output = nn.Linear(8, 12)
        self.output.weight = self.embedding.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.embedding(x) + self.place
        h = self.recurrent(self.convolution(h.mT).mT)[0]
        out: torch.Tensor = self.output(self.norm(self.attention(h, h, h)[0]))
        return out


def test_every_parameter_of_rank_two_or_more_is_stored_once() -> None:
    model = _Attending()
    names = weight_names(model)
    assert set(names) == {
        "place", "embedding.weight", "convolution.weight", "recurrent.weight_ih_l0",
        "recurrent.weight_hh_l0", "attention.in_proj_weight", "attention.out_proj.weight",
    }  # fmt: skip
    assert set(left_out(model)) == {name for name, value in model.named_parameters() if value.dim() == 1}
    assert set(left_out(nn.BatchNorm2d(3))) == {"weight", "bias", "running_mean", "running_var"}
    assert left_out(_Attending(), "all") == ()
    loss = quantized_call(model, torch.arange(5)[None], Quantization(bits=4)).square().sum()
    torch.autograd.backward(loss)
    assert all(model.get_parameter(name).grad is not None for name in names)


def test_everything_can_be_stored_and_the_uip_never_is() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    assert weight_names(model, "all") == ("0.weight", "0.bias", "1.weight", "1.bias")
    assert weight_names(GENERATORS["uip"].build(DATASETS["digits"]), "all") == ()
    with pytest.raises(InputError, match="no memory named 'some'"):
        Quantization(memory="some")  # type: ignore[arg-type]


@given(seed=st.integers(0, 10_000), name=st.sampled_from(sorted(SCHEMES)), bits=st.sampled_from(BIT_WIDTHS))
def test_quantizing_twice_changes_nothing_and_errs_by_at_most_a_step(seed: int, name: str, bits: int) -> None:
    quantization = Quantization(scheme=get_scheme(name), bits=bits)
    weights = _weights(seed)
    for layer, grid in fit_grids(weights, quantization).items():
        codes = quantize(weights[layer], grid)
        again = dequantize(codes, grid)
        assert torch.equal(quantize(again, grid), codes)
        steps = 0.5 if quantization.scheme.rounding == "nearest" else 1.0
        assert float((again - weights[layer]).abs().max()) <= 1.02 * steps * float(grid.step)


@every_scheme
@pytest.mark.parametrize("bits", BIT_WIDTHS)
def test_a_word_means_its_code(name: str, bits: int) -> None:
    quantization = Quantization(scheme=get_scheme(name), bits=bits)
    weights = _weights(1)
    for layer, grid in fit_grids(weights, quantization).items():
        codes = quantize(weights[layer], grid)
        words = words_of(codes, quantization)
        assert int(words.min()) >= 0
        assert int(words.max()) < 2**quantization.word_bits
        assert torch.equal(word_weights(grid)[words.long()], dequantize(codes, grid))


def test_symmetric_is_the_quantizer_of_the_neuralfuse_code() -> None:
    weight = torch.tensor([-1.27, -0.514, 0.0, 0.006, 1.0])
    grid = fit_grids({"layer": weight}, Quantization())["layer"]
    assert float(grid.step) == pytest.approx(0.01)
    assert quantize(weight, grid).tolist() == [-127, -51, 0, 1, 100]
    assert float(word_weights(grid)[0b1000_0000]) == pytest.approx(-1.28)  # only a bit error reaches -128


def test_schemes_differ_in_range_sign_and_rounding() -> None:
    weights = {"layer": torch.tensor([-1.0, 0.019, 3.0]), "other": torch.tensor([-8.0, 0.5])}
    codes = {
        name: quantize(weights["layer"], fit_grids(weights, Quantization(scheme=scheme, bits=4))["layer"])
        for name, scheme in SCHEMES.items()
    }
    assert codes["symmetric"].tolist() == [-2, 0, 7]
    assert codes["per-layer"].tolist() == [-2, 0, 7]
    assert codes["global"].tolist() == [0, 0, 2]
    assert codes["asymmetric"].tolist() == [-7, -3, 7]
    assert codes["unsigned"].tolist() == [0, 3, 14]
    assert codes["rquant"].tolist() == [0, 4, 14]
    assert codes["rquant"].dtype == torch.uint8
    weight = torch.tensor([1.91])  # 57.8 steps of 2 / 127 above the centre 1
    rounded, truncated = (
        quantize(weight, fit_grids(weights, Quantization(scheme=SCHEMES[name]))["layer"])
        for name in ("rquant", "unsigned")
    )
    assert (int(rounded), int(truncated)) == (58 + 127, 57 + 127)


@every_scheme
def test_a_layer_of_equal_weights_keeps_them(name: str) -> None:
    weights = {"zeros": torch.zeros(3), "equal": torch.full((4,), 0.25)}
    quantization = Quantization(scheme=get_scheme(name))
    fake = fake_quantize({"zeros": weights["zeros"]}, quantization)["zeros"]
    assert torch.equal(fake, weights["zeros"])
    if quantization.scheme.asymmetric:
        assert torch.equal(
            fake_quantize({"equal": weights["equal"]}, quantization)["equal"], weights["equal"]
        )


@every_scheme
def test_gradients_pass_straight_through(name: str) -> None:
    quantization = Quantization(scheme=get_scheme(name), bits=4)
    weight = torch.randn(20, 5, requires_grad=True)
    factor = torch.randn(20, 5)
    fake = fake_quantize({"layer": weight}, quantization)["layer"]
    (fake * factor).sum().backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, factor)
    grid = fit_grids({"layer": weight}, quantization)["layer"]
    assert torch.equal(fake, dequantize(quantize(weight, grid), grid))


def test_quantized_call_leaves_the_model_its_float_weights() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    quantized_call(model, torch.randn(5, 1, 4, 4), Quantization(bits=3)).sum().backward()
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in weight_names(model))
    assert not torch.equal(after["1.running_mean"], before["1.running_mean"])
    assert model[0].weight.grad is not None


@pytest.mark.parametrize(
    ("name", "weights", "layers"),
    [
        ("vgg11", 9_222_848, 9),
        ("vgg16", 14_715_584, 14),
        ("vgg19", 20_024_000, 17),
        ("resnet18", 11_164_352, 21),
        ("resnet50", 23_467_712, 54),
    ],
)
def test_stored_weights_of_the_bases_are_those_of_the_authors_code(
    name: str, weights: int, layers: int
) -> None:
    with torch.device("meta"):
        stored = stored_weights(BASES[name].build(DATASETS["cifar10"]))
    assert (sum(weight.numel() for weight in stored.values()), len(stored)) == (weights, layers)


@pytest.mark.parametrize(
    "name", sorted(network.name for network in paper_networks() if network.role == "generator")
)
def test_generators_store_convolutions_and_deconvolutions_but_no_bias_or_norm(name: str) -> None:
    with torch.device("meta"):
        model = GENERATORS[name].build(DATASETS["cifar10"])
    stored = stored_weights(model)
    assert set(stored) == {key for key, value in model.named_parameters() if value.dim() == 4}


@pytest.mark.parametrize("bits", [0, 1, 9, 15, 32])
def test_other_widths_are_refused(bits: int) -> None:
    with pytest.raises(InputError, match="2 to 8, or 16"):
        Quantization(bits=bits)


def test_an_unknown_scheme_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'rquant'"):
        get_scheme("rquan")
