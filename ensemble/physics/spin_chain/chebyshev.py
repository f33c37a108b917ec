"""Chebyshev's polynomials of H in a sector, applied to vectors: T_(k+1) = 2 H T_k - T_(k-1), without a matrix.

For all of them to be bounded, levels must lie between -1 and 1.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.spin_chain.sectors import Sector

Array = NDArray[np.float64]

IDENTITY = np.array([0.0, 1.0])
"""The coefficients of H itself."""


def polynomial(sector: Sector, vector: Array, coefficients: Array) -> Array:
    """Σ_k c_k T_k(H) v, for two coefficients at least."""
    return _polynomial(sector.diagonal, sector.transverse, float(sector.parity), vector, coefficients)


def moments(sector: Sector, vector: Array, count: int) -> Array:
    """(count,), <v|T_k(H)|v> for k = 0, 1, ..."""
    return _moments(sector.diagonal, sector.transverse, float(sector.parity), vector, count // 2 + 1)[:count]


@compiled
def _polynomial(diagonal: Array, transverse: float, parity: float, vector: Array, coefficients: Array) -> Array:
    before, now, after = vector.copy(), np.zeros_like(vector), np.zeros_like(vector)
    _next(diagonal, transverse, parity, before, now, 1.0)
    total: Array = coefficients[0] * before + coefficients[1] * now
    for k in range(2, len(coefficients)):
        after[:] = before
        _next(diagonal, transverse, parity, now, after, 2.0)
        total += coefficients[k] * after
        before, now, after = now, after, before
    return total


@compiled
def _moments(diagonal: Array, transverse: float, parity: float, vector: Array, count: int) -> Array:
    """(2 n,), of which T_n(H) v tells two."""
    before, now, after = vector.copy(), np.zeros_like(vector), np.zeros_like(vector)
    _next(diagonal, transverse, parity, before, now, 1.0)
    found = np.empty(2 * count)
    found[0], found[1] = before @ before, before @ now
    for k in range(1, count):
        found[2 * k] = 2.0 * (now @ now) - found[0]
        after[:] = before
        _next(diagonal, transverse, parity, now, after, 2.0)
        found[2 * k + 1] = 2.0 * (now @ after) - found[1]
        before, now, after = now, after, before
    return found


@compiled
def _next(diagonal: Array, transverse: float, parity: float, vector: Array, out: Array, factor: float) -> None:
    """Replace w by a multiple of H v less w: one more spin at a time is turned over, bit by bit."""
    size = len(vector)
    for s in range(size):
        turned = parity * vector[size - 1 - s]
        bit = 1
        while bit < size:
            turned += vector[s ^ bit]
            bit *= 2
        out[s] = factor * (diagonal[s] * vector[s] + transverse * turned) - out[s]
