"""Remnant polarization: what the softest spins keep of their initial state after any time, with all other spins frozen.

The spins I with the smallest fields evolve in the fields b_I = Σ_j J_Ij Z_j of the frozen spins:

    H = Σ_I (b_I Z_I + h X_I) + Σ_{I<J} J_IJ Z_I Z_J.

The probability to find pattern s, averaged over all times, is

    w(s) = Σ_E <s|Π_E|start>²,

where start is the initial pattern and Π_E the projector on all states of the energy E: the diagonal ensemble. Without
couplings among the spins, the polarization of a spin is φ² / (φ² + h²) of its initial value.

With random fields no two levels coincide, except by chance. If they do to the last digits, LAPACK returns two arbitrary
superpositions, and the result must not depend on them. So levels closer than 10^-12 of the width of the spectrum count
as one; they would separate only after times that are too long to matter.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ensemble.models.spin_glass.kernels.sectors import diagonal_matrix, ising, turn_each, up_or_down

Array = NDArray[np.float64]

_APART = 1e-12
"""Levels closer than this fraction of the width of the spectrum count as one."""


def softest(field: Array, count: int) -> NDArray[np.intp]:
    """Return the spins with the smallest abs(φ), the smallest first."""
    return np.argsort(np.abs(field), kind="stable")[:count]


def frozen_fields(coupling: Array, spins: Array, free: NDArray[np.intp]) -> Array:
    """Return the fields b_I at the free spins from all other spins, for couplings (L, L) and spins (L,)."""
    frozen = spins.copy()
    frozen[free] = 0.0
    return np.array([row @ frozen for row in coupling[free]])


def polarizations(coupling: Array, field: Array, spins: Array, transverse: float) -> Array:
    """Return the time average of Z_I times its initial value, (n,).

    Takes couplings (n, n), fields b_I (n,), initial spins (n,) and the transverse field h.
    """
    values = up_or_down(len(spins))
    start = int(np.flatnonzero((values == spins).all(axis=1))[0])
    matrix = diagonal_matrix(values @ field + ising(values, coupling))
    turn_each(matrix, transverse)
    energy, states = linalg.eigh(matrix, driver="evd", overwrite_a=True, check_finite=False)
    polarized: Array = spins * (_populations(energy, states, start) @ values)
    return polarized


def _populations(energy: Array, states: Array, start: int) -> Array:
    """Return w(s), (2^n,)."""
    first = np.flatnonzero(np.diff(energy, prepend=-np.inf) > _APART * (energy[-1] - energy[0]))
    states *= states[start].copy()
    projected = np.add.reduceat(states, first, axis=1)
    populations: Array = np.einsum("sE,sE->s", projected, projected)
    return populations


def alone(field: Array, transverse: float) -> Array:
    """Return φ² / (φ² + h²), the polarization without couplings."""
    left: Array = field**2 / (field**2 + transverse**2)
    return left
