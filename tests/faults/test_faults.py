"""Real faults of processes, machines and clocks: one sentence, the right exit code, and what has landed stays."""

import contextlib
import json
import os
import random
import shutil
import time
from pathlib import Path

import psutil
import pytest
import xarray as xr

from ensemble import run_sweep
from ensemble.cluster import count_cores
from ensemble.store import lock
from tests.support import SUPPORT
from tests.support.clusters import scheduler, worker
from tests.support.command import line
from tests.support.contents import chunks, contents
from tests.support.elsewhere import python
from tests.support.faults import FAILURES_TOLD, RUN, ContentsOf, finished, one_sentence, sweep, told, workers
from tests.support.greedy import WORKER_BYTES
from tests.support.processes import read_output, start
from tests.support.waiting import wait_during

pytestmark = pytest.mark.faults

KILLS = 50

GREED = f"{SUPPORT / 'greedy.py'}:Greedy"
GREEDY = [False, False, False, False, False, True, False, False]
"""Which realizations need more than that."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sweep.toml").write_text(sweep())
    return tmp_path


@pytest.mark.parametrize("by", ["address", "file"])
def test_a_scheduler_is_killed(by: str, folder: Path, address: str, contents_of: ContentsOf) -> None:
    with scheduler(folder) as (file, lost), worker(file), worker(file):
        where = json.loads(Path(file).read_text())["address"] if by == "address" else file
        with start(line(*RUN, "--cluster", where), folder) as run:
            wait_during(run, lambda: chunks(folder / "a.zarr") >= 12)
            lost.kill()
            one_sentence(run, 1, "the cluster was lost; what has landed is safe, run again to continue")
    landed = chunks(folder / "a.zarr")
    assert 12 <= landed < 48
    assert finished(folder, "--cluster", address) == contents_of(sweep())


def test_all_workers_are_killed_and_others_come(folder: Path, contents_of: ContentsOf) -> None:
    said = folder / "stderr"
    with scheduler(folder) as (file, _), contextlib.ExitStack() as stack:
        first = [stack.enter_context(worker(file)) for _ in range(2)]
        command = line(*RUN, "--cluster", file, "--batch", "1")
        run = stack.enter_context(start(command, folder, stderr=stack.enter_context(said.open("w"))))
        wait_during(run, lambda: chunks(folder / "a.zarr") >= 8)
        for each in first:
            each.kill()
        wait_during(run, lambda: "waiting for some" in said.read_text())
        landed = chunks(folder / "a.zarr")
        for _ in range(2):
            stack.enter_context(worker(file))
        code, _ = told(run)
    assert landed < 48
    assert code == FAILURES_TOLD, said.read_text()
    assert contents(folder / "a.zarr") == contents_of(sweep())


@pytest.mark.timeout(900)
def test_fifty_kills(folder: Path, contents_of: ContentsOf) -> None:
    """Of drivers, as they start and in the middle, and of their workers; the dice are the same each time."""
    text = sweep(realizations=400)
    (folder / "sweep.toml").write_text(text)
    dice, killed = random.Random(50), 0
    while killed < KILLS:
        with start(line(*RUN), folder) as run:
            if dice.random() < 0.25:
                time.sleep(dice.uniform(0.0, 2.0))
            else:
                before = chunks(folder / "a.zarr")
                wait_during(run, lambda before=before: chunks(folder / "a.zarr") > before + 5)
                for _ in range(min(dice.randrange(2, 7), KILLS - 1 - killed)):
                    time.sleep(dice.uniform(0.1, 0.6))
                    if some := workers(run):
                        dice.choice(some).kill()
                        killed += 1
                time.sleep(dice.uniform(0.0, 0.4))
            assert run.poll() is None, "the run was over before it could be killed"
            run.kill()
            killed += 1
    assert 48 < chunks(folder / "a.zarr") < 400
    assert finished(folder) == contents_of(text)


def test_what_held_the_lock_before_the_machine_went_down_stops_nobody(
    folder: Path, address: str, contents_of: ContentsOf
) -> None:
    """A lock file that another host has left tells of somebody who is no longer there."""
    facts = {"host": "another.host", "pid": os.getpid(), "since": 0.0, "rate": 1.0}
    lock.place(folder / "a.zarr").write_text(json.dumps(facts))
    assert lock.holder(folder / "a.zarr") is None
    assert finished(folder, "--cluster", address) == contents_of(sweep())


def test_two_drivers_start_in_the_same_instant(tmp_path: Path, address: str, contents_of: ContentsOf) -> None:
    """One of them makes the store; the other is refused, or finds that everything is there."""
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "sweep.toml").write_text(sweep(realizations=20))
        command = line(*RUN, "--cluster", address)
        with start(command, folder) as one, start(command, folder) as two:
            outcomes = [told(one), told(two)]
        codes = sorted(code for code, _ in outcomes)
        assert codes in ([FAILURES_TOLD, FAILURES_TOLD], [FAILURES_TOLD, 2]), outcomes
        for code, said in outcomes:
            assert "Traceback" not in said
            if code == 2:
                assert said.count("ensemble: ") == 1
                assert "must have one driver at a time, but " in said
        assert finished(folder, "--cluster", address) == contents_of(sweep(realizations=20))


def test_somebody_who_looks_does_not_keep_a_driver_away(tmp_path: Path) -> None:
    """Whoever asks for the holder of a lock file that was left locks it for a moment."""
    store = tmp_path / "a.zarr"
    lock.place(store).write_text("{}")
    look = (
        f"from ensemble.store import lock; from pathlib import Path\nstore = Path({str(store)!r})\n"
        "lock.holder(store); store.with_name('looking').touch()\n"
        "while True: lock.holder(store)"
    )
    with start(python(look)) as looking:
        wait_during(looking, store.with_name("looking").exists)
        for _ in range(2000):
            with lock.hold(store):
                pass
            lock.place(store).write_text("{}")
        assert looking.poll() is None


def test_a_realization_that_needs_more_memory_than_there_is(tmp_path: Path, address: str) -> None:
    """It has failed, no other has. The limit of the workers is the one that `ulimit -m` sets."""
    model = f'model = "{GREED}"\nrealizations = {len(GREEDY)}\nseed = 5\naxes.size = [2]\nstore.chunk = 4\n'
    (tmp_path / "sweep.toml").write_text(model)
    limit = ("prlimit", f"--rss={count_cores() * WORKER_BYTES}")
    with start([*limit, *line(*RUN, "--batch", "1")], tmp_path) as run:
        code, said = told(run)
    assert code == FAILURES_TOLD, said
    assert "Traceback" not in said
    assert "1 x KilledWorker: all workers that computed it died, at last with nothing else: out of memory, " in said
    (tmp_path / "sweep.toml").write_text(f"{model}parameters.eats = 0\n")
    run_sweep(tmp_path / "sweep.toml", tmp_path / "b.zarr", cluster=address)
    with xr.open_zarr(tmp_path / "a.zarr") as found, xr.open_zarr(tmp_path / "b.zarr") as full:
        failed = found["status"].to_numpy().squeeze() == 2
        assert failed.tolist() == GREEDY
        assert (found["number"] == full["number"]).to_numpy().squeeze().tolist() == [not each for each in GREEDY]


def test_the_clock_jumps_by_hours(folder: Path, tmp_path: Path, contents_of: ContentsOf) -> None:
    """The clock of the driver and of all its workers, forward and back, while a time is set for the run."""
    compiler, clock, jump = shutil.which("cc"), tmp_path / "clock.so", tmp_path / "jump"
    if compiler is None:
        pytest.skip("a clock that jumps is built by a C compiler, cc, but there is none here")
    read_output([compiler, "-shared", "-fPIC", "-o", str(clock), str(SUPPORT / "clock.c")])
    jump.write_text("0")
    env = {**os.environ, "LD_PRELOAD": str(clock), "CLOCK_JUMP": str(jump)}
    with start(line(*RUN, "--max-time", "10m"), folder, env=env) as run:
        for number, hours in enumerate((5, -7, 1000, 0)):
            wait_during(run, lambda number=number: chunks(folder / "a.zarr") >= 4 + 8 * number)
            jump.write_text(str(3600 * hours))
        code, said = told(run)
    assert code == FAILURES_TOLD, said
    assert contents(folder / "a.zarr") == contents_of(sweep())


@pytest.mark.parametrize("whom", ["driver", "worker"])
def test_a_process_is_held_for_some_seconds(whom: str, folder: Path, contents_of: ContentsOf) -> None:
    """A worker is still there afterwards, even if Dask was told to give it up by then."""
    given_up = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "1s"}
    with start(line(*RUN), folder, env=given_up) as run:
        wait_during(run, lambda: chunks(folder / "a.zarr") >= 4)
        before = workers(run)
        held = psutil.Process(run.pid) if whom == "driver" else before[0]
        held.suspend()
        time.sleep(3.0 if whom == "driver" else 7.0)
        assert run.poll() is None
        assert whom == "worker" or chunks(folder / "a.zarr") < 48
        held.resume()
        wait_during(run, lambda: chunks(folder / "a.zarr") >= 40)
        assert workers(run) == before
        assert told(run)[0] == FAILURES_TOLD
    assert contents(folder / "a.zarr") == contents_of(sweep())
