"""Clusters that are there already: found by address or by file, checked, lost, and left without workers."""

import importlib.metadata
import os
import signal
import time
from pathlib import Path

import pytest
from distributed import Client

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.cluster import connect
from ensemble.cluster.worker_settings import ENDS, LEAVES
from ensemble.errors import ClusterError
from tests.support import SUPPORT
from tests.support.clusters import dask, scheduler, worker
from tests.support.command import line
from tests.support.contents import chunks, contents, landed
from tests.support.processes import TIMEOUT, finish, start
from tests.support.waiting import wait_during, wait_until

RUN = ("run", "walk.toml", "--store", "a.zarr", "--cluster")

SLOW = """
model = "walk.py:Walk"
realizations = 100
seed = 1
axes.size = [2, 3]
axes.drift = [0.0, 0.5]
parameters.seconds = 0.03
store.chunk = 4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sweep of a model that lies in a file beside it, which no worker can import."""
    code = (SUPPORT / "toy_model.py").read_text().replace("ToyModel", "Walk")
    (tmp_path / "walk.py").write_text(code)
    (tmp_path / "walk.toml").write_text(SLOW)
    return tmp_path


def test_a_model_file_reaches_workers_that_do_not_have_it(folder: Path, address: str) -> None:
    (folder / "walk.toml").write_text(SLOW.replace("= 100", "= 10").replace("= 0.03", "= 0.0"))
    sweep = Sweep.read(folder / "walk.toml")
    with scheduler(folder) as (file, _), worker(file):
        assert run_sweep(sweep, folder / "a.zarr", cluster=file, batch=3).computed == 40
    run_sweep(sweep, folder / "b.zarr", cluster=address)
    assert contents(folder / "a.zarr") == contents(folder / "b.zarr")


def test_a_scheduler_without_workers_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ensemble.cluster.existing_cluster._PATIENCE", 3.0)
    with scheduler(folder) as (file, _), pytest.raises(ClusterError, match="must have a worker, but none came"):
        run_sweep(folder / "walk.toml", folder / "a.zarr", cluster=file)
    assert not (folder / "a.zarr").exists()


def test_workers_of_another_version_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is the driver that is newer: it asks real workers, which tell what they have."""
    theirs = ensemble.__version__
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.0")
    told = rf"every worker must have ensemble 99\.0 as this driver, but tcp://.* has {theirs}; install it there"
    with pytest.raises(ClusterError, match=told), connect(address):
        pass


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_run_and_loses_nothing(folder: Path, address: str) -> None:
    with scheduler(folder) as (file, lost), worker(file), start(line(*RUN, file), folder) as run:
        wait_during(run, lambda: chunks(folder / "a.zarr") >= 20)
        lost.kill()
        _, told = finish(run)
    assert run.returncode == 1
    assert "Traceback" not in told
    assert told.endswith("ensemble: the cluster was lost; what has landed is safe, run again to continue\n")
    summary = run_sweep(folder / "walk.toml", folder / "a.zarr", cluster=address)
    assert summary.found > 0
    run_sweep(folder / "walk.toml", folder / "b.zarr", cluster=address)
    assert contents(folder / "a.zarr") == contents(folder / "b.zarr")


@pytest.mark.slow
def test_a_worker_leaves_before_its_job_ends(tmp_path: Path) -> None:
    """Nineteen seconds for tasks of four: what is begun is finished, and what would not be is left to another.

    The seconds begin when the worker has been loaded, which takes long on a busy machine.
    """

    def work(folder: str, number: int) -> int:
        (Path(folder) / f"{number}.begun").touch()
        time.sleep(4)
        (Path(folder) / f"{number}.ended").touch()
        return number

    begins = tmp_path / "begins.py"
    begins.write_text(f"import os, time\nos.environ[{ENDS!r}] = str(time.time() + 19)\n")
    with scheduler(tmp_path) as (file, _), Client(scheduler_file=file, set_as_default=False) as client:
        environment = {**os.environ, LEAVES: "1"}
        preloads = ("--preload", str(begins), "--preload", "ensemble.cluster.worker")
        options = ("--nthreads", "1", "--no-nanny", *preloads, "--scheduler-file", file)
        with dask("worker", *options, environment=environment) as process:
            tasks = [client.submit(work, str(tmp_path), number, pure=False) for number in range(5)]
            process.wait(TIMEOUT)
            begun, ended = (sorted(path.stem for path in tmp_path.glob(f"*.{kind}")) for kind in ("begun", "ended"))
            assert begun == ended
            assert 1 <= len(begun) <= 4
        with worker(file):
            assert [task.result(TIMEOUT) for task in tasks] == list(range(5))


@pytest.mark.slow
def test_a_run_without_workers_waits_for_one_and_can_be_stopped(folder: Path) -> None:
    stderr, waits = folder / "stderr", "the cluster has no workers: waiting for some"

    def await_landing() -> None:
        before = landed(folder / "a.zarr")
        wait_until(lambda: landed(folder / "a.zarr") > before + 8)

    with (
        scheduler(folder) as (file, _),
        stderr.open("w") as told,
        start(line(*RUN, file), folder, stderr=told) as run,
    ):
        with worker(file):
            wait_during(run, lambda: chunks(folder / "a.zarr") >= 8)
        wait_during(run, lambda: stderr.read_text().count(waits) == 1)
        with worker(file):
            for _ in range(2):  # the driver counts its workers as often as it tells what has landed
                await_landing()
        wait_during(run, lambda: stderr.read_text().count(waits) == 2)
        run.send_signal(signal.SIGINT)
        finish(run)
    assert run.returncode == 130
    assert stderr.read_text().count(waits) == 2
    assert "Traceback" not in stderr.read_text()
