"""Spins on a ring in plain loops: every step sums all fields anew, and whatever is counted is counted one by one."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.disorder import symmetric

Array = NDArray[np.float64]


def couplings(length: int, alpha: float, distance: str, pairs: np.random.Generator) -> Array:
    """g_ij / d_ij^α, all pairs drawn in one go; the chord is that between points on a circle."""
    found = symmetric(pairs.standard_normal(length * (length - 1) // 2), length)
    place = length / (2 * math.pi) * np.exp(2j * math.pi * np.arange(length) / length)
    for i, j in itertools.permutations(range(length), 2):
        way = min(abs(i - j), length - abs(i - j)) if distance == "ring" else abs(place[i] - place[j])
        found[i, j] /= way**alpha
    return found


def energy(coupling: Array, spins: Array) -> float:
    """Σ_{i<j} J_ij Z_i Z_j."""
    return float(spins @ np.triu(coupling, 1) @ spins)


def turned(spins: Array, *which: int) -> Array:
    """With some spins turned over."""
    other = spins.copy()
    other[list(which)] *= -1
    return other


def relaxed(coupling: Array, spins: Array, order: str, turns: np.random.Generator) -> tuple[Array, int]:
    """The stable state, and how many flips led to it."""
    state, flips = spins.copy(), 0
    if order in ("greedy", "reluctant"):
        choose = np.argmax if order == "greedy" else np.argmin
        while (gaining := np.flatnonzero(state * (coupling @ state) > 0)).size:
            i = gaining[choose((state * (coupling @ state))[gaining])]
            state[i] *= -1
            flips += 1
        return state, flips
    while True:
        before = flips
        for i in turns.permutation(len(state)) if order == "random" else range(len(state)):
            if state[i] * (coupling[i] @ state) > 0:
                state[i] *= -1
                flips += 1
        if flips == before:
            return state, flips


@final
@dataclass(frozen=True)
class PlainAvalanche:
    """Who is resonant after each flip, the list in the order in which its members are told."""

    members: list[list[int]]
    flipped: list[int]

    @classmethod
    def of(cls, coupling: Array, spins: Array, h: float, numbers: Sequence[float]) -> "PlainAvalanche":
        """Until none is resonant or the numbers are over."""
        state = spins.copy()
        listed: list[int] = []
        members: list[list[int]] = []
        flipped: list[int] = []
        for number in [*numbers, 0.0]:
            for j, field in enumerate(coupling @ state):
                if abs(field) < h and j not in listed:
                    listed.append(j)
                elif abs(field) >= h and j in listed:
                    place, last = listed.index(j), listed.pop()
                    if place < len(listed):
                        listed[place] = last
            members.append(list(listed))
            if not listed or len(flipped) == len(numbers):
                return cls(members, flipped)
            flipped.append(listed[int(number * len(listed))])
            state[flipped[-1]] *= -1
        raise AssertionError

    @property
    def ever(self) -> list[int]:
        """How many have been resonant after 0, 1, ... flips."""
        return [len(set().union(*self.members[: step + 1])) for step in range(len(self.members))]


def newly_resonant(coupling: Array, spins: Array, h: float) -> int:
    """Spins that a flip of a resonant one makes resonant, over all of these."""
    before = np.abs(coupling @ spins) < h
    found = 0
    for i in np.flatnonzero(before).tolist():
        after = np.abs(coupling @ turned(spins, i)) < h
        found += int(np.count_nonzero(after & ~before))
    return found


def second_order(coupling: Array, spins: Array, h: float, i: int, j: int) -> float:
    """The amplitude for two spins to turn by a field h on each, one after the other, from energies of states alone."""
    start = energy(coupling, spins)
    through = sum(h**2 / (start - energy(coupling, turned(spins, first))) for first in (i, j))
    return through / (start - energy(coupling, turned(spins, i, j)))
