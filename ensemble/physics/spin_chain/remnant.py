"""What the softest spins of a state remember of it, for ever, when all others are frozen.

The spins I with the smallest fields evolve in the fields b_I = Σ_j J_Ij Z_j of those that are frozen:

    H = Σ_I (b_I Z_I + h X_I) + Σ_{I<J} J_IJ Z_I Z_J.

From the pattern in which they start they come to be found in pattern s with the probability, averaged over all times,

    w(s) = Σ_E <s|Π_E|start>²,

where Π_E is the projector on all states of the energy E: the diagonal ensemble. Without couplings among them the
polarization of a spin is φ² / (φ² + h²) of what it was.

In fields of their own no two levels coincide but by chance. Where they do to the last digits, LAPACK returns any two
mixtures; which of them must not matter. So levels count as one that are closer than 10^-12 of the width of the
spectrum: those come apart only after times that no polarization is measured for.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ensemble.physics.spin_chain.sectors import diagonal_matrix, ising, turn_each, up_or_down

Array = NDArray[np.float64]

_APART = 1e-12
"""Of the width of the spectrum."""


def softest(field: Array, count: int) -> NDArray[np.intp]:
    """The spins with the smallest abs(φ), the smallest first."""
    return np.argsort(np.abs(field), kind="stable")[:count]


def frozen_fields(coupling: Array, spins: Array, free: NDArray[np.intp]) -> Array:
    """b_I of the spins that are free, those of all others: of couplings (L, L) and spins (L,)."""
    frozen = spins.copy()
    frozen[free] = 0.0
    return np.array([row @ frozen for row in coupling[free]])


def polarizations(coupling: Array, field: Array, spins: Array, transverse: float) -> Array:
    """(n,), the mean of Z_I over all times, times Z_I at the start: of couplings (n, n), fields b_I and spins (n,)."""
    values = up_or_down(len(spins))
    start = int(np.flatnonzero((values == spins).all(axis=1))[0])
    matrix = diagonal_matrix(values @ field + ising(values, coupling))
    turn_each(matrix, transverse)
    energy, states = linalg.eigh(matrix, driver="evd", overwrite_a=True, check_finite=False)
    polarized: Array = spins * (_populations(energy, states, start) @ values)
    return polarized


def _populations(energy: Array, states: Array, start: int) -> Array:
    """(2^n,), w(s)."""
    first = np.flatnonzero(np.diff(energy, prepend=-np.inf) > _APART * (energy[-1] - energy[0]))
    states *= states[start].copy()
    projected = np.add.reduceat(states, first, axis=1)
    populations: Array = np.einsum("sE,sE->s", projected, projected)
    return populations


def alone(field: Array, transverse: float) -> Array:
    """φ² / (φ² + h²)."""
    left: Array = field**2 / (field**2 + transverse**2)
    return left
