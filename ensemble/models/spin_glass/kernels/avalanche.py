"""Avalanches: resonant spins, whose fields are smaller than h, flip one by one and change the fields of others.

Each step chooses one of the spins with abs(φ_i) < h, all with the same probability, and flips it. It stays resonant,
because its own field does not change. The avalanche ends when no spin is resonant. The result is the number of spins
that have ever been resonant.

The resonant spins are kept in a list. A flip adds a multiple of a row of J to the fields, one block of spins at a time.
The list is updated only for blocks in which a field has crossed h or -h.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_LANES = 128
"""Number of spins whose fields are updated together, by vector instructions."""


@final
@dataclass(frozen=True)
class Avalanche:
    """The course of an avalanche."""

    ever: Integers
    """(1 + steps,), number of spins that have ever been resonant after 0, 1, ... flips; constant after the last one."""
    flips: int
    """Number of flips, until no spin was resonant, all spins had been resonant, or the steps were over."""


def avalanche(
    coupling: Array, spins: Array, field: Array, h: float, steps: int, choices: np.random.Generator
) -> Avalanche:
    """Return the avalanche from a state; each step takes one uniform number from the stream `choices`."""
    ever = np.empty(steps + 1, dtype=np.int64)
    flips = _avalanche(coupling, spins.copy(), field.copy(), h, choices.random(steps), ever)
    return Avalanche(ever, flips)


@compiled
def newly_resonant(coupling: Array, spins: Array, field: Array, h: float) -> int:
    """Return the number of spins that become resonant by the flip of one resonant spin, summed over all resonant spins.

    Each of them is flipped alone, from the given state.
    """
    found = 0
    for i in range(len(spins)):
        if abs(field[i]) < h:
            change = -2.0 * spins[i]
            for j in range(len(spins)):
                found += (abs(field[j] + change * coupling[i, j]) < h) & (abs(field[j]) >= h)
    return found


@compiled
def _avalanche(coupling: Array, spins: Array, field: Array, h: float, numbers: Array, ever: Integers) -> int:
    """Fill `ever`; return the number of flips."""
    position, members = np.full(len(spins), -1), np.empty(len(spins), dtype=np.int64)
    been = np.zeros(len(spins), dtype=np.bool_)
    count, known = 0, 0
    for start in range(0, len(spins), _LANES):
        count, known = _listed(field, h, members, position, been, count, known, start)
    for step in range(len(numbers)):
        ever[step] = known
        if count == 0 or known == len(spins):
            ever[step:] = known
            return step
        i = members[int(numbers[step] * count)]
        row, change = coupling[i], -2.0 * spins[i]
        spins[i] = -spins[i]
        for start in range(0, len(spins), _LANES):
            if _crossed(field[start : start + _LANES], row[start : start + _LANES], change, h):
                count, known = _listed(field, h, members, position, been, count, known, start)
    ever[len(numbers)] = known
    return len(numbers)


@compiled
def _crossed(field: Array, row: Array, change: float, h: float) -> int:
    """Update some fields; return how many of them have crossed h or -h."""
    crossed = 0
    for j in range(len(field)):
        before = abs(field[j]) < h
        field[j] += change * row[j]
        crossed += before != (abs(field[j]) < h)
    return crossed


@compiled
def _listed(
    field: Array,
    h: float,
    members: Integers,
    position: Integers,
    been: NDArray[np.bool_],
    count: int,
    known: int,
    start: int,
) -> tuple[int, int]:
    """Update the list for a block of spins; return its length, and the number of spins that have ever been on it.

    A new spin goes to the end of the list. The last spin takes the position of a spin that is removed.
    """
    for j in range(start, min(start + _LANES, len(field))):
        if abs(field[j]) < h:
            if position[j] < 0:
                members[count], position[j] = j, count
                count += 1
                known += not been[j]
                been[j] = True
        elif position[j] >= 0:
            count -= 1
            last = members[count]
            members[position[j]], position[last] = last, position[j]
            position[j] = -1
    return count, known
