"""Elastic dipoles in an isotropic solid: the strain interaction of two tensors, as a function of their direction.

A two-level system that couples to the strain u^{ab} as γ D^{ab} u^{ab} σ^z is a force dipole. Two of them at distance r
in the direction n have the energy γ² D_ij / (8π ρ v² r³) σ^z_i σ^z_j through phonons, with (Artiaco et al., PRB 103,
214205, Eq. (A27); the sum over a, b, c, d is implied)

    D_ij = v² { -2 / v_T² C^{ac} δ^{bd} + (1 / v_T² - 1 / v_L²) K^{abcd} } D_i^{ab} D_j^{cd}
    C^{ac}   = δ^{ac} - 3 n^a n^c
    K^{abcd} = δ^{ab} δ^{cd} + 2 more - 3 (δ^{ab} n^c n^d + 5 more) + 15 n^a n^b n^c n^d.

C is C_0^{ac} of the paper and K is C_0^{abcd} + 2 C_2^{abcd}: angular integrals of Eqs. (A16)-(A18). I^{xzzz} in (A18)
is a misprint of I^{xxzz}, as the preprint has it; I^{xzzz} itself is odd in q^x and vanishes. In real space
C / r³ = -∂_a ∂_c (1 / r) and K / r³ = -∂_a ∂_b ∂_c ∂_d r, so that D_ij / (8π ρ v² r³) is
D_i^{ab} D_j^{cd} ∂_a ∂_c G^{bd} with Kelvin's displacement of a point force,

    G^{bd}(r) = [δ^{bd} / (v_T² r) - (1 / v_T² - 1 / v_L²) ∂_b ∂_d r / 2] / (4π ρ).

Speeds may be in any common unit; all other quantities are pure numbers.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_PLACES = np.array([[0, 3, 4], [3, 1, 5], [4, 5, 2]])
"""Position of the six numbers in a symmetric tensor: xx, yy, zz, xy, xz, yz."""

_SCALES = np.array([1.0, 1.0, 1.0, 0.5**0.5, 0.5**0.5, 0.5**0.5]) / 6.0**0.5
"""Standard deviations of these numbers."""


def average_speed(v_L: float, v_T: float) -> float:
    """Return the Debye average over polarizations: 1/v³ = (1/v_L³ + 2/v_T³) / 3, Eq. (A9); exactly v_T if v_L = v_T."""
    return float(v_T * (3.0 / ((v_T / v_L) ** 3 + 2.0)) ** (1.0 / 3.0))


def tensors(numbers: Array) -> Array:
    """Return symmetric tensors (n, 3, 3) from standard normal numbers (n, 6), isotropic, with E[Tr(D²)] = 1.

    E[D^{ab} D^{cd}] = (δ^{ac} δ^{bd} + δ^{ad} δ^{bc}) / 12: variance 1/6 on the diagonal and 1/12 off the diagonal.
    """
    symmetric: Array = (numbers * _SCALES)[:, _PLACES]
    return symmetric


def trace_of_square(tensor: Array) -> Array:
    """Return Tr(D²) = Σ_ab (D^{ab})² of symmetric tensors (..., 3, 3), shape (...)."""
    trace: Array = np.einsum("...ab,...ab->...", tensor, tensor)
    return trace


def contraction(first: Array, second: Array, direction: Array, v_L: float, v_T: float) -> Array:
    """Return D_ij of Eq. (A27), shape (...), of symmetric tensors (..., 3, 3) along unit vectors (..., 3).

    The result does not depend on the sign of the direction or on the order of the two tensors.
    """
    first_n = np.einsum("...ab,...b->...a", first, direction)
    second_n = np.einsum("...ab,...b->...a", second, direction)
    n_first_n = np.einsum("...a,...a->...", direction, first_n)
    n_second_n = np.einsum("...a,...a->...", direction, second_n)
    n_first_second_n = np.einsum("...a,...a->...", first_n, second_n)
    product = np.einsum("...ab,...ab->...", first, second)
    trace_first = np.einsum("...aa->...", first)
    trace_second = np.einsum("...aa->...", second)
    two = product - 3.0 * n_first_second_n  # C^{ac} δ^{bd} with both tensors
    four = (  # K^{abcd} with both tensors
        (trace_first * trace_second + 2.0 * product)
        - 3.0 * ((trace_second * n_first_n + trace_first * n_second_n) + 4.0 * n_first_second_n)
        + 15.0 * (n_first_n * n_second_n)
    )
    L, T = average_speed(v_L, v_T) / v_L, average_speed(v_L, v_T) / v_T
    d_ij: Array = -2.0 * T**2 * two + (T**2 - L**2) * four
    return d_ij
