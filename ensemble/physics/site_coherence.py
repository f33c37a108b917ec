"""Coherence of single sites, |<↑| ρ_i |↓>|: what is left of a superposition when all others are traced out."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.elementary import LANES
from ensemble.physics.pair_tables import blocks, fill_tables, tables_for
from ensemble.physics.site_solution import checked_sites, checked_times

Array = NDArray[np.float64]


def site_coherences(
    coupling: ArrayLike, rate: ArrayLike, theta: ArrayLike, t: ArrayLike, *, occupation: ArrayLike = 0.0
) -> Array:
    """|<↑| ρ_i |↓>| of every site, shape (N, T), at most 1/2; arguments as in `pair_entanglement`."""
    sites, times = checked_sites(coupling, rate, theta, occupation), checked_times(t)
    n = len(sites.rate)
    tables = tables_for(n)
    values = np.empty((n, len(times)))
    for where, block in blocks(times):
        fill_tables(sites, block, np.ones(n, dtype=np.bool_), tables)
        found = tables.coherence * np.hypot(tables.alone[:, :LANES], tables.alone[:, LANES:])
        values[:, where] = found[:, : len(where)]
    return values
