"""The spectrum of a symmetric rate matrix that conserves something, to the last digits of its smallest rate.

M has elements -w_ij off its diagonal, none of them positive, and a null vector v, all of it positive:

    M_ii v_i = Σ_j w_ij v_j

It is told by a_ji = w_ij v_j / v_i, which doubles hold where they could not hold v: M_ii = Σ_j a_ji, w_ij² = a_ij a_ji.
Its rates may span far more decades than a double has digits, and all of them are fixed by a to a relative accuracy:
nothing has to be subtracted to find them (Grassmann, Taksar, Heyman; Alfa, Xue, Ye; Demmel, Koev). Gaussian elimination
of i gives a_jk + a_ji a_ik / M_ii to each pair that is left, and M_kk is the sum of what k is left with. That leaves

    M = G Gᵀ,      G (n, n - 1), well conditioned but for the lengths of its columns,

if at each step the largest diagonal element is next. The nonzero rates are the squares of the singular values of G.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import fma
from ensemble.physics.mean_field.jacobi import singular_values

Array = NDArray[np.float64]


def nonzero_rates(jumps: Array) -> Array:
    """The rates (n - 1,) but for the one that is zero, in increasing order, from a (n, n)."""
    squares: Array = singular_values(factor(jumps))[::-1] ** 2
    return squares


def factor(jumps: Array) -> Array:
    """G (n, n - 1), of M = G Gᵀ; only what is off the diagonal of a is read."""
    left = jumps.copy()
    np.fill_diagonal(left, 0.0)
    return _eliminated(left)


@compiled
def _eliminated(a: Array) -> Array:
    """G, its columns in the order of elimination; a is worked on in place, those that are done moved ahead."""
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
    """Σ_j a_ji."""
    total = np.zeros(len(a))
    for j in range(len(a)):
        for i in range(len(a)):
            total[i] += a[j, i]
    return total


@compiled
def _row(a: Array, eliminated: Array, part: float, total: Array, first: int, last: int) -> None:
    """Part of what one elimination adds to a row, and of what the row adds to the diagonal of all others."""
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
