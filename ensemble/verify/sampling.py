"""Choose the realizations that `verify` recomputes.

- A random sample: the realizations of a point are divided into equal parts, and one is drawn from each part. So the
  sample is spread over all chunks. It is determined by a seed.
- Realizations in missing chunks: all of them if the point has other chunks of the observable; otherwise one from each
  chunk, because the observable may not exist at the point.
- One realization from each chunk that does not match its digests, to find out which observable is wrong.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.store import ChunkRegion
from ensemble.verify.reading import MissingChunk


@final
@dataclass(frozen=True)
class Sample:
    """A sample of done realizations."""

    among: NDArray[np.bool_]
    """Mask of the realizations from which the sample is drawn: (axes..., realization)."""
    chunk: int
    """Number of realizations in one chunk."""
    fraction: float
    """Fraction of the realizations of every point that is drawn, rounded up."""
    numbers: tuple[int, ...]
    """Seed of the sample."""
    absent: Sequence[MissingChunk] = ()
    """Missing chunks."""
    mismatched: NDArray[np.bool_] | None = None
    """Mask of the realizations that do not match their digests."""
    least: int = 1
    """Minimum number of realizations of every point, if it has this many."""

    def slots(self) -> Iterator[ChunkRegion]:
        """The sample, chunk by chunk; every call gives the same realizations."""
        done = self.among
        doubtful = defaultdict[tuple[int, ...], list[MissingChunk]](list)
        for each in self.absent:
            doubtful[each.cell].append(each)
        for cell in np.ndindex(done.shape[:-1]):
            if done[cell].any():
                yield from self._at(cell, np.flatnonzero(done[cell]), doubtful[cell])

    @cached_property
    def sample(self) -> NDArray[np.bool_]:
        """Mask of the sample: (axes..., realization)."""
        mask = np.zeros(self.among.shape, np.bool_)
        for slot in self.slots():
            mask[slot.cell][list(slot.indices)] = True
        return mask

    @cached_property
    def expected(self) -> frozenset[MissingChunk]:
        """The missing chunks whose points have other chunks of the same observable."""
        alike = Counter((each.name, each.cell) for each in self.absent)
        return frozenset(each for each in self.absent if alike[each.name, each.cell] < self._chunks(each.cell))

    def _chunks(self, cell: tuple[int, ...]) -> int:
        """Number of chunks of a point that hold done realizations."""
        return len(np.unique(np.flatnonzero(self.among[cell]) // self.chunk))

    def _at(
        self, cell: tuple[int, ...], done: NDArray[np.int64], absent: Sequence[MissingChunk]
    ) -> Iterator[ChunkRegion]:
        """The sample of one point, chunk by chunk."""
        rng = np.random.default_rng([*self.numbers, *cell])
        count = min(len(done), max(self.least, math.ceil(self.fraction * len(done))))
        edges = np.linspace(0, len(done), count + 1).astype(np.int64)
        drawn = done[edges[:-1] + np.floor(rng.random(len(edges) - 1) * np.diff(edges)).astype(np.int64)]
        doubtful = [done[self._inside(done, each)] for each in absent]
        mismatched = done[:0] if self.mismatched is None else np.flatnonzero(self.mismatched[cell] & self.among[cell])
        _, firsts = np.unique(mismatched // self.chunk, return_index=True)
        chosen = np.unique(np.concatenate([drawn, *doubtful, mismatched[firsts]]))
        numbers, firsts = np.unique(chosen // self.chunk, return_index=True)
        for number, indices in zip(numbers.tolist(), np.split(chosen, firsts[1:]), strict=True):
            start = number * self.chunk
            stop = min(start + self.chunk, self.among.shape[-1])
            yield ChunkRegion(cell, start, stop, tuple(indices.tolist()))

    def _inside(self, done: NDArray[np.int64], absent: MissingChunk) -> slice:
        """Slice of the done realizations that lie in a missing chunk; only the first if the chunk is not expected."""
        first, last = np.searchsorted(done, [absent.number * self.chunk, (absent.number + 1) * self.chunk]).tolist()
        return slice(first, last if absent in self.expected else min(first + 1, last))
