"""Relaxation at zero temperature: spins flip one at a time while that lowers the energy, until no flip does.

A flip of spin i gains 2 Z_i φ_i if Z_i φ_i > 0. The order of the flips:

random     sweeps through all spins, each in a new random order
index      sweeps in the order of their numbers
greedy     always the spin that gains most
reluctant  always the spin with the smallest positive gain: this takes about 0.1 L² flips, the others less than L

A flip adds twice a row of J to all fields, or subtracts it. Each element rounds once, the same on all machines.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled

Array = NDArray[np.float64]

ORDERS = ("random", "index", "greedy", "reluctant")

_LANES = 64
"""Number of lanes that a search compares in parallel, so that each step is a vector instruction."""


@final
@dataclass(frozen=True)
class Stable:
    """A state in which no flip of a single spin gains energy."""

    spins: Array
    """(L,), Z_i, -1 or 1."""
    field: Array
    """(L,), φ_i, up to the rounding errors of the flips."""
    flips: int
    """Number of flips from the initial spins."""


def stable(coupling: Array, spins: Array, order: str, turns: np.random.Generator) -> Stable:
    """Relax spins by flips in an order of `ORDERS`; only "random" reads from the stream `turns`."""
    state = spins.copy()
    field = fields(coupling, state)
    if order in ("greedy", "reluctant"):
        gain = state * field
        flips = _extreme(coupling, state, gain, -1.0 if order == "greedy" else 1.0)
        return Stable(state, state * gain, flips)
    flips, count = 0, len(spins)
    while made := _sweep(coupling, state, field, turns.permutation(count) if order == "random" else np.arange(count)):
        flips += made
    return Stable(state, field, flips)


@compiled
def fields(coupling: Array, spins: Array) -> Array:
    """Return φ_i = Σ_j J_ij Z_j, (L,), summed in the order of j."""
    field = np.zeros(len(spins))
    for j in range(len(spins)):
        _add(field, coupling[j], spins[j])
    return field


@compiled
def _add(field: Array, row: Array, factor: float) -> None:
    for i in range(len(field)):
        field[i] += factor * row[i]


@compiled
def _sweep(coupling: Array, spins: Array, field: Array, order: NDArray[np.int64]) -> int:
    """Visit each spin once and flip it if it gains energy; return the number of flips."""
    made = 0
    for i in order:
        if spins[i] * field[i] > 0.0:
            _add(field, coupling[i], -2.0 * spins[i])
            spins[i] = -spins[i]
            made += 1
    return made


@compiled
def _extreme(coupling: Array, spins: Array, gain: Array, sign: float) -> int:
    """Flip the spin with the largest gain (sign -1) or smallest gain (sign 1) until none gains; return the flips."""
    best = np.empty(_LANES)
    made = 0
    i = _next(gain, sign, best)
    while i >= 0:
        _flip(gain, spins, coupling[i], i)
        made += 1
        i = _next(gain, sign, best)
    return made


@compiled
def _flip(gain: Array, spins: Array, row: Array, i: int) -> None:
    """Flip spin i: its gain Z_i φ_i changes its sign, and the gains of all others change."""
    change = -2.0 * spins[i]
    for j in range(len(gain)):
        gain[j] += change * spins[j] * row[j]
    gain[i] = -gain[i]
    spins[i] = -spins[i]


@compiled
def _next(gain: Array, sign: float, best: Array) -> int:
    """Return the spin with the smallest sign * gain among those with positive gain; -1 if there is none."""
    best[:] = np.inf
    for start in range(0, len(gain), _LANES):
        some = gain[start : start + _LANES]
        for k in range(len(some)):
            each = sign * some[k] if some[k] > 0.0 else np.inf
            best[k] = each if each < best[k] else best[k]
    lane = 0
    for k in range(_LANES):
        lane = k if best[k] < best[lane] else lane
    if best[lane] == np.inf:
        return -1
    i = lane
    while gain[i] != sign * best[lane]:
        i += _LANES
    return i
