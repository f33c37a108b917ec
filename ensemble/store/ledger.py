"""Ledger of a store: status, code version, attempts and recording time of every realization, kept by the driver.

Workers write data and return receipts. Only the driver enters receipts into the ledger, many at a time. The recording
time is that of the driver's clock when it enters a receipt, so that a store has only one clock. The ledger is held in
memory (twelve bytes for each realization) and written in blocks, never row by row.
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
from ensemble.store import creation, digest, lock
from ensemble.store.chunk import ChunkRegion
from ensemble.store.group import attributes, check_metadata, commit, member, open_group
from ensemble.store.integrity import file_of, read
from ensemble.store.layout import EPOCH, LEDGER_ARRAYS, Layout, Status
from ensemble.store.location import Location
from ensemble.store.point_summary import PointSummary
from ensemble.store.size_limits import check_grid
from ensemble.sweep import Point, Sweep

_MOST_ATTEMPTS = np.iinfo(np.uint8).max


@final
@dataclass(frozen=True)
class Receipt:
    """Message of a worker that a chunk is on disk."""

    slot: ChunkRegion
    """The chunk, with the realizations that were computed."""
    failed: Mapping[int, str]
    """Realizations that failed, each with one line that describes the error."""
    seconds: float
    """Computing time in seconds, without the time to write the chunk."""
    provenance: Mapping[str, str]
    """Code and machine that computed it."""
    digests: NDArray[np.uint32]
    """Sum of the observables' hashes, uint32, one for each realization in the order of `slot.indices`."""


@final
class Ledger:
    """Ledger of the store at `path`.

    Use `Ledger.writing` in the driver, which holds the lock of the store, and `Ledger.reading` everywhere else.

    Parameters
    ----------
    path
        Path or location of the store.
    layout
        Layout of the store.
    """

    def __init__(self, path: Location, layout: Layout) -> None:
        self.path = path
        self.layout = layout
        self._group = open_group(path)
        self._blocks = member(self._group, "status").chunks
        self.status: NDArray[np.uint8] = self._read("status")
        self._stale: set[tuple[int, ...]] = set()
        self._on_disk: set[tuple[int, ...]] = set()
        self.points = PointSummary(path, layout.shape[:-1])
        self._new_codes = False
        self.tell: Callable[..., None] = _do_nothing
        self.check: Callable[[], None] = _do_nothing
        self.token = ""
        self._key = functools.lru_cache(maxsize=4096)(layout.key)

    @cached_property
    def digest(self) -> NDArray[np.uint32]:
        """Digest of every realization, shape (axes..., realization); 0 if not computed, or in formats 1 and 2."""
        return self._read("digest")

    @cached_property
    def provenance(self) -> NDArray[np.int16]:
        """Row in `codes` of every realization, shape (axes..., realization); -1 if not computed."""
        return self._read("provenance")

    @cached_property
    def attempts(self) -> NDArray[np.uint8]:
        """How often every realization was computed and recorded; all 0 if the store has format 1."""
        return self._read("attempts")

    @cached_property
    def landed(self) -> NDArray[np.uint32]:
        """When every realization was recorded last, in seconds since `EPOCH`; 0 if never, or in format 1."""
        return self._read("landed")

    @cached_property
    def codes(self) -> list[dict[str, str]]:
        """Code and machines that computed the store, one row for each combination; read it after `provenance`."""
        rows: list[dict[str, str]] = attributes(open_group(self.path))["provenance"]
        return rows

    def _read(self, name: str) -> NDArray[Any]:
        shape = self.layout.shape
        if name not in self._group:
            return np.zeros(shape, np.uint8)
        return np.require(read(member(self._group, name), tuple(slice(length) for length in shape)), requirements="W")

    @classmethod
    @contextlib.contextmanager
    def writing(cls, path: Location, sweep: Sweep, chunk: int) -> Iterator[Self]:
        """Open the store for a sweep and hold its lock; create the store, or check and grow an existing one.

        Parameters
        ----------
        path
            Path or location of the store.
        sweep
            The sweep.
        chunk
            Realizations in one chunk, if the store is new.

        Yields
        ------
        Ledger
            The ledger; it is written to disk at the end.

        Raises
        ------
        StoreLocked
            If another driver holds the store.
        StoreMismatch
            If the sweep differs from the store in a field that cannot change.
        StoreError
            If the store cannot be created or read.
        """
        create = partial(creation.create, path, Layout.of(sweep, chunk), sweep.model)
        with lock.hold(path, create) as held:
            creation.sweep_up(path)
            before = Layout.read(path)
            before.check(sweep, path)
            check_metadata(path)
            after = before.grown(sweep)
            check_grid(path, after.shape[:-1], after.realizations)
            _grow_store(path, before, after, held.check)
            ledger = cls(path, after)
            for name in LEDGER_ARRAYS:
                getattr(ledger, name)  # reads it, so that errors come before anything is computed
            ledger.tell, ledger.check, ledger.token = held.tell, held.check, held.token
            try:
                yield ledger
            finally:
                try:
                    ledger.flush()
                finally:
                    with contextlib.suppress(OSError):  # temporary files of another driver's workers are kept
                        held.check()
                        creation.sweep_up(path)

    @classmethod
    def reading(cls, path: Location) -> Self:
        """Read the ledger from disk, without the lock."""
        return cls(path, Layout.read(path))

    def missing(
        self, point: Point, realizations: int, *, first: int = 0, retry_failed: bool = False
    ) -> Iterator[ChunkRegion]:
        """Iterate over the chunks of a point that lack some of its first realizations, in order.

        Parameters
        ----------
        point
            The point.
        realizations
            Number of realizations that the point should have.
        first
            Realizations before this one are ignored.
        retry_failed
            Whether failed realizations are missing.
        """
        wanted = self._wanted(point, realizations, retry_failed)
        wanted[:first] = False
        for start in range(first - first % self.layout.chunk, realizations, self.layout.chunk):
            inside = wanted[start : start + self.layout.chunk]
            if inside.any():
                cell, stop = self.layout.cell(point), min(start + self.layout.chunk, self.layout.realizations)
                done = self.status[cell][start:stop] == Status.DONE
                done[: len(inside)] &= ~inside
                yield ChunkRegion(cell, start, stop, _indices(start, inside), holds=bool(done.any()))

    def count_missing(self, point: Point, realizations: int, *, retry_failed: bool = False) -> int:
        """Count the realizations of a point that are still to be computed.

        Parameters
        ----------
        point
            The point; it may lie outside the grid of the store.
        realizations
            Number of realizations that the point should have.
        retry_failed
            Whether failed realizations are missing.
        """
        if not self.layout.holds(point):
            return realizations
        beyond = max(0, realizations - self.layout.realizations)
        return beyond + int(np.count_nonzero(self._wanted(point, realizations, retry_failed)))

    def count(self, point: Point, status: Status, realizations: int | None = None) -> int:
        """Count the realizations of a point with a status; `realizations` limits the count to its first ones."""
        if not self.layout.holds(point):
            return 0
        return int(np.count_nonzero(self.status[self.layout.cell(point)][:realizations] == status))

    def _wanted(self, point: Point, realizations: int, retry_failed: bool) -> NDArray[np.bool_]:
        status = self.status[self.layout.cell(point)][:realizations]
        wanted: NDArray[np.bool_] = status != Status.DONE if retry_failed else status == Status.TODO
        return wanted

    def enter(self, receipts: Sequence[Receipt]) -> None:
        """Enter receipts into the ledger in memory; `flush` writes it to disk."""
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
        """Write the entered receipts to disk.

        Raises
        ------
        LockLost
            If the driver no longer holds the lock.
        RunError
            If the ledger cannot be written. The last realizations are then computed again in the next run.
        """
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
        """Write every changed block of the ledger, after the table of code versions that it refers to."""
        if self._new_codes:
            commit(self.path, {"provenance": json.dumps(self.codes)}, self.check)
            self._new_codes = False
        if not self._stale:
            return
        group = open_group(self.path, writable=True)
        arrays = {name: member(group, name) for name in reversed(LEDGER_ARRAYS)}  # status last: it decides what is done
        for block in sorted(self._stale):
            region = tuple(slice(at * size, (at + 1) * size) for at, size in zip(block, self._blocks, strict=True))
            if block not in self._on_disk:  # so no other array of a block exists without its status
                self._make_status(arrays["status"], block, region)
            for name, array in arrays.items():
                self.check()
                array[region] = getattr(self, name)[region]
        self._stale.clear()

    def _make_status(self, status: zarr.Array[Any], block: tuple[int, ...], region: tuple[slice, ...]) -> None:
        """Write the status file of a block if it does not exist yet, with all realizations TODO."""
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


def _grow_store(path: Location, before: Layout, after: Layout, check: lock.Check) -> None:
    """Grow the store for a sweep, and forget stop-rule results if the stop rule has changed."""
    try:
        if before.asked.get("stop") not in (None, after.asked.get("stop")):
            points = PointSummary(path, before.shape[:-1])
            points.forget()  # written before the new rule is
            check()
            points.write()
        if after.grows(before) or not creation.is_settled(path, after):
            creation.grow(path, after, check)
    except LockLost:
        raise
    except (OSError, ValueError) as error:
        raise RunError(
            f"the store {path} could not grow: {type(error).__name__}: {error}; "
            "what it holds is as it was, mend that and run again"
        ) from error


def _do_nothing(**_facts: object) -> None:
    """Do nothing: default of `tell` and `check` for ledgers without a lock."""


def _indices(start: int, inside: NDArray[np.bool_]) -> Sequence[int]:
    """Return the realizations selected by `inside`, counted from `start`; a range if they are consecutive."""
    if inside.all():
        return range(start, start + len(inside))
    return tuple((start + np.flatnonzero(inside)).tolist())
