"""Entanglement of pairs of sites of one realization: the compiled counterpart of `dissipative_ising`.

    C(t) = (1/N) Σ_{i<j} C_ij(t)

`pair_tables` computes what all pairs share, and `double_flips` what each pair has of its own. Most pairs are separable
at most times. The sign of det(ρ^TB) shows this for many times at once; only the other states are decomposed, one by
one.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.models.tls_glass.kernels.double_flips import multiply_others, sites_by_kind
from ensemble.models.tls_glass.kernels.pair_tables import Tables, blocks, fill_tables, tables_for
from ensemble.models.tls_glass.kernels.site_solution import Sites, checked_sites, checked_times
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import LANES, fma, multiply
from ensemble.physics.entanglement import SEPARABLE_MARGIN
from ensemble.physics.two_qubits import CONCURRENCE_FLOOR, add_state, finish, make_room, new_batch

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Pairs = NDArray[np.int64]

Measure = Literal["concurrence", "negativity"]


def average_concurrence(
    coupling: ArrayLike, rate: ArrayLike, theta: ArrayLike, t: ArrayLike, *, occupation: ArrayLike = 0.0
) -> Array:
    """Return C(t): the sum of the concurrences of all pairs, divided by the number of sites.

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
    C(t), shape (T,).

    Raises
    ------
    ValueError
        If shapes do not match, if numbers are not finite, or if rates, occupations or times are negative.

    Notes
    -----
    C(t) = (1/N) Σ_{i<j} C_ij(t), see `pair_entanglement`.
    """
    pairs = pair_entanglement(coupling, rate, theta, t, occupation=occupation)
    average: Array = pairs.sum(axis=0) / len(np.asarray(rate))
    return average


def pair_entanglement(
    coupling: ArrayLike,
    rate: ArrayLike,
    theta: ArrayLike,
    t: ArrayLike,
    *,
    occupation: ArrayLike = 0.0,
    pairs: ArrayLike | None = None,
    measure: Measure = "concurrence",
) -> Array:
    """Return the concurrence or negativity of pairs of sites.

    Couplings and rates are in one unit of energy over ħ, times in its inverse.

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
    pairs
        Site numbers, shape (P, 2). Default: all pairs, (0, 1), (0, 2), ...
    measure
        "concurrence" (default) or "negativity".

    Returns
    -------
    The measure, shape (P, T). Values below `CONCURRENCE_FLOOR` are exactly 0.

    Raises
    ------
    ValueError
        If `measure` or `pairs` is not valid, if shapes do not match, if numbers are not finite, or if rates,
        occupations or times are negative.

    Notes
    -----
    At long times the main error is the rounding of a phase 4 J t. Apart from it the error of a pair is about 1e-15,
    unless one site is still almost pure and its partner is mixed. Then the error is the square root of a rounding
    error: C_ij, which is then small, may be off by 1e-13 and in the worst case by 1e-8.
    """
    sites, times = checked_sites(coupling, rate, theta, occupation), checked_times(t)
    if measure not in get_args(Measure):
        raise ValueError(f"measure must be 'concurrence' or 'negativity', got {measure!r}")
    n = len(sites.rate)
    chosen = _checked_pairs(pairs, n)
    tables = tables_for(n)
    flipped = np.zeros(n, dtype=np.bool_)
    flipped[chosen.reshape(-1)] = True
    values = np.empty((len(chosen), len(times)))
    for where, block in blocks(times):
        found = np.zeros(len(chosen) * LANES)
        fill_tables(sites, block, flipped, tables)
        _measure_pairs(sites, tables, chosen, measure == "negativity", found)
        values[:, where] = found.reshape(-1, LANES)[:, : len(where)]
    return values


def _checked_pairs(pairs: ArrayLike | None, n: int) -> Pairs:
    """Return pairs of different sites, (P, 2)."""
    if pairs is None:
        return np.column_stack(np.triu_indices(n, k=1)).astype(np.int64)
    chosen = np.asarray(pairs)
    if chosen.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if (
        chosen.ndim != 2
        or chosen.shape[1] != 2
        or chosen.dtype.kind not in "iu"
        or chosen.min() < 0
        or chosen.max() >= n
        or np.any(chosen[:, 0] == chosen[:, 1])
    ):
        raise ValueError(f"pairs must be two different site numbers from 0 to {n - 1} each, got {pairs!r}")
    return np.ascontiguousarray(chosen, dtype=np.int64)


@compiled
def _measure_pairs(sites: Sites, tables: Tables, pairs: Pairs, negativity: bool, values: Array) -> None:
    """Fill `values` (P T,), which must be zero, for one block of times."""
    inverse = _inverse_populations(tables)
    double, determinant = np.empty(4 * LANES), np.empty(LANES)
    rho = np.zeros((4, 4), dtype=np.complex128)
    batch, by_kind = new_batch(negativity), sites_by_kind(sites)
    for p in range(pairs.shape[0]):
        a, b = pairs[p]
        multiply_others(sites, tables, by_kind, a, b, double)
        _fill_determinants(tables, inverse, a, b, double, determinant)
        for k in range(LANES):
            # the concurrence is at most 4 sqrt(ρ11 ρ44), four times the product of both weights
            if (
                determinant[k] < SEPARABLE_MARGIN
                and 4.0 * tables.weight[a, k] * tables.weight[b, k] > CONCURRENCE_FLOOR
            ):
                _fill_state(tables, a, b, k, double, rho)
                make_room(batch, values)
                add_state(rho, batch, p * LANES + k)
    finish(batch, values)


@compiled
def _inverse_populations(tables: Tables) -> Array:
    """Return 1 / sqrt(ρ↑ ρ↓), 1 / ρ↑ and 1 / ρ↓ of every site, (N, 3, T); 0 if ρ↑ or ρ↓ is negligible."""
    inverse = np.zeros((tables.weight.shape[0], 3, LANES))
    for i in range(tables.weight.shape[0]):
        for k in range(LANES):
            if tables.weight[i, k] > 0.0:
                inverse[i, 0, k] = 1.0 / tables.weight[i, k]
                inverse[i, 1, k] = 1.0 / tables.population[i, 0, k]
                inverse[i, 2, k] = 1.0 / tables.population[i, 1, k]
    return inverse


@compiled
def _fill_determinants(tables: Tables, inverse: Array, a: int, b: int, double: Array, determinant: Array) -> None:
    """Fill det(ρ^TB) / (ρ11 ρ22 ρ33 ρ44) at all times, without a division.

    With the 2x2 blocks P, Q, R of the matrix scaled to a unit diagonal it is

        det P det R - Tr(adj P Q adj R Q†) + |det Q|².
    """
    at_a, at_b, of_a, of_b = tables.coherence[a], tables.coherence[b], inverse[a], inverse[b]
    of_flipped_a, of_flipped_b = tables.single[a, b], tables.single[b, a]
    for k in range(LANES):
        a_coherence, b_coherence = at_a[k] * of_a[0, k], at_b[k] * of_b[0, k]
        both = a_coherence * b_coherence
        scale = b_coherence * of_a[1, k]
        p_real, p_imaginary = scale * of_flipped_b[k], -scale * of_flipped_b[LANES + k]
        scale = b_coherence * of_a[2, k]
        r_real, r_imaginary = scale * of_flipped_b[2 * LANES + k], -scale * of_flipped_b[3 * LANES + k]
        scale = a_coherence * of_b[1, k]
        x_real, x_imaginary = scale * of_flipped_a[k], scale * of_flipped_a[LANES + k]
        scale = a_coherence * of_b[2, k]
        y_real, y_imaginary = scale * of_flipped_a[2 * LANES + k], scale * of_flipped_a[3 * LANES + k]
        v_real, v_imaginary = both * double[k], both * double[LANES + k]
        w_real, w_imaginary = both * double[2 * LANES + k], both * double[3 * LANES + k]

        det_p = 1.0 - fma(p_real, p_real, p_imaginary * p_imaginary)
        det_r = 1.0 - fma(r_real, r_real, r_imaginary * r_imaginary)
        xy_real, xy_imaginary = multiply(x_real, x_imaginary, y_real, y_imaginary)
        wv_real, wv_imaginary = multiply(w_real, w_imaginary, v_real, v_imaginary)
        q_real, q_imaginary = xy_real - wv_real, xy_imaginary - wv_imaginary
        cross = _overlap(
            x_real, x_imaginary, p_real, p_imaginary, v_real, v_imaginary, r_real, -r_imaginary, w_real, w_imaginary
        )
        cross += _overlap(
            w_real, w_imaginary, p_real, p_imaginary, y_real, y_imaginary, r_real, r_imaginary, x_real, x_imaginary
        )
        cross += _overlap(
            v_real, v_imaginary, p_real, -p_imaginary, x_real, x_imaginary, r_real, -r_imaginary, y_real, y_imaginary
        )
        cross += _overlap(
            y_real, y_imaginary, p_real, -p_imaginary, w_real, w_imaginary, r_real, r_imaginary, v_real, v_imaginary
        )
        determinant[k] = fma(det_p, det_r, fma(q_real, q_real, q_imaginary * q_imaginary)) - cross


@compiled
def _overlap(
    z_real: float,
    z_imaginary: float,
    left_real: float,
    left_imaginary: float,
    one_real: float,
    one_imaginary: float,
    right_real: float,
    right_imaginary: float,
    other_real: float,
    other_imaginary: float,
) -> float:
    """Return Re (z - left one) (z - right other)*."""
    one_real, one_imaginary = multiply(left_real, left_imaginary, one_real, one_imaginary)
    other_real, other_imaginary = multiply(right_real, right_imaginary, other_real, other_imaginary)
    return fma(z_real - one_real, z_real - other_real, (z_imaginary - one_imaginary) * (z_imaginary - other_imaginary))


@compiled
def _fill_state(tables: Tables, a: int, b: int, k: int, double: Array, rho: ComplexArray) -> None:
    """Fill the density matrix of the pair at the k-th time, in the basis ↑↑, ↑↓, ↓↑, ↓↓, a first."""
    of_a, of_b = tables.coherence[a, k], tables.coherence[b, k]
    for i in range(4):
        rho[i, i] = tables.population[a, i >> 1, k] * tables.population[b, i & 1, k]
    one, other = tables.single[b, a], tables.single[a, b]
    rho[0, 1] = complex(of_b * one[k], of_b * one[LANES + k])
    rho[2, 3] = complex(of_b * one[2 * LANES + k], of_b * one[3 * LANES + k])
    rho[0, 2] = complex(of_a * other[k], of_a * other[LANES + k])
    rho[1, 3] = complex(of_a * other[2 * LANES + k], of_a * other[3 * LANES + k])
    both = of_a * of_b
    rho[0, 3] = complex(both * double[k], both * double[LANES + k])
    rho[1, 2] = complex(both * double[2 * LANES + k], both * double[3 * LANES + k])
    for i in range(4):
        for j in range(i):
            rho[i, j] = rho[j, i].conjugate()
