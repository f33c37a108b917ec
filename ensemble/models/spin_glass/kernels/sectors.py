"""The Hamiltonian of a ring of spins in a transverse field, in one sector of the parity under a flip of all spins.

    H = Σ_{i<j} J_ij Z_i Z_j + h Σ_i X_i

commutes with P = Π_i X_i. The states of the sector p = 1 or -1 are (|s> + p |s with all spins flipped>) / √2 for the
2^(L-1) patterns s in which spin L - 1 points up. Z_i Z_j is diagonal. X_i takes s to the pattern with spin i flipped.
X_{L-1}, which would flip spin L - 1 down, takes s to p times the pattern with all other spins flipped. H is real.
"""

from dataclasses import dataclass
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Sector:
    """H in the sector P = p."""

    parity: int
    """p, 1 or -1."""
    diagonal: Array
    """(2^(L-1),), Σ J_ij Z_i Z_j of each pattern."""
    transverse: float
    """Transverse field h."""

    @classmethod
    def of(cls, coupling: Array, transverse: float, parity: int) -> Self:
        """Return the sector for symmetric couplings (L, L) with zero diagonal."""
        return cls(parity, ising(spins(len(coupling)), coupling), transverse)

    def __len__(self) -> int:
        return len(self.diagonal)

    def dense(self) -> Array:
        """Return the matrix, (2^(L-1), 2^(L-1)), in Fortran order, which LAPACK uses without a copy."""
        matrix = diagonal_matrix(self.diagonal)
        turn_each(matrix, self.transverse)
        patterns = np.arange(len(self))
        matrix[patterns[::-1], patterns] += self.parity * self.transverse
        return matrix


def up_or_down(count: int) -> Array:
    """Return Z_i of all patterns of n spins, (2^n, n): bit i of the pattern number, 1 for up."""
    bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    return np.where(bits, 1.0, -1.0)


def spins(length: int) -> Array:
    """Return Z_i of all patterns of a sector, (2^(L-1), L)."""
    others = up_or_down(length - 1)
    return np.column_stack([others, np.ones(len(others))])


def pairs(length: int) -> Array:
    """Return Z_i Z_j of all patterns of a sector, (2^(L-1), L (L - 1) / 2), i < j."""
    values = spins(length)
    one, other = np.triu_indices(length, k=1)
    return values[:, one] * values[:, other]


def ising(values: Array, coupling: Array) -> Array:
    """Return Σ_{i<j} J_ij Z_i Z_j, (patterns,), of patterns (patterns, n)."""
    energies: Array = np.einsum("si,si->s", values @ coupling, values) / 2
    return energies


def diagonal_matrix(diagonal: Array) -> Array:
    """Return a matrix with this diagonal, in Fortran order."""
    matrix = np.zeros((len(diagonal),) * 2, order="F")
    np.fill_diagonal(matrix, diagonal)
    return matrix


def turn_each(matrix: Array, amplitude: float) -> None:
    """Add `amplitude` Σ_i X_i to a matrix between all patterns of n spins, (2^n, 2^n)."""
    patterns = np.arange(len(matrix))
    for i in range(len(matrix).bit_length() - 1):
        matrix[patterns ^ (1 << i), patterns] += amplitude
