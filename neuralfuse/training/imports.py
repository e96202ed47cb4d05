"""Networks trained elsewhere as networks of ours: their weights, with a record of where they came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from neuralfuse.datasets.images import Splits
from neuralfuse.training import checkpoints
from neuralfuse.training.base_training import accuracy_percent
from neuralfuse.training.checkpoints import NetworkRecord
from neuralfuse.training.foreign_weights import ForeignWeights, fit_weights, input_statistics, take_whitening
from neuralfuse.training.probing import check_base, check_generator
from neuralfuse.training.runs import Trained, fresh_copy, stored_base
from neuralfuse.training.state import images_digest
from nfenergy.ground.errors import InputError
from nfenergy.ground.provenance import versions_text


def import_network(
    record: NetworkRecord,
    weights: ForeignWeights,
    path: Path,
    data: Splits,
    *,
    mean: list[float] | None = None,
    deviation: list[float] | None = None,
) -> tuple[Trained, bool]:
    """The network that `record` names, with the weights of a file.

    Args:
        record: network, data set, width, normalisation and how its weights are stored.
        weights: of the file `path`.
        path: for messages and the record.
        data: the data set, whose test images a base is measured on.
        mean, deviation: of pixels in [0, 1], if a base expects images whitened so; one or three numbers.

    Returns:
        the network, and whether names differed so that modules were matched in their order.

    Raises:
        InputError: the weights do not fit the network, or the network not the data.
    """
    is_base = record.kind == "base"
    if is_base:
        weights, whitening = take_whitening(weights)
        if mean is not None and deviation is not None:
            if whitening is not None:
                raise InputError(f"{path} has a layer that whitens images; leave out --mean and --deviation")
            whitening = input_statistics(mean, deviation)
        record = replace(record, whitening=whitening)
    record = replace(
        record,
        network_place=checkpoints.network_place(record.network, "base" if is_base else "generator"),
        data=images_digest(data.test),
        training={
            "imported_from": path.name,
            "sha256": weights.sha256,
            "versions": versions_text(),
        },
    )
    model = checkpoints.build(record)
    (check_base if is_base else check_generator)(model, record.network, checkpoints.dataset_of(record))
    by_order = fit_weights(model, weights, path)
    trained = Trained(model=model.eval(), record=record)
    if is_base:
        tested = stored_base(trained).model if record.stored else fresh_copy(trained)
        record.training["test_accuracy_percent"] = accuracy_percent(tested, data.test)
    return trained, by_order
