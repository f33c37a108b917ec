"""Checked arrays of the sites for the kernels, and the constants of one site in a sector at T > 0.

`dissipative_ising` has the equation and `dissipative_ising.site_factors` the derivation, in NumPy: a site outside
F sees the imaginary field Θ = 4 Σ_{i in F} s_i J_ij, and its elements ↑↑ and ↓↓ are sums of two exponentials.
Kernels compute exp(-iΘt) themselves, as a product of factors exp(-4i s_i J_ij t) that all their sectors share.
`pair_tables` and `sector_elements` have the elements at T = 0, `warm_site` those at T > 0.
"""

import cmath
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.compiled import compiled

Array = NDArray[np.float64]


class Sites(NamedTuple):
    """Arrays of the N sites; ħ = 1."""

    coupling: Array
    """J_ij, (N, N), symmetric; its diagonal is ignored."""
    rate: Array
    """Y_i, (N,)."""
    occupation: Array
    """Bose function of the bath, (N,); 0 where the rate is 0."""
    up: Array
    """Initial population of ↑, (N,)."""
    down: Array
    """Initial population of ↓, (N,)."""


def checked_sites(coupling: ArrayLike, rate: ArrayLike, theta: ArrayLike, occupation: ArrayLike = 0.0) -> Sites:
    """Check J_ij (N, N), Y_i (N,), polar angles (N,) and a Bose function, one number or (N,); return `Sites`."""
    J, Y, angle = (np.ascontiguousarray(a, dtype=np.float64) for a in (coupling, rate, theta))
    if not (Y.ndim == 1 and J.shape == (len(Y), len(Y)) and angle.shape == Y.shape):
        raise ValueError(
            f"coupling (N, N), rate (N,) and theta (N,) must match, got {J.shape}, {Y.shape} and {angle.shape}"
        )
    f = np.ascontiguousarray(np.broadcast_to(np.asarray(occupation, dtype=np.float64), Y.shape))
    if not all(np.all(np.isfinite(a)) for a in (J, Y, angle, f)):
        raise ValueError("couplings, rates, angles and occupations must be finite, got NaN or infinity")
    if np.any(Y < 0.0) or np.any(f < 0.0):
        raise ValueError("rates and occupations must not be negative, got one below 0")
    f = np.where(Y > 0.0, f, 0.0)  # a site without a rate does not see the bath
    return Sites(J, Y, f, np.cos(angle / 2) ** 2, np.sin(angle / 2) ** 2)


def checked_times(t: ArrayLike) -> Array:
    """Check times and return them as an array (T,)."""
    times = np.ascontiguousarray(np.atleast_1d(np.asarray(t, dtype=np.float64)))
    if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(times < 0.0):
        raise ValueError(f"times must be a sequence of finite numbers that are not negative, got {t!r}")
    return times


class ThermalWeights(NamedTuple):
    """Constants of a site in one sector; the symbols are those of `dissipative_ising.site_factors`."""

    g: float
    q: complex
    mu: complex
    up_fast: complex
    down_slow: complex
    up_drive: complex
    down_drive: complex


@compiled
def thermal_weights(Y: float, f: float, u: float, d: float, field: float) -> ThermalWeights:
    """Return the constants of a site with the rate Y, the occupation f, the populations u, d and the field Θ."""
    g = 2.0 * Y * (1.0 + 2.0 * f)
    scale = max(g, abs(field))
    up_drive = complex(2.0 * Y * (1.0 + d) + 4.0 * Y * f * d, -u * field)
    down_drive = complex(4.0 * Y * f * u - 2.0 * Y * d, d * field)
    if scale == 0.0:
        return ThermalWeights(g, 0.0j, 0.0j, 0.0j, 0.0j, up_drive, down_drive)
    square = complex(((g - field) / scale) * ((g + field) / scale), -4.0 * (Y / scale) * (field / scale))
    root = cmath.sqrt(square)
    q = scale * complex(root.real, math.copysign(root.imag, -field))
    mu = -8.0 * Y * f * (complex(0.0, -field) / (q + complex(g, -field)))  # no product overflows or underflows
    up_fast = (u * mu + (4.0 * Y * f * (u - d) - 4.0 * Y * d)) / (2.0 * q)
    down_slow = (4.0 * Y * f + d * mu) / (2.0 * q)
    return ThermalWeights(g, q, mu, up_fast, down_slow, up_drive, down_drive)
