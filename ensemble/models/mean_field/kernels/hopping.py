"""Relaxation rates of electrons that hop between localized states by one phonon.

The mean occupation of site i is n_i = 1 / (exp(E_i / T) + 1). In equilibrium the rate of hops from i to j,

    γ_ij = exp(-r_ij / ξ) / (8 cosh(E_i / 2T) cosh(E_j / 2T) sinh(abs(E_i - E_j) / 2T)),

equals the rate back. Without the fields of the electrons that have hopped, small deviations relax by a matrix that is
similar to

    M_ij = -exp(-r_ij / ξ) / (2 sinh(abs(E_i - E_j) / 2T)),      M v = 0,   v_i = 1 / cosh(E_i / 2T).

The zero rate belongs to the conserved charge. With these fields the matrix is M S, S_ij = δ_ij + v_i V_ij v_j / 4T with
V = J / r, since n_i (1 - n_i) = v_i² / 4. S is positive in a minimum of the free energy: then no rate is complex or
negative.

Close pairs have energies of a thousand temperatures, where v underflows a double. So M is given by

    a_ji = -M_ij v_j / v_i = exp(-r_ij / ξ) cosh(E_i / 2T) / (2 cosh(E_j / 2T) sinh(abs(E_i - E_j) / 2T))

which is never larger than 1 / (1 - exp(-abs(E_i - E_j) / T)).
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import ConvergenceError
from ensemble.models.mean_field.kernels.jacobi import singular_values
from ensemble.models.mean_field.kernels.laplacian import factor, nonzero_rates
from ensemble.models.mean_field.kernels.stability import root

Array = NDArray[np.float64]


def jumps(energy: Array, distance: Array, length: float, temperature: float) -> Array:
    """Return a_ji, (n, n), with 0 on the diagonal."""
    half = energy / (2 * temperature)
    magnitude, gap = np.abs(half), np.abs(half[:, np.newaxis] - half)
    same_sign = np.equal.outer(half < 0, half < 0)
    uphill = np.where(same_sign, np.maximum(magnitude[:, np.newaxis] - magnitude, 0.0), magnitude[:, np.newaxis])
    thermal = 1 + np.exp(-2 * magnitude)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.exp(-2 * uphill - distance / length) / -np.expm1(-2 * gap)
    found *= thermal / thermal[:, np.newaxis]
    np.fill_diagonal(found, 0.0)
    if not np.isfinite(found).all():
        raise ConvergenceError("energies must differ from one another, but two are the same: change the seed")
    return found


def null_vector(energy: Array, temperature: float) -> Array:
    """Return v = 1 / cosh(E / 2T), (n,); 0 where it underflows."""
    decay = np.exp(-np.abs(energy) / (2 * temperature))
    null: Array = 2 * decay / (1 + decay**2)
    return null


def rates(jumps: Array) -> Array:
    """Return the nonzero rates (n - 1,) in increasing order, each with high relative accuracy."""
    return nonzero_rates(jumps)


def quick_rates(jumps: Array) -> Array:
    """Return the same rates by a fast eigensolver.

    Its errors are 1e-15 of the largest rate, so the smallest rates may be wrong or negative.
    """
    matrix = -np.sqrt(jumps * jumps.T)
    np.fill_diagonal(matrix, jumps.sum(axis=0))
    found: Array = np.asarray(np.linalg.eigvalsh(matrix)[1:])
    return found


def coupled_rates(jumps: Array, null: Array, interaction: Array, temperature: float) -> Array:
    """Return the nonzero rates (n - 1,) with the fields of the electrons that have hopped, in increasing order.

    `interaction` (n, n) is V_ij, 0 on its diagonal. `null` is v (n,).
    """
    stiffness = 0.25 * null[:, np.newaxis] * interaction * null / temperature
    stiffness[np.diag_indices_from(stiffness)] += 1.0
    squares: Array = singular_values(root(stiffness).T @ factor(jumps))[::-1] ** 2
    return squares
