"""Two-qubit states and their concurrence with 50 digits, and the same states rounded to double precision.

States are kept as factors X, ρ = X X†, so that positivity is exact; columns are unnormalized pure states.
"""

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

mpmath.mp.dps = 50

SPIN_FLIP = mpmath.matrix([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]])


def random_factor(rng: np.random.Generator, rank: int) -> Any:
    """X of a random state of this rank."""
    factor = mpmath.matrix(4, rank)
    for i in range(4):
        for k in range(rank):
            factor[i, k] = mpmath.mpc(rng.normal(), rng.normal())
    norm = mpmath.sqrt(sum(abs(x) ** 2 for x in factor))
    return factor / norm


def bell_mixture(rng: np.random.Generator, weights: Sequence[Any]) -> Any:
    """X of a mixture of Bell states in random local bases: C = 2 max(weights) - 1 if that is positive."""
    bell = mpmath.matrix([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, -1], [1, -1, 0, 0]]) / mpmath.sqrt(2)
    factor = mpmath.matrix(4, len(weights))
    for k, weight in enumerate(weights):
        for i in range(4):
            factor[i, k] = bell[i, k] * mpmath.sqrt(weight)
    return in_random_local_bases(rng, factor)


def in_random_local_bases(rng: np.random.Generator, factor: Any) -> Any:
    """The same state after a random rotation of each qubit."""
    one, other = random_rotation(rng), random_rotation(rng)
    both = mpmath.matrix(4, 4)
    for i in range(4):
        for j in range(4):
            both[i, j] = one[i >> 1, j >> 1] * other[i & 1, j & 1]
    return both * factor


def random_rotation(rng: np.random.Generator) -> Any:
    """A unitary 2x2 matrix of determinant 1, uniform on the group."""
    a, b, c, d = (mpmath.mpf(x) for x in rng.normal(size=4))
    norm = mpmath.sqrt(a * a + b * b + c * c + d * d)
    alpha, beta = mpmath.mpc(a, b) / norm, mpmath.mpc(c, d) / norm
    return mpmath.matrix([[alpha, -mpmath.conj(beta)], [beta, mpmath.conj(alpha)]])


def exact_concurrence(factor: Any) -> Any:
    """max(0, s1 - s2 - s3 - s4) with the singular values of X^T (σy ⊗ σy) X."""
    overlap = factor.T * SPIN_FLIP * factor
    values = sorted(mpmath.svd_c(overlap, compute_uv=False), reverse=True)
    return max(mpmath.mpf(0), values[0] - sum(values[1:]))


def rounded_state(factor: Any) -> NDArray[np.complex128]:
    """ρ = X X† in double precision."""
    rho = factor * factor.H
    return np.array([[complex(rho[i, j]) for j in range(4)] for i in range(4)])
