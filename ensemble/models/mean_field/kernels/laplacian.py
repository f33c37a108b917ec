"""Spectrum of a symmetric rate matrix with a conserved quantity, accurate to the last digits of its smallest rate.

M has the elements -w_ij <= 0 off its diagonal, and a null vector v with only positive elements:

    M_ii v_i = Σ_j w_ij v_j

The input is a_ji = w_ij v_j / v_i, which does not underflow where v would: M_ii = Σ_j a_ji, w_ij² = a_ij a_ji.
The rates may span far more decades than a double has digits, and a determines all of them with high relative accuracy,
because nothing has to be subtracted to find them (Grassmann, Taksar, Heyman; Alfa, Xue, Ye; Demmel, Koev). Gaussian
elimination of i adds a_ji a_ik / M_ii to a_jk of each remaining pair, and M_kk is the sum of a_jk over the remaining j.
This gives

    M = G Gᵀ,      G (n, n - 1), well conditioned after its columns are scaled to equal length,

if each step eliminates the largest diagonal element. The nonzero rates are the squares of the singular values of G.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.models.mean_field.kernels.jacobi import singular_values
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import fma

Array = NDArray[np.float64]


def nonzero_rates(jumps: Array) -> Array:
    """Return the nonzero rates (n - 1,) in increasing order, from a (n, n)."""
    squares: Array = singular_values(factor(jumps))[::-1] ** 2
    return squares


def factor(jumps: Array) -> Array:
    """Return G (n, n - 1) of M = G Gᵀ; the diagonal of a is ignored."""
    left = jumps.copy()
    np.fill_diagonal(left, 0.0)
    return _eliminated(left)


@compiled
def _eliminated(a: Array) -> Array:
    """Return G, its columns in the order of elimination; a is overwritten, and eliminated rows move to the front."""
    count = len(a)
    order = np.arange(count)
    g = np.zeros((count - 1, count))
    total = _totals(a)
    for k in range(count - 1):
        best = k + int(np.argmax(total[k:]))
        diagonal = total[best]
        _swap(a, order, k, best)
        g[k, order[k]] = np.sqrt(diagonal)
        total[:] = 0.0
        for i in range(k + 1, count):
            part = a[i, k] / diagonal if diagonal > 0.0 else 0.0
            g[k, order[i]] = -np.sqrt(part * a[k, i])
            _row(a[i], a[k], part, total, k + 1, i)
            _row(a[i], a[k], part, total, i + 1, count)
    return g.T


@compiled
def _totals(a: Array) -> Array:
    """Return Σ_j a_ji."""
    total = np.zeros(len(a))
    for j in range(len(a)):
        for i in range(len(a)):
            total[i] += a[j, i]
    return total


@compiled
def _row(a: Array, eliminated: Array, part: float, total: Array, first: int, last: int) -> None:
    """Add a part of the eliminated row to this row, and add this row to the diagonal elements of the other sites."""
    for j in range(first, last):
        a[j] = fma(part, eliminated[j], a[j])
        total[j] += a[j]


@compiled
def _swap(a: Array, order: NDArray[np.int64], i: int, j: int) -> None:
    if i == j:
        return
    for k in range(len(a)):
        a[i, k], a[j, k] = a[j, k], a[i, k]
    for k in range(len(a)):
        a[k, i], a[k, j] = a[k, j], a[k, i]
    order[i], order[j] = order[j], order[i]
