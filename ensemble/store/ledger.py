"""The driver's book of a store: which realizations are done or failed, which code computed them, how often and when.

Workers land data and return receipts; the driver alone turns receipts into the book, many at a time: `status`,
`provenance`, `attempts` and `landed`. The time is that of the driver's clock when it enters a receipt, so that a store
has one clock. The book is held in memory (twelve bytes for a realization) and written block by block, never row by row.
"""

import contextlib
import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Self, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.errors import LockLost, RunError
from ensemble.store import build, digest, lock
from ensemble.store.chunk import Slot
from ensemble.store.damage import file_of, read
from ensemble.store.group import attributes, check_metadata, commit, member, open_group
from ensemble.store.layout import BOOK, EPOCH, Layout, Status
from ensemble.store.limits import check_grid
from ensemble.store.place import Place
from ensemble.store.points import PointBook
from ensemble.sweep import Point, Sweep

_MOST_ATTEMPTS = np.iinfo(np.uint8).max


@final
@dataclass(frozen=True)
class Receipt:
    """A worker's word that a chunk is on disk."""

    slot: Slot
    """What was to be computed."""
    failed: Mapping[int, str]
    """The realizations that raised, each with one line that says how."""
    seconds: float
    """What computing took, landing not counted."""
    provenance: Mapping[str, str]
    """The code that computed it."""
    digests: NDArray[np.uint32]
    """The sum of the observables' hashes for each of these realizations, in the order of the slot."""


@final
class Ledger:
    """The book of the store at `path`, for the one driver that holds its lock."""

    def __init__(self, path: Place, layout: Layout) -> None:
        self.path = path
        self.layout = layout
        self._group = open_group(path)
        self._blocks = member(self._group, "status").chunks
        self.status: NDArray[np.uint8] = self._read("status")
        self._stale: set[tuple[int, ...]] = set()
        self._on_disk: set[tuple[int, ...]] = set()
        self.points = PointBook(path, layout.shape[:-1])
        self._new_codes = False
        self.tell: Callable[..., None] = _nobody
        self.check: Callable[[], None] = _nobody
        self.token = ""
        self._key = functools.lru_cache(maxsize=4096)(layout.key)

    @cached_property
    def digest(self) -> NDArray[np.uint32]:
        """The digest of every realization; 0 before, or in formats 1 and 2."""
        return self._read("digest")

    @cached_property
    def provenance(self) -> NDArray[np.int16]:
        """Row in `codes` of every realization, -1 before."""
        return self._read("provenance")

    @cached_property
    def attempts(self) -> NDArray[np.uint8]:
        """How often every realization was computed and recorded; all 0 if the store is of format 1."""
        return self._read("attempts")

    @cached_property
    def landed(self) -> NDArray[np.uint32]:
        """When every realization was recorded last, in seconds since `EPOCH`; 0 before, or in format 1."""
        return self._read("landed")

    @cached_property
    def codes(self) -> list[dict[str, str]]:
        """The code and the machines that computed the store, a row for each kind; read after `provenance`."""
        rows: list[dict[str, str]] = attributes(open_group(self.path))["provenance"]
        return rows

    def _read(self, name: str) -> NDArray[Any]:
        shape = self.layout.shape
        if name not in self._group:
            return np.zeros(shape, np.uint8)
        return np.require(read(member(self._group, name), tuple(slice(length) for length in shape)), requirements="W")

    @classmethod
    @contextlib.contextmanager
    def writing(cls, path: Place, sweep: Sweep, chunk: int) -> Iterator[Self]:
        """Hold the store for a sweep: created if there is none, checked and grown if there is.

        `chunk` is the length of a chunk if the store is new.
        """
        create = partial(build.create, path, Layout.of(sweep, chunk), sweep.model)
        with lock.hold(path, create) as held:
            build.sweep_up(path)
            before = Layout.read(path)
            before.check(sweep, path)
            check_metadata(path)
            after = before.grown(sweep)
            check_grid(path, after.shape[:-1], after.realizations)
            _fit(path, before, after, held.check)
            ledger = cls(path, after)
            for name in BOOK:
                getattr(ledger, name)  # what cannot be read is told before anything is computed
            ledger.tell, ledger.check, ledger.token = held.tell, held.check, held.token
            try:
                yield ledger
            finally:
                try:
                    ledger.flush()
                finally:
                    with contextlib.suppress(OSError):  # what another driver's workers are writing stays
                        held.check()
                        build.sweep_up(path)

    @classmethod
    def reading(cls, path: Place) -> Self:
        """The book as it stands on disk, to look at."""
        return cls(path, Layout.read(path))

    def missing(self, point: Point, realizations: int, *, first: int = 0, retry_failed: bool = False) -> Iterator[Slot]:
        """The chunks of a point that lack some of its first realizations, in order, from realization `first` on."""
        wanted = self._wanted(point, realizations, retry_failed)
        wanted[:first] = False
        for start in range(first - first % self.layout.chunk, realizations, self.layout.chunk):
            inside = wanted[start : start + self.layout.chunk]
            if inside.any():
                cell, stop = self.layout.cell(point), min(start + self.layout.chunk, self.layout.realizations)
                done = self.status[cell][start:stop] == Status.DONE
                done[: len(inside)] &= ~inside
                yield Slot(cell, start, stop, _indices(start, inside), holds=bool(done.any()))

    def count_missing(self, point: Point, realizations: int, *, retry_failed: bool = False) -> int:
        """How many of a point's first realizations are to be computed."""
        if not self.layout.holds(point):
            return realizations
        beyond = max(0, realizations - self.layout.realizations)
        return beyond + int(np.count_nonzero(self._wanted(point, realizations, retry_failed)))

    def count(self, point: Point, status: Status, realizations: int | None = None) -> int:
        """How many of a point's (first) realizations have a status."""
        if not self.layout.holds(point):
            return 0
        return int(np.count_nonzero(self.status[self.layout.cell(point)][:realizations] == status))

    def _wanted(self, point: Point, realizations: int, retry_failed: bool) -> NDArray[np.bool_]:
        status = self.status[self.layout.cell(point)][:realizations]
        wanted: NDArray[np.bool_] = status != Status.DONE if retry_failed else status == Status.TODO
        return wanted

    def enter(self, receipts: Sequence[Receipt]) -> None:
        """Note what has landed; `flush` puts it on disk."""
        now = max(1, int((datetime.now(UTC) - EPOCH).total_seconds()))
        *along, length = self._blocks
        for receipt in receipts:
            slot = receipt.slot
            rows = np.asarray(slot.indices)
            self.status[slot.cell][rows] = Status.DONE
            self.status[slot.cell][list(receipt.failed)] = Status.FAILED
            attempts = self.attempts[slot.cell]
            attempts[rows] += attempts[rows] < _MOST_ATTEMPTS
            self.landed[slot.cell][rows] = now
            self.provenance[slot.cell][rows] = self._code(dict(receipt.provenance))
            codes = self.provenance[slot.cell][rows]
            digests = digest.of_realizations(self._key(slot.cell), rows, receipt.digests, codes)
            done = self.status[slot.cell][rows] == Status.DONE
            self.digest[slot.cell][rows] = np.where(done, digests, digest.NO_DIGEST)
            self.points.spent(slot.cell, receipt.seconds, len(slot.indices))
            corner = tuple(index // size for index, size in zip(slot.cell, along, strict=True))
            self._stale |= {(*corner, block) for block in range(rows[0] // length, rows[-1] // length + 1)}

    def flush(self) -> None:
        """Put on disk what has been entered."""
        try:
            self.check()
            self._write()
            self.check()
            self.points.write()
        except LockLost:
            raise
        except (OSError, ValueError) as error:
            raise RunError(
                f"the status of {self.path} could not be written: {type(error).__name__}: {error}; "
                "mend that and run again: what landed last will be computed again"
            ) from error

    def _write(self) -> None:
        """Write every block of the book that has changed: the table of codes first, then what refers to it."""
        if self._new_codes:
            commit(self.path, {"provenance": json.dumps(self.codes)}, self.check)
            self._new_codes = False
        if not self._stale:
            return
        group = open_group(self.path, writable=True)
        book = {name: member(group, name) for name in reversed(BOOK)}  # the status last: it alone counts
        for block in sorted(self._stale):
            region = tuple(slice(at * size, (at + 1) * size) for at, size in zip(block, self._blocks, strict=True))
            if block not in self._on_disk:  # then nothing else of a block is ever there without its status
                self._make_status(book["status"], block, region)
            for name, array in book.items():
                self.check()
                array[region] = getattr(self, name)[region]
        self._stale.clear()

    def _make_status(self, status: zarr.Array[Any], block: tuple[int, ...], region: tuple[slice, ...]) -> None:
        """Write the file of a block of the status, if there is none yet: nothing in it is done or failed."""
        if not file_of(status, block).exists():
            self.check()
            lengths = [len(range(length)[part]) for part, length in zip(region, self.layout.shape, strict=True)]
            status.with_config({"write_empty_chunks": True})[region] = np.full(lengths, Status.TODO, np.uint8)
        self._on_disk.add(block)

    def _code(self, code: dict[str, str]) -> int:
        if code not in self.codes:
            self.codes.append(code)
            self._new_codes = True
        return self.codes.index(code)


def _fit(path: Place, before: Layout, after: Layout, check: lock.Check) -> None:
    """Make the store what a sweep asks for."""
    try:
        if before.asked.get("stop") not in (None, after.asked.get("stop")):
            points = PointBook(path, before.shape[:-1])
            points.forget()  # on disk before the new rule is
            check()
            points.write()
        if after.grows(before) or not build.is_settled(path, after):
            build.grow(path, after, check)
    except LockLost:
        raise
    except (OSError, ValueError) as error:
        raise RunError(
            f"the store {path} could not grow: {type(error).__name__}: {error}; "
            "what it holds is as it was, mend that and run again"
        ) from error


def _nobody(**_facts: object) -> None:
    """Those who only look at a store have nothing to tell, and hold no lock."""


def _indices(start: int, inside: NDArray[np.bool_]) -> Sequence[int]:
    """The realizations that are wanted of those from `start` on; as a range, which travels light, if it is one."""
    if inside.all():
        return range(start, start + len(inside))
    return tuple((start + np.flatnonzero(inside)).tolist())
