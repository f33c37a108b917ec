"""Eigenstates of a chain in one of its sectors: their energies, how frozen they are, and how levels are spaced.

An eigenstate |n> is as frozen as its spins are correlated in pairs, whatever their pattern: the Edwards-Anderson order

    m_n = mean over i < j of <n|Z_i Z_j|n>²

is 1 for a state with a single pattern and 2 / (2^(L-1) + 2) on average for a random one. Scaled energies run from 0 for
the ground state to 1 for the highest one of a sector. Quantities of levels are added up in bins of them; the ratio of
two gaps counts where the level between them lies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ensemble.physics.level_statistics import gap_ratios
from ensemble.physics.spin_chain.filtered import ends, levels_around
from ensemble.physics.spin_chain.sectors import Sector, pairs

Array = NDArray[np.float64]

BLOCK_BYTES = 2**24
"""Squares of eigenstates are taken so many at a time."""


@final
@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of one sector that follow one another, all of them or some."""

    scaled: Array
    """(n,), energies in ascending order, 0 for the ground state and 1 for the highest."""
    order: Array
    """(n,), m_n."""

    @property
    def ratios(self) -> Array:
        """(n - 2,), of the gaps below and above each level but the first and the last, from 0 to 1."""
        return gap_ratios(self.scaled)


def whole_spectrum(sector: Sector) -> Levels:
    """All levels of a sector: three matrices of its size."""
    energy, states = linalg.eigh(sector.dense(), driver="evd", overwrite_a=True, check_finite=False)
    return Levels(scaled(energy, energy[0], energy[-1]), edwards_anderson(states))


def parts_of_spectrum(sector: Sector, targets: Sequence[float], wanted: int) -> list[Levels]:
    """So many levels around each of some ascending scaled energies; each level belongs to the nearest of these."""
    bounds = ends(sector)
    limits = [-np.inf, *np.add(targets[1:], targets[:-1]) / 2, np.inf]
    found = []
    for target, low, high in zip(targets, limits, limits[1:], strict=False):
        energy, states = levels_around(sector, target, wanted, bounds)
        place = scaled(energy, bounds.lowest, bounds.highest)
        nearest = (place >= low) & (place < high)
        found.append(Levels(place[nearest], edwards_anderson(states[:, nearest])))
    return found


def scaled(energy: Array, lowest: float, highest: float) -> Array:
    """Energies from 0 to 1; 0 where all are the same."""
    width = highest - lowest
    return (energy - lowest) / width if width > 0 else np.zeros_like(energy)


def edwards_anderson(states: Array) -> Array:
    """(n,), m_n of states that are the columns of a matrix, (2^(L-1), n)."""
    size, count = states.shape
    table = pairs(size.bit_length())
    found = np.empty(count)
    for block in _blocks(count, max(1, BLOCK_BYTES // (8 * size))):
        found[block] = np.mean((states.T[block] ** 2 @ table) ** 2, axis=1)
    return found


def _blocks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))


@final
@dataclass(frozen=True, eq=False)
class Sums:
    """A quantity of levels in bins of their scaled energy."""

    count: Array
    """(bins,), how many levels there are."""
    total: Array
    """(bins,), the sum over them."""

    @classmethod
    def of(cls, place: Array, values: Array, bins: int) -> Self:
        """Of values at places between 0 and 1; what lies on an edge belongs to the bin above it, 1 to the last one."""
        inside = np.clip((place * bins).astype(np.int64), 0, bins - 1)
        count = np.bincount(inside, minlength=bins).astype(np.float64)
        total = np.bincount(inside, weights=values, minlength=bins).astype(np.float64)
        return cls(count, total)

    @classmethod
    def none(cls, bins: int) -> Self:
        """Of nothing."""
        return cls(np.zeros(bins), np.zeros(bins))

    @property
    def means(self) -> Self:
        """One level for each bin that has any: the mean of its levels."""
        filled = self.count > 0
        means = np.divide(self.total, self.count, out=np.zeros_like(self.total), where=filled)
        return type(self)(filled.astype(np.float64), means)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.count + other.count, self.total + other.total)
