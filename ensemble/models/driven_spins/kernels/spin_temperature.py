"""The state of two temperatures that has the energy and the polarization of a given state.

    p_n ~ exp(-β_s (e_n - (h - ω_e) s_n)) = exp(-β_s e_n + μ s_n),   Σ p_n e_n = Tr(ρ H'),   Σ p_n s_n = Tr(ρ S^z)

If strong interactions make a driven state thermal, it is this state: 1/β_s is the temperature of the spins, and h is
their effective field. β_s and μ minimize the convex function

    ln Σ_n exp(-β_s (e_n - Tr(ρ H')) + μ (s_n - Tr(ρ S^z)))

whose gradient is the error of the two means and whose curvature is the covariance of -e and s.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import ConvergenceError

Array = NDArray[np.float64]

STEPS = 100
"""Limit on the number of Newton steps; ten are already many."""

LAST_STEP = 1e-10
"""Newton's method stops when a step changes the means by less, in standard deviations of e and s.

The remaining error is about the square of this.
"""

ENOUGH = 1e-4
"""A step is halved until the function falls by this fraction of the linear prediction."""

ROUNDING = 1e-14
"""Rise of the function, which is of order 1, that counts as a rounding error."""

SINGULAR = 1e-13
"""If 1 - r² of the correlation r of energy and magnetization is smaller, they are the same quantity up to rounding."""


@final
@dataclass(frozen=True, eq=False)
class SpinTemperature:
    """The two temperatures, and the populations of the levels."""

    inverse_temperature: float
    """β_s in us: the energies are angular frequencies in rad/us."""
    mu: float
    """μ = β_s (h - ω_e)."""
    populations: Array
    """(levels,), p_n."""

    @property
    def field(self) -> float:
        """h - ω_e in rad/us; infinite at infinite spin temperature."""
        if self.inverse_temperature == 0:
            return math.copysign(math.inf, self.mu)
        return self.mu / self.inverse_temperature


def matched(energy: Array, magnetization: Array, mean_energy: float, mean_magnetization: float) -> SpinTemperature:
    """Return the spin temperature of levels with energies e (levels,) in rad/us and S^z s (levels,), for given means.

    The means are matched to rounding by Newton's method. It starts from the μ that is exact at β_s = 0 for the product
    states of N spins one half. Raises a `ConvergenceError` if there is no solution or more than one.
    """
    deviations = np.stack([mean_energy - energy, magnetization - mean_magnetization])
    polarization = mean_magnetization / magnetization.max()
    found = _minimum(deviations, np.array([0.0, 2 * math.atanh(polarization)])) if abs(polarization) < 1 else None
    if found is None:
        raise ConvergenceError(
            f"one spin temperature must give these {len(energy)} levels the energy {mean_energy:.6g} rad/us and the "
            f"magnetization {mean_magnetization:.6g}, and none was found: take means within what the levels span, "
            "and levels whose energy is not a function of their magnetization"
        )
    beta, mu = found.tolist()
    return SpinTemperature(beta, mu, _weighed(deviations, found)[1])


def _minimum(deviations: Array, at: Array) -> Array | None:
    """Return (β_s, μ) at the minimum of the convex function, or None if there is no minimum or no unique one."""
    for _ in range(STEPS):
        value, p = _weighed(deviations, at)
        gradient = deviations @ p
        centred = deviations - gradient[:, None]
        curvature = (centred * p) @ centred.T
        (energies, both), (_, magnetizations) = curvature
        if not energies * magnetizations - both**2 > SINGULAR * energies * magnetizations:
            return None  # nan ends here as well
        step = np.linalg.solve(curvature, gradient)
        decrement = float(gradient @ step)
        if decrement < LAST_STEP**2:
            found: Array = at - step
            return found
        size = 1.0
        while _weighed(deviations, at - size * step)[0] > value - ENOUGH * size * decrement + ROUNDING:
            size /= 2
        at = at - size * step
    return None


def _weighed(deviations: Array, at: Array) -> tuple[float, Array]:
    """Return the convex function and the populations p."""
    exponents = at @ deviations
    most = exponents.max()
    weights = np.exp(exponents - most)
    total = weights.sum()
    return float(most + np.log(total)), weights / total
