"""One driver and thirty-two workers: all have work, each realization is computed once, the store is the same.

How long that takes, and how many workers a driver can feed, is measured in `benchmarks/test_scaling.py`.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from distributed import Client, Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

from ensemble import Sweep, run_sweep
from ensemble.run import Watch, run_on
from ensemble.run.dispatcher import _TASKS_PER_WORKER
from ensemble.store import Ledger, Status
from tests.support.contents import contents
from tests.support.herd import herd

Toy = Callable[..., Sweep]

WORKERS = 32
POINTS, REALIZATIONS = 2, 120


class Seen(SchedulerPlugin):
    """What the scheduler has been through: tasks by the worker that did them, and how many were not done at a time."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.by_worker: Counter[str] = Counter()
        self.most = 0
        self._unfinished: set[str] = set()

    def transition(self, key: Any, start: Any, finish: Any, *args: Any, stimulus_id: str, **kwargs: Any) -> None:
        if finish in ("waiting", "processing", "queued"):
            self._unfinished.add(key)
            self.most = max(self.most, len(self._unfinished))
        else:
            self._unfinished.discard(key)
        if finish == "memory":
            self.done[key] += 1
            self.by_worker[kwargs["worker"]] += 1


def of_kind(tasks: Counter[str], kind: str) -> Counter[str]:
    return Counter({key: count for key, count in tasks.items() if key.startswith(f"{kind}-")})


@contextlib.contextmanager
def seeing(client: Client) -> Iterator[Seen]:
    """What the scheduler goes through meanwhile."""
    scheduler: Scheduler = cast(Any, client.cluster).scheduler
    scheduler.add_plugin(seen := Seen(), name="seen")
    yield seen
    scheduler.remove_plugin("seen")


@pytest.mark.slow
def test_thirty_two_workers(toy: Toy, tmp_path: Path, cluster: Client) -> None:
    """A realization that takes long is a task of its own, forty to a landing; one task does a chunk of cheap ones.

    A task lasts long enough for all to have one before the first worker comes back for another.
    """
    with herd(WORKERS) as many:
        for chunk, batch, seconds in ((40, 1, 0.2), (4, 4, 1.0)):
            asked: dict[str, Any] = {"realizations": REALIZATIONS, "axes": {"size": [2, 3]}, "store": {"chunk": chunk}}
            sleepy = toy(**asked, parameters={"seconds": seconds / batch})
            with seeing(many) as seen:
                summary = run_on(many, sleepy, tmp_path / f"{chunk}.zarr", batch=batch, watch=Watch())
            assert (summary.computed, summary.failed) == (POINTS * REALIZATIONS, 0)
            orders, parts = POINTS * REALIZATIONS // chunk, chunk // batch
            kinds = {"realize": orders * parts, "land": orders} if parts > 1 else {"realize_and_land": orders}
            for kind, count in kinds.items():
                assert of_kind(seen.done, kind).total() == len(of_kind(seen.done, kind)) == count
            assert len(seen.by_worker) == WORKERS
            assert seen.most < _TASKS_PER_WORKER * WORKERS + parts + 1
            run_on(cluster, toy(**asked), tmp_path / f"{chunk}-alone.zarr", watch=Watch())
            assert contents(tmp_path / f"{chunk}.zarr") == contents(tmp_path / f"{chunk}-alone.zarr")


def test_points_of_a_few_cheap_realizations_share_tasks(toy: Toy, tmp_path: Path, cluster: Client) -> None:
    """A task costs more than they do; whatever is computed together, the store is the same."""
    asked: dict[str, Any] = {"realizations": 3, "axes": {"size": [2, 3], "drift": [0.1 * at for at in range(16)]}}
    with seeing(cluster) as seen:
        together = run_on(cluster, toy(**asked), tmp_path / "a.zarr", watch=Watch())
    assert together.computed == 96
    assert of_kind(seen.done, "realize_and_land").total() < 32 / 2
    with seeing(cluster) as seen:
        run_on(cluster, toy(**asked), tmp_path / "b.zarr", batch=1, watch=Watch())
    assert of_kind(seen.done, "realize").total() == 96
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "b.zarr")


@pytest.mark.faults
def test_a_realization_that_kills_its_worker_is_found_among_points_that_share_a_task(
    toy: Toy, tmp_path: Path, one_worker: str
) -> None:
    axis = [-1.0 - at for at in range(23)] + [2.0]
    summary = run_sweep(
        toy(realizations=2, axes={"size": [2], "kills_below": axis}), tmp_path / "a.zarr", cluster=one_worker
    )
    assert (summary.computed, summary.failed) == (46, 2)
    status = Ledger.reading(tmp_path / "a.zarr").status
    assert (status[0, axis.index(2.0)] == Status.FAILED).all()
    assert (status == Status.DONE).sum() == 46
