"""The stages composed: figures, operating points, and what cannot be combined."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from energy import counts
from energy.array import SystolicArray
from energy.curve_files import load_curve
from nfenergy import api, pipeline
from nfenergy.ground.errors import InputError, NfEnergyError, UnknownName
from tests.conftest import WriteTopology
from tests.nfenergy.counted import machine, simulate
from topologies import table


def test_the_papers_example() -> None:
    report = simulate("ResNet18", "ConvS")
    assert report.base.twma == 2_755_968
    assert report.generator is not None
    assert report.generator.twma == 41_508
    assert f"{report.measures['twma'].saving_percent:.1f}" == "29.1"
    assert (report.base.model.size.params, report.generator.model.size.params) == (11_173_962, 113_187)
    assert report.operating_point.energy_per_access_norm == 0.694
    assert report.networks == (report.base, report.generator)


def test_the_real_simulator_gives_a_generators_published_figures() -> None:
    report = pipeline.simulate("resnet18", "convs", base_width=0.03)
    assert report.generator is not None
    assert report.generator.twma == 41_508
    assert report.generator.sram_filter_reads == 41_508 * 8
    assert report.base.twma == counts.twma(report.base.counts, weight_bits=8)


def test_without_a_generator_the_base_stands_alone() -> None:
    report = simulate("vgg11")
    assert report.generator is None
    assert report.networks == (report.base,)
    assert report.measures["twma"].saving_percent == pytest.approx(30.6)
    assert (report.latency.generator_ms, report.latency.overhead_percent) == (0.0, 0.0)


def test_fewer_weight_bits_are_fewer_words() -> None:
    eight, four = (simulate("vgg11", "convs", weight_bits=bits) for bits in (8, 4))
    assert eight.base.twma == 2 * four.base.twma
    assert eight.base.sram_filter_reads == four.base.sram_filter_reads
    assert eight.measures["twma"].saving_percent == pytest.approx(four.measures["twma"].saving_percent)


def test_latency_follows_the_clock() -> None:
    one, two = (simulate("vgg11", "convs", clock_ghz=ghz) for ghz in (1.0, 2.0))
    assert one.generator is not None
    assert one.latency.base_ms == pytest.approx(one.base.total_cycles / 1e6)
    assert one.latency.total_ms == pytest.approx(2 * two.latency.total_ms)
    assert one.latency.overhead_percent == two.latency.overhead_percent
    assert one.latency.overhead_percent == pytest.approx(
        100 * one.generator.total_cycles / one.base.total_cycles
    )


@pytest.mark.parametrize(
    ("point", "voltage", "rate", "energy"),
    [
        ({}, 0.8333, 0.01, 0.694),
        ({"bit_error_rate": 0.01}, 0.8333, 0.01, 0.694),
        ({"voltage_norm": 0.8333}, 0.8333, 0.01, 0.694),
        ({"bit_error_rate": 0.0}, 1.0, 0.0, 1.0),
        ({"voltage_norm": 0.75}, 0.75, 0.21, 0.563),
    ],
)
def test_operating_points(point: dict[str, float], voltage: float, rate: float, energy: float) -> None:
    report = simulate("vgg11", **point)
    found = report.operating_point
    assert (found.voltage_norm, found.energy_per_access_norm) == (voltage, energy)
    assert found.bit_error_rate == pytest.approx(rate)
    assert report.chosen_by_voltage == ("voltage_norm" in point)


def test_a_curve_of_ones_own() -> None:
    curve = replace(load_curve("stutz2021-14nm"), name="mine")
    assert simulate("vgg11", curve=curve).operating_point.curve == "mine"


def test_the_exact_convention_counts_less_and_covers_all() -> None:
    paper, exact = simulate("resnet18", "deconvs"), simulate("resnet18", "deconvs", convention="exact")
    assert paper.generator is not None
    assert exact.generator is not None
    assert (exact.machine.mapping, paper.machine.mapping) == ("zero-insertion", "paper")
    assert exact.base.twma < paper.base.twma
    assert exact.base.model.size.macs < paper.base.model.size.macs
    for result in exact.networks:
        assert str(result.model.topology.coverage).endswith("100 % of MACs")
    sub = simulate("resnet18", "deconvs", convention="exact", deconvolution="subpixel")
    assert sub.generator is not None
    assert sub.generator.total_cycles < exact.generator.total_cycles


@pytest.mark.parametrize("dataset", ["cifar100", "gtsrb", "imagenet10"])
def test_every_data_set(dataset: str) -> None:
    report = simulate("vgg11", "unets", dataset=dataset)
    assert report.dataset.name == dataset
    assert report.base.twma > simulate("vgg11", "unets").base.twma


@pytest.mark.parametrize(
    ("names", "options", "kind"),
    [
        (("resnet19",), {}, UnknownName),
        (("convs",), {}, UnknownName),
        (("resnet18", "resnet18"), {}, UnknownName),
        (("resnet18",), {"dataset": "fashion"}, UnknownName),
        (("resnet18",), {"engine": "timeloop"}, UnknownName),
        (("resnet18",), {"convention": "both"}, UnknownName),
        (("resnet18",), {"curve": "mine"}, UnknownName),
        (("resnet18",), {"bit_error_rate": 0.01, "voltage_norm": 0.9}, InputError),
        (("resnet18",), {"bit_error_rate": 0.3}, InputError),
        (("resnet18",), {"voltage_norm": 1.2}, InputError),
        (("resnet18",), {"weight_bits": 0}, InputError),
        (("resnet18",), {"clock_ghz": 0.0}, InputError),
        (("resnet18",), {"clock_ghz": math.nan}, InputError),
        (("resnet18",), {"clock_ghz": math.inf}, InputError),
        (("resnet18",), {"convention": "exact", "deconvolution": "paper"}, InputError),
        (("resnet18",), {"base_width": 0.0}, InputError),
        (("resnet18",), {"base_width": -1.0}, InputError),
        (("resnet18",), {"base_width": math.nan}, InputError),
        (("resnet18",), {"base_width": math.inf}, InputError),
    ],
)
def test_what_cannot_be_used_is_refused(
    names: tuple[str, ...], options: dict[str, object], kind: type[NfEnergyError]
) -> None:
    with pytest.raises(kind) as error:
        simulate(*names, **options)
    assert error.value.exit_status == 2


def test_layers_of_a_file(topology_file: WriteTopology) -> None:
    path = topology_file("Conv1, 8, 8, 3, 3, 2, 4, 1,", "FC, 1, 1, 1, 1, 144, 10, 1,")
    array = SystolicArray(rows=8, cols=8)
    simulated = pipeline.layers(table.read(path), machine(array=array, engine="scalesim"))
    assert [record.layer for record in simulated] == ["Conv1", "FC"]
    computed = pipeline.layers(table.read(path), machine(array=array))
    for ours, theirs in zip(computed, simulated, strict=True):
        for column, value in theirs.as_dict().items():
            expected = pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            assert ours.as_dict()[column] == expected


def test_layers_of_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read topology file"):
        api.layers(tmp_path / "absent.csv")


def test_ratios_without_a_setting_for_them_are_counted_dense_with_a_word(
    topology_file: WriteTopology, capsys: pytest.CaptureFixture[str]
) -> None:
    dense, sparse = "Conv1, 8, 8, 3, 3, 2, 4, 1, 1:1,", "Conv1, 8, 8, 3, 3, 2, 4, 1, 2:4,"
    assert api.layers(topology_file(dense), engine="closed-form") == api.layers(
        topology_file(sparse, name="sparse.csv"), engine="closed-form"
    )
    assert capsys.readouterr().err == f"nfenergy: sparse: {pipeline.RATIOS_UNUSED}\n"
