"""Faults, commands and moments, each tried with each: what was tried, how often, and what happened.

`python -m tests.support.matrix` tries everything in some minutes, and prints a table. An attempt that breaks a
guarantee raises an AssertionError.
"""

import contextlib
import csv
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from matplotlib import image

from ensemble import Sweep, run_sweep
from ensemble.store import lock
from ensemble.verify import verify
from tests.support import SUPPORT
from tests.support.command import line
from tests.support.contents import contents
from tests.support.faults import FAILURES_TOLD, RUN, Contents, finished, sweep, told, workers
from tests.support.processes import start

SWEEP = sweep(realizations=24, seconds=0.01)
MODEL = ("--model", str(SUPPORT / "toy_model.py"))
MOMENTS = (0.05, 0.3, 0.6, 0.9)
"""Parts of the time that the command takes if nothing happens to it."""

_CODES = (0, 1, 129, 130, 143, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)

Attack = Callable[["subprocess.Popen[str]"], None]


@final
@dataclass(frozen=True)
class Command:
    """A command, and the store that it begins with."""

    arguments: tuple[str, ...]
    store: str | None
    """`half` of the realizations, all of them (`done`), or one chunk of them `damaged`; None is no store."""
    output: str | None = None
    """The file that it writes."""


COMMANDS: Mapping[str, Command] = {
    "run": Command((*RUN, "--workers", "2"), None),
    "run, grow": Command((*RUN, "--workers", "2"), "half"),
    "average --output": Command(("average", "a.zarr", "--output", "a.csv"), "done", "a.csv"),
    "plot": Command(("plot", "a.zarr", "--output", "a.png"), "done", "a.png"),
    "status": Command(("status", "a.zarr"), "half"),
    "verify": Command(("verify", "a.zarr", *MODEL, "--workers", "2"), "done"),
    "verify --repair": Command(("verify", "a.zarr", *MODEL, "--workers", "2", "--repair"), "damaged"),
}


def _signal(number: int) -> Attack:
    return lambda process: os.kill(process.pid, number)


def _to_a_worker(process: "subprocess.Popen[str]") -> None:
    for each in workers(process)[:1]:
        each.kill()


def _held(process: "subprocess.Popen[str]") -> None:
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGCONT)


FAULTS: Mapping[str, Attack] = {
    "SIGKILL": _signal(signal.SIGKILL),
    "SIGTERM": _signal(signal.SIGTERM),
    "SIGINT": _signal(signal.SIGINT),
    "SIGHUP": _signal(signal.SIGHUP),
    "a worker killed": _to_a_worker,
    "held for a second": _held,
}


@final
class Laboratory:
    """Stores to begin with, and what must come out."""

    def __init__(self, folder: Path, cluster: str) -> None:
        self._folder, self._cluster = folder, cluster
        (folder / "sweep.toml").write_text(SWEEP)
        whole = Sweep.read(folder / "sweep.toml")
        (folder / "half.toml").write_text(sweep(realizations=10, seconds=0.01))
        run_sweep(whole, folder / "done.zarr", cluster=cluster)
        run_sweep(Sweep.read(folder / "half.toml"), folder / "half.zarr", cluster=cluster)
        damaged = shutil.copytree(folder / "done.zarr", folder / "damaged.zarr")
        (damaged / "walk" / "c" / "1" / "1" / "1" / "0").write_bytes(b"")
        self.whole: Contents = contents(folder / "done.zarr")
        self._seconds: dict[str, float] = {}
        self._numbers = itertools.count()

    def seconds(self, name: str) -> float:
        """What a command takes if nothing happens to it."""
        if name not in self._seconds:
            with self._room(COMMANDS[name]) as room:
                began = time.monotonic()
                with start(line(*COMMANDS[name].arguments), room) as process:
                    told(process)
                self._seconds[name] = time.monotonic() - began
        return self._seconds[name]

    def attempt(self, fault: str, name: str, moment: float) -> str:
        """Let a fault happen to a command at a moment; what became of the command, after all else was checked."""
        command = COMMANDS[name]
        with self._room(command) as room:
            with start(line(*command.arguments), room) as process:
                time.sleep(moment * self.seconds(name))
                if process.poll() is None:
                    FAULTS[fault](process)
                code, said = told(process)
            assert "Traceback" not in said, said
            assert code in _CODES or "ensemble: workers must start on this machine, but they could not" in said, said
            if command.output and (room / command.output).exists():
                _check(room / command.output)
            self._check_store(room)
        return "was ended" if code < 0 or code > FAILURES_TOLD else "completed"

    def _check_store(self, room: Path) -> None:
        """Nothing is lost or wrong: it can be verified, and a run completes it to the same bits."""
        store = room / "a.zarr"
        if store.exists():
            assert lock.holder(store) is None
            found = verify(store, fraction=0, cluster=self._cluster)
            assert all(each.file in ("walk/c/1/1/1/0", "*/c/1/1/1") for each in found.damages), found.damages
            if found.damages:
                assert verify(store, fraction=0, repair=True, cluster=self._cluster).repaired
        assert finished(room, "--cluster", self._cluster) == self.whole
        assert verify(store, fraction=0, cluster=self._cluster).well

    @contextlib.contextmanager
    def _room(self, command: Command) -> Iterator[Path]:
        """A folder for one attempt."""
        room = self._folder / f"room-{next(self._numbers)}"
        room.mkdir()
        shutil.copy(self._folder / "sweep.toml", room)
        if command.store:
            shutil.copytree(self._folder / f"{command.store}.zarr", room / "a.zarr")
        try:
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)


def _check(file: Path) -> None:
    """A file that is there is there as a whole."""
    if file.suffix == ".png":
        assert image.imread(file).size > 0
    else:
        first, *rows = csv.reader(file.read_text().splitlines())
        assert rows
        assert {len(row) for row in rows} == {len(first)}


def table(found: Mapping[tuple[str, str], Counter[str]]) -> Iterator[str]:
    """The outcomes as a table of Markdown: of so many attempts, how many commands completed all the same."""
    yield f"| fault | {' | '.join(f'`{name}`' for name in COMMANDS)} |"
    yield f"| --- |{' --- |' * len(COMMANDS)}"
    for fault in FAULTS:
        outcomes = (found[fault, name] for name in COMMANDS)
        cells = (f"{each['completed']} of {each.total()}" for each in outcomes)
        yield f"| {fault} | {' | '.join(cells)} |"


def main(moments: Sequence[float] = MOMENTS) -> None:
    """Try everything, and print the table."""
    from ensemble.cluster import connect
    from tests.support.clusters import address_of

    found: dict[tuple[str, str], Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder, connect("local", workers=2, insecure=True) as client:
        laboratory = Laboratory(Path(folder), address_of(client))
        for fault, name in itertools.product(FAULTS, COMMANDS):
            found[fault, name] = Counter(laboratory.attempt(fault, name, moment) for moment in moments)
            print(fault, name, dict(found[fault, name]), file=sys.stderr, flush=True)
    for row in table(found):
        print(row)


if __name__ == "__main__":
    main()
