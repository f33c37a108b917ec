"""Costs, and what follows from them."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from distributed import Client

from ensemble import Sweep, run_sweep
from ensemble.run import batching, timing
from ensemble.run.plan import plan
from tests.support.toy_model import ToyModel

Toy = Callable[..., Sweep]


@pytest.mark.parametrize(
    ("seconds", "batch"), [(10.0, 1), (0.1, 1), (0.09, 11), (0.01, 100), (1e-4, 10_000), (0.0, 1_000_000)]
)
def test_tasks_last_about_a_second(seconds: float, batch: int) -> None:
    assert batching.batch_size(seconds) == batch


def test_tasks_are_shorter_where_workers_would_wait_for_the_last_one() -> None:
    assert batching.task_length(3600.0, 2) == 1.0
    assert batching.task_length(10.0, 2) == 0.5
    assert batching.task_length(0.1, 2) == 0.1
    assert batching.batch_size(0.01, batching.task_length(10.0, 2)) == 50


@pytest.mark.parametrize(("costs", "chunk"), [([1e-3, 2e-3], 512), ([1e-3, 0.5], 120), ([20.0], 3), ([600.0], 1)])
def test_a_chunk_costs_a_minute_at_most(costs: list[float], chunk: int, toy: Toy) -> None:
    assert batching.chunk_length(toy(), costs) == chunk


def test_a_chunk_of_large_realizations_is_short(toy: Toy) -> None:
    sweep = toy(time={"start": 0.0, "stop": 1.0, "num": 100_001})
    assert batching.bytes_per_realization(sweep) == 8 * 100_001 + 8
    assert batching.chunk_length(sweep, [1e-3]) == 2**24 // (8 * 100_001 + 8)


def test_only_the_chosen_observables_are_weighed_and_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def tell(self: ToyModel, name: str, value: object) -> object:
        told.append(name)
        return value

    monkeypatch.setattr(ToyModel, "_told", tell)
    table = {"model": "tests.support.toy_model:ToyModel", "realizations": 1, "seed": 0, "axes": {"size": [2]}}
    sweep = Sweep.from_table({**table, "observables": ["wave"]})
    timing.measure_costs_here(sweep)
    assert set(told) == {"wave"}
    assert batching.bytes_per_realization(sweep) == 4 * 16


def test_costs_are_those_of_the_points(toy: Toy, cluster: Client) -> None:
    """The toy model sleeps as long as it is told; both ways of measuring see it."""
    sweep = toy(axes={"size": [2], "seconds": [0.0, 0.05, 0.2]})
    for costs in (timing.measure_costs(cluster, sweep, sweep.points), timing.measure_costs_here(sweep)):
        assert list(costs) == list(sweep.points)
        for point, cost in costs.items():
            seconds = dict(point.values)["seconds"]
            assert isinstance(seconds, float)
            assert cost >= seconds


def test_a_large_grid_is_measured_in_part(toy: Toy, cluster: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_SAMPLE", 2)
    sweep = toy(axes={"size": [2], "seconds": [0.05, 0.06, 0.001, 0.002]})
    costs = list(timing.measure_costs(cluster, sweep, sweep.points).values())
    assert costs[0] == costs[1] > costs[2] == costs[3]


def test_points_that_tell_nothing_in_time_count_as_the_dearest(
    toy: Toy, cluster: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "_PATIENCE", 0.5)
    sweep = toy(axes={"size": [2], "seconds": [0.01, 2.0]})
    cheap, dear = timing.measure_costs(cluster, sweep, sweep.points).values()
    assert dear == cheap


def test_a_plan_counts_what_a_run_then_does(toy: Toy, tmp_path: Path, address: str) -> None:
    store = tmp_path / "a.zarr"
    planned = plan(toy(), store, 2)
    assert [each.missing for each in planned.points] == [10] * 4
    assert planned.bytes == 40 * (4 * 8 + 8)
    assert not store.exists()
    run_sweep(toy(parameters={"raises_below": 0.3}), store, cluster=address)
    planned = plan(toy(parameters={"raises_below": 0.3}, realizations=16), store, 2, batch=3)
    assert [each.missing for each in planned.points] == [6] * 4
    assert all(0 < each.done < 10 for each in planned.points)
    assert all(each.tasks == math.ceil(6 / 3) + math.ceil(6 / 4) for each in planned.points)
