"""Eigenstates of a chain in one sector: energies, Edwards-Anderson order and level spacings, in bins of energy.

The Edwards-Anderson order measures how frozen an eigenstate |n> is, by the correlations of all pairs of spins:

    m_n = mean over i < j of <n|Z_i Z_j|n>²

It is 1 for a state with a single pattern, and on average 2 / (2^(L-1) + 2) for a random state. Scaled energies run from
0 for the ground state of a sector to 1 for its highest state. Quantities of levels are summed in bins of scaled energy;
the ratio of two gaps belongs to the bin of the level between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ensemble.models.spin_glass.kernels.filtered import ends, levels_around
from ensemble.models.spin_glass.kernels.sectors import Sector, pairs
from ensemble.physics.level_statistics import gap_ratios

Array = NDArray[np.float64]

BLOCK_BYTES = 2**24
"""Memory in bytes for the squares of a block of eigenstates."""


@final
@dataclass(frozen=True, eq=False)
class Levels:
    """Consecutive levels of one sector, all of them or some."""

    scaled: Array
    """(n,), scaled energies in ascending order, 0 for the ground state and 1 for the highest state."""
    order: Array
    """(n,), Edwards-Anderson order m_n."""

    @property
    def ratios(self) -> Array:
        """(n - 2,), ratios of the gaps below and above each level but the first and the last, from 0 to 1."""
        return gap_ratios(self.scaled)


def whole_spectrum(sector: Sector) -> Levels:
    """Return all levels of a sector; this takes three matrices of its size."""
    energy, states = linalg.eigh(sector.dense(), driver="evd", overwrite_a=True, check_finite=False)
    return Levels(scaled(energy, energy[0], energy[-1]), edwards_anderson(states))


def parts_of_spectrum(sector: Sector, targets: Sequence[float], wanted: int) -> list[Levels]:
    """Return up to `wanted` levels around each of some ascending scaled energies.

    Each level belongs to the nearest target, so no level is counted twice.
    """
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
    """Return energies scaled to the interval from 0 to 1; 0 if all are the same."""
    width = highest - lowest
    return (energy - lowest) / width if width > 0 else np.zeros_like(energy)


def edwards_anderson(states: Array) -> Array:
    """Return m_n, (n,), of states that are the columns of a matrix, (2^(L-1), n)."""
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
    """Sums of a quantity of levels, in bins of scaled energy."""

    count: Array
    """(bins,), number of levels."""
    total: Array
    """(bins,), sum over the levels."""

    @classmethod
    def of(cls, place: Array, values: Array, bins: int) -> Self:
        """Sum values at scaled energies from 0 to 1; an edge belongs to the bin above it, and 1 to the last bin."""
        inside = np.clip((place * bins).astype(np.int64), 0, bins - 1)
        count = np.bincount(inside, minlength=bins).astype(np.float64)
        total = np.bincount(inside, weights=values, minlength=bins).astype(np.float64)
        return cls(count, total)

    @classmethod
    def none(cls, bins: int) -> Self:
        """Return sums over no levels."""
        return cls(np.zeros(bins), np.zeros(bins))

    @property
    def means(self) -> Self:
        """Replace the levels of each bin that has any by one level with their mean."""
        filled = self.count > 0
        means = np.divide(self.total, self.count, out=np.zeros_like(self.total), where=filled)
        return type(self)(filled.astype(np.float64), means)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.count + other.count, self.total + other.total)
