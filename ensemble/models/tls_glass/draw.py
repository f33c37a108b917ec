"""One realization as bare random numbers: everything random in the model, and nothing that a parameter but N sets.

All options see the same numbers, so that a convention, a dimension or a law of the initial angles can be compared
realization by realization; each reads the numbers that it needs. The order is part of every store's identity:
a store that grows draws its new realizations next to old ones, so new numbers come after all existing ones.
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
    """Random numbers of N two-level systems; pairs i < j are listed row after row, N (N - 1) / 2 of them."""

    splitting: Array
    """ε_i / W, uniform on (0, 1), (N,)."""
    tunnelling: Array
    """Exponent of Δ_i, uniform on (-1/2, 1/2), (N,)."""
    position: Array
    """r_i in units of the side of the box, uniform on the unit cube, (N, 3); d dimensions take d columns."""
    dipole: Array
    """D_ij, standard normal, (pairs,); of the longitudinal phonons where each polarization has its own."""
    dipole_trace: Array
    """Tr(D_i²), squares of standard normal numbers, (N,); likewise."""
    polar: Array
    """What the polar angles of the initial Bloch vectors are made from, uniform on (0, 1), (N,)."""
    phi: Array
    """Azimuthal angles of the initial Bloch vectors, uniform on (0, 2π), (N,)."""
    dipole_T: Array
    """D_ij of the transverse phonons, standard normal, (pairs,)."""
    dipole_trace_T: Array
    """Tr(D_i²) of the transverse phonons, squares of standard normal numbers, (N,)."""
    dipole_tensor: Array
    """The six numbers of each elastic dipole tensor, standard normal, (N, 6)."""


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
