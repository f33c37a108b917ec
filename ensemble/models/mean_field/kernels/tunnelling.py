"""Two-level systems that relax by one phonon: E = sgn(x) √(x² + Δ0²), and the rates a Δ0² E coth(E / 2T), a = 1.

In addition, the field of each depends on the averages of the others. A deviation δ from equilibrium obeys
dδ/dt = -B δ with

    B_ij = λ_i δ_ij - λ_i g_i K_ij,      g_i = (x_i / E_i) / (2T cosh²(E_i / 2T)) >= 0

which is similar to a symmetric matrix that is positive in a minimum of the free energy. All its rates are real.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import exp1

from ensemble.models.mean_field.kernels.jacobi import singular_values
from ensemble.models.mean_field.kernels.stability import root

Array = NDArray[np.float64]

_TINY = np.finfo(np.float64).tiny
"""The smallest normal double: with this x, x coth x = 1, which is the limit for x = 0."""


def energies(x: Array, tunnelling: Array) -> Array:
    """Return E_i, (n,), with the sign of x_i."""
    signed: Array = np.copysign(np.hypot(x, tunnelling), x)
    return signed


def thermal_factors(energy: Array, temperature: float) -> Array:
    """Return y_i = E_i coth(E_i / 2T), (n,), between 2T and 2T + abs(E_i)."""
    half = np.maximum(np.abs(energy) / (2 * temperature), _TINY)
    factors: Array = 2 * temperature * (half / np.tanh(half))
    return factors


def rates(energy: Array, tunnelling: Array, temperature: float) -> Array:
    """Return the rates (n,) without the fields of other sites that are out of equilibrium."""
    alone: Array = tunnelling**2 * thermal_factors(energy, temperature)
    return alone


def susceptibilities(x: Array, energy: Array, temperature: float) -> Array:
    """Return g_i, (n,): the derivative of an average by its own x; 0 for energies far above the temperature."""
    falling = np.exp(-np.abs(energy) / temperature)
    following: Array = np.abs(x / energy) * 2 * falling / (1 + falling) ** 2 / temperature
    return following


def coupled_rates(x: Array, tunnelling: Array, coupling: Array, temperature: float) -> Array:
    """Return the rates (n,) of the whole matrix B, in increasing order, each with high relative accuracy."""
    energy = energies(x, tunnelling)
    alone = rates(energy, tunnelling, temperature)
    order = np.argsort(-alone, kind="stable")
    scale = np.sqrt(alone * susceptibilities(x, energy, temperature))[order]
    matrix = np.diag(alone[order]) - scale[:, np.newaxis] * coupling[np.ix_(order, order)] * scale
    squares: Array = singular_values(root(matrix).T)[::-1] ** 2
    return squares


def averaged_relaxation(t: Array, thermal_factor: Array, smallest: float, largest: float) -> Array:
    """Return the mean of exp(-λ t), (times,), over tunnelling amplitudes that are log-uniform between two values.

    It is < E1(λ_min t) - E1(λ_max t) > / 2 ln R over the thermal factors y, with λ_min = Δ0min² y, λ_max = Δ0max² y and
    R = Δ0max / Δ0min. The integral over amplitudes is exact; only the energies are random.
    """
    span = 2 * np.log(largest / smallest)
    times = np.multiply.outer(t, thermal_factor)
    with np.errstate(invalid="ignore"):
        decay = exp1(smallest**2 * times) - exp1(largest**2 * times)
    mean: Array = np.where(t > 0, decay.mean(axis=-1) / span, 1.0)
    return mean


def logarithmic_relaxation(t: Array, slowest: float, span: float) -> Array:
    """Return -(γ + ln(λ_min t)) / ln(λ_max / λ_min): the relaxation at times between 1 / λ_max and 1 / λ_min.

    `slowest` is λ_min, and `span` is ln(λ_max / λ_min).
    """
    with np.errstate(divide="ignore"):
        line: Array = -(np.euler_gamma + np.log(slowest * t)) / span
    return line
