"""What a user waits for a status: the installed command on a book of a million realizations, at rest and written to."""

import contextlib
import functools
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble import Sweep
from ensemble.store import ChunkRegion, Ledger, Receipt
from tests.benchmarks import median, median_seconds
from tests.support.command import run
from tests.support.processes import read_output, run_in_thread
from tests.support.toy_model import TOY

MILLION = 1_000_000
SHAPES = {"one point": (1, MILLION), "1,000 points": (1_000, 1_000)}
CODES = [{"ensemble": "0", "source": source, "host": "here"} for source in ("one", "other")]
OPTIONS = {"table": (), "JSON": ("--json",), "provenance": ("--provenance",)}


@final
@dataclass(frozen=True)
class Book:
    """A store in which everything is told and nothing was computed."""

    path: Path
    sweep: Sweep
    slots: Sequence[ChunkRegion]

    def write(self, ledger: Ledger, slots: Sequence[ChunkRegion]) -> None:
        """Enter some chunks: a hundredth of them by other code, the first realization of each has failed."""
        receipts = [
            Receipt(slot, {slot.start: "E"}, 0.0, CODES[at % 100 == 99], np.zeros(len(slot.indices), np.uint32))
            for at, slot in enumerate(slots)
        ]
        ledger.enter(receipts)
        ledger.flush()


@pytest.fixture(scope="module", params=SHAPES)
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Book:
    path = tmp_path_factory.mktemp("status") / "a.zarr"
    points, realizations = SHAPES[request.param]
    table: dict[str, Any] = {
        "model": TOY,
        "seed": 1,
        "realizations": realizations,
        "axes": {"size": [1], "drift": {"start": 0.0, "stop": 1.0, "num": points}},
        "store": {"chunk": 500},
    }
    sweep = Sweep.from_table(table)
    with Ledger.writing(path, sweep, chunk=500) as ledger:
        made = Book(path, sweep, [slot for point in sweep.points for slot in ledger.missing(point, realizations)])
        made.write(ledger, made.slots)
    return made


@contextlib.contextmanager
def driver_at_work(book: Book) -> Iterator[None]:
    """Somebody writes a hundred chunks, all over the book, again and again."""
    ended = threading.Event()

    def work() -> None:
        with Ledger.writing(book.path, book.sweep, chunk=500) as ledger:
            while not ended.wait(0.5):
                book.write(ledger, book.slots[:: len(book.slots) // 100])

    with run_in_thread(work):
        try:
            yield
        finally:
            ended.set()


@pytest.mark.parametrize("written", [False, True], ids=["at rest", "written to"])
@pytest.mark.parametrize("options", OPTIONS)
def test_status(benchmark: BenchmarkFixture, book: Book, options: str, written: bool) -> None:
    """Wall time of the command, from nothing to its last line, over that of a Python that imports Zarr."""
    limit = functools.partial(read_output, [sys.executable, "-c", "import zarr"])
    command = functools.partial(run, book.path.parent, "status", book.path.name, *OPTIONS[options])
    with driver_at_work(book) if written else contextlib.nullcontext():
        before = median_seconds(limit, 3)
        told = benchmark.pedantic(command, rounds=5, warmup_rounds=1)
        after = median_seconds(limit, 3)
    assert told.returncode == 0, told.stderr
    if options == "table":
        failed = len(book.slots)
        assert f"\n{MILLION - failed} realizations done, {failed} failed" in told.stdout
    benchmark.extra_info["seconds"] = round(median(benchmark), 3)
    benchmark.extra_info["over importing Zarr"] = round(2 * median(benchmark) / (before + after), 2)
