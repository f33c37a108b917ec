"""Random numbers of one realization; the parameters scale them."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class TLSDraw:
    """Random numbers of one realization of two-level systems."""

    position: Array
    """(N, 3), uniform from 0 to 1, in units of the side of the box."""
    local: Array
    """(N,), standard normal, for the asymmetry energies."""
    exponent: Array
    """(N,), uniform from 0 to 1, for the tunnelling amplitudes."""
    start: Array
    """(N,), uniform from -1 to 1: the energies at which the self-consistent iteration starts."""
    key: NDArray[np.uint64]
    """(2,), key of the random stream of the pairs. The pairs are too many to be stored next to their couplings."""

    @classmethod
    def of(cls, rng: np.random.Generator, count: int) -> "TLSDraw":
        """Draw one realization of `count` sites."""
        position, local, exponent = rng.random((count, 3)), rng.standard_normal(count), rng.random(count)
        return cls(position, local, exponent, _start(rng, count), rng.integers(2**64, size=2, dtype=np.uint64))

    @property
    def pairs(self) -> np.random.Generator:
        """Generator of standard normal numbers for the pairs (0, 1), (0, 2), ... (N - 2, N - 1), from the first on."""
        return np.random.Generator(np.random.Philox(key=self.key))


@final
@dataclass(frozen=True)
class SiteDraw:
    """Random numbers of one realization of localized states."""

    position: Array
    """(N, 2), uniform from 0 to 1, in units of the side of the box."""
    local: Array
    """(N,), uniform from -1/2 to 1/2, for the energies."""
    start: Array
    """(N,), uniform from -1 to 1: the energies at which the self-consistent iteration starts."""

    @classmethod
    def of(cls, rng: np.random.Generator, count: int) -> "SiteDraw":
        """Draw one realization of `count` sites."""
        return cls(rng.random((count, 2)), rng.random(count) - 0.5, _start(rng, count))


def _start(rng: np.random.Generator, count: int) -> Array:
    return 2 * rng.random(count) - 1
