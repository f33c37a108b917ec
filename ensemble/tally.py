"""The first realizations of points, summed up in groups of consecutive ones that a stop rule cuts them into.

Sums are kept from one checkpoint to the next. What is read anew can be summed by several tasks: the sum of a group
depends on nothing but the group, so the same realizations give the same bits however the work is shared out.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.stop import Stop
from ensemble.store.damage import open_array, read_done
from ensemble.store.place import place

_READ_BYTES = 16 * 2**20
"""Read at once, about."""
_TASK_BYTES = 64 * 2**20
"""Read by one task, about, where several share the work."""


@final
@dataclass(frozen=True)
class Sums:
    """Consecutive groups of realizations of a point, summed up."""

    sums: NDArray[np.float64]
    """(groups, times...)"""
    counts: NDArray[np.int64]
    """Realizations in each group; failed ones are left out."""

    def doubled(self) -> "Sums":
        """With groups twice as long."""
        return Sums(self.sums[0::2] + self.sums[1::2], self.counts[0::2] + self.counts[1::2])


@final
@dataclass(frozen=True)
class Stretch:
    """Consecutive groups of realizations of one point."""

    cell: tuple[int, ...]
    """Where the point lies in the grid of the store."""
    edges: tuple[int, ...]
    """Where the groups begin and end."""


@final
@dataclass(frozen=True)
class Source:
    """What is summed up."""

    store: str
    """Path or URL of the store, seen from the worker."""
    observable: str
    failed: frozenset[int]
    """Realizations that count at no point."""


def ahead(stop: Stop, cells: Sequence[tuple[int, ...]], most: int, known_at: int, number: int) -> list[Stretch]:
    """What is still to be summed up at a checkpoint: of each checkpoint since the one `known_at`, of each point.

    Where no sums are known, `known_at` is -1.
    """
    edges = {each: tuple(min(edge, most) for edge in stop.edges(each)) for each in range(known_at + 1, number + 1)}
    return [Stretch(cell, edges[each][_before(stop, each) :]) for each in edges for cell in cells]


def portions(stretches: Sequence[Stretch], size: int) -> list[list[Stretch]]:
    """The same stretches, divided into portions that are worth a task; a realization has so many numbers."""
    divided: list[list[Stretch]] = []
    room = 0
    for stretch in stretches:
        if room <= 0:
            divided.append([])
            room = _TASK_BYTES
        divided[-1].append(stretch)
        room -= 8 * size * (stretch.edges[-1] - stretch.edges[0])
    return divided


def total(source: Source, stretches: Sequence[Stretch]) -> list[Sums]:
    """Sums over stretches, read in parts that fit into memory."""
    array = open_array(place(source.store), source.observable)
    failed = np.array(sorted(source.failed), np.int64)
    return [_total(array, stretch, failed) for stretch in stretches]


def extended(stop: Stop, known: tuple[Sums, ...], known_at: int, new: Sequence[Sums], points: int) -> tuple[Sums, ...]:
    """The sums of points at a checkpoint, from those known before and those over what was `ahead`."""
    for number, at in enumerate(range(0, len(new), points), known_at + 1):
        more = tuple(new[at : at + points])
        pairs = zip(known, more, strict=True)
        known = tuple(_joined(a.doubled() if stop.doubles(number) else a, b) for a, b in pairs) if known else more
    return known


def _before(stop: Stop, number: int) -> int:
    """How many groups of a checkpoint hold what the one before it had."""
    if number == 0:
        return 0
    before = len(stop.edges(number - 1)) - 1
    return before // 2 if stop.doubles(number) else before


def _joined(sums: Sums, more: Sums) -> Sums:
    return Sums(np.concatenate([sums.sums, more.sums]), np.concatenate([sums.counts, more.counts]))


def _total(array: "zarr.Array[Any]", stretch: Stretch, failed: NDArray[np.int64]) -> Sums:
    """Sums over the groups of a stretch; that of a group depends on nothing but the group."""
    shape = array.shape[len(stretch.cell) + 1 :]
    groups = list(itertools.pairwise(stretch.edges))
    sums, counts = np.zeros((len(groups), *shape)), np.zeros(len(groups), np.int64)
    for first, last, start, stop in _parts(stretch.edges, max(1, _READ_BYTES // (8 * math.prod(shape)))):
        kept = np.ones(stop - start, bool)
        kept[failed[(start <= failed) & (failed < stop)] - start] = False
        rows = read_done(array, stretch.cell, start, kept)
        for group in range(first, last):
            inside = slice(max(0, stretch.edges[group] - start), stretch.edges[group + 1] - start)
            chosen = rows[inside] if kept[inside].all() else rows[inside][kept[inside]]
            sums[group] += chosen.sum(axis=0, dtype=np.float64)
            counts[group] += len(chosen)
    return Sums(sums, counts)


def _parts(edges: Sequence[int], length: int) -> Iterator[tuple[int, int, int, int]]:
    """What to read at once: some whole groups, or a part of a long one; first group, behind the last, start, stop."""
    first = 0
    while first < len(edges) - 1:
        last = first + 1
        while last < len(edges) - 1 and edges[last + 1] - edges[first] <= length:
            last += 1
        for start in range(edges[first], edges[last], length):
            yield first, last, start, min(start + length, edges[last])
        first = last
