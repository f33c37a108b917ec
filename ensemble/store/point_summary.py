"""Summary of each point in a store: the cost of a realization, and the last result of the stop rule.

    core_seconds   (N, epsilon, eta)   time of one realization on one core, in seconds
    target_n       (N, epsilon, eta)   number of realizations at the last checkpoint of the stop rule; 0: no checkpoint
    target_value   (N, epsilon, eta)   value of the rule's quantity for these realizations
    target_error   (N, epsilon, eta)   its standard error

Only the driver writes them, like `status`. All of them follow from the data, except the time.
"""

from collections.abc import Iterable, Mapping
from typing import Any, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.store.group import COMPRESSORS, member, open_group
from ensemble.store.integrity import read
from ensemble.store.location import Location

_LENGTH, _POINTS = 64, 4096
"""Largest number of points in a chunk, along each axis and in total."""

TABLE: dict[str, tuple[str, Any, dict[str, str]]] = {
    "core_seconds": ("float64", np.nan, {"long_name": "time that one realization takes on one core", "units": "s"}),
    "target_n": ("int64", 0, {"long_name": "realizations that the stop rule looked at last", "units": "1"}),
    "target_value": ("float64", np.nan, {"long_name": "quantity of the stop rule"}),
    "target_error": ("float64", np.nan, {"long_name": "standard error of the quantity of the stop rule"}),
}
"""Dtype, fill value and attributes of each variable."""

TARGETS = ("target_n", "target_value", "target_error")
"""Variables that become invalid when the stop rule changes."""


def needed(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the variables that a store has: targets only if its sweep has a stop rule."""
    return tuple(name for name in TABLE if asked.get("stop") or name not in TARGETS)


def make(group: zarr.Group, axes: Iterable[str], shape: tuple[int, ...], asked: Mapping[str, Any]) -> None:
    """Create the missing variables of a group, and resize the existing ones."""
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
    """Return whether a group has all variables that it needs, with the right shape."""
    return all(name in group for name in needed(asked)) and all(
        member(group, name).shape == shape for name in TABLE if name in group
    )


@final
class PointSummary:
    """These variables in memory, for the driver or for reading."""

    def __init__(self, path: Location, shape: tuple[int, ...]) -> None:
        group = open_group(path)
        self._path = path
        self._stale: set[str] = set()
        self._spent: dict[tuple[int, ...], tuple[float, int]] = {}
        self.arrays: dict[str, NDArray[Any]] = {
            name: read(member(group, name)).copy() if name in group else np.full(shape, empty, dtype)
            for name, (dtype, empty, _) in TABLE.items()
        }

    def core_seconds(self, cell: tuple[int, ...]) -> float:
        """Return the time of one realization of a point, in seconds; nan if none was timed."""
        return float(self.arrays["core_seconds"][cell])

    def target(self, cell: tuple[int, ...]) -> tuple[int, float, float]:
        """Return the last result of the stop rule: number of realizations, value, standard error."""
        n, value, error = (self.arrays[name][cell].item() for name in TARGETS)
        return n, value, error

    def spent(self, cell: tuple[int, ...], seconds: float, count: int) -> None:
        """Record the computing time of `count` realizations.

        The stored time of the point is the mean over all realizations recorded since the ledger was opened.
        """
        before, counted = self._spent.get(cell, (0.0, 0))
        self._spent[cell] = total, number = before + seconds, counted + count
        self.arrays["core_seconds"][cell] = total / max(1, number)
        self._stale.add("core_seconds")

    def found(self, cell: tuple[int, ...], count: int, value: float, error: float) -> None:
        """Record the result of the stop rule at a checkpoint of a point."""
        for name, each in zip(TARGETS, (count, value, error), strict=True):
            self.arrays[name][cell] = each
            self._stale.add(name)

    def forget(self) -> None:
        """Delete the results of the stop rule, because the rule has changed."""
        for name in TARGETS:
            self.arrays[name][...] = TABLE[name][1]
            self._stale.add(name)

    def write(self) -> None:
        """Write the variables that have changed to disk."""
        if not self._stale:
            return
        group = open_group(self._path, writable=True)
        for name in sorted(self._stale):
            member(group, name)[...] = self.arrays[name]
        self._stale.clear()
