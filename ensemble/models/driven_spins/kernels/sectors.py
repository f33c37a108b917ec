"""Product states of N spins one half, ordered by the number of spins up.

Bit i of a pattern is spin i, 1 for up. An operator that conserves the total S^z is block diagonal in this order.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Sectors:
    """The 2^N product states of N spins; sector k contains those with k spins up."""

    spins: int
    """Number of spins N."""
    patterns: NDArray[np.int64]
    """(2^N,), the spins that are up, as bits; ascending within each sector."""
    flipped: NDArray[np.int64]
    """(2^N, N), the position of the state with spin i flipped."""
    values: Array
    """(2^N, N), S_i^z: 1/2 or -1/2."""
    parts: tuple[slice, ...]
    """The positions of sector k, k = 0 to N."""

    @classmethod
    @functools.cache
    def of(cls, spins: int) -> Self:
        """Return the product states of `spins` spins."""
        bits = (np.arange(2**spins)[:, None] >> np.arange(spins)) & 1
        patterns = np.lexsort((np.arange(2**spins), bits.sum(axis=1)))
        place = np.argsort(patterns)
        flipped = place[patterns[:, None] ^ (1 << np.arange(spins))]
        ends = np.cumsum([math.comb(spins, up) for up in range(spins + 1)]).tolist()
        parts = tuple(slice(start, end) for start, end in zip([0, *ends], ends, strict=False))
        values = np.where(bits[patterns], 0.5, -0.5)
        return cls(spins, patterns, flipped, values, parts)

    def __len__(self) -> int:
        return len(self.patterns)

    @functools.cached_property
    def magnetization(self) -> Array:
        """(2^N,), the total S^z."""
        total: Array = self.values.sum(axis=1)
        return total

    @property
    def steps(self) -> Iterator[tuple[slice, slice]]:
        """Pairs of neighbouring sectors, the one with one spin up more first."""
        return zip(self.parts[1:], self.parts, strict=False)
