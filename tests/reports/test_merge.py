"""What is joined, what is left over, and what is refused unless asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neuralfuse.accuracy import Accuracy
from nfenergy.ground.errors import InputError
from reports.merge import COMPUTED_WITH_PUBLISHED, Consent, merge
from reports.published import published_accuracies
from tests.reports.samples import saving

PUBLISHED = next(
    row
    for row in published_accuracies()
    if (row.dataset, row.base, row.generator, row.bit_error_rate) == ("cifar10", "resnet18", "convl", 0.01)
)
MEASURED = replace(PUBLISHED, source="measured", reference="accuracy.csv", fault_model="flip")


def test_partners_are_joined_and_the_rest_is_listed() -> None:
    other_rate = replace(MEASURED, bit_error_rate=0.003)
    found = merge([saving("resnet18", "convl"), saving("vgg11", "convl")], [MEASURED, other_rate])
    assert [row.saving.base for row in found.tradeoffs] == ["resnet18"]
    assert found.tradeoffs[0].joined == ""
    lines = found.unmatched
    assert len(lines) == 2
    assert "no accuracy for VGG11 + ConvL on CIFAR-10 at 1 % bit errors" in lines[0]
    assert "no saving for ResNet18 + ConvL on CIFAR-10 at 0.3 % bit errors" in lines[1]


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "gtsrb"},
        {"base": "vgg11"},
        {"base_width": 0.5},
        {"generator": "convs"},
        {"bit_error_rate": 0.005},
        {"weight_bits": 4},
    ],
)
def test_every_part_of_the_key_must_agree(change: dict[str, object]) -> None:
    other: Accuracy = replace(MEASURED, **change)  # type: ignore[arg-type]
    found = merge([saving("resnet18", "convl")], [other])
    assert found.tradeoffs == ()
    assert (len(found.unmatched_savings), len(found.unmatched_accuracies)) == (1, 1)


def test_published_accuracies_must_be_asked_for_and_are_marked() -> None:
    with pytest.raises(InputError, match=r"published accuracies are not joined .* --accuracy published"):
        merge([saving("resnet18", "convl")], [PUBLISHED])
    found = merge([saving("resnet18", "convl")], [PUBLISHED], consent=Consent(published=True))
    assert found.joins == (COMPUTED_WITH_PUBLISHED,)
    assert found.tradeoffs[0].joined == COMPUTED_WITH_PUBLISHED


def test_fault_models_are_mixed_only_on_request() -> None:
    stuck = replace(MEASURED, fault_model="stuck-at")
    savings = [saving("resnet18", "convl")]
    with pytest.raises(InputError, match=r"flip, stuck-at.* --fault-model"):
        merge(savings, [MEASURED, stuck])
    found = merge(savings, [MEASURED, stuck], consent=Consent(fault_models=True))
    assert [row.accuracy.fault_model for row in found.tradeoffs] == ["flip", "stuck-at"]
    assert all(row.joined == "fault models mixed: flip, stuck-at" for row in found.tradeoffs)


def test_published_and_measured_are_mixed_only_on_request() -> None:
    other = replace(MEASURED, fault_model=PUBLISHED.fault_model)
    savings = [saving("resnet18", "convl")]
    with pytest.raises(InputError, match="published and measured"):
        merge(savings, [PUBLISHED, other], consent=Consent(published=True))
    found = merge(savings, [PUBLISHED, other], consent=Consent(published=True, sources=True))
    assert "published and measured accuracies mixed" in found.joins


def test_a_saving_that_comes_twice_is_refused_but_accelerators_may_differ() -> None:
    one = saving("resnet18", "convl")
    with pytest.raises(InputError, match="two savings"):
        merge([one, one], [MEASURED])
    assert len(merge([one, replace(one, array_rows=64)], [MEASURED]).tradeoffs) == 2
