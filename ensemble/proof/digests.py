"""Whether each realization of a store matches the digest that was recorded for it."""

import functools
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.proof.book import Book
from ensemble.store import Layout, Status, digest


@final
class DigestCheck:
    """Digests of a store: those that were recorded, and those of what is read."""

    def __init__(self, layout: Layout, book: Book) -> None:
        self.parts: NDArray[np.uint32] = np.zeros(layout.shape, np.uint32)
        """For every realization, the sum over the observables that were read so far."""
        self._layout, self._book = layout, book
        self._key = functools.lru_cache(maxsize=4096)(layout.key)

    def key(self, cell: tuple[int, ...]) -> int | None:
        """The key of a point in digests; None if none of its realizations has a digest."""
        return self._key(cell) if self._book.digest[cell].any() else None

    @property
    def without_digest(self) -> int:
        """How many realizations are done but have no digest, because an older version recorded them."""
        return int(np.count_nonzero((self._book.status == Status.DONE) & (self._book.digest == digest.NO_DIGEST)))

    @functools.cached_property
    def mismatched(self) -> NDArray[np.bool_]:
        """The realizations that do not match their digests, among those done and not known to be lost.

        Valid once all observables have been read.
        """
        found = np.zeros(self.parts.shape, np.bool_)
        checked = (self._book.status == Status.DONE) & ~self._book.lost & (self._book.digest != digest.NO_DIGEST)
        for cell in np.ndindex(checked.shape[:-1]):
            rows = np.flatnonzero(checked[cell])
            if rows.size:
                provenance = self._book.provenance[cell][rows]
                here = digest.of_realizations(self._key(cell), rows, self.parts[cell][rows], provenance)
                found[cell][rows] = here != self._book.digest[cell][rows]
        return found

    def chunk_matches(self, cell: tuple[int, ...], number: int) -> bool:
        """Whether every realization of a chunk that is done has a digest and matches it."""
        rows = slice(number * self._layout.chunk, (number + 1) * self._layout.chunk)
        done = self._book.status[cell][rows] == Status.DONE
        has_digest = self._book.digest[cell][rows] != digest.NO_DIGEST
        return bool(has_digest[done].all() and not self.mismatched[cell][rows].any())
