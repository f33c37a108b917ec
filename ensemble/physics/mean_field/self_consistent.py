"""Energies in the field of all the others' averages: x_i = local_i + Σ_j K_ij tanh(x_j / 2T), K symmetric, K_ii = 0.

One after the other, in the order of their numbers, each is set to what the present averages make of it. That is the
minimum, along one coordinate, of the free energy

    F(m) = -Σ local_i m_i / 2 - Σ K_ij m_i m_j / 4 - T Σ S(m_i),      m_i = tanh(x_i / 2T)

so F never rises and the iteration comes to rest; all at once they would turn round for ever where a pair is close.

The field of all averages is kept. Whoever changes adds a multiple of its row of K to it, which is read from memory
once, in order; whoever does not change, as most do at low temperature after some sweeps, costs nothing.
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
"""As many have always been enough, many times over."""
_STILL = 0.1
"""Of the tolerance: an average that would change by less waits."""
_ANEW = 128
"""After so many sweeps the field is summed anew, for it has collected rounding errors."""


@final
@dataclass(frozen=True)
class SelfConsistent:
    """A solution."""

    x: Array
    """(n,), energies."""
    sweeps: int
    """How often each average was looked at."""
    rows: int
    """How many rows of the couplings were read for it, apart from those for the sums anew."""
    residual: float
    """The largest error of the equation, in units of energy."""


def self_consistent(
    local: Array, coupling: Array, temperature: float, start: Array, tolerance: float, sweeps: int = SWEEPS
) -> SelfConsistent:
    """A solution from where it starts, an energy for each; averages change by no more than the tolerance there."""
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
    """Tanh x, to 2e-16 of its largest value; the same bits on every machine."""
    e = decay(2.0 * abs(x))
    t = (1.0 - e) / (1.0 + e)
    return t if x >= 0.0 else -t


@compiled
def averages(x: Array, temperature: float) -> Array:
    """(n,), m = tanh(x / 2T)."""
    average = np.empty(len(x))
    for i in range(len(x)):
        average[i] = hyperbolic_tangent(x[i] / (2.0 * temperature))
    return average


@compiled
def fields(coupling: Array, average: Array) -> Array:
    """Σ_j K_ij m_j, summed in the order of j."""
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
    """Look at each average once; set it, and the field, anew if it would change by more than what counts as still.

    Returns the largest change that there was or would be, and how many changed.
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
    """The largest change that there would be."""
    largest = 0.0
    for i in range(len(local)):
        wanted = hyperbolic_tangent((local[i] + field[i]) / (2.0 * temperature))
        largest = max(largest, abs(wanted - average[i]))
    return largest


@compiled
def _solved(
    local: Array, coupling: Array, temperature: float, average: Array, tolerance: float, sweeps: int, anew: int
) -> tuple[Array, int, int, float]:
    """Energies, sweeps made, rows read, and the change that there would still be."""
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
