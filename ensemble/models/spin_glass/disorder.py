"""Random numbers of one realization: initial spins, and keys of the random streams that are too long to be stored."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class ChainDraw:
    """Random numbers of one realization of a chain, the same for all models."""

    start: Array
    """(L,), -1 or 1 at random: the initial spins, a state at infinite temperature."""
    pairs_key: NDArray[np.uint64]
    """(2,), key of the stream for the couplings of pairs."""
    turns_key: NDArray[np.uint64]
    """(2,), key of the stream for the order in which spins flip."""

    @classmethod
    def of(cls, rng: np.random.Generator, length: int) -> "ChainDraw":
        """Draw one realization."""
        start: Array = rng.choice([-1.0, 1.0], size=length)
        pairs, turns = rng.integers(2**64, size=(2, 2), dtype=np.uint64)
        return cls(start, pairs, turns)

    @property
    def pairs(self) -> np.random.Generator:
        """Generator for the pairs (0, 1), (0, 2), ... (L - 2, L - 1), from the first on: the fastest one of NumPy."""
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(self.pairs_key.tolist())))

    @property
    def turns(self) -> np.random.Generator:
        """Generator for the orders in which spins relax."""
        return np.random.Generator(np.random.Philox(key=self.turns_key))

    @property
    def choices(self) -> np.random.Generator:
        """Generator for the spins that an avalanche flips: the stream of `turns`, jumped far ahead."""
        return np.random.Generator(np.random.Philox(key=self.turns_key).jumped())
