"""Whether a store holds what was recorded for each place: digests as they were recorded, and of what is there."""

import functools
from collections.abc import Iterator
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.proof.book import Book
from ensemble.store import Layout, Status, digest


@final
class Binding:
    """The digests of a store, as its chunks are read."""

    def __init__(self, layout: Layout, book: Book) -> None:
        self.parts: NDArray[np.uint32] = np.zeros(layout.shape, np.uint32)
        """What the observables that were read give to the digest of every realization."""
        self.key = functools.lru_cache(maxsize=4096)(layout.key)
        """What stands for a point in digests."""
        self._layout, self._book = layout, book

    @property
    def unbound(self) -> int:
        """How many realizations are done and have no digest: an older version recorded them."""
        return int(np.count_nonzero((self._book.status == Status.DONE) & (self._book.digest == digest.NO_DIGEST)))

    def strangers(self) -> NDArray[np.bool_]:
        """The realizations that are done, not known to be lost, and do not agree with their digests."""
        strange = np.zeros(self.parts.shape, np.bool_)
        for cell, rows in self._bound():
            found = digest.of_realizations(
                self.key(cell), rows, self.parts[cell][rows], self._book.provenance[cell][rows]
            )
            strange[cell][rows] = found != self._book.digest[cell][rows]
        return strange

    def agrees(self, cell: tuple[int, ...], number: int, strange: NDArray[np.bool_]) -> bool:
        """Whether all realizations in a chunk of a point that are done have digests, and agree with them."""
        held = slice(number * self._layout.chunk, (number + 1) * self._layout.chunk)
        done = self._book.status[cell][held] == Status.DONE
        bound = self._book.digest[cell][held] != digest.NO_DIGEST
        return bool(bound[done].all() and not strange[cell][held].any())

    def _bound(self) -> Iterator[tuple[tuple[int, ...], NDArray[np.int64]]]:
        """The realizations of every point that have a digest and are not lost."""
        counts = (self._book.status == Status.DONE) & ~self._book.lost & (self._book.digest != digest.NO_DIGEST)
        for cell in np.ndindex(counts.shape[:-1]):
            if (rows := np.flatnonzero(counts[cell])).size:
                yield cell, rows
