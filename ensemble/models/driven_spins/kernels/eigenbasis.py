"""Eigenstates of spins in a strong field along z, with inhomogeneous frequencies and truncated dipolar couplings.

In the frame that rotates with ω_e, for frequencies Δ_i and couplings U_ij,

    H' = Σ_i Δ_i S_i^z + Σ_{i<j} U_ij (S_i^+ S_j^- + S_i^- S_j^+ - 4 S_i^z S_j^z).

H' is real and conserves S^z. It is diagonalized sector by sector: in one diagonalization of all sectors, degenerate
levels of different sectors would mix. A Hermitian matrix ρ is stored as the real matrix X = Re ρ + Im ρ: the real part
is its symmetric half and the imaginary part its antisymmetric half.
"""

import functools
from dataclasses import dataclass
from typing import Self, final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ensemble.models.driven_spins.kernels.sectors import Sectors

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Eigenbasis:
    """The eigenstates |n> of H', sector by sector, in the order of energy within each sector."""

    sectors: Sectors
    energy: Array
    """(2^N,), e_n in rad/us."""
    vectors: tuple[Array, ...]
    """Eigenvectors of each sector, (product states, eigenstates)."""
    spin: Array
    """(2^N, N), D_i(n) = <n|S_i^z|n>."""

    @classmethod
    def of(cls, frequency: Array, coupling: Array) -> Self:
        """Diagonalize H' for frequencies (N,) and symmetric couplings (N, N) with zero diagonal."""
        sectors = Sectors.of(len(frequency))
        hamiltonian = matrix(sectors, frequency, coupling)
        energies, vectors = [], []
        for part in sectors.parts:
            values, states = linalg.eigh(hamiltonian[part, part], check_finite=False)
            energies.append(values)
            vectors.append(states)
        spin = [states.T**2 @ sectors.values[part] for states, part in zip(vectors, sectors.parts, strict=True)]
        return cls(sectors, np.concatenate(energies), tuple(vectors), np.concatenate(spin))

    @property
    def magnetization(self) -> Array:
        """(2^N,), S^z of every eigenstate."""
        return self.sectors.magnetization

    @functools.cached_property
    def raised(self) -> tuple[Array, ...]:
        """The elements <n|S_i^+|m>, (N, n, m), of states n in sector k + 1 and m in sector k, for k = 0 to N - 1."""
        found = []
        for k, (above, below) in enumerate(self.sectors.steps):
            start = self.sectors.flipped[below] - above.start  # the state after spin i is raised
            low = self.sectors.values[below] < 0
            elements = [
                self.vectors[k + 1][start[low[:, i], i]].T @ self.vectors[k][low[:, i]]
                for i in range(self.sectors.spins)
            ]
            found.append(np.stack(elements))
        return tuple(found)

    def left(self, matrix: Array) -> Array:
        """Return V^T M: transform the rows of a matrix from product states to eigenstates."""
        return np.concatenate(
            [states.T @ matrix[part] for states, part in zip(self.vectors, self.sectors.parts, strict=True)]
        )

    def back(self, matrix: Array) -> Array:
        """Return V M: transform the rows of a matrix from eigenstates to product states."""
        return np.concatenate(
            [states @ matrix[part] for states, part in zip(self.vectors, self.sectors.parts, strict=True)]
        )

    def into(self, matrix: Array) -> Array:
        """Return V^T M V: transform a matrix from product states to eigenstates."""
        return self.left(self.left(matrix).T).T

    def out(self, matrix: Array) -> Array:
        """Return V M V^T: transform a matrix from eigenstates to product states."""
        return self.back(self.back(matrix).T).T


def matrix(sectors: Sectors, frequency: Array, coupling: Array) -> Array:
    """Return H' between product states, (2^N, 2^N)."""
    s = sectors.values
    diagonal = s @ frequency - 2 * np.einsum("ni,ij,nj->n", s, coupling, s)
    hamiltonian = np.diag(diagonal)
    n = np.arange(len(sectors))
    for i, j in zip(*np.triu_indices(sectors.spins, k=1), strict=True):
        swapped = sectors.flipped[sectors.flipped[:, i], j]
        differ = s[:, i] != s[:, j]
        hamiltonian[swapped[differ], n[differ]] += coupling[i, j]
    return hamiltonian
