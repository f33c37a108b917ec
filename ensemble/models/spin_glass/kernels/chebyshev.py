"""Chebyshev polynomials of H in a sector, applied to vectors without a matrix: T_(k+1) = 2 H T_k - T_(k-1).

All polynomials are bounded only if all levels lie between -1 and 1.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.models.spin_glass.kernels.sectors import Sector
from ensemble.physics.compiled import compiled

Array = NDArray[np.float64]

IDENTITY = np.array([0.0, 1.0])
"""The coefficients of H itself: Σ_k c_k T_k(H) = H."""


def polynomial(sector: Sector, vector: Array, coefficients: Array) -> Array:
    """Return Σ_k c_k T_k(H) v; there must be at least two coefficients."""
    return _polynomial(sector.diagonal, sector.transverse, float(sector.parity), vector, coefficients)


def moments(sector: Sector, vector: Array, count: int) -> Array:
    """Return <v|T_k(H)|v> for k = 0, 1, ... `count` - 1, (count,)."""
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
    """Return 2 n moments, (2 n,): each T_k(H) v gives two of them."""
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
    """Replace w by a multiple of H v minus w. H turns over one spin at a time, bit by bit."""
    size = len(vector)
    for s in range(size):
        turned = parity * vector[size - 1 - s]
        bit = 1
        while bit < size:
            turned += vector[s ^ bit]
            bit *= 2
        out[s] = factor * (diagonal[s] * vector[s] + transverse * turned) - out[s]
