"""The memory of realizations: no more of them at a time than there is room for, on this machine and elsewhere."""

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT

from ensemble import Sweep, run_sweep
from ensemble.errors import ClusterError, RunError, SweepError
from ensemble.run import Watch
from tests.support import SUPPORT
from tests.support.clusters import dask
from tests.support.command import line, run
from tests.support.contents import landed
from tests.support.processes import TIMEOUT, execute, run_in_thread
from tests.support.waiting import wait_until

HUNGRY = f"{SUPPORT / 'hungry.py'}:Hungry"
GIB = 2**30


def sweep(says: list[int], realizations: int = 12, **parameters: object) -> Sweep:
    """A sweep of points that say what they take."""
    table = {"model": HUNGRY, "realizations": realizations, "seed": 1, "axes": {"says": says}, "store": {"chunk": 2}}
    return Sweep.from_table({**table, "parameters": parameters})


def text(says: list[int], realizations: int = 12, takes: int = 0) -> str:
    """The file of such a sweep."""
    head = f'model = "{HUNGRY}"\nrealizations = {realizations}\nseed = 1\naxes.says = {says}\nstore.chunk = 2\n'
    return f"{head}parameters.takes = {takes}\n"


def processes(store: Path, says: int) -> set[int]:
    """Who computed the realizations of a point."""
    with xr.open_zarr(store) as found:
        point = found.sel(says=says)
        assert (point["status"] == 1).all()
        return set(np.ravel(point["process"].to_numpy()).tolist())


class Heard(Watch):
    """What a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def address() -> Iterator[str]:
    """A scheduler without workers."""
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        yield cluster.scheduler_address


def worker(address: str, limit: str, threads: int = 1) -> "contextlib.AbstractContextManager[subprocess.Popen[str]]":
    """A worker of that scheduler, with so much memory."""
    return dask("worker", address, "--nthreads", str(threads), "--memory-limit", limit, "--no-nanny")


@pytest.mark.slow
def test_a_machine_works_on_as_many_as_fit(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text([0, MEMORY_LIMIT // 3]))
    done = run(tmp_path, "run", "a.toml", "--workers", "4", "--batch", "1")
    assert done.returncode == 0, done.stderr
    said = rf"(\d) of 4 workers: a realization at says={MEMORY_LIMIT // 3} takes \S+ .iB of the \S+ .iB here\n"
    told = re.search(said, done.stderr)
    assert told is not None, done.stderr
    assert int(told[1]) in (1, 2)
    assert len(processes(tmp_path / "a.zarr", MEMORY_LIMIT // 3)) <= int(told[1])
    assert len(processes(tmp_path / "a.zarr", 0)) <= int(told[1])
    planned = run(tmp_path, "plan", "a.toml", "--workers", "4")
    assert "of 4 workers" not in planned.stderr, "nothing is left that takes memory"
    assert "on 4 cores" in planned.stdout


@pytest.mark.slow
def test_only_what_is_left_to_do_counts(tmp_path: Path) -> None:
    heard = Heard()
    run_sweep(sweep([MEMORY_LIMIT // 3], 2), tmp_path / "a.zarr", workers=1, watch=heard)
    run_sweep(sweep([MEMORY_LIMIT // 3, 0], 2), tmp_path / "a.zarr", workers=2, watch=heard)
    assert not any("workers: " in said for said in heard.lines)
    with pytest.raises(ClusterError, match="a realization at says="):
        run_sweep(sweep([MEMORY_LIMIT // 3, 0, MEMORY_LIMIT], 2), tmp_path / "a.zarr", workers=2)


@pytest.mark.parametrize("verb", ["run", "plan"])
def test_what_never_fits_is_refused_before_anything_starts(verb: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text([1, MEMORY_LIMIT]))
    done = run(tmp_path, verb, "a.toml")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"ensemble: a realization at says={MEMORY_LIMIT} takes ")
    assert "but this machine has room for" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]


@pytest.mark.slow
def test_what_fits_is_neither_killed_nor_paused(tmp_path: Path) -> None:
    """Two workers would have less than it takes; the limit of the machine is the one that `ulimit -m` sets."""
    (tmp_path / "a.toml").write_text(text([GIB * 6 // 10], 6, GIB * 6 // 10))
    command = ["prlimit", f"--rss={GIB * 3 // 2}", *line("run", "a.toml", "--workers", "2", "--batch", "1")]
    done = execute(command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of 2 workers: a realization at says=644245094 takes 614 MiB of the 1.5 GiB here\n" in done.stderr
    assert "distributed" not in done.stderr
    assert len(processes(tmp_path / "a.zarr", GIB * 6 // 10)) == 1


@pytest.mark.slow
def test_a_cluster_without_room_is_refused(address: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text([GIB]))
    with worker(address, "1GiB"):
        for verb in ("run", "plan"):
            done = run(tmp_path, verb, "a.toml", "--cluster", address)
            assert done.returncode == 2
            assert done.stderr == (
                f"ensemble: a realization at says={GIB} takes 1 GiB, but the largest worker has room for 619 MiB: "
                "give each more memory, by `memory` in the profile or --memory-limit where workers are started\n"
            )
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]


def test_a_cluster_without_limits_takes_everything(address: str, tmp_path: Path) -> None:
    with worker(address, "0"):
        assert run_sweep(sweep([MEMORY_LIMIT], 3), tmp_path / "a.zarr", cluster=address).computed == 3


@pytest.mark.slow
def test_what_some_workers_have_no_room_for_goes_to_the_others(address: str, tmp_path: Path) -> None:
    """A worker with four threads has a fourth of its memory for each."""
    with worker(address, "1GiB") as small, worker(address, "3GiB", 4) as shared, worker(address, "3GiB") as large:
        wait_for(address, 3)
        for batch in (1, 4):
            store = tmp_path / f"{batch}.zarr"
            run_sweep(sweep([0, GIB], 24), store, cluster=address, batch=batch)
            assert processes(store, GIB) == {large.pid}
            assert processes(store, 0) <= {small.pid, shared.pid, large.pid}
            assert len(processes(store, 0)) > 1


@pytest.mark.slow
def test_a_worker_with_room_that_goes_is_followed_by_another(address: str, tmp_path: Path) -> None:
    with worker(address, "1GiB"), contextlib.ExitStack() as others:
        first = others.enter_context(worker(address, "3GiB"))
        wait_for(address, 2)
        second: list[subprocess.Popen[str]] = []

        def replace() -> None:
            wait_until(lambda: landed(tmp_path / "a.zarr"))
            first.send_signal(signal.SIGSTOP)  # or else it may finish everything before another one has started
            second.append(others.enter_context(worker(address, "3GiB")))
            wait_for(address, 3)
            first.send_signal(signal.SIGCONT)
            first.terminate()

        with run_in_thread(replace):
            summary = run_sweep(sweep([GIB], 40, seconds=0.2), tmp_path / "a.zarr", cluster=address, batch=1)
        assert (summary.computed, summary.failed) == (40, 0)
        assert processes(tmp_path / "a.zarr", GIB) == {first.pid, second[0].pid}


@pytest.mark.slow
def test_a_run_ends_when_no_worker_with_room_is_left(address: str, tmp_path: Path) -> None:
    with worker(address, "1GiB"), worker(address, "3GiB") as large:
        wait_for(address, 2)

        def leave() -> None:
            wait_until(lambda: landed(tmp_path / "a.zarr"))
            large.terminate()

        with run_in_thread(leave), pytest.raises(RunError) as ended:
            run_sweep(sweep([GIB], 400, seconds=0.2), tmp_path / "a.zarr", cluster=address, batch=1)
        told = "no worker is left with room for 1 GiB; what has landed is safe, start one and run again to continue"
        assert str(ended.value) == told


@pytest.mark.parametrize("nonsense", ["-1", "1.5", "True", "None", "'1 GB'"])
def test_a_model_must_tell_a_number_of_bytes(nonsense: str) -> None:
    told = f"memory() of Hungry must return a number of bytes, 0 or more, got {eval(nonsense)!r}"
    with pytest.raises(SweepError, match=re.escape(told)):
        sweep([0], nonsense=nonsense)


def wait_for(address: str, count: int) -> None:
    """Wait until a scheduler has so many workers."""
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=TIMEOUT)
