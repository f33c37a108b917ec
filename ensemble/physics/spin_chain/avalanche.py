"""Resonant spins, whose fields are smaller than h: one after another flips, and its flip brings others there or away.

Step by step, one of those with abs(φ_i) < h is chosen, each as likely as the others, and flips; it stays resonant, for
its own field does not change. That ends where none is left. Counted is who has ever been resonant.

The resonant ones are kept in a list. A flip adds a multiple of a row of J to the fields, some of them at a time, and
only where one of these has crossed h is the list looked at.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_LANES = 128
"""Spins whose fields are moved together, by vector instructions."""


@final
@dataclass(frozen=True)
class Avalanche:
    """What the flips of resonant spins come to."""

    ever: Integers
    """(1 + steps,), how many spins have ever been resonant after 0, 1, ... flips; it stays where flips have ended."""
    flips: int
    """How many there were: until no spin was resonant, all of them had been, or the steps were over."""


def avalanche(
    coupling: Array, spins: Array, field: Array, h: float, steps: int, choices: np.random.Generator
) -> Avalanche:
    """The avalanche from a state, with a uniform number from the stream of choices for each step."""
    ever = np.empty(steps + 1, dtype=np.int64)
    flips = _avalanche(coupling, spins.copy(), field.copy(), h, choices.random(steps), ever)
    return Avalanche(ever, flips)


@compiled
def newly_resonant(coupling: Array, spins: Array, field: Array, h: float) -> int:
    """How many spins become resonant by a flip of one that is: the sum over all that are, each flipped on its own."""
    found = 0
    for i in range(len(spins)):
        if abs(field[i]) < h:
            change = -2.0 * spins[i]
            for j in range(len(spins)):
                found += (abs(field[j] + change * coupling[i, j]) < h) & (abs(field[j]) >= h)
    return found


@compiled
def _avalanche(coupling: Array, spins: Array, field: Array, h: float, numbers: Array, ever: Integers) -> int:
    """Fill in who has ever been resonant; returns how many flips there were."""
    place, members = np.full(len(spins), -1), np.empty(len(spins), dtype=np.int64)
    been = np.zeros(len(spins), dtype=np.bool_)
    count, known = 0, 0
    for start in range(0, len(spins), _LANES):
        count, known = _listed(field, h, members, place, been, count, known, start)
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
                count, known = _listed(field, h, members, place, been, count, known, start)
    ever[len(numbers)] = known
    return len(numbers)


@compiled
def _crossed(field: Array, row: Array, change: float, h: float) -> int:
    """Move some fields; returns how many of them have crossed h or -h."""
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
    place: Integers,
    been: NDArray[np.bool_],
    count: int,
    known: int,
    start: int,
) -> tuple[int, int]:
    """Bring the list up to date for some spins; returns how many it has, and how many have ever been on it.

    Who comes is put at its end; whoever is there takes the place of one who goes.
    """
    for j in range(start, min(start + _LANES, len(field))):
        if abs(field[j]) < h:
            if place[j] < 0:
                members[count], place[j] = j, count
                count += 1
                known += not been[j]
                been[j] = True
        elif place[j] >= 0:
            count -= 1
            last = members[count]
            members[place[j]], place[last] = last, place[j]
            place[j] = -1
    return count, known
