"""Limits on the size of a store: its metadata are checked before memory is allocated for what they describe.

A few lines of JSON can describe arrays of any size. Arrays that are read as a whole are therefore limited:

- a dimension has the length of its coordinate;
- a coordinate takes at most 64 MiB in memory, or 1,000 times the size of its files on disk;
- a store has at most 10 million points, and at most 1,000 million realizations at all points together. A sweep may have
  a tenth of these points and as many realizations, so a store without any computed chunk may be this large. Each ledger
  array takes one to four bytes in memory for each realization.

Observables are read in parts; a part takes at most the memory of this machine, which `integrity` checks. The module
`decompression` limits the decompressed size of a chunk.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import zarr

from ensemble.errors import StoreError
from ensemble.store.group import dims, member
from ensemble.store.integrity import memory_of
from ensemble.store.location import location_of, total_size
from ensemble.sweep.toml_values import MAX_POINTS, MAX_REALIZATIONS
from ensemble.sweep.units import format_bytes

MOST_POINTS = 10 * MAX_POINTS
"""Largest grid of a store; it covers the axes of several sweeps, each with up to a million points."""
_COORDINATE = 64 * 2**20
_RATIO = 1000


def checked_arrays(group: zarr.Group) -> dict[str, zarr.Array[Any]]:
    """Return all arrays of a store by name, after checking their sizes.

    Raises
    ------
    StoreError
        If the metadata describe arrays that `ensemble run` cannot create.
    """
    arrays = {name: member(group, name) for name, _ in group.arrays()}
    coordinates = {name: array for name, array in arrays.items() if dims(array) == (name,)}
    status = arrays.get("status")
    if status is None or dims(status)[-1:] != ("realization",) or len(dims(status)) != status.ndim:
        raise StoreError(f"{location_of(group) / 'status'} must be an array over axes and realizations, but it is not")
    check_grid(location_of(group), status.shape[:-1], status.shape[-1])
    for array in coordinates.values():
        taken = memory_of(array, array.shape)
        if taken > _COORDINATE and taken > _RATIO * total_size(location_of(array)):
            raise StoreError(
                f"{location_of(array)} must hold {format_bytes(taken)}, as it says, "
                "but its files are too small for that"
            )
    if group.metadata.consolidated_metadata is not None:  # else a driver may have died while it grew the store
        for array in arrays.values():
            _check_lengths(array, coordinates)
    return arrays


def check_grid(store: object, lengths: Sequence[int], realizations: int) -> None:
    """Raise a StoreError if a grid has too many points or realizations."""
    points = math.prod(lengths)
    if points > MOST_POINTS or points * realizations > MAX_REALIZATIONS:
        raise StoreError(
            f"{store} may have {MOST_POINTS} points, and {MAX_REALIZATIONS} realizations at all of them together, "
            f"got {points} points with {realizations} realizations each"
        )


def check_asked(store: object, asked: Mapping[str, Any], lengths: Sequence[int]) -> None:
    """Raise a StoreError if the recorded sweep has more points than the grid, because all its points are listed."""
    axes, wanted = asked.get("axes"), asked.get("realizations")
    if not isinstance(axes, dict) or not all(isinstance(each, list) for each in axes.values()):
        raise StoreError(f"{store} must tell the axes that a sweep asked for, got {axes!r:.100}")
    if not isinstance(wanted, int) or math.prod(map(len, axes.values())) > math.prod(lengths):
        raise StoreError(f"{store} must have all the points that a sweep asked for, but its grid is smaller")


def _check_lengths(array: zarr.Array[Any], coordinates: Mapping[str, zarr.Array[Any]]) -> None:
    """Raise a StoreError if the shape of an array differs from the lengths of its coordinates."""
    lengths = [coordinates[dim].shape[0] for dim in dims(array) if dim in coordinates]
    if lengths != list(array.shape):
        named = ", ".join(dims(array)) or "nothing"
        raise StoreError(f"{location_of(array)} must be as long as its coordinates, {named}, but it is {array.shape}")
