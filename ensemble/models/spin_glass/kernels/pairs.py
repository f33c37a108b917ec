"""Pairs of spins that flip together: resonances of second order in the transverse field, and unstable pairs.

With f = Z φ and K = J Z Z, as if all spins pointed up, a flip of one spin costs -2 f, and of both -2 (f_1 + f_2) + 4 K.
A pair is resonant if the amplitude of second order,

    A = p h² (1/f_1 + 1/f_2) / (2 K - f_1 - f_2),

is larger than 1 and neither spin is resonant alone. p is 1/4 for the Hamiltonian, 1 in print.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled

Array = NDArray[np.float64]


@compiled
def resonant_pairs(coupling: Array, spins: Array, field: Array, h: float, p: float) -> int:
    """Return the number of pairs with abs(A) > 1 among spins with abs(φ) >= h."""
    gain = spins * field
    part = np.where(np.abs(field) >= h, p * h * h / gain, np.nan)
    found = 0
    for i in range(len(spins)):
        for j in range(i):
            cost = 2.0 * spins[i] * spins[j] * coupling[i, j] - gain[i] - gain[j]
            found += abs(part[i] + part[j]) > abs(cost)
    return found


@compiled
def unstable_pairs(coupling: Array, spins: Array, field: Array, h: float) -> int:
    """Return the number of pairs that gain by a flip of both, among spins with abs(φ) >= h that do not gain alone."""
    gain = spins * field
    found = 0
    for i in range(len(spins)):
        for j in range(i):
            both = gain[i] + gain[j] - 2.0 * spins[i] * spins[j] * coupling[i, j]
            found += (gain[i] <= -h) & (gain[j] <= -h) & (both > 0.0)
    return found
