"""The driver's book of a store: which realizations are done or failed, and which code computed them.

Workers land data and return receipts; the driver alone turns receipts into `status` and `provenance`, many at a
time. The book is held in memory (three bytes for a realization) and written block by block, never row by row.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import RunError
from ensemble.store import build, lock
from ensemble.store.chunk import Slot
from ensemble.store.group import attributes, commit, exists, member, open_group
from ensemble.store.layout import Layout, Status
from ensemble.sweep import Point, Sweep


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


@final
class Ledger:
    """The book of the store at `path`, for the one driver that holds its lock."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self.layout = layout
        group = open_group(path)
        self.status: NDArray[np.uint8] = np.array(member(group, "status")[...])
        self._provenance: NDArray[np.int16] = np.array(member(group, "provenance")[...])
        self._codes: list[dict[str, str]] = attributes(group)["provenance"]
        self._stale: set[tuple[int, ...]] = set()
        self._new_codes = False

    @classmethod
    @contextlib.contextmanager
    def writing(cls, path: Path, sweep: Sweep, chunk: int) -> Iterator[Self]:
        """Hold the store for a sweep: created if there is none, checked and grown if there is.

        `chunk` is the length of a chunk if the store is new.
        """
        with lock.hold(path):
            if not exists(path):
                build.create(path, Layout.of(sweep, chunk), sweep.model)
            build.sweep_up(path)
            before = Layout.read(path)
            before.check(sweep, path)
            after = before.grown(sweep)
            if after.grows(before) or not build.is_settled(path, after):
                build.grow(path, after)
            ledger = cls(path, after)
            try:
                yield ledger
            finally:
                ledger.flush()
                build.sweep_up(path)

    @classmethod
    def reading(cls, path: Path) -> Self:
        """The book as it stands on disk, to look at."""
        return cls(path, Layout.read(path))

    def missing(self, point: Point, realizations: int, *, retry_failed: bool = False) -> Iterator[Slot]:
        """The chunks of a point that lack some of its first realizations, in order."""
        wanted = self._wanted(point, realizations, retry_failed)
        for start in range(0, realizations, self.layout.chunk):
            inside = wanted[start : start + self.layout.chunk]
            if inside.any():
                stop = min(start + self.layout.chunk, self.layout.realizations)
                indices = tuple((start + np.flatnonzero(inside)).tolist())
                yield Slot(self.layout.cell(point), start, stop, indices)

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
        along, length = build.block_shape(1)
        for receipt in receipts:
            slot = receipt.slot
            rows = np.array(slot.indices)
            self.status[slot.cell][rows] = [
                Status.FAILED if index in receipt.failed else Status.DONE for index in slot.indices
            ]
            self._provenance[slot.cell][rows] = self._code(dict(receipt.provenance))
            corner = tuple(index // along for index in slot.cell)
            self._stale |= {(*corner, block) for block in set((rows // length).tolist())}

    def flush(self) -> None:
        """Put on disk what has been entered."""
        try:
            self._write()
        except (OSError, ValueError) as error:
            raise RunError(
                f"the status of {self.path} could not be written: {type(error).__name__}: {error}; "
                "mend that and run again: what landed last will be computed again"
            ) from error

    def _write(self) -> None:
        """Write every block of the book that has changed: the table of codes first, then what refers to it."""
        if self._new_codes:
            commit(self.path, {"provenance": json.dumps(self._codes)})
            self._new_codes = False
        if not self._stale:
            return
        group = open_group(self.path, writable=True)
        shape = build.block_shape(len(self.layout.axes))
        for block in sorted(self._stale):
            region = tuple(slice(at * size, (at + 1) * size) for at, size in zip(block, shape, strict=True))
            member(group, "provenance")[region] = self._provenance[region]
            member(group, "status")[region] = self.status[region]
        self._stale.clear()

    def _code(self, code: dict[str, str]) -> int:
        if code not in self._codes:
            self._codes.append(code)
            self._new_codes = True
        return self._codes.index(code)
