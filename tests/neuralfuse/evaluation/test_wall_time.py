from __future__ import annotations

import csv
import io
import json
import math
import statistics

import pytest

from neuralfuse.evaluation import wall_time as latency
from neuralfuse.evaluation.wall_time import NO_GENERATOR, WallTime, measure_latency
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.tables import csv_text
from tests.conftest import RunCli


def test_base_and_generators_are_measured_with_medians(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    timed = latency._timed_ms

    def recorded(*arguments: object) -> float:
        calls.append(1)
        return timed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(latency, "_timed_ms", recorded)
    rows = measure_latency("vgg11", ["convs", "uip"], dataset="digits", width=0.125, repeats=5, warm_up=2)
    assert len(calls) == 3 * 7
    assert [row.generator for row in rows] == [NO_GENERATOR, "ConvS", "UIP"]
    alone = rows[0]
    assert alone.added_ms is None
    for row in rows:
        assert row.batch_size == 1
        assert row.repeats == 5
        assert row.device
        assert 0.0 < row.quartile_low_ms <= row.latency_ms <= row.quartile_high_ms
    for row in rows[1:]:
        assert row.added_ms == pytest.approx(row.latency_ms - alone.latency_ms)


def test_the_networks_take_turns_and_warm_up_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([100.0, 200.0, 1.0, 5.0, 3.0, 9.0, 2.0, 7.0])
    monkeypatch.setattr(latency, "_timed_ms", lambda run, image: next(values))
    alone, behind = measure_latency("vgg11", ["uip"], dataset="digits", width=0.125, repeats=3, warm_up=1)
    assert alone.latency_ms == statistics.median([1.0, 3.0, 2.0])
    assert behind.latency_ms == statistics.median([5.0, 9.0, 7.0])
    assert behind.added_ms == 5.0


def test_the_csv_is_tidy() -> None:
    rows = measure_latency("vgg11", ["uip"], dataset="digits", width=0.125, repeats=1, warm_up=0)
    read = list(csv.DictReader(io.StringIO(csv_text(WallTime, rows))))
    assert [row["generator"] for row in read] == ["none", "UIP"]
    assert read[0]["added_ms"] == ""
    assert {row["base_width"] for row in read} == {"0.125"}
    assert float(read[1]["latency_ms"]) > 0.0


def test_wrong_values_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1 repeat"):
        measure_latency("vgg11", repeats=0)
    with pytest.raises(UnknownName, match="convs"):
        measure_latency("vgg11", ["conv-s"], dataset="digits", width=0.125)
    with pytest.raises(UnknownName, match="vgg11"):
        measure_latency("vgg12")
    for width in (-1.0, math.inf):
        with pytest.raises(InputError, match="positive, finite"):
            measure_latency("vgg11", width=width)


def test_the_command_prints_a_table_and_json(cli: RunCli) -> None:
    arguments = ("measure-latency", "--base", "vgg11", "--gen", "convs", "--width", "0.125", "--repeats", "2")
    table = cli(*arguments)
    assert table.status == 0, table.stderr
    assert "VGG11 + ConvS" in table.stdout
    found = json.loads(cli(*arguments, "--json").stdout)
    assert [row["generator"] for row in found] == ["none", "ConvS"]
