"""The pair density matrix with 50 digits: the equation of each site is solved by a matrix exponential.

Only the sector decomposition is shared with the package; weights, exponentials and products are not.
"""

from typing import Any

import mpmath

from tests.support.reference.exact_concurrence import SPIN_FLIP
from tests.support.reference.random_ising import IsingInstance


def exact_pair_concurrence(instance: IsingInstance, a: int, b: int, t: float) -> float:
    """C_ab(t) = max(0, s1 - s2 - s3 - s4)."""
    values, vectors = mpmath.eighe(exact_pair(instance, a, b, t))
    factor = mpmath.matrix(4, 4)
    for k in range(4):
        for i in range(4):
            factor[i, k] = vectors[i, k] * mpmath.sqrt(max(values[k], 0))
    s = sorted(mpmath.svd_c(factor.T * SPIN_FLIP * factor, compute_uv=False), reverse=True)
    return float(max(0, s[0] - s[1] - s[2] - s[3]))


def exact_pair(instance: IsingInstance, a: int, b: int, t: float) -> Any:
    """ρ_ab(t) without azimuths and frequencies, in the basis ↑↑, ↑↓, ↓↑, ↓↓."""
    rho = mpmath.matrix(4, 4)
    for row in range(4):
        for column in range(4):
            signs = {
                a: (column >> 1) - (row >> 1),
                b: (column & 1) - (row & 1),
            }
            element = mpmath.mpc(1)
            for j in range(instance.size):
                if signs.get(j, 0) != 0:
                    element *= coherence(instance, j, t)
                    continue
                field = sum(4 * s * mpmath.mpf(instance.coupling[j, i]) for i, s in signs.items() if i != j)
                up, down = site(instance, j, field, t)
                bit = row >> 1 if j == a else row & 1
                element *= (down if bit else up) if j in signs else up + down
            rho[row, column] = element
    return rho


def coherence(instance: IsingInstance, j: int, t: float) -> Any:
    damping = 2 * mpmath.mpf(instance.rate[j]) * (1 + 2 * mpmath.mpf(instance.occupation[j]))
    return mpmath.sin(mpmath.mpf(instance.theta[j])) / 2 * mpmath.exp(-damping * t)


def site(instance: IsingInstance, j: int, field: Any, t: float) -> tuple[Any, Any]:
    """(c0 + cz, c0 - cz) of a site outside F."""
    rate = 4 * mpmath.mpf(instance.rate[j])
    decay = rate * (1 + 2 * mpmath.mpf(instance.occupation[j]))
    generator = mpmath.matrix([[0, mpmath.mpc(0, -field)], [mpmath.mpc(rate, -field), -decay]])
    start = mpmath.matrix([1, mpmath.cos(mpmath.mpf(instance.theta[j]))]) / 2
    c0, cz = mpmath.expm(generator * mpmath.mpf(t)) * start
    return c0 + cz, c0 - cz
