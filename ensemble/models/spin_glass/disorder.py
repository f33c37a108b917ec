"""The disorder: where spins start, and the keys of streams of numbers, which are too many to be kept."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class ChainDraw:
    """One realization of a chain, the same for every model of it."""

    start: Array
    """(L,), -1 or 1 at random: a state at infinite temperature."""
    pairs_key: NDArray[np.uint64]
    """(2,), of the numbers of pairs."""
    turns_key: NDArray[np.uint64]
    """(2,), of the order in which spins turn."""

    @classmethod
    def of(cls, rng: np.random.Generator, length: int) -> "ChainDraw":
        """Draw one realization."""
        start: Array = rng.choice([-1.0, 1.0], size=length)
        pairs, turns = rng.integers(2**64, size=(2, 2), dtype=np.uint64)
        return cls(start, pairs, turns)

    @property
    def pairs(self) -> np.random.Generator:
        """Of the pairs (0, 1), (0, 2), ... (L - 2, L - 1), from the first on; the fastest that NumPy has."""
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(self.pairs_key.tolist())))

    @property
    def turns(self) -> np.random.Generator:
        """Of the orders in which spins relax, from the first on."""
        return np.random.Generator(np.random.Philox(key=self.turns_key))

    @property
    def choices(self) -> np.random.Generator:
        """Of the spins that an avalanche flips, from the first on: far ahead in the stream of turns."""
        return np.random.Generator(np.random.Philox(key=self.turns_key).jumped())
