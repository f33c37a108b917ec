"""Files of a store that are not as they were written: its metadata, its coordinates, its chunks."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import zarr

from ensemble.errors import StoreError, StoreUnreachable
from ensemble.store import digest
from ensemble.store.damage import file_of, read, trouble
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
from ensemble.store.limits import checked_arrays
from ensemble.store.place import Place, metadata, place_of
from ensemble.store.points import TABLE
from ensemble.sweep import shown
from ensemble.values import Value


@final
@dataclass(frozen=True)
class Damage:
    """One file that is not as it was written."""

    file: str
    """Where it is in the store."""
    holds: str
    """The array, or what else it is."""
    said: str
    """What is wrong with it."""
    axes: Mapping[str, tuple[Value, ...]] | None = None
    """The values of the axes whose realizations it holds; None for what belongs to the whole store."""
    realizations: tuple[int, int] = (0, 0)
    """The first of these realizations, and one past the last."""
    dispensable: bool = False
    """Whether it only tells what a run finds out again."""
    removable: bool = True
    """Whether all of the file is wrong, so that a repair deletes it."""

    @property
    def mendable(self) -> bool:
        """Whether computing again brings it back."""
        return self.axes is not None or self.dispensable

    def __str__(self) -> str:
        if self.axes is None:
            return f"{self.file}, {self.holds}: {self.said}"
        first, last = self.realizations[0], self.realizations[1] - 1
        return f"{self.file}, {self.holds} at {_range(self.axes)}, realizations {first} to {last}: {self.said}"


def of_chunk(array: zarr.Array[Any], chunk: Sequence[int], axes: Mapping[str, Sequence[Value]], said: str) -> Damage:
    """The damage of a chunk that holds realizations."""
    *cells, realizations = (
        range(length)[at * size : (at + 1) * size]
        for at, size, length in zip(chunk, array.chunks, array.shape[: len(axes) + 1], strict=False)
    )
    held = {name: tuple(values[at] for at in cell) for (name, values), cell in zip(axes.items(), cells, strict=True)}
    return Damage(_inside(array, chunk), place_of(array).name, said, held, (realizations[0], realizations[-1] + 1))


def of_points(group: zarr.Group) -> Iterator[Damage]:
    """What is wrong with the little that is kept of points as a whole."""
    for name in TABLE:
        if name not in group:
            continue
        array = member(group, name)
        for chunk in np.ndindex(array.cdata_shape):
            if said := trouble(array, chunk):
                yield Damage(_inside(array, chunk), name, said, dispensable=True)


def of_metadata(path: Place) -> list[Damage]:
    """Metadata that cannot be read, or that differ from the copy that the store keeps of them."""
    try:
        group = open_group(path)
        attributes(group)
        copies = json.loads((path / "zarr.json").read_text())["consolidated_metadata"]
    except StoreUnreachable:
        raise
    except (StoreError, KeyError, TypeError, ValueError):
        if is_json(path / "zarr.json") or not metadata(path):
            open_group(path)  # no store at all: its own error tells that best
        said = "its attributes have been changed" if _attributes_changed(path) else "it cannot be read"
        return [Damage("zarr.json", "the metadata of the store", said)]
    found = metadata_troubles(path, dict((copies or {}).get("metadata", {})))
    return [Damage(f"{name}/zarr.json", f"the metadata of {name}", said) for name, said in found]


def _attributes_changed(path: Place) -> bool:
    """Whether the attributes of a store can be read, and are not those that were written."""
    try:
        known = json.loads((path / "zarr.json").read_text())["attributes"]
        return bool(known["ensemble_format"] >= 3 and known.get(digest.ATTRIBUTE) != digest.of_attributes(known))
    except (OSError, KeyError, TypeError, ValueError):
        return False


def of_coordinates(group: zarr.Group) -> tuple[dict[str, tuple[Value, ...]], list[Damage]]:
    """The values along each axis, and what is wrong with coordinates; a damaged axis tells places, not values."""
    arrays, told = checked_arrays(group), attributes(group)
    *names, _ = dims(arrays["status"])
    axes: dict[str, tuple[Value, ...]] = {}
    damages = []
    for name, array in arrays.items():
        if dims(array) != (name,):
            continue
        troubles = [(chunk, _of_coordinate(array, chunk)) for chunk in np.ndindex(array.cdata_shape)]
        found = [Damage(_inside(array, chunk), f"the coordinate {name}", said) for chunk, said in troubles if said]
        if not found and not coordinate_matches(told, name, read(array)):
            found = [Damage(f"{name}/c/0", f"the coordinate {name}", "it has been changed")]
        damages += found
        if name in names:
            axes[name] = tuple(f"#{at}" for at in range(array.shape[0])) if found else tuple(read(array).tolist())
    return {name: axes[name] for name in names}, damages


def _of_coordinate(array: zarr.Array[Any], chunk: tuple[int, ...]) -> str:
    """What is wrong with a chunk of a coordinate; one that is absent stands for a single value, its fill value."""
    if file_of(array, chunk).exists() or min(array.shape[0] - chunk[0] * array.chunks[0], array.chunks[0]) == 1:
        return trouble(array, chunk)
    return ABSENT


def _inside(array: zarr.Array[Any], chunk: Sequence[int]) -> str:
    """The file of a chunk, as seen from its store."""
    return f"{place_of(array).name}/{array.metadata.encode_chunk_key(tuple(chunk))}"


def _range(axes: Mapping[str, Sequence[Value]]) -> str:
    """Some values of every axis, in words."""

    def told(values: Sequence[Value]) -> Iterator[str]:
        yield shown(values[0])
        if len(values) > 1:
            yield shown(values[-1])

    return ", ".join(f"{name}={' to '.join(told(values))}" for name, values in axes.items())
