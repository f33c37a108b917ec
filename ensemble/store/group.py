"""The Zarr group on disk: finding it, opening it, committing its metadata."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from ensemble.errors import StoreDamaged, StoreError, StoreNotFound, StoreUnreachable
from ensemble.store import digest
from ensemble.store.damage import check_codecs, unreadable
from ensemble.store.place import MAKING, Place, for_writing, for_zarr, metadata, place_of, probe, read_each, replace
from ensemble.store.shortage import check_shortage

COMPRESSORS = (ZstdCodec(level=-1), Crc32cCodec())
"""Trajectories hardly compress: the fastest level makes them a twentieth larger than the third, in half the time."""
FORMAT = 3
"""The version of the layout; a store says which one it was written in, and a driver brings it up to this one.

1    status, provenance
2    attempts, landed besides
3    digests besides, of realizations, coordinates and attributes
"""


ABSENT = "it is not there"
"""What is wrong with a file that was written and is gone."""


def exists(path: Place) -> bool:
    """Whether there is a store at `path`; an error if something else is."""
    if not path.exists():
        return False
    if not path.is_dir():
        raise StoreError(f"a store must be a folder, but {path} is a file; give another --store")
    if not any(path.iterdir()):
        return False
    try:
        _ = open_group(path)
    except StoreNotFound:  # a driver was killed while it made one
        return False
    return True


def open_group(path: Place, *, writable: bool = False) -> zarr.Group:
    """The Zarr group at `path`: to read as it was last committed, to write as the arrays are."""
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


def _absent(path: Place) -> StoreNotFound:
    return StoreNotFound(f"there must be a store at {path}, but there is nothing; `ensemble run` makes one")


def check_place(path: Place) -> None:
    """Refuse a place where no store can be made."""
    try:
        probe(path)
    except StoreUnreachable:
        raise
    except OSError as error:
        raise StoreError(f"the store {path} cannot be made there: {error.strerror}; give another --store") from error


def member(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """One array of a group."""
    try:
        array = group[name]
    except (PermissionError, StoreUnreachable):
        raise
    except Exception as error:  # Zarr raises whatever it likes where metadata make no sense
        check_shortage(place_of(group) / name, error)
        raise unreadable(place_of(group), name) from error
    if not isinstance(array, zarr.Array):
        raise unreadable(place_of(group), name)
    return check_codecs(array)


def dims(array: zarr.Array[Any]) -> tuple[str, ...]:
    """The names of an array's dimensions."""
    return tuple(str(name) for name in array.metadata.dimension_names or ())  # type: ignore[union-attr]


def commit(path: Place, attributes: Mapping[str, Any], check: Callable[[], None] = lambda: None) -> None:
    """Set attributes and consolidate in one atomic write: from here on readers see the arrays as they are.

    `check` is called last before the write: it raises an error if the driver has lost its lock. Zarr would write the
    attributes first, and the group would be unconsolidated for whoever opens it in between.
    """
    document = json.loads((path / "zarr.json").read_text())
    before = document.get("attributes", {})
    if before.get(digest.ATTRIBUTE, digest.of_attributes(before)) != digest.of_attributes(before):
        raise unreadable(path, why="its attributes have been changed")
    known = document["attributes"] = {**before, **attributes}
    known[digest.ATTRIBUTE] = digest.of_attributes(known)
    arrays = {name: json.loads(written) for name, written in metadata(path).items()}
    document["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": arrays}
    text = json.dumps(document, indent=2)
    check()
    replace(path / "zarr.json", text.encode())


def check_metadata(path: Place) -> None:
    """Refuse to write to arrays whose metadata are not what the store knows of them."""
    committed = json.loads((path / "zarr.json").read_text()).get("consolidated_metadata") or {}
    for name, _ in metadata_troubles(path, committed.get("metadata", {})):
        raise unreadable(path, name)


def metadata_troubles(path: Place, copies: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The arrays whose metadata cannot be read or differ from the copy that the store keeps, and what is wrong."""
    growing = copies.get("status", {}).get("dimension_names", ())
    known = copies or dict.fromkeys(metadata(path))
    files = [path / name / "zarr.json" for name in sorted(known)]
    for file, written in zip(files, read_each(files), strict=True):
        name = file.parent.name
        if said := _trouble(file, written, known[name], growing):
            yield name, said


def _trouble(file: Place, written: bytes | OSError, copy: Any, growing: Sequence[str]) -> str:
    """What is wrong with the metadata of an array; its shape may be ahead of the copy while a store grows."""
    told = _table(written)
    if told is None:
        return "it cannot be read" if file.exists() else ABSENT
    same = copy is None or (_without_shape(told) == _without_shape(copy) and _is_ahead(told, copy, growing))
    return "" if same else "it is not what the store knows of it"


def _is_ahead(told: Mapping[str, Any], copy: Mapping[str, Any], growing: Sequence[str]) -> bool:
    """Whether the shape of an array is that of the copy, or longer in the dimensions that grow."""
    lists = (told.get("shape"), copy.get("shape"), copy.get("dimension_names"))
    here, there, names = (each if isinstance(each, list) else [] for each in lists)
    if not len(here) == len(there) == len(names):
        return False
    return all(
        now == before or (isinstance(now, int) and now > before and name in growing)
        for now, before, name in zip(here, there, names, strict=True)
    )


def _without_shape(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in ("shape", "consolidated_metadata")}


def is_json(file: Place) -> bool:
    """Whether a file holds a table of JSON."""
    return _table(*read_each([file])) is not None


def _table(written: bytes | OSError) -> dict[str, Any] | None:
    """The table that a text of JSON holds, if it could be read and does."""
    try:
        told = None if isinstance(written, OSError) else json.loads(written)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def is_committed(path: Place) -> bool:
    """Whether the last commit came to its end."""
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
"""What the attributes of a store are; those that are no plain values are JSON texts."""
_SINCE_3 = {digest.COORDINATES: "{}", "repairs": "[]"}
"""Those that older stores lack, and what they stand for there."""


def attributes(group: zarr.Group) -> dict[str, Any]:
    """The group's attributes, with those that are JSON texts read; an error if they are not as they were written."""
    written: dict[str, Any] = dict(group.attrs.asdict())
    has_digests = written["ensemble_format"] >= 3
    found = dict(written) if has_digests else {**_SINCE_3, **written}
    for name, kind in _KINDS.items():
        try:
            found[name] = found[name] if kind in (str, int) else json.loads(found[name])
        except (KeyError, TypeError, ValueError, RecursionError):
            found[name] = None
        if not isinstance(found[name], kind):
            raise unreadable(place_of(group), why=f"its attribute {name} is not")
    if has_digests and found.get(digest.ATTRIBUTE) != digest.of_attributes(written):
        raise unreadable(place_of(group), why="its attributes have been changed")
    return found


def check_coordinates(path: Place, told: Mapping[str, Any], values: Mapping[str, NDArray[Any]]) -> None:
    """Refuse coordinates that are not those that were written, by the attributes of their store."""
    for name, each in values.items():
        if not coordinate_matches(told, name, each):
            raise StoreDamaged(
                f"the coordinate {path / name} must hold the values that were written, but it has been changed: "
                f"`ensemble verify {path}` tells what to do"
            )


def coordinate_matches(told: Mapping[str, Any], name: str, values: NDArray[Any]) -> bool:
    """Whether a coordinate holds what the attributes of its store say; older ones say nothing, and do not count."""
    if name == "realization":
        return bool((values == np.arange(len(values))).all())
    if told["ensemble_format"] < 3:
        return True
    length, known = told[digest.COORDINATES].get(name, (0, ""))
    return bool(len(values) >= length and digest.of_values(values[:length]) == known)  # longer while it grows
