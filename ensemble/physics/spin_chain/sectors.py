"""A ring of spins in a transverse field, in one half of its states: of either sign when all spins are turned over.

    H = Σ_{i<j} J_ij Z_i Z_j + h Σ_i X_i

commutes with P = Π_i X_i. The states of the sector p = 1 or -1 are (|s> + p |s turned over>) / √2 for the 2^(L-1)
patterns s in which spin L - 1 points up. There Z_i Z_j is diagonal, X_i takes s to the pattern in which spin i is
turned, and X_{L-1}, which would turn spin L - 1 down, to p times the one in which all others are. H is real.
"""

from dataclasses import dataclass
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Sector:
    """H where P = p."""

    parity: int
    """p, 1 or -1."""
    diagonal: Array
    """(2^(L-1),), Σ J_ij Z_i Z_j of each pattern."""
    transverse: float
    """h."""

    @classmethod
    def of(cls, coupling: Array, transverse: float, parity: int) -> Self:
        """For symmetric couplings (L, L) without diagonal."""
        return cls(parity, ising(spins(len(coupling)), coupling), transverse)

    def __len__(self) -> int:
        return len(self.diagonal)

    def dense(self) -> Array:
        """The matrix, (2^(L-1), 2^(L-1)), in the order of Fortran, in which LAPACK works without a copy."""
        matrix = diagonal_matrix(self.diagonal)
        turn_each(matrix, self.transverse)
        patterns = np.arange(len(self))
        matrix[patterns[::-1], patterns] += self.parity * self.transverse
        return matrix


def up_or_down(count: int) -> Array:
    """(2^n, n), Z_i of all patterns of n spins: bit i of the number of a pattern, 1 for up."""
    bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    return np.where(bits, 1.0, -1.0)


def spins(length: int) -> Array:
    """(2^(L-1), L), Z_i of all patterns of a sector."""
    others = up_or_down(length - 1)
    return np.column_stack([others, np.ones(len(others))])


def pairs(length: int) -> Array:
    """(2^(L-1), L (L - 1) / 2), Z_i Z_j of all patterns of a sector, i < j."""
    values = spins(length)
    one, other = np.triu_indices(length, k=1)
    return values[:, one] * values[:, other]


def ising(values: Array, coupling: Array) -> Array:
    """(patterns,), Σ_{i<j} J_ij Z_i Z_j of patterns (patterns, n)."""
    energies: Array = np.einsum("si,si->s", values @ coupling, values) / 2
    return energies


def diagonal_matrix(diagonal: Array) -> Array:
    """A matrix with this diagonal, in the order of Fortran."""
    matrix = np.zeros((len(diagonal),) * 2, order="F")
    np.fill_diagonal(matrix, diagonal)
    return matrix


def turn_each(matrix: Array, amplitude: float) -> None:
    """Add h Σ_i X_i to a matrix between all patterns of n spins, (2^n, 2^n)."""
    patterns = np.arange(len(matrix))
    for i in range(len(matrix).bit_length() - 1):
        matrix[patterns ^ (1 << i), patterns] += amplitude
