"""Sums over networks on many accelerators."""

from __future__ import annotations

from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import engine
from energy.counts import filter_reads, total_cycles
from energy.totals import totals_in_closed_form, totals_of, traffic_totals_in_closed_form
from topologies.layers import ACTIVATIONS, Layer, Topology

ATTENTION = Topology(
    name="attention",
    layers=(
        Layer.gemm(name="projection", m=12, k=20, n=24),
        Layer.gemm(name="scores", m=12, k=8, n=12, operands=ACTIVATIONS),
        Layer.gemm(name="output", m=12, k=24, n=20),
    ),
)
ACCELERATORS = [SystolicArray(rows=8, cols=4, dataflow=dataflow) for dataflow in DATAFLOWS]


def test_products_of_activations_take_cycles_and_read_no_weights() -> None:
    counted = [engine.simulate(ATTENTION, array) for array in ACCELERATORS]
    tasks = {
        (layer.shape, array): record
        for array, records in zip(ACCELERATORS, counted, strict=True)
        for layer, record in zip(ATTENTION.layers, records, strict=True)
    }
    (with_traffic,) = traffic_totals_in_closed_form([ATTENTION], ACCELERATORS)
    for totals in (
        totals_in_closed_form(ATTENTION, ACCELERATORS),
        with_traffic,
        totals_of(ATTENTION, ACCELERATORS, tasks),
    ):
        assert totals.total_cycles.tolist() == [total_cycles(records) for records in counted]
        weights = [filter_reads(ATTENTION.of_weights(records)) for records in counted]
        assert totals.filter_reads.tolist() == weights
        assert weights != [filter_reads(records) for records in counted]
