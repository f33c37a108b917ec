"""Real kills: whatever dies, whenever, the final store is that of an undisturbed run, bit for bit."""

import logging
import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

import ensemble
from ensemble.cluster import connect
from ensemble.store import lock
from tests.support.command import line
from tests.support.command import run as run_command
from tests.support.contents import chunks, contents
from tests.support.faults import FAILURES_TOLD, RUN, sweep, told, workers
from tests.support.processes import TIMEOUT, read_until, start
from tests.support.waiting import wait_during

SWEEP = sweep()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "sweep.toml").write_text(SWEEP)
    done = run_command(folder, *RUN)
    assert done.returncode == FAILURES_TOLD, done.stderr
    return folder / "a.zarr"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sweep.toml").write_text(SWEEP)
    return tmp_path


def finished(folder: Path) -> Path:
    """The store after one more run, which must find it in order."""
    done = run_command(folder, *RUN)
    assert done.returncode == FAILURES_TOLD, done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in folder.glob("*zarr*")) == ["a.zarr"]
    assert not list((folder / "a.zarr").rglob("*.partial"))
    return folder / "a.zarr"


@pytest.mark.faults
def test_the_driver_is_killed_at_random_moments(folder: Path, undisturbed: Path) -> None:
    """From its first moments, when there is no store yet, to the middle of the work."""
    dice = random.Random(2021)
    for after in (0, 1, *(dice.randrange(2, 9) for _ in range(3))):
        with start(line(*RUN), folder) as run:
            before = chunks(folder / "a.zarr")
            wait_during(run, lambda before=before, after=after: chunks(folder / "a.zarr") >= before + after)
            time.sleep(dice.uniform(0.0, 0.2))
            run.kill()
    assert contents(finished(folder)) == contents(undisturbed)


def test_the_driver_is_killed_while_it_makes_the_store(folder: Path, undisturbed: Path) -> None:
    with start(line(*RUN), folder) as run:
        wait_during(run, lambda: (folder / ".a.zarr.making").exists())
        run.kill()
    assert contents(finished(folder)) == contents(undisturbed)


@pytest.mark.slow
@pytest.mark.drift
def test_workers_are_killed_while_the_driver_goes_on(folder: Path, undisturbed: Path) -> None:
    with start(line(*RUN, "--batch", "1"), folder) as run:
        for after in (1, 10, 20):
            wait_during(run, lambda after=after: chunks(folder / "a.zarr") >= after and workers(run))
            workers(run)[0].kill()
        assert told(run)[0] == FAILURES_TOLD
    assert contents(finished(folder)) == contents(undisturbed)


@pytest.mark.faults
def test_the_workers_of_a_killed_driver_end_with_it(folder: Path) -> None:
    with start(line(*RUN), folder) as run:
        wait_during(run, lambda: chunks(folder / "a.zarr") >= 1)
        left = workers(run)
        assert len(left) == len(os.sched_getaffinity(0))
        run.kill()
        run.wait(TIMEOUT)
        _, alive = psutil.wait_procs(left, timeout=20)
    assert not alive


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_what_is_in_flight_land(number: signal.Signals, folder: Path, undisturbed: Path) -> None:
    """Sent to the whole group, as a terminal and a batch system do."""
    with start(line(*RUN), folder) as run:
        wait_during(run, lambda: chunks(folder / "a.zarr") >= 4)
        os.killpg(run.pid, number)
        code, said = told(run)
    assert code == 128 + number, said
    assert "stopping: what is in flight will land" in said
    assert "Traceback" not in said
    view = ensemble.open(folder / "a.zarr")
    landed = chunks(folder / "a.zarr")
    assert int((view["status"] > 0).any("realization").sum()) > 0
    assert 4 <= landed < 48
    assert int((view["status"].to_numpy()[..., ::4] > 0).sum()) == landed, "a chunk landed that the book does not know"
    assert contents(finished(folder)) == contents(undisturbed)


@pytest.mark.faults
def test_a_second_signal_stops_at_once(folder: Path, undisturbed: Path) -> None:
    with start(line(*RUN), folder) as run:
        wait_during(run, lambda: chunks(folder / "a.zarr") >= 4)
        os.killpg(run.pid, signal.SIGINT)
        assert run.stderr is not None
        before = read_until(run.stderr.fileno(), "stopping: what is in flight will land")
        os.killpg(run.pid, signal.SIGINT)
        code, after = told(run)
    assert code == 130, before + after
    assert "Traceback" not in before + after
    assert contents(finished(folder)) == contents(undisturbed)


@pytest.mark.faults
def test_a_second_driver_is_refused_and_harms_nothing(folder: Path, undisturbed: Path) -> None:
    """The first one is held still meanwhile, so that it cannot be done before the second comes."""
    with start(line(*RUN), folder) as run:
        wait_during(run, lambda: chunks(folder / "a.zarr") >= 1)
        run.send_signal(signal.SIGSTOP)
        assert str(lock.holder(folder / "a.zarr")).startswith(f"process {run.pid} on ")
        second = run_command(folder, *RUN)
        run.send_signal(signal.SIGCONT)
        assert second.returncode == 2
        assert f"must have one driver at a time, but process {run.pid} on " in second.stderr
        assert told(run)[0] == FAILURES_TOLD
    assert contents(finished(folder)) == contents(undisturbed)


@pytest.mark.faults
def test_a_worker_that_does_not_leave_at_the_end_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """As on a machine that is busy with other things: Dask kills the worker after some seconds, and would say so."""
    with connect("local", workers=1) as client:
        (worker,) = client.run(os.getpid).values()
        os.kill(worker, signal.SIGSTOP)
    assert not psutil.pid_exists(worker)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
