"""What the book tells of points as a whole: what a realization takes, and how exact a target is known.

    core_seconds   (N, epsilon, eta)   what one realization takes on one core
    target_n       (N, epsilon, eta)   the realizations with which a stop rule has looked at the point last; 0 before
    target_value   (N, epsilon, eta)   the quantity of the rule on these
    target_error   (N, epsilon, eta)   its standard error

Written by the driver alone, like `status`. All of it follows from the data, but for the time they took.
"""

from collections.abc import Iterable, Mapping
from typing import Any, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.store.damage import read
from ensemble.store.group import COMPRESSORS, member, open_group
from ensemble.store.place import Place

_LENGTH, _POINTS = 64, 4096
"""Points in a chunk along each axis, and in all of it, at most."""

TABLE: dict[str, tuple[str, Any, dict[str, str]]] = {
    "core_seconds": ("float64", np.nan, {"long_name": "time that one realization takes on one core", "units": "s"}),
    "target_n": ("int64", 0, {"long_name": "realizations that the stop rule looked at last", "units": "1"}),
    "target_value": ("float64", np.nan, {"long_name": "quantity of the stop rule"}),
    "target_error": ("float64", np.nan, {"long_name": "standard error of the quantity of the stop rule"}),
}
"""Type, what stands for nothing, and labels of each variable."""

TARGETS = ("target_n", "target_value", "target_error")
"""What is void when the stop rule changes."""


def needed(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """The variables that a store has: targets only where a sweep has asked for one."""
    return tuple(name for name in TABLE if asked.get("stop") or name not in TARGETS)


def make(group: zarr.Group, axes: Iterable[str], shape: tuple[int, ...], asked: Mapping[str, Any]) -> None:
    """Give a group those that it needs and lacks, and all the shape that they must have."""
    for name, (dtype, empty, label) in TABLE.items():
        if name in group:
            member(group, name).resize(shape)
        elif name in needed(asked):
            group.create_array(
                name,
                shape=shape,
                chunks=_chunks(len(shape)),
                dtype=dtype,
                fill_value=empty,
                compressors=COMPRESSORS,
                dimension_names=tuple(axes),
                attributes={**label},
            )


def _chunks(rank: int) -> tuple[int, ...]:
    return (next(length for length in range(_LENGTH, 0, -1) if length**rank <= _POINTS),) * rank


def settled(group: zarr.Group, shape: tuple[int, ...], asked: Mapping[str, Any]) -> bool:
    """Whether a group has all that it needs, in the right shape."""
    return all(name in group for name in needed(asked)) and all(
        member(group, name).shape == shape for name in TABLE if name in group
    )


@final
class PointBook:
    """These variables in memory, for the driver that holds the store and for those who look at it."""

    def __init__(self, path: Place, shape: tuple[int, ...]) -> None:
        group = open_group(path)
        self._path = path
        self._stale: set[str] = set()
        self._spent: dict[tuple[int, ...], tuple[float, int]] = {}
        self.arrays: dict[str, NDArray[Any]] = {
            name: read(member(group, name)).copy() if name in group else np.full(shape, empty, dtype)
            for name, (dtype, empty, _) in TABLE.items()
        }

    def core_seconds(self, cell: tuple[int, ...]) -> float:
        """What a realization of a point takes; nan before one was timed."""
        return float(self.arrays["core_seconds"][cell])

    def target(self, cell: tuple[int, ...]) -> tuple[int, float, float]:
        """What the stop rule has found last: from how many realizations, the value, its error."""
        n, value, error = (self.arrays[name][cell].item() for name in TARGETS)
        return n, value, error

    def spent(self, cell: tuple[int, ...], seconds: float, count: int) -> None:
        """Some realizations took that long; what is told of the point is the mean of all since the book was opened."""
        before, counted = self._spent.get(cell, (0.0, 0))
        self._spent[cell] = total, number = before + seconds, counted + count
        self.arrays["core_seconds"][cell] = total / max(1, number)
        self._stale.add("core_seconds")

    def found(self, cell: tuple[int, ...], count: int, value: float, error: float) -> None:
        """A stop rule has looked at a point."""
        for name, each in zip(TARGETS, (count, value, error), strict=True):
            self.arrays[name][cell] = each
            self._stale.add(name)

    def forget(self) -> None:
        """The stop rule has changed: nothing is known of its quantity."""
        for name in TARGETS:
            self.arrays[name][...] = TABLE[name][1]
            self._stale.add(name)

    def write(self) -> None:
        """Put on disk what has changed."""
        if not self._stale:
            return
        group = open_group(self._path, writable=True)
        for name in sorted(self._stale):
            member(group, name)[...] = self.arrays[name]
        self._stale.clear()
