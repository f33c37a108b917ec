"""When a run has to be over: times and spans, SLURM's word, and runs that end in time and lose nothing."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import xarray as xr

from ensemble import Sweep, run_sweep
from ensemble.errors import DeadlineError
from ensemble.realization.compute import ComputeTask
from ensemble.run import deadline, targets
from ensemble.run.deadline import Deadline, deadline_at, deadline_within, earliest, slurm_deadline
from ensemble.run.pace import Throughput
from ensemble.run.targets import Capacity, WorkItem
from ensemble.store import ChunkRegion, Ledger, lock
from tests.support.command import run as run_command
from tests.support.contents import contents
from tests.support.elsewhere import python
from tests.support.processes import finish, read_until, run_in_thread, start
from tests.support.toy_model import TOY, ToyModel

Toy = Callable[..., Sweep]

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process lives in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def left(end: Deadline | None) -> float:
    """Seconds until a deadline, to the minute: the clock goes on while a test runs."""
    assert end is not None
    return round(end.left / 60) * 60.0


# What people say.


@pytest.mark.parametrize(
    ("now", "text", "hours"),
    [
        ("2031-05-17T01:00", "07:00", 6),
        ("2031-05-17T01:00", " 7:00 ", 6),
        ("2031-05-17T06:30", "07:00:00", 0.5),
        ("2031-05-17T07:00", "07:00", 24),
        ("2031-05-17T23:30", "00:15", 0.75),
        ("2031-12-31T23:30", "07:00", 7.5),
        ("2031-05-17T01:00", "2031-05-17T07:00", 6),
        ("2031-05-17T01:00", "2031-05-18 07:00", 30),
        ("2031-05-17T01:00", "2031-05-19", 47),
        ("2031-05-17T01:00", "2031-05-17T07:00+00:00", 8),
        ("2031-05-17T01:00", "2031-05-17T07:00-04:00", 12),
        ("2031-03-30T01:00", "07:00", 5),
        ("2031-03-29T07:30", "07:00", 22.5),
        ("2031-03-30T01:00", "02:30", 0.5),
        ("2031-10-26T01:00", "07:00", 7),
        ("2031-10-26T01:00", "02:30", 1.5),
        ("2031-10-26T01:00", "2031-10-26T07:00", 7),
    ],
)
@pytest.mark.usefixtures("berlin")
def test_the_next_time_that_the_clock_shows(now: str, text: str, hours: float) -> None:
    """On 30 March 2031 an hour is left out in Berlin, and its times come early; on 26 October one comes twice."""
    assert left(deadline_at(text, datetime.fromisoformat(now).replace(tzinfo=BERLIN))) == hours * 3600


@pytest.mark.usefixtures("berlin")
def test_an_hour_that_comes_twice() -> None:
    """At 2:45 in summer the clock will show 2:30 once more, at 2:45 in winter only on the next day."""
    summer = datetime(2031, 10, 26, 2, 45, tzinfo=BERLIN)
    assert left(deadline_at("02:30", summer)) == 45 * 60
    assert left(deadline_at("02:30", summer.replace(fold=1))) == 23.75 * 3600


@pytest.mark.usefixtures("berlin")
def test_now_may_be_told_in_any_zone() -> None:
    now = datetime(2031, 5, 17, 1, 0, tzinfo=BERLIN)
    assert left(deadline_at("07:00", now.astimezone(ZoneInfo("Asia/Tokyo")))) == 6 * 3600


def test_now_is_now() -> None:
    soon = datetime.now().astimezone() + timedelta(hours=2)
    assert abs(deadline_at(f"{soon:%H:%M:%S}").left - 7200) < 60
    assert abs(deadline_at(soon.isoformat()).left - 7200) < 60


@pytest.mark.parametrize("text", ["", "7", "25:00", "07:60", "seven", "-1:00", "2031-13-01", "2031-02-30T07:00", "1e9"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(DeadlineError, match=r"--until must be a time such as 07:00 or 2031-05-17T07:00, got '"):
        deadline_at(text)


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("text", ["2031-05-17T00:59", "2020-01-01", "0001-01-01T00:00+14:00", "0001-01-01"])
def test_a_time_that_has_passed_or_never_was(text: str) -> None:
    with pytest.raises(DeadlineError, match="--until must be a time"):
        deadline_at(text, datetime(2031, 5, 17, 1, 0, tzinfo=BERLIN))


def test_the_command_line_refuses_what_is_no_end_before_anything_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(f'model = "{TOY}"\nrealizations = 10\nseed = 1\naxes.size = [2]\n')
    for options, told in (
        (["--until", "25:00"], "--until must be a time such as 07:00 or 2031-05-17T07:00, got '25:00'"),
        (["--until", "2020-01-01"], "--until must be a time to come, got '2020-01-01', and it is "),
        (["--max-time", "soon"], "a span of time must be more than nothing, such as 90s, 10m, 8h, 1d or 1:30:00"),
        (["--max-time", "0s"], "a span of time must be more than nothing"),
    ):
        ended = run_command(tmp_path, "run", "a.toml", *options)
        assert ended.returncode == 2
        assert told in " ".join(ended.stderr.split())
        assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]


def test_the_earliest_end_counts() -> None:
    soon, late = deadline_within(10), deadline_within(3600)
    assert earliest([late, None, soon]) is soon
    assert earliest([None, None]) is None
    assert soon.told == "the 10 s that it was given"


def test_setting_the_clock_moves_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once made, a deadline asks no more what time of day it is, but a clock that nobody can set."""
    end = deadline_at(f"{datetime.now() + timedelta(hours=2):%H:%M:%S}")
    for days in (-1, 1):
        set_to = time.time() + days * 86400
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda set_to=set_to: set_to)
            assert left(end) == 7200
    assert deadline._CLOCK in (time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC)
    with pytest.raises(OSError, match=r"Invalid argument|not permitted"):
        time.clock_settime(deadline._CLOCK, 0.0)


# What SLURM says.


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a stand-in for SLURM's squeue on the path; it keeps what it was asked and does what it is told."""

    def install(does: str) -> Path:
        program = tmp_path / "bin" / "squeue"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n{does}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        return tmp_path / "asked"

    return install


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ("1-02:03:04", 93784),
        ("23:59:59", 86399),
        ("2:00:00", 7200),
        ("30:00", 1800),
        ("9:05", 545),
        ("0:50", 50),
        ("50", 50),
        ("10-00:00:00", 864000),
    ],
)
def test_what_is_left_of_a_job(answer: str, seconds: float, squeue: Callable[[str], Path]) -> None:
    """A part of it is kept for the end: a twentieth, at least three seconds and at most a minute."""
    asked = squeue(f'echo "{answer}"')
    end = slurm_deadline({"SLURM_JOB_ID": "42"})
    assert end is not None
    assert end.hard
    assert end.told == "the walltime of SLURM job 42"
    assert 0 <= seconds - min(max(0.05 * seconds, 3.0), 60.0) - end.left < 5
    assert asked.read_text() == "--noheader --jobs=42 --format=%L\n"


def test_a_task_of_an_array_asks_for_itself(squeue: Callable[[str], Path]) -> None:
    """The number of its last task is that of the whole array."""
    asked = squeue('echo "1:00:00"')
    end = slurm_deadline({"SLURM_JOB_ID": "42", "SLURM_ARRAY_JOB_ID": "42", "SLURM_ARRAY_TASK_ID": "7"})
    assert left(end) == 3540
    assert "--jobs=42_7 " in asked.read_text()


@pytest.mark.parametrize(
    "does",
    [
        "echo UNLIMITED",
        "echo INVALID",
        "echo NOT_SET",
        "echo",
        "echo 1:00; echo 2:00",
        "echo 1:00; exit 1",
        "exit 127",
        "printf '\\377'",
    ],
)
def test_a_job_whose_end_squeue_cannot_tell(does: str, squeue: Callable[[str], Path]) -> None:
    squeue(does)
    assert slurm_deadline({"SLURM_JOB_ID": "42"}) is None
    assert slurm_deadline({"SLURM_JOB_ID": "42", "SLURM_JOB_END_TIME": "later"}) is None
    end = slurm_deadline({"SLURM_JOB_ID": "42", "SLURM_JOB_END_TIME": str(int(time.time()) + 7200)})
    assert left(end) == 7140


def test_without_slurm_there_is_no_walltime(squeue: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = squeue("echo 1:00:00")
    assert slurm_deadline({}) is None
    assert slurm_deadline({"SLURM_JOB_ID": ""}) is None
    assert not asked.exists()
    monkeypatch.setenv("PATH", "/nowhere")
    assert slurm_deadline({"SLURM_JOB_ID": "42"}) is None
    end = slurm_deadline({"SLURM_JOB_ID": "42", "SLURM_JOB_END_TIME": str(int(time.time()) + 100)})
    assert end is not None
    assert 90 < end.left <= 95


# What still fits.


def order(count: int, cost: float, batch: int, chunk: int = 8) -> WorkItem:
    """Some realizations of a point, chunk by chunk."""
    model = ToyModel(size=2)
    slots = tuple(
        ChunkRegion((0,), start, start + chunk, tuple(range(start, min(start + chunk, count))))
        for start in range(0, count, chunk)
    )
    return WorkItem(ComputeTask.at(Path("a.zarr"), model, 1, ["walk"]), slots, batch, cost)


@pytest.mark.parametrize(
    ("asked", "seconds", "workers", "backlog", "idle", "fits"),
    [
        (order(8, 1.0, 8), 100, 1, 0, 1, 8),
        (order(8, 1.0, 8), 5.05, 1, 0, 1, 4),
        (order(8, 1.0, 8), 5.05, 4, 0, 4, 4),
        (order(8, 1.0, 8), 5.05, 1, 3, 0, 1),
        (order(8, 1.0, 8), 5.05, 1, 4, 0, None),
        (order(8, 1.0, 8), 5.05, 4, 4, 0, 3),
        (order(8, 1.0, 8), 5.05, 4, 4, 3, 4),
        (order(20, 0.1, 20), 1.3, 1, 0, 1, 10),
        (order(8, 10.0, 1), 13, 1, 0, 1, 1),
        (order(8, 10.0, 1), 12, 1, 0, 1, None),
        (order(8, 10.0, 1), 13, 2, 0, 2, 2),
        (order(8, 10.0, 1), 13, 2, 10, 1, 1),
        (order(8, 10.0, 1), 13, 2, 20, 0, None),
        (order(8, 10.0, 1), 19, 2, 0, 2, 2),
        (order(8, 10.0, 1), 19, 2, 10, 1, 1),
        (order(8, 10.0, 1), 26, 2, 0, 2, 4),
        (order(8, 10.0, 1), 26, 2, 20, 0, 1),
        (order(8, 10.0, 1), 26, 2, 10, 0, 2),
        (order(8, 10.0, 1), 26, 8, 0, 8, 8),
        (order(8, 0.0, 8), 0.1, 1, 0, 1, 8),
        (order(8, 1.0, 8), -1, 1, 0, 1, None),
        (order(8, 10.0, 1), -1, 1, 0, 1, None),
    ],
)
def test_what_is_started_is_over_in_time(
    asked: WorkItem, seconds: float, workers: int, backlog: float, idle: int, fits: int | None
) -> None:
    """With a quarter to spare: a task goes to the worker that is free first, and the last one has to end as well."""
    fitted = Capacity(deadline_within(seconds + targets._LANDING), workers, backlog, idle).fitted(asked)
    assert (fitted and fitted.count) == fits
    if fitted:
        kept = [index for slot in fitted.slots for index in slot.indices]
        assert kept == list(range(len(kept)))
        assert all(slot.indices for slot in fitted.slots)


def test_the_pace_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    pace = Throughput()
    assert pace.rate == 0.0
    assert pace.seconds(100.0, 0.0, 4) == 25.0
    assert pace.seconds(100.0, 0.0, 0) == np.inf
    clock[0] += 10
    pace.landed(40, 20.0)
    assert pace.rate == 4.0
    assert pace.seconds(100.0, 0.0, 4) == 50.0, "workers were busy for 20 of 40 core seconds"
    assert pace.seconds(100.0, 40.0, 4) == 25.0, "and all the time, if what is in flight is half done"
    assert pace.seconds(100.0, 400.0, 4) == 25.0
    clock[0] += 50
    pace.landed(20, 20.0)
    assert pace.rate == 1.0
    clock[0] += 20
    assert pace.rate == 20 / 60
    clock[0] += 1000
    assert pace.rate == 0.0


# Runs.


def test_nothing_is_started_that_would_take_longer(toy: Toy, tmp_path: Path, address: str) -> None:
    """A realization of one point takes 100 seconds, one of the other nothing; both are known from an earlier run."""
    sweep = toy(axes={"seconds": [0.0, 100.0], "size": [2]}, realizations=200)
    run_sweep(toy(axes={"seconds": [0.0], "size": [2]}, realizations=1), tmp_path / "a.zarr", cluster=address)
    make_dear(tmp_path / "a.zarr", sweep)
    summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address, deadline=deadline_within(50))
    assert summary.deadline is not None
    assert summary.seconds < 50
    assert (summary.computed, summary.left) == (199, 200)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        assert dataset["status"].sum("realization").to_numpy().tolist() == [[200, 0]]


def make_dear(store: Path, sweep: Sweep) -> None:
    """Note in a store that a realization of its sweep's last point takes 100 seconds."""
    with Ledger.writing(store, sweep, chunk=4) as ledger:
        ledger.points.spent(ledger.layout.cell(sweep.points[-1]), 100.0, 1)


@pytest.mark.slow
def test_runs_that_end_in_time_lose_nothing_and_make_the_store_of_one(toy: Toy, tmp_path: Path, address: str) -> None:
    """Nothing is in flight when a run ends: every chunk on disk is known to the book, but where a machine is slow.

    The runs become longer: on a busy machine the first ones have time for nothing.
    """
    sweep = toy(parameters={"seconds": 0.02}, realizations=60)
    store, pieces, lost = tmp_path / "a.zarr", [], 0
    for number in range(40):
        pieces.append(run_sweep(sweep, store, cluster=address, deadline=deadline_within(1.5 + 0.05 * number)))
        landed = xr.open_zarr(store)["walk"].notnull().all("t").to_numpy()
        known = xr.open_zarr(store)["status"].to_numpy() == 1
        assert landed[known].all()
        lost += bool((landed & ~known).any())
        assert pieces[-1].wanted == pieces[-1].found + pieces[-1].computed + pieces[-1].left
        if pieces[-1].complete:
            break
    assert [bool(piece.deadline) for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert lost < len(pieces) - 1
    run_sweep(sweep, tmp_path / "b.zarr", cluster=address)
    assert contents(store) == contents(tmp_path / "b.zarr")


@pytest.mark.slow
def test_a_run_of_the_command_line_ends_in_time_and_says_what_is_left(tmp_path: Path) -> None:
    sweep = f'model = "{TOY}"\nrealizations = 100000\nseed = 1\naxes.size = [2]\nparameters.seconds = 0.01\n'
    (tmp_path / "a.toml").write_text(sweep)
    ended = run_command(tmp_path, "run", "a.toml", "--max-time", "15s")
    assert ended.returncode == 0, ended.stderr
    assert "stopped in time for the 15 s that it was given" in ended.stdout
    assert " are left" in ended.stdout
    assert (tmp_path / "a.png").exists()


@pytest.mark.slow
def test_a_run_in_a_slurm_job_ends_before_it_and_draws_nothing(
    tmp_path: Path, squeue: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue("echo 0:18")
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    sweep = f'model = "{TOY}"\nrealizations = 100000\nseed = 1\naxes.size = [2]\nparameters.seconds = 0.01\n'
    (tmp_path / "a.toml").write_text(sweep)
    ended = run_command(tmp_path, "run", "a.toml", "--max-time", "1h")
    assert ended.returncode == 0, ended.stderr
    assert "stopped in time for the walltime of SLURM job 42" in ended.stdout
    assert not (tmp_path / "a.png").exists()


# What a driver tells meanwhile.


@pytest.mark.slow
def test_another_process_reads_what_a_driver_tells_at_any_moment(toy: Toy, tmp_path: Path, address: str) -> None:
    """A process of its own asks as often as it can while a run goes on."""
    store = tmp_path / "a.zarr"
    script = """
import json, sys, time
from pathlib import Path
from ensemble.store import lock
store, told = Path(sys.argv[1]), []
print("ready", flush=True)
while not store.with_name("over").exists():
    facts = lock.told(store)
    if facts is not None and (not told or told[-1] != facts):
        told.append(facts)
print(json.dumps(told))
"""
    asking = [*python(script), str(store)]
    with start(asking, stdout=subprocess.PIPE) as asker:
        assert asker.stdout is not None
        read_until(asker.stdout.fileno(), "ready\n")
        sweep = toy(parameters={"seconds": 0.02}, realizations=100)
        run_sweep(sweep, store, cluster=address, deadline=deadline_within(60))
        (tmp_path / "over").touch()
        told: list[dict[str, Any]] = json.loads(finish(asker)[0])
    told = [facts for facts in told if facts]  # empty for the moment in which a driver takes the lock
    assert {facts["pid"] for facts in told} == {os.getpid()}
    assert len(told) >= 3
    assert told[0].keys() >= {"host", "pid", "since"}
    for facts in told:
        if "rate" in facts:
            assert facts["workers"] in (1, 2)
            assert facts["rate"] >= 0
            assert facts["left"] >= 0
            assert facts["expected"] == 400
            assert facts["deadline"] == "the 60 s that it was given"
    assert any(facts.get("rate", 0) > 0 for facts in told)
    assert lock.told(store) is None


def test_what_is_told_is_whole_however_long_it_was_before(tmp_path: Path) -> None:
    store, over = tmp_path / "a.zarr", threading.Event()
    seen: list[dict[str, Any] | None] = []

    def ask() -> None:
        while not over.is_set():
            seen.append(lock.told(store))

    with lock.hold(store) as held, run_in_thread(ask):
        try:
            for number in range(3000):
                held.tell(rate=number, deadline="x" * (number % 7) * 100)
        finally:
            over.set()
    assert all(facts and facts["pid"] == os.getpid() for facts in seen)
    rates = [facts["rate"] for facts in seen if facts and "rate" in facts]
    assert rates == sorted(rates)
    assert len(set(rates)) > 1
