"""Open the Zarr group of a store, check its attributes, and commit its metadata."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from ensemble.errors import StoreDamaged, StoreError, StoreNotFound, StoreUnreachable
from ensemble.store import digest
from ensemble.store.integrity import check_codecs, damaged_error
from ensemble.store.location import (
    MAKING,
    Location,
    for_writing,
    for_zarr,
    location_of,
    metadata,
    probe,
    read_each,
    replace,
)
from ensemble.store.resource_limits import check_shortage

COMPRESSORS = (ZstdCodec(level=-1), Crc32cCodec())
"""The fastest level: trajectories hardly compress, and it gives 5 % larger files than level 3 in half the time."""
FORMAT = 3
"""Version of the layout. A store records the format that it was written in, and a driver upgrades it to this one.

1    status, provenance
2    adds attempts, landed
3    adds digests of realizations, coordinates and attributes
"""


ABSENT = "it is not there"
"""Message for a file that was written and no longer exists."""


def exists(path: Location) -> bool:
    """Return whether there is a store at `path`; raise a StoreError if there is something else."""
    if not path.exists():
        return False
    if not path.is_dir():
        raise StoreError(f"a store must be a folder, but {path} is a file; give another --store")
    if not any(path.iterdir()):
        return False
    try:
        _ = open_group(path)
    except StoreNotFound:  # a driver was killed while it created the store
        return False
    return True


def open_group(path: Location, *, writable: bool = False) -> zarr.Group:
    """Open the Zarr group at `path`.

    For reading, arrays have the shape that was committed last; for writing, the shape that they have now.
    """
    try:
        if writable:
            group = zarr.open_group(for_writing(path), mode="r+", zarr_format=3, use_consolidated=False)
        else:
            group = zarr.open_group(for_zarr(path), mode="r", zarr_format=3)
    except StoreUnreachable:
        raise
    except Exception as error:
        check_shortage(path, error)
        if not path.exists():
            raise _absent(path) from error
        raise StoreError(f"{path} must be a store that `ensemble run` made, but it is no Zarr group") from error
    written = group.attrs.get("ensemble_format")
    if written is None:
        if MAKING in group.attrs:
            raise _absent(path)
        raise StoreError(f"{path} must be a store that `ensemble run` made, but it is another Zarr group")
    if not isinstance(written, int) or written > FORMAT:
        raise StoreError(f"{path} is a store of format {written}, but this version reads up to {FORMAT}: upgrade")
    return group


def _absent(path: Location) -> StoreNotFound:
    return StoreNotFound(f"there must be a store at {path}, but there is nothing; `ensemble run` makes one")


def check_place(path: Location) -> None:
    """Raise a StoreError if no store can be created at `path`."""
    try:
        probe(path)
    except StoreUnreachable:
        raise
    except OSError as error:
        raise StoreError(f"the store {path} cannot be made there: {error.strerror}; give another --store") from error


def member(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Return one array of a group."""
    try:
        array = group[name]
    except (PermissionError, StoreUnreachable):
        raise
    except Exception as error:  # Zarr raises exceptions of any type for invalid metadata
        check_shortage(location_of(group) / name, error)
        raise damaged_error(location_of(group), name) from error
    if not isinstance(array, zarr.Array):
        raise damaged_error(location_of(group), name)
    return check_codecs(array)


def dims(array: zarr.Array[Any]) -> tuple[str, ...]:
    """Return the names of an array's dimensions."""
    return tuple(str(name) for name in array.metadata.dimension_names or ())  # type: ignore[union-attr]


def commit(path: Location, attributes: Mapping[str, Any], check: Callable[[], None] = lambda: None) -> None:
    """Set attributes and consolidated metadata in one atomic write; from then on readers see the current arrays.

    `check` is called just before the write and raises an error if the driver has lost its lock. Zarr itself would write
    the attributes first, so that for a moment the group would have no consolidated metadata.
    """
    document = json.loads((path / "zarr.json").read_text())
    before = document.get("attributes", {})
    if before.get(digest.ATTRIBUTE, digest.of_attributes(before)) != digest.of_attributes(before):
        raise damaged_error(path, why="its attributes have been changed")
    known = document["attributes"] = {**before, **attributes}
    known[digest.ATTRIBUTE] = digest.of_attributes(known)
    arrays = {name: json.loads(written) for name, written in metadata(path).items()}
    document["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": arrays}
    text = json.dumps(document, indent=2)
    check()
    replace(path / "zarr.json", text.encode())


def check_metadata(path: Location) -> None:
    """Raise an error if the metadata of an array differ from the store's copy, before anything is written."""
    committed = json.loads((path / "zarr.json").read_text()).get("consolidated_metadata") or {}
    for name, _ in metadata_troubles(path, committed.get("metadata", {})):
        raise damaged_error(path, name)


def metadata_troubles(path: Location, copies: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Iterate over arrays whose metadata are unreadable or differ from the store's copy, with the problem."""
    growing = copies.get("status", {}).get("dimension_names", ())
    known = copies or dict.fromkeys(metadata(path))
    files = [path / name / "zarr.json" for name in sorted(known)]
    for file, written in zip(files, read_each(files), strict=True):
        name = file.parent.name
        if problem := _trouble(file, written, known[name], growing):
            yield name, problem


def _trouble(file: Location, written: bytes | OSError, copy: Any, growing: Sequence[str]) -> str:
    """Return what is wrong with an array's metadata; while a store grows, its shape may be larger than in the copy."""
    current = _table(written)
    if current is None:
        return "it cannot be read" if file.exists() else ABSENT
    same = copy is None or (_without_shape(current) == _without_shape(copy) and _is_ahead(current, copy, growing))
    return "" if same else "it is not what the store knows of it"


def _is_ahead(current: Mapping[str, Any], copy: Mapping[str, Any], growing: Sequence[str]) -> bool:
    """Return whether the shape of an array equals that of the copy, or is longer along dimensions that grow."""
    lists = (current.get("shape"), copy.get("shape"), copy.get("dimension_names"))
    here, there, names = (each if isinstance(each, list) else [] for each in lists)
    if not len(here) == len(there) == len(names):
        return False
    return all(
        now == before or (isinstance(now, int) and now > before and name in growing)
        for now, before, name in zip(here, there, names, strict=True)
    )


def _without_shape(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in ("shape", "consolidated_metadata")}


def is_json(file: Location) -> bool:
    """Return whether a file contains a JSON object."""
    return _table(*read_each([file])) is not None


def _table(written: bytes | OSError) -> dict[str, Any] | None:
    """Return the JSON object in a text; None if it cannot be read or is something else."""
    try:
        parsed = None if isinstance(written, OSError) else json.loads(written)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def is_committed(path: Location) -> bool:
    """Return whether the last commit is complete."""
    opened = zarr.open_group(for_zarr(path), mode="r", zarr_format=3).metadata
    return opened.consolidated_metadata is not None


_KINDS = {
    "model": str,
    "seed": int,
    "sweep": str,
    "parameters": dict,
    "asked": dict,
    "provenance": list,
    digest.COORDINATES: dict,
    "repairs": list,
}
"""Types of the attributes; dictionaries and lists are stored as JSON texts."""
_SINCE_3 = {digest.COORDINATES: "{}", "repairs": "[]"}
"""Attributes that format 3 has added, and their values for older stores."""


def attributes(group: zarr.Group) -> dict[str, Any]:
    """Return the group's attributes with JSON texts parsed; raise an error if they have been changed."""
    written: dict[str, Any] = dict(group.attrs.asdict())
    has_digests = written["ensemble_format"] >= 3
    found = dict(written) if has_digests else {**_SINCE_3, **written}
    for name, kind in _KINDS.items():
        try:
            found[name] = found[name] if kind in (str, int) else json.loads(found[name])
        except (KeyError, TypeError, ValueError, RecursionError):
            found[name] = None
        if not isinstance(found[name], kind):
            raise damaged_error(location_of(group), why=f"its attribute {name} is not")
    if has_digests and found.get(digest.ATTRIBUTE) != digest.of_attributes(written):
        raise damaged_error(location_of(group), why="its attributes have been changed")
    return found


def check_coordinates(path: Location, told: Mapping[str, Any], values: Mapping[str, NDArray[Any]]) -> None:
    """Raise a StoreDamaged error if coordinates differ from those that were written."""
    for name, each in values.items():
        if not coordinate_matches(told, name, each):
            raise StoreDamaged(
                f"the coordinate {path / name} must hold the values that were written, but it has been changed: "
                f"`ensemble verify {path}` tells what to do"
            )


def coordinate_matches(told: Mapping[str, Any], name: str, values: NDArray[Any]) -> bool:
    """Return whether a coordinate matches its digest; stores of older formats have none, and always match.

    While a store grows, the coordinate may be longer than when its digest was computed.
    """
    if name == "realization":
        return bool((values == np.arange(len(values))).all())
    if told["ensemble_format"] < 3:
        return True
    length, known = told[digest.COORDINATES].get(name, (0, ""))
    return bool(len(values) >= length and digest.of_values(values[:length]) == known)
