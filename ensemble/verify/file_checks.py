"""Find damaged files of a store: metadata, coordinates and chunks that are missing, unreadable or changed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import zarr

from ensemble.errors import StoreError, StoreUnreachable
from ensemble.store import digest
from ensemble.store.group import (
    ABSENT,
    attributes,
    coordinate_matches,
    dims,
    is_json,
    member,
    metadata_troubles,
    open_group,
)
from ensemble.store.integrity import damage_of_chunk, file_of, read
from ensemble.store.location import Location, location_of, metadata
from ensemble.store.point_summary import TABLE
from ensemble.store.size_limits import checked_arrays
from ensemble.sweep.sweep import format_value
from ensemble.sweep.toml_values import Value


@final
@dataclass(frozen=True)
class Damage:
    """One damaged file."""

    file: str
    """Path of the file, relative to the store."""
    holds: str
    """What the file holds, such as the name of an array."""
    said: str
    """What is wrong with the file."""
    axes: Mapping[str, tuple[Value, ...]] | None = None
    """Values of the axes whose realizations the file holds; None if the file belongs to the whole store."""
    realizations: tuple[int, int] = (0, 0)
    """Index of the first of these realizations, and one past the last."""
    dispensable: bool = False
    """Whether a run determines the content again, so that losing it does no harm."""
    removable: bool = True
    """Whether all content of the file is wrong, so that a repair deletes the file."""

    @property
    def mendable(self) -> bool:
        """Whether recomputing restores the content."""
        return self.axes is not None or self.dispensable

    def __str__(self) -> str:
        if self.axes is None:
            return f"{self.file}, {self.holds}: {self.said}"
        first, last = self.realizations[0], self.realizations[1] - 1
        return f"{self.file}, {self.holds} at {_format_ranges(self.axes)}, realizations {first} to {last}: {self.said}"


def check_chunk_file(
    array: zarr.Array[Any], chunk: Sequence[int], axes: Mapping[str, Sequence[Value]], said: str
) -> Damage:
    """Describe the damage `said` of a chunk that holds realizations."""
    *cells, realizations = (
        range(length)[at * size : (at + 1) * size]
        for at, size, length in zip(chunk, array.chunks, array.shape[: len(axes) + 1], strict=False)
    )
    held = {name: tuple(values[at] for at in cell) for (name, values), cell in zip(axes.items(), cells, strict=True)}
    return Damage(
        _file_in_store(array, chunk), location_of(array).name, said, held, (realizations[0], realizations[-1] + 1)
    )


def check_point_files(group: zarr.Group) -> Iterator[Damage]:
    """Damaged chunks of the arrays with one value for each point, such as the time of a realization."""
    for name in TABLE:
        if name not in group:
            continue
        array = member(group, name)
        for chunk in np.ndindex(array.cdata_shape):
            if said := damage_of_chunk(array, chunk):
                yield Damage(_file_in_store(array, chunk), name, said, dispensable=True)


def check_metadata_files(path: Location) -> list[Damage]:
    """Metadata files that cannot be read, or that differ from their consolidated copy in the store."""
    try:
        group = open_group(path)
        attributes(group)
        copies = json.loads((path / "zarr.json").read_text())["consolidated_metadata"]
    except StoreUnreachable:
        raise
    except (StoreError, KeyError, TypeError, ValueError):
        if is_json(path / "zarr.json") or not metadata(path):
            open_group(path)  # if this is not a store, raise the usual error
        said = "its attributes have been changed" if _attributes_changed(path) else "it cannot be read"
        return [Damage("zarr.json", "the metadata of the store", said)]
    found = metadata_troubles(path, dict((copies or {}).get("metadata", {})))
    return [Damage(f"{name}/zarr.json", f"the metadata of {name}", said) for name, said in found]


def _attributes_changed(path: Location) -> bool:
    """Whether the attributes of a store can be read, but do not match their digest."""
    try:
        known = json.loads((path / "zarr.json").read_text())["attributes"]
        return bool(known["ensemble_format"] >= 3 and known.get(digest.ATTRIBUTE) != digest.of_attributes(known))
    except (OSError, KeyError, TypeError, ValueError):
        return False


def check_coordinate_values(group: zarr.Group) -> tuple[dict[str, tuple[Value, ...]], list[Damage]]:
    """The values along each axis, and the damage of coordinates; a damaged axis has indices such as "#0" as values."""
    arrays, known = checked_arrays(group), attributes(group)
    *names, _ = dims(arrays["status"])
    axes: dict[str, tuple[Value, ...]] = {}
    damages = []
    for name, array in arrays.items():
        if dims(array) != (name,):
            continue
        troubles = [(chunk, _coordinate_damage(array, chunk)) for chunk in np.ndindex(array.cdata_shape)]
        found = [
            Damage(_file_in_store(array, chunk), f"the coordinate {name}", said) for chunk, said in troubles if said
        ]
        if not found and not coordinate_matches(known, name, read(array)):
            found = [Damage(f"{name}/c/0", f"the coordinate {name}", "it has been changed")]
        damages += found
        if name in names:
            axes[name] = tuple(f"#{at}" for at in range(array.shape[0])) if found else tuple(read(array).tolist())
    return {name: axes[name] for name in names}, damages


def _coordinate_damage(array: zarr.Array[Any], chunk: tuple[int, ...]) -> str:
    """What is wrong with a chunk of a coordinate; empty if nothing is wrong.

    A chunk of a single value may be missing: it then holds the fill value.
    """
    if file_of(array, chunk).exists() or min(array.shape[0] - chunk[0] * array.chunks[0], array.chunks[0]) == 1:
        return damage_of_chunk(array, chunk)
    return ABSENT


def _file_in_store(array: zarr.Array[Any], chunk: Sequence[int]) -> str:
    """Path of the file of a chunk, relative to the store."""
    return f"{location_of(array).name}/{array.metadata.encode_chunk_key(tuple(chunk))}"


def _format_ranges(axes: Mapping[str, Sequence[Value]]) -> str:
    """The first and last value of every axis, as text."""

    def ends(values: Sequence[Value]) -> Iterator[str]:
        yield format_value(values[0])
        if len(values) > 1:
            yield format_value(values[-1])

    return ", ".join(f"{name}={' to '.join(ends(values))}" for name, values in axes.items())
