"""Random numbers of one realization: the resonance frequency of each spin, and the couplings of all pairs."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class SpinDraw:
    """Random numbers of one realization.

    `SpinDraw.scaled` turns them into frequencies and couplings in MHz.
    """

    place: Array
    """(N,), uniform from -1/2 to 1/2, for the frequencies."""
    number: Array
    """(N (N - 1) / 2,), standard normal, for the couplings of the pairs (0, 1), (0, 2), ... (N - 2, N - 1)."""

    @classmethod
    def of(cls, rng: np.random.Generator, spins: int) -> "SpinDraw":
        """Draw one realization of `spins` spins."""
        return cls(rng.random(spins) - 0.5, rng.standard_normal(spins * (spins - 1) // 2))

    def scaled(self, spread: float, coupling: float) -> "SpinDisorder":
        """Return frequencies over a range of `spread` MHz, and couplings with the variance coupling² / N."""
        spins = len(self.place)
        pairs = np.zeros((spins, spins))
        pairs[np.triu_indices(spins, k=1)] = self.number * coupling / np.sqrt(spins)
        return SpinDisorder(spread * self.place, pairs + pairs.T)


@final
@dataclass(frozen=True)
class SpinDisorder:
    """Frequencies and couplings of one realization, in MHz.

    `DrivenSpins.evolve` takes any object of this class, also one with other frequencies and couplings.
    """

    detuning: Array
    """(N,), Δ_i / 2π."""
    coupling: Array
    """(N, N), U_ij / 2π, symmetric."""
