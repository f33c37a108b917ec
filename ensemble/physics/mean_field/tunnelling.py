"""Two-level systems that relax by one phonon each: E = sgn(x) √(x² + Δ0²), and the rates a Δ0² E coth(E / 2T), a = 1.

Beyond that the field of one depends on the average of another. Out of equilibrium by δ, they obey dδ/dt = -B δ with

    B_ij = λ_i δ_ij - λ_i g_i K_ij,      g_i = (x_i / E_i) / (2T cosh²(E_i / 2T)) >= 0

which is similar to a symmetric matrix, positive where the free energy has a minimum. All its rates are real.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import exp1

from ensemble.physics.mean_field.jacobi import singular_values
from ensemble.physics.mean_field.stability import root

Array = NDArray[np.float64]

_TINY = np.finfo(np.float64).tiny
"""The number x here has x coth x = 1, as 0 itself would have it."""


def energies(x: Array, tunnelling: Array) -> Array:
    """(n,), E_i with the sign of x_i."""
    signed: Array = np.copysign(np.hypot(x, tunnelling), x)
    return signed


def thermal_factors(energy: Array, temperature: float) -> Array:
    """(n,), y_i = E_i coth(E_i / 2T), between 2T and 2T + abs(E_i)."""
    half = np.maximum(np.abs(energy) / (2 * temperature), _TINY)
    factors: Array = 2 * temperature * (half / np.tanh(half))
    return factors


def rates(energy: Array, tunnelling: Array, temperature: float) -> Array:
    """(n,), the rate of each on its own."""
    alone: Array = tunnelling**2 * thermal_factors(energy, temperature)
    return alone


def susceptibilities(x: Array, energy: Array, temperature: float) -> Array:
    """(n,), g_i, how an average follows its own x; 0 where it is far beyond the temperature."""
    falling = np.exp(-np.abs(energy) / temperature)
    following: Array = np.abs(x / energy) * 2 * falling / (1 + falling) ** 2 / temperature
    return following


def coupled_rates(x: Array, tunnelling: Array, coupling: Array, temperature: float) -> Array:
    """The rates (n,) of all together, in increasing order, each to a high relative accuracy."""
    energy = energies(x, tunnelling)
    alone = rates(energy, tunnelling, temperature)
    order = np.argsort(-alone, kind="stable")
    scale = np.sqrt(alone * susceptibilities(x, energy, temperature))[order]
    matrix = np.diag(alone[order]) - scale[:, np.newaxis] * coupling[np.ix_(order, order)] * scale
    squares: Array = singular_values(root(matrix).T)[::-1] ** 2
    return squares


def averaged_relaxation(t: Array, thermal_factor: Array, smallest: float, largest: float) -> Array:
    """(times,), the mean of exp(-λ t) over tunnelling amplitudes that are log-uniform between two values.

    It is < E1(λ_min t) - E1(λ_max t) > / 2 ln R over the thermal factors y, with λ_min = Δ0min² y, λ_max = Δ0max² y and
    R = Δ0max / Δ0min: the integral over amplitudes is done, that over energies is what is left to chance.
    """
    span = 2 * np.log(largest / smallest)
    times = np.multiply.outer(t, thermal_factor)
    with np.errstate(invalid="ignore"):
        decay = exp1(smallest**2 * times) - exp1(largest**2 * times)
    mean: Array = np.where(t > 0, decay.mean(axis=-1) / span, 1.0)
    return mean


def logarithmic_relaxation(t: Array, slowest: float, span: float) -> Array:
    """-(γ + ln(λ_min t)) / ln(λ_max / λ_min), with the logarithm of that ratio: what is between both rates."""
    with np.errstate(divide="ignore"):
        line: Array = -(np.euler_gamma + np.log(slowest * t)) / span
    return line
