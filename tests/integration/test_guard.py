"""Realizations that really hang, and processes that really die: each is recorded, and nothing else is lost."""

import ctypes
import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import xarray as xr
from distributed import Client

from ensemble import Sweep, run_sweep
from ensemble.cluster import connect
from ensemble.errors import RunError, SweepError
from ensemble.realization import time_limit
from ensemble.run import timing
from tests.support import SUPPORT, command
from tests.support.clusters import dask, scheduler
from tests.support.contents import contents
from tests.support.processes import TIMEOUT
from tests.support.waiting import wait_until

HANG = f"{SUPPORT / 'hanging.py'}:Hanging"
LIMIT = 0.5
SEED = 380
HANGING = {0, 2, 7}
"""With this seed; two of them in one chunk of four, and the first is the one that is measured."""


WAYS = ("sleep", "loop", "C", "regex", "compiled")
HELD = "C"
"""A call in C that keeps the lock: no thread of its process does anything until it ends."""


def sweep(*ways: str, realizations: int = 8, **parameters: Any) -> Sweep:
    table = {"model": HANG, "seed": SEED, "store": {"chunk": 4}}
    return Sweep.from_table({**table, "realizations": realizations, "axes": {"how": ways}, "parameters": parameters})


@pytest.fixture
def reference(tmp_path: Path, address: str) -> Callable[..., Path]:
    """Makes the store of a sweep whose realizations raise where others hang."""

    def make(*ways: str) -> Path:
        store = tmp_path / "raised.zarr"
        assert run_sweep(sweep(*ways, raises=True), store, cluster=address).failed == len(ways) * len(HANGING)
        return store

    return make


@pytest.mark.drift
def test_whatever_hangs_has_failed_and_says_where(tmp_path: Path, address: str, reference: Callable[..., Path]) -> None:
    store = tmp_path / "a.zarr"
    summary = run_sweep(sweep(*WAYS), store, cluster=address, time_limit=LIMIT)
    assert (summary.computed, summary.failed) == (5 * len(WAYS), 3 * len(WAYS))
    assert summary.exceptions == {"TimeLimit: took longer than 500 ms": 3 * len(WAYS)}
    assert contents(store) == contents(reference(*WAYS))
    with xr.open_zarr(store) as dataset:
        texts = dataset["exception"].sel(realization=sorted(HANGING))
        for text in texts.to_numpy().flat:
            assert re.search(r'File ".*hanging\.py", line \d+ in hang\n.*in measure\n', text), text
        assert all("line" in text and "fullmatch" in text for text in texts.sel(how="regex").to_numpy())


@pytest.mark.slow
def test_what_hangs_does_not_depend_on_batches(tmp_path: Path, address: str, reference: Callable[..., Path]) -> None:
    run_sweep(sweep(HELD), tmp_path / "a.zarr", cluster=address, batch=3, time_limit=LIMIT)
    assert contents(tmp_path / "a.zarr") == contents(reference(HELD))


@pytest.mark.slow
def test_the_command_tells_what_hung_and_computes_it_again(
    tmp_path: Path, address: str, reference: Callable[..., Path]
) -> None:
    mended = tmp_path / "mended"
    (tmp_path / "sweep.toml").write_text(
        f'model = "{HANG}"\nrealizations = 8\nseed = {SEED}\nstore.chunk = 4\n'
        f'axes.how = ["{HELD}"]\nparameters.unless = "{mended}"\n'
    )
    line = ("run", "sweep.toml", "--store", "a.zarr", "--time-limit")
    done = command.run(tmp_path, *line, "0.5s")
    assert done.returncode == 1, done.stderr
    assert "3 x TimeLimit: took longer than 500 ms\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(tmp_path / "a.zarr") == contents(reference(HELD))

    mended.touch()
    done = command.run(tmp_path, *line, "1:00:00", "--retry-failed")
    assert done.returncode == 0, done.stderr
    run_sweep(tmp_path / "sweep.toml", tmp_path / "b.zarr", cluster=address)
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "b.zarr")


@pytest.mark.slow
def test_a_chunk_that_has_landed_in_part_keeps_what_it_has(
    tmp_path: Path, address: str, reference: Callable[..., Path]
) -> None:
    store = tmp_path / "a.zarr"
    assert run_sweep(sweep(HELD, realizations=6), store, cluster=address, batch=1, time_limit=LIMIT).computed == 4
    summary = run_sweep(sweep(HELD), store, cluster=address, time_limit=LIMIT)
    assert (summary.found, summary.computed, summary.failed) == (4, 1, 3)
    assert contents(store) == contents(reference(HELD))


def test_a_measurement_that_hangs_costs_the_limit(cluster: Client) -> None:
    asked = sweep(*WAYS[:2])
    for cost in timing.measure_costs(cluster, asked, asked.points, LIMIT).values():
        assert LIMIT <= cost < 1000


@pytest.mark.slow
def test_a_limit_changes_nothing_where_nothing_hangs(tmp_path: Path, address: str) -> None:
    (tmp_path / "mended").touch()
    asked = sweep("sleep", unless=str(tmp_path / "mended"))
    run_sweep(asked, tmp_path / "a.zarr", cluster=address, time_limit=100.0)
    run_sweep(asked, tmp_path / "b.zarr", cluster=address)
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "b.zarr")


@pytest.mark.slow
def test_workers_need_neither_a_nanny_nor_to_have_one_thread(tmp_path: Path, reference: Callable[..., Path]) -> None:
    with scheduler(tmp_path) as (file, _), dask("worker", "--nthreads", "2", "--no-nanny", "--scheduler-file", file):
        run_sweep(sweep(HELD, "loop"), tmp_path / "a.zarr", cluster=file, batch=1, time_limit=LIMIT)
    assert contents(tmp_path / "a.zarr") == contents(reference(HELD, "loop"))


def beside(process: psutil.Process) -> list[psutil.Process]:
    """The processes that make the calls of a process and of those that it has started."""
    return [
        child
        for child in process.children(recursive=True)
        if "ensemble.realization.time_limit" in " ".join(child.cmdline())
    ]


def test_what_hangs_ends_with_its_worker() -> None:
    with connect("local", workers=1) as client:
        (pid,) = client.run(os.getpid).values()
        worker = psutil.Process(pid)
        hung = client.submit(time_limit.each, answer, None, ["pid", "hang"], 1000.0)
        wait_until(lambda: beside(worker))
        (child,) = beside(worker)
        hung.cancel()
        worker.kill()
        _, alive = psutil.wait_procs([child], timeout=20)
        assert not alive


def answer(folder: Path | None, items: Sequence[str]) -> list[Any]:
    """What a process beside does with words, and itself."""
    for item in items:
        if item == "hang":
            ctypes.PyDLL(None).sleep(1000)
        elif item == "raise":
            raise KeyError("no such thing")
        elif item == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif item == "crash":
            ctypes.string_at(0)
        elif item == "leave":
            raise SystemExit(3)
        elif item == "die once" and folder and not (folder / "died").exists():
            (folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        elif item == "pid":
            return [os.getpid()]
    return list(items)


def told(client: Client, *items: str, folder: Path | None = None) -> list[Any]:
    """What comes of calls made beside a worker: what they return, or the first line that says why not."""
    results = client.submit(time_limit.each, answer, folder, items, LIMIT, pure=False).result(TIMEOUT)
    return [
        each.told.partition("\n")[0] if isinstance(each, time_limit.TimeLimitExceeded) else each for each in results
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("item", "line"),
    [
        ("hang", "TimeLimit: took longer than 500 ms"),
        ("die", "Killed: its process died of SIGKILL, 3 times over"),
        ("leave", "Killed: its process left with code 3, 3 times over"),
    ],
)
def test_what_ends_a_process_takes_nobody_along(item: str, line: str, cluster: Client) -> None:
    assert told(cluster, "first", item, "last") == ["first", line, "last"]


@pytest.mark.slow
def test_a_crash_says_where(cluster: Client) -> None:
    (crash,) = cluster.submit(time_limit.each, answer, None, ["crash"], LIMIT).result(TIMEOUT)
    line, _, traceback = crash.told.partition("\n")
    assert line == "Killed: its process died of SIGSEGV, 3 times over"
    assert "Fatal Python error: Segmentation fault" in traceback
    assert re.search(r'in string_at\n  File ".*test_guard\.py", line \d+ in answer', traceback)


@pytest.mark.slow
def test_who_dies_once_is_asked_again(tmp_path: Path, cluster: Client) -> None:
    assert told(cluster, "first", "die once", "last", folder=tmp_path) == ["first", "die once", "last"]
    assert (tmp_path / "died").exists()


@pytest.mark.slow
def test_a_process_is_kept_until_it_is_gone(tmp_path: Path) -> None:
    with connect("local", workers=1) as client:
        first, again = told(client, "pid") + told(client, "pid")
        assert first == again
        psutil.Process(first).kill()
        (other,) = told(client, "pid")
        assert other != first


def test_a_call_that_raises_is_an_error(cluster: Client) -> None:
    with pytest.raises(RunError, match="KeyError: 'no such thing'"):
        told(cluster, "first", "raise")
    assert told(cluster, "next") == ["next"]


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_that_is_none_is_refused(limit: float, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="time_limit must be more than 0 seconds"):
        run_sweep(sweep("sleep"), tmp_path / "a.zarr", cluster="tcp://127.0.0.1:1", time_limit=limit)
    assert not (tmp_path / "a.zarr").exists()


def test_a_time_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    refused = command.run(tmp_path, "run", "sweep.toml", "--time-limit", "1:30")
    assert refused.returncode == 2
    assert "a span of time must be more than nothing, such as 90s, 10m, 8h, 1d or 1:30:00" in refused.stderr
