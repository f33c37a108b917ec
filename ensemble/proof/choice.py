"""Which realizations are computed again.

A point's realizations are cut into equal parts and one is drawn from each, so that all chunks have their share;
which ones follows from a number. Besides, those in chunks that are not there: all of them where the point has other
chunks of the observable; one from each chunk where it has none, as an observable that does not exist at a point. And
one from each chunk that does not match its digests, to find out which observable is wrong.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.proof.reading import Absent
from ensemble.store import Slot


@final
@dataclass(frozen=True)
class Choice:
    """A fraction of some realizations that are done."""

    among: NDArray[np.bool_]
    """These realizations."""
    chunk: int
    """Realizations in one chunk."""
    fraction: float
    """How many of every point; 0 means none."""
    numbers: tuple[int, ...]
    """The seed of the choice."""
    absent: Sequence[Absent] = ()
    """Chunks that are not there."""
    mismatched: NDArray[np.bool_] | None = None
    """Realizations that do not match their digests."""
    least: int = 1
    """Realizations of every point, at least, if it has so many."""

    def slots(self) -> Iterator[Slot]:
        """The realizations of every point, chunk by chunk; the same ones whenever it is asked."""
        done = self.among
        doubtful = defaultdict[tuple[int, ...], list[Absent]](list)
        for each in self.absent:
            doubtful[each.cell].append(each)
        for cell in np.ndindex(done.shape[:-1]):
            if done[cell].any():
                yield from self._at(cell, np.flatnonzero(done[cell]), doubtful[cell])

    @cached_property
    def sample(self) -> NDArray[np.bool_]:
        """The same realizations, as a mask."""
        mask = np.zeros(self.among.shape, np.bool_)
        for slot in self.slots():
            mask[slot.cell][list(slot.indices)] = True
        return mask

    @cached_property
    def expected(self) -> frozenset[Absent]:
        """The absent chunks whose points have others of the same observable."""
        alike = Counter((each.name, each.cell) for each in self.absent)
        return frozenset(each for each in self.absent if alike[each.name, each.cell] < self._chunks(each.cell))

    def _chunks(self, cell: tuple[int, ...]) -> int:
        """How many chunks of a point hold realizations that are done."""
        return len(np.unique(np.flatnonzero(self.among[cell]) // self.chunk))

    def _at(self, cell: tuple[int, ...], done: NDArray[np.int64], absent: Sequence[Absent]) -> Iterator[Slot]:
        """Those of one point."""
        dice = np.random.default_rng([*self.numbers, *cell])
        count = min(len(done), max(self.least, math.ceil(self.fraction * len(done))))
        edges = np.linspace(0, len(done), count + 1).astype(np.int64)
        drawn = done[edges[:-1] + np.floor(dice.random(len(edges) - 1) * np.diff(edges)).astype(np.int64)]
        doubtful = [done[self._inside(done, each)] for each in absent]
        mismatched = done[:0] if self.mismatched is None else np.flatnonzero(self.mismatched[cell] & self.among[cell])
        _, firsts = np.unique(mismatched // self.chunk, return_index=True)
        chosen = np.unique(np.concatenate([drawn, *doubtful, mismatched[firsts]]))
        numbers, firsts = np.unique(chosen // self.chunk, return_index=True)
        for number, indices in zip(numbers.tolist(), np.split(chosen, firsts[1:]), strict=True):
            start = number * self.chunk
            stop = min(start + self.chunk, self.among.shape[-1])
            yield Slot(cell, start, stop, tuple(indices.tolist()))

    def _inside(self, done: NDArray[np.int64], absent: Absent) -> slice:
        """The realizations of an absent chunk, among those done at its point; the first one if it is not expected."""
        first, last = np.searchsorted(done, [absent.number * self.chunk, (absent.number + 1) * self.chunk]).tolist()
        return slice(first, last if absent in self.expected else min(first + 1, last))
