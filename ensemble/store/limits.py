"""How large a store may say that it is: its metadata are checked before memory is taken for what they describe.

A few lines of JSON can describe arrays of any size. What is read as a whole is bounded therefore:

- a dimension is as long as its coordinate;
- a coordinate takes at most 64 MiB in memory, or 1,000 times what its files take on disk;
- a store has at most 10 million points, and 1,000 million realizations at all of them together. A sweep may ask for a
  tenth of these points and for as many realizations, so a store from which nothing was computed yet is believed without
  any chunk. Each array of its ledger takes one to four bytes in memory for a realization.

Observables are read in parts, and a part takes at most the memory of this machine, which `damage` sees to. How large
the file of a chunk may become is the matter of `decompression`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import zarr

from ensemble.errors import StoreError
from ensemble.store.damage import memory_of
from ensemble.store.group import dims, member
from ensemble.store.place import place_of, total_size
from ensemble.values import MOST, MOST_REALIZATIONS
from ensemble.wording import size

MOST_POINTS = 10 * MOST
"""A store holds the whole grid that the axes of several sweeps span, and each of them may have a million points."""
_COORDINATE = 64 * 2**20
_RATIO = 1000


def checked_arrays(group: zarr.Group) -> dict[str, zarr.Array[Any]]:
    """Return all arrays of a store by name, after their sizes were checked.

    Raises
    ------
    StoreError
        If they describe what no store that `ensemble run` made can hold.
    """
    arrays = {name: member(group, name) for name, _ in group.arrays()}
    coordinates = {name: array for name, array in arrays.items() if dims(array) == (name,)}
    status = arrays.get("status")
    if status is None or dims(status)[-1:] != ("realization",) or len(dims(status)) != status.ndim:
        raise StoreError(f"{place_of(group) / 'status'} must be an array over axes and realizations, but it is not")
    check_grid(place_of(group), status.shape[:-1], status.shape[-1])
    for array in coordinates.values():
        taken = memory_of(array, array.shape)
        if taken > _COORDINATE and taken > _RATIO * total_size(place_of(array)):
            raise StoreError(
                f"{place_of(array)} must hold {size(taken)}, as it says, but its files are too small for that"
            )
    if group.metadata.consolidated_metadata is not None:  # if not, a driver that grew the store may have died
        for array in arrays.values():
            _check_lengths(array, coordinates)
    return arrays


def check_grid(store: object, lengths: Sequence[int], realizations: int) -> None:
    """Refuse a grid that no driver could hold."""
    points = math.prod(lengths)
    if points > MOST_POINTS or points * realizations > MOST_REALIZATIONS:
        raise StoreError(
            f"{store} may have {MOST_POINTS} points, and {MOST_REALIZATIONS} realizations at all of them together, "
            f"got {points} points with {realizations} realizations each"
        )


def check_asked(store: object, asked: Mapping[str, Any], lengths: Sequence[int]) -> None:
    """Refuse a store that says that a sweep asked for more points than its grid has: they would all be listed."""
    axes, wanted = asked.get("axes"), asked.get("realizations")
    if not isinstance(axes, dict) or not all(isinstance(each, list) for each in axes.values()):
        raise StoreError(f"{store} must tell the axes that a sweep asked for, got {axes!r:.100}")
    if not isinstance(wanted, int) or math.prod(map(len, axes.values())) > math.prod(lengths):
        raise StoreError(f"{store} must have all the points that a sweep asked for, but its grid is smaller")


def _check_lengths(array: zarr.Array[Any], coordinates: Mapping[str, zarr.Array[Any]]) -> None:
    """Refuse an array that has other lengths than the coordinates along it."""
    lengths = [coordinates[dim].shape[0] for dim in dims(array) if dim in coordinates]
    if lengths != list(array.shape):
        named = ", ".join(dims(array)) or "nothing"
        raise StoreError(f"{place_of(array)} must be as long as its coordinates, {named}, but it is {array.shape}")
