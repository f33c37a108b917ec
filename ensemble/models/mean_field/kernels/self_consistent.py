"""Energies in the mean field of all sites: x_i = local_i + Σ_j K_ij tanh(x_j / 2T), K symmetric, K_ii = 0.

The averages are updated one after the other, in the order of the sites. Each is set to the value that the present
averages of the others give. That is the minimum along one coordinate of the free energy

    F(m) = -Σ local_i m_i / 2 - Σ K_ij m_i m_j / 4 - T Σ S(m_i),      m_i = tanh(x_i / 2T)

so F never rises and the iteration converges. If all averages were updated at the same time, close pairs would oscillate
for ever.

The field of all averages is stored. If an average changes, a multiple of its row of K is added to the field; the row is
read from memory once, in order. If it does not change, it costs nothing: at low temperature that holds for most
averages after some sweeps.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import ConvergenceError
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import decay, fma

Array = NDArray[np.float64]

SWEEPS = 20_000
"""Default limit on the sweeps, far above what has been needed."""
_STILL = 0.1
"""Fraction of the tolerance: an average that would change by less is not updated."""
_ANEW = 128
"""Number of sweeps after which the field is summed again, because it accumulates rounding errors."""


@final
@dataclass(frozen=True)
class SelfConsistent:
    """A self-consistent solution, and the work to find it."""

    x: Array
    """(n,), energies."""
    sweeps: int
    """Number of sweeps over all averages."""
    rows: int
    """Number of rows of the couplings that were read, apart from those for summing the field again."""
    residual: float
    """Largest error of the equation, in units of energy."""


def self_consistent(
    local: Array, coupling: Array, temperature: float, start: Array, tolerance: float, sweeps: int = SWEEPS
) -> SelfConsistent:
    """Iterate from the energies `start` (n,) until no average changes by more than `tolerance`.

    Raises a `ConvergenceError` if the averages still change after `sweeps` sweeps, or if energies are not finite.
    """
    average = averages(start, temperature)
    x, made, rows, change = _solved(local, coupling, temperature, average, tolerance, sweeps, _ANEW)
    if not change <= tolerance:
        raise ConvergenceError(
            f"averages must change by {tolerance:g} at most after {sweeps} sweeps, but they change by {change:.2g}: "
            "raise the tolerance or the temperature"
        )
    if not np.isfinite(x).all():
        raise ConvergenceError(
            "energies must be finite, but their couplings are too large: lower them or change the seed"
        )
    residual = np.abs(x - local - fields(coupling, averages(x, temperature)))
    return SelfConsistent(x, made, rows, float(residual.max()))


@compiled
def hyperbolic_tangent(x: float) -> float:
    """Return tanh x with an absolute error of 2e-16; the same bits on every machine."""
    e = decay(2.0 * abs(x))
    t = (1.0 - e) / (1.0 + e)
    return t if x >= 0.0 else -t


@compiled
def averages(x: Array, temperature: float) -> Array:
    """Return m = tanh(x / 2T), (n,)."""
    average = np.empty(len(x))
    for i in range(len(x)):
        average[i] = hyperbolic_tangent(x[i] / (2.0 * temperature))
    return average


@compiled
def fields(coupling: Array, average: Array) -> Array:
    """Return Σ_j K_ij m_j, summed in the order of j."""
    field = np.zeros(len(average))
    for j in range(len(average)):
        if average[j] != 0.0:
            _add(field, coupling[j], average[j])
    return field


@compiled
def _add(field: Array, row: Array, change: float) -> None:
    for i in range(len(field)):
        field[i] = fma(row[i], change, field[i])


@compiled
def sweep(
    local: Array, coupling: Array, temperature: float, average: Array, field: Array, still: float
) -> tuple[float, int]:
    """Update each average, and the field, unless the average would change by `still` or less.

    Returns the largest change, made or not, and the number of averages that changed.
    """
    largest, changed = 0.0, 0
    for i in range(len(local)):
        wanted = hyperbolic_tangent((local[i] + field[i]) / (2.0 * temperature))
        change = wanted - average[i]
        largest = max(largest, abs(change))
        if abs(change) > still:
            average[i] = wanted
            _add(field, coupling[i], change)
            changed += 1
    return largest, changed


@compiled
def _change(local: Array, temperature: float, average: Array, field: Array) -> float:
    """Return the largest change that a sweep would make."""
    largest = 0.0
    for i in range(len(local)):
        wanted = hyperbolic_tangent((local[i] + field[i]) / (2.0 * temperature))
        largest = max(largest, abs(wanted - average[i]))
    return largest


@compiled
def _solved(
    local: Array, coupling: Array, temperature: float, average: Array, tolerance: float, sweeps: int, anew: int
) -> tuple[Array, int, int, float]:
    """Return the energies, the number of sweeps, the number of rows read, and the remaining change."""
    field = fields(coupling, average)
    made, rows, change = 0, 0, np.inf
    while made < sweeps:
        change, changed = sweep(local, coupling, temperature, average, field, _STILL * tolerance)
        made += 1
        rows += changed
        if change <= tolerance or made % anew == 0:
            field = fields(coupling, average)
            change = _change(local, temperature, average, field)
            if change <= tolerance:
                break
    return local + field, made, rows, change
