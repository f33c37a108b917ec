"""The random numbers of one realization: all randomness of the model, independent of all parameters but N.

All options use the same numbers, so that conventions, dimensions or distributions of the initial angles can be compared
realization by realization. Each option reads the numbers that it needs. The order of the draws is part of the identity
of every store: a store that grows gets new realizations next to old ones, so new numbers must come after all existing
ones.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.physics import disorder

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class TLSDraw:
    """Random numbers of N two-level systems; pairs i < j are listed row by row, N (N - 1) / 2 of them."""

    splitting: Array
    """ε_i / W, uniform on (0, 1), (N,)."""
    tunnelling: Array
    """Exponent of Δ_i, uniform on (-1/2, 1/2), (N,)."""
    position: Array
    """r_i in units of the side of the box, uniform on the unit cube, (N, 3); d dimensions use the first d columns."""
    dipole: Array
    """D_ij, standard normal, (pairs,); longitudinal phonons if each polarization has its own."""
    dipole_trace: Array
    """Tr(D_i²), squares of standard normal numbers, (N,); longitudinal phonons if each polarization has its own."""
    polar: Array
    """Numbers for the polar angles of the initial Bloch vectors, uniform on (0, 1), (N,)."""
    phi: Array
    """Azimuthal angles of the initial Bloch vectors, uniform on (0, 2π), (N,)."""
    dipole_T: Array
    """D_ij of the transverse phonons, standard normal, (pairs,)."""
    dipole_trace_T: Array
    """Tr(D_i²) of the transverse phonons, squares of standard normal numbers, (N,)."""
    dipole_tensor: Array
    """Six numbers for each elastic dipole tensor, standard normal, (N, 6)."""


def draw(rng: np.random.Generator, N: int) -> TLSDraw:
    """Draw one realization, in the order of the fields of `TLSDraw`."""
    pairs = N * (N - 1) // 2
    return TLSDraw(
        splitting=disorder.uniform(rng, N),
        tunnelling=disorder.centred_uniform(rng, N),
        position=disorder.positions(rng, N),
        dipole=disorder.gaussian(rng, pairs),
        dipole_trace=disorder.chi_square(rng, N),
        polar=disorder.uniform(rng, N),
        phi=disorder.azimuths(rng, N),
        dipole_T=disorder.gaussian(rng, pairs),
        dipole_trace_T=disorder.chi_square(rng, N),
        dipole_tensor=disorder.gaussian(rng, N, 6),
    )
