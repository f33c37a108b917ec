"""The disorder: where each spin resonates, and how it couples to each other one."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class SpinDraw:
    """Bare random numbers of one realization."""

    place: Array
    """(N,), uniform from -1/2 to 1/2."""
    number: Array
    """(N (N - 1) / 2,), standard normal, for the pairs (0, 1), (0, 2), ... (N - 2, N - 1)."""

    @classmethod
    def of(cls, rng: np.random.Generator, spins: int) -> "SpinDraw":
        """Draw one realization."""
        return cls(rng.random(spins) - 0.5, rng.standard_normal(spins * (spins - 1) // 2))

    def scaled(self, spread: float, coupling: float) -> "SpinDisorder":
        """Frequencies spread over so many MHz, and couplings of the variance coupling² / N."""
        spins = len(self.place)
        pairs = np.zeros((spins, spins))
        pairs[np.triu_indices(spins, k=1)] = self.number * coupling / np.sqrt(spins)
        return SpinDisorder(spread * self.place, pairs + pairs.T)


@final
@dataclass(frozen=True)
class SpinDisorder:
    """Physical frequencies and couplings of one realization, in MHz."""

    detuning: Array
    """(N,), Δ_i / 2π."""
    coupling: Array
    """(N, N), U_ij / 2π, symmetric."""
