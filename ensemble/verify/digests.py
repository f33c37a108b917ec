"""Compare the realizations of a store with their recorded digests."""

import functools
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.store import Layout, Status, digest
from ensemble.verify.ledger_blocks import LedgerBlocks


@final
class DigestCheck:
    """The recorded digests of a store, and the digests of the data that are read."""

    def __init__(self, layout: Layout, ledger: LedgerBlocks) -> None:
        self.parts: NDArray[np.uint32] = np.zeros(layout.shape, np.uint32)
        """Sum of the digest parts of all observables that were read so far: (axes..., realization)."""
        self._layout, self._ledger = layout, ledger
        self._key = functools.lru_cache(maxsize=4096)(layout.key)

    def key(self, cell: tuple[int, ...]) -> int | None:
        """The key of a point that enters its digests; None if no realization of the point has a digest."""
        return self._key(cell) if self._ledger.digest[cell].any() else None

    @property
    def without_digest(self) -> int:
        """Number of done realizations without a digest, because an older version recorded them."""
        return int(np.count_nonzero((self._ledger.status == Status.DONE) & (self._ledger.digest == digest.NO_DIGEST)))

    @functools.cached_property
    def mismatched(self) -> NDArray[np.bool_]:
        """Mask of the realizations that do not match their digests, among those done and not known to be lost.

        Valid only after all observables have been read.
        """
        found = np.zeros(self.parts.shape, np.bool_)
        checked = (self._ledger.status == Status.DONE) & ~self._ledger.lost & (self._ledger.digest != digest.NO_DIGEST)
        for cell in np.ndindex(checked.shape[:-1]):
            rows = np.flatnonzero(checked[cell])
            if rows.size:
                provenance = self._ledger.provenance[cell][rows]
                computed = digest.of_realizations(self._key(cell), rows, self.parts[cell][rows], provenance)
                found[cell][rows] = computed != self._ledger.digest[cell][rows]
        return found

    def chunk_matches(self, cell: tuple[int, ...], number: int) -> bool:
        """Whether every done realization of a chunk has a digest and matches it."""
        rows = slice(number * self._layout.chunk, (number + 1) * self._layout.chunk)
        done = self._ledger.status[cell][rows] == Status.DONE
        has_digest = self._ledger.digest[cell][rows] != digest.NO_DIGEST
        return bool(has_digest[done].all() and not self.mismatched[cell][rows].any())
