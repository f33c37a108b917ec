"""Coherence of single sites, |<↑| ρ_i |↓>|, with all other sites traced out."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.models.tls_glass.kernels.pair_tables import blocks, fill_tables, tables_for
from ensemble.models.tls_glass.kernels.site_solution import checked_sites, checked_times
from ensemble.physics.elementary import LANES

Array = NDArray[np.float64]


def site_coherences(
    coupling: ArrayLike, rate: ArrayLike, theta: ArrayLike, t: ArrayLike, *, occupation: ArrayLike = 0.0
) -> Array:
    """Return the coherence |<↑| ρ_i |↓>| of every site.

    Parameters
    ----------
    coupling
        J_ij, shape (N, N).
    rate
        Y_i, shape (N,).
    theta
        Initial polar angles, shape (N,).
    t
        Times, shape (T,).
    occupation
        Bose function of the bath, a number or one for each site. Default: 0.

    Returns
    -------
    Coherences, shape (N, T), at most 1/2.

    Raises
    ------
    ValueError
        If shapes do not match, if numbers are not finite, or if rates, occupations or times are negative.
    """
    sites, times = checked_sites(coupling, rate, theta, occupation), checked_times(t)
    n = len(sites.rate)
    tables = tables_for(n)
    values = np.empty((n, len(times)))
    for where, block in blocks(times):
        fill_tables(sites, block, np.ones(n, dtype=np.bool_), tables)
        found = tables.coherence * np.hypot(tables.alone[:, :LANES], tables.alone[:, LANES:])
        values[:, where] = found[:, : len(where)]
    return values
