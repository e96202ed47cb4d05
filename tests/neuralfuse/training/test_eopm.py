from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.networks.uip import UniversalPerturbation
from neuralfuse.quantization import Quantization
from neuralfuse.registry import DATASETS, GENERATORS
from neuralfuse.training.eopm import EopmSettings, accumulate_gradients
from neuralfuse.training.generator_training import GeneratorTraining, LogEntry
from neuralfuse.training.runs import train_new_generator
from neuralfuse.training.state import LOG_FILE, STATE_FILE, log_text, read_log
from neuralfuse.training.streams import (
    CHIPS,
    FIRST_TRAINING_CHIP,
    ORDER,
    TEST_CHIPS,
    batch_index,
    check_test_chips,
    stream_seed,
    torch_seed,
    training_chip,
)
from nfenergy.ground.errors import InputError, NfEnergyError, UnknownName
from tests.neuralfuse.literal import literal_gradients
from tests.neuralfuse.small import digits, noise, settings, trained_base, untrained_base, untrained_generator

Weights = dict[str, torch.Tensor]


def weights(model: nn.Module) -> Weights:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def norm(tensors: list[torch.Tensor]) -> float:
    return float(torch.cat([tensor.flatten() for tensor in tensors]).norm())


def before_a_batch_norm(generator: nn.Module) -> set[str]:
    """Biases that batch normalisation takes away again: their true gradient is zero."""
    names = [name for name, _ in generator.named_modules()]
    modules = dict(generator.named_modules())
    return {
        f"{name}.bias"
        for name, following in pairwise(names)
        if isinstance(modules[name], nn.Conv2d | nn.ConvTranspose2d)
        and isinstance(modules[following], nn.BatchNorm2d)
    }


@pytest.mark.parametrize("generator_name", ["convs", "unets"])
@pytest.mark.parametrize("base_name", ["vgg11", "resnet18"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_step_has_the_gradient_of_the_literal_algorithm(
    dtype: torch.dtype, base_name: str, generator_name: str
) -> None:
    """In float32 over all parameters; in float64 for each of them, which rounding would blur in float32."""
    base = QuantizedBase(untrained_base(base_name).model.to(dtype), Quantization())
    generator = untrained_generator(generator_name).to(dtype).train()
    images, labels = noise(8).batch(slice(0, 8))
    images = images.to(dtype)
    chosen = settings(perturbed_models=3)
    expected = literal_gradients(generator, [base], images, labels, chosen, 5)
    generator.zero_grad()
    accumulate_gradients(generator, [base], images, labels, chosen, step=5)
    found = [parameter.grad for parameter in generator.parameters() if parameter.grad is not None]
    assert len(found) == len(expected)
    both = zip(found, expected, strict=True)
    assert norm([one - other for one, other in both]) < 1e-5 * norm(expected)
    if dtype == torch.float64:
        cancelled = before_a_batch_norm(generator)
        names = [name for name, _ in generator.named_parameters()]
        for name, one, other in zip(names, found, expected, strict=True):
            assert norm([one - other]) < 1e-9 * norm(expected if name in cancelled else [other]), name


def test_several_bases_share_the_gradient_of_the_literal_algorithm() -> None:
    bases = [untrained_base("vgg11"), untrained_base("resnet18")]
    generator = untrained_generator("uip").train()
    images, labels = noise(6).batch(slice(0, 6))
    chosen = settings(perturbed_models=2)
    (expected,) = literal_gradients(generator, bases, images, labels, chosen, 0)
    generator.zero_grad()
    accumulate_gradients(generator, bases, images, labels, chosen, step=0)
    (parameter,) = generator.parameters()
    assert parameter.grad is not None
    assert float((parameter.grad - expected).norm()) < 1e-5 * float(expected.norm())


def test_the_generator_is_trained_through_its_stored_weights() -> None:
    base, generator = untrained_base(), untrained_generator("convs").train()
    images, labels = noise(6).batch(slice(0, 6))
    gradients = {}
    for bits in (0, 2, 8):
        generator.zero_grad()
        accumulate_gradients(generator, [base], images, labels, settings(generator_bits=bits), step=0)
        gradients[bits] = [parameter.grad.clone() for parameter in generator.parameters()]
    first = {bits: values[0] for bits, values in gradients.items()}
    near = float((first[8] - first[0]).norm())
    far = float((first[2] - first[0]).norm())
    assert 0.0 < near < far


def test_without_bit_errors_only_the_clean_loss_remains() -> None:
    base, generator = untrained_base(), untrained_generator("uip").train()
    images, labels = noise(6).batch(slice(0, 6))
    found = accumulate_gradients(generator, [base], images, labels, settings(bit_error_rate=0.0), step=0)
    (parameter,) = generator.parameters()
    loss = nn.functional.cross_entropy(base.model(generator(images)), labels)
    (expected,) = torch.autograd.grad(loss, [parameter])
    assert parameter.grad is not None
    assert torch.allclose(parameter.grad, expected, rtol=1e-5, atol=1e-9)
    assert found.perturbed_loss is None


def test_training_leaves_the_base_alone() -> None:
    base = untrained_base()
    before = weights(base.model)
    generator = untrained_generator("uip")
    run = GeneratorTraining(generator, [base], noise(20), settings())
    run.run()
    assert same(before, weights(base.model))
    assert not any(module.training for module in base.model.modules())
    assert all(parameter.grad is None for parameter in base.model.parameters())
    assert not generator.training


def test_a_base_in_training_mode_is_refused() -> None:
    base = untrained_base()
    base.model.train()
    run = GeneratorTraining(untrained_generator("uip"), [base], noise(20), settings())
    with pytest.raises(NfEnergyError, match="training mode"):
        run.run()


@pytest.mark.parametrize("name", ["unets", "uip"])
def test_a_resumed_run_ends_with_the_same_weights(tmp_path: Path, name: str) -> None:
    images, chosen = noise(20), settings(steps=6)
    whole = GeneratorTraining(untrained_generator(name), [untrained_base()], images, chosen)
    whole.run()
    short = settings(steps=3)
    GeneratorTraining(untrained_generator(name), [untrained_base()], images, short).run(out=tmp_path)
    rest = GeneratorTraining(untrained_generator(name, seed=9), [untrained_base()], images, chosen)
    rest.resume(tmp_path)
    assert rest.step == 3
    rest.run(out=tmp_path)
    assert same(weights(whole.generator), weights(rest.generator))
    assert whole.log == rest.log
    assert read_log(tmp_path / LOG_FILE, LogEntry) == whole.log


def test_an_interrupted_run_resumes_from_its_last_state(tmp_path: Path) -> None:
    images, chosen = noise(20), settings(steps=7)
    whole = GeneratorTraining(untrained_generator("uip"), [untrained_base()], images, chosen)
    whole.run()

    def stop(entry: LogEntry) -> None:
        if entry.step == 5:
            raise KeyboardInterrupt

    run = GeneratorTraining(untrained_generator("uip"), [untrained_base()], images, chosen)
    with pytest.raises(KeyboardInterrupt):
        run.run(out=tmp_path, checkpoint_every=2, on_step=stop)
    rest = GeneratorTraining(untrained_generator("uip"), [untrained_base()], images, chosen)
    rest.resume(tmp_path)
    assert rest.step == 4
    rest.run()
    assert same(weights(whole.generator), weights(rest.generator))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    def trained(seed: int) -> Weights:
        run = GeneratorTraining(
            untrained_generator("uip"), [untrained_base()], noise(20), settings(seed=seed)
        )
        run.run()
        return weights(run.generator)

    assert same(trained(1), trained(1))
    assert not same(trained(1), trained(2))


def test_an_augmented_run_is_repeatable_and_differs() -> None:
    def trained(augment: bool) -> Weights:
        chosen = settings(augment=augment)
        run = GeneratorTraining(untrained_generator("uip"), [untrained_base()], noise(20), chosen)
        run.run()
        return weights(run.generator)

    assert same(trained(True), trained(True))
    assert not same(trained(True), trained(False))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bit_error_rate": 0.02}, "bit_error_rate"),
        ({"seed": 4}, "seed"),
        ({"learning_rate": 0.1}, "learning_rate"),
    ],
)
def test_a_state_of_another_run_is_refused(tmp_path: Path, change: dict[str, object], named: str) -> None:
    images = noise(20)
    GeneratorTraining(untrained_generator("uip"), [untrained_base()], images, settings()).run(out=tmp_path)
    before = (tmp_path / STATE_FILE).read_bytes()
    other = GeneratorTraining(untrained_generator("uip"), [untrained_base()], images, settings(**change))
    with pytest.raises(InputError, match=f"other {named}"):
        other.resume(tmp_path)
    assert (tmp_path / STATE_FILE).read_bytes() == before


def test_a_state_of_another_base_or_generator_is_refused(tmp_path: Path) -> None:
    images = noise(20)
    GeneratorTraining(untrained_generator("uip"), [untrained_base()], images, settings()).run(out=tmp_path)
    other_base = GeneratorTraining(untrained_generator("uip"), [untrained_base(seed=1)], images, settings())
    with pytest.raises(InputError, match="other bases"):
        other_base.resume(tmp_path)
    other_net = GeneratorTraining(untrained_generator("convs"), [untrained_base()], images, settings())
    with pytest.raises(InputError, match="another network"):
        other_net.resume(tmp_path)


def test_a_state_of_another_generator_is_called_so(tmp_path: Path) -> None:
    short = settings(steps=1)
    train_new_generator("uip", [trained_base()], short, digits(), out=tmp_path)
    with pytest.raises(InputError, match=r"of a run with other network \(uip, now convs\)"):
        train_new_generator("convs", [trained_base()], short, digits(), out=tmp_path, resume=True)


def test_a_truncated_state_is_one_clear_error(tmp_path: Path) -> None:
    images = noise(20)
    GeneratorTraining(untrained_generator("uip"), [untrained_base()], images, settings()).run(out=tmp_path)
    path = tmp_path / STATE_FILE
    path.write_bytes(path.read_bytes()[:-100])
    run = GeneratorTraining(untrained_generator("uip"), [untrained_base()], images, settings())
    with pytest.raises(InputError, match="no whole safetensors file"):
        run.resume(tmp_path)


@pytest.mark.parametrize(
    ("spoilt", "kept", "message"),
    [
        (5, 4, r"step 6: the loss is not finite.*lower the learning rate"),
        (4, 2, r"step 4: layers\.0\.weight is not finite; lower the learning rate"),
    ],
)
def test_what_is_no_number_stops_the_run_and_keeps_the_last_state(
    tmp_path: Path, spoilt: int, kept: int, message: str
) -> None:
    images, chosen = noise(20), settings(steps=6, learning_rate=1e-3)
    run = GeneratorTraining(untrained_generator("convs"), [untrained_base()], images, chosen)

    def spoil(entry: LogEntry) -> None:
        if entry.step == spoilt:
            with torch.no_grad():
                next(run.generator.parameters()).fill_(torch.nan)

    with pytest.raises(NfEnergyError, match=message):
        run.run(out=tmp_path, checkpoint_every=2, on_step=spoil)
    rest = GeneratorTraining(untrained_generator("convs"), [untrained_base()], images, chosen)
    rest.resume(tmp_path)
    assert rest.step == kept
    assert all(torch.isfinite(parameter).all() for parameter in rest.generator.parameters())


def test_the_log_comes_back_as_it_was_written(tmp_path: Path) -> None:
    entry = LogEntry(
        step=1,
        learning_rate=1e-3,
        clean_loss=0.1 + 0.2,
        perturbed_loss=None,
        clean_accuracy_percent=100 / 3,
        perturbed_accuracy_percent=None,
    )
    (tmp_path / LOG_FILE).write_text(log_text([entry], LogEntry))
    assert read_log(tmp_path / LOG_FILE, LogEntry) == [entry]
    (tmp_path / LOG_FILE).write_text("step,colour\n1,red\n")
    with pytest.raises(InputError, match="not a training log"):
        read_log(tmp_path / LOG_FILE, LogEntry)


def test_the_learning_rate_decays_as_in_the_released_code() -> None:
    chosen = settings(steps=5, decay=0.5, decay_steps=2)
    run = GeneratorTraining(untrained_generator("uip"), [untrained_base()], noise(20), chosen)
    run.run()
    assert [entry.learning_rate for entry in run.log] == [1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4]


@pytest.mark.parametrize(
    "wrong",
    [
        {"bit_error_rate": 1.5},
        {"bit_error_rate": float("nan")},
        {"perturbed_models": 0},
        {"steps": 0},
        {"batch_size": -1},
        {"learning_rate": 0.0},
        {"perturbed_weight": -1.0},
        {"perturbed_weight": float("inf")},
        {"generator_bits": 9},
        {"fault_model": "cosmic"},
        {"seed": -1},
    ],
)
def test_settings_outside_their_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        EopmSettings(**wrong)  # type: ignore[arg-type]


def test_a_run_needs_a_base() -> None:
    with pytest.raises(InputError, match="at least one base"):
        GeneratorTraining(untrained_generator("uip"), [], noise(20), settings())


def test_training_chips_are_no_test_chips_and_never_repeat() -> None:
    drawn = [
        training_chip(seed, step, base, number)
        for seed in range(3)
        for step in range(50)
        for base in range(2)
        for number in range(10)
    ]
    assert len(set(drawn)) == len(drawn)
    assert min(drawn) >= FIRST_TRAINING_CHIP > max(TEST_CHIPS)
    with pytest.raises(InputError, match="test chip"):
        check_test_chips((drawn[0],))
    with pytest.raises(InputError, match="given twice"):
        check_test_chips((1, 1))
    with pytest.raises(InputError, match="no test chip"):
        check_test_chips(())


def test_streams_are_independent_and_need_no_history() -> None:
    assert stream_seed(1, ORDER, 0) == stream_seed(1, ORDER, 0)
    places = {stream_seed(seed, stream, 0) for seed in range(5) for stream in (ORDER, CHIPS)}
    assert len(places) == 10
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with torch_seed(3, ORDER):
        inside = torch.rand(1)
    assert torch.equal(torch.rand(1), expected)
    assert not torch.equal(inside, expected)


def test_every_image_is_met_once_an_epoch() -> None:
    def epoch(number: int) -> list[int]:
        steps = range(3 * number, 3 * number + 3)
        return [int(i) for step in steps for i in batch_index(0, step, images=11, batch_size=4)]

    assert sorted(epoch(0)) == sorted(epoch(1)) == list(range(11))
    assert epoch(0) != epoch(1)


def test_the_universal_perturbation_is_the_same_for_every_image() -> None:
    uip = UniversalPerturbation((3, 8, 8))
    images = 2.0 * torch.rand(4, 3, 8, 8) - 1.0
    assert torch.equal(uip(images), images)
    with torch.no_grad():
        uip.perturbation.fill_(0.3)
    expected = (images + torch.tanh(torch.tensor(0.3))).clamp(-1.0, 1.0)
    assert torch.allclose(uip(images), expected)


def test_the_uip_is_a_generator_that_reads_no_weights() -> None:
    assert GENERATORS.find("UIP").title == "UIP"
    assert [name for name, network in GENERATORS.items() if not network.reads_weights] == ["uip"]
    imagenet = DATASETS["imagenet10"]
    assert GENERATORS["uip"].build(imagenet).perturbation.shape == imagenet.image_shape
    with pytest.raises(UnknownName, match="convs"):
        GENERATORS.find("conv-s")


def test_a_generator_is_trained_before_several_bases(tmp_path: Path) -> None:
    trained = train_new_generator(
        "unets", [trained_base(0), trained_base(1)], settings(steps=2), digits(), out=tmp_path
    )
    assert trained.record.training["bases"] == ["vgg11", "vgg11"]
    assert trained.record.training["final"]["step"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "log.csv",
        "training.json",
        "training.safetensors",
    ]
