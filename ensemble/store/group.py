"""The Zarr group on disk: finding it, opening it, committing its metadata."""

import json
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

from ensemble.errors import StoreError, StoreNotFound

FORMAT = 1
"""The version of the layout; a store says which one it was written in."""


def exists(path: Path) -> bool:
    """Whether there is a store at `path`; an error if something else is."""
    if not path.exists():
        return False
    if not path.is_dir():
        raise StoreError(f"a store must be a folder, but {path} is a file; give another --store")
    if not any(path.iterdir()):
        return False
    _ = open_group(path)
    return True


def open_group(path: Path, *, writable: bool = False) -> zarr.Group:
    """The Zarr group at `path`: to read as it was last committed, to write as the arrays are."""
    if not path.exists():
        raise StoreNotFound(f"there must be a store at {path}, but there is nothing; `ensemble run` makes one")
    try:
        if writable:
            group = zarr.open_group(str(path), mode="r+", use_consolidated=False)
        else:
            group = zarr.open_group(str(path), mode="r")
    except Exception as error:
        raise StoreError(f"{path} must be a store that `ensemble run` made, but it is no Zarr group") from error
    written = group.attrs.get("ensemble_format")
    if written is None:
        raise StoreError(f"{path} must be a store that `ensemble run` made, but it is another Zarr group")
    if not isinstance(written, int) or written > FORMAT:
        raise StoreError(f"{path} is a store of format {written}, but this version reads up to {FORMAT}: upgrade")
    return group


def probe(path: Path) -> None:
    """Find out whether a store can be made at `path`, and leave no trace."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise StoreError(f"the store {path} cannot be made there: {error.strerror}; give another --store") from error


def member(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """One array of a group."""
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array


def dims(array: zarr.Array[Any]) -> tuple[str, ...]:
    """The names of an array's dimensions."""
    return tuple(str(name) for name in array.metadata.dimension_names or ())  # type: ignore[union-attr]


def commit(path: Path, attributes: Mapping[str, Any]) -> None:
    """Set attributes and consolidate in one atomic write: from here on readers see the arrays as they are.

    Zarr would write the attributes first, and the group would be unconsolidated for whoever opens it in between.
    """
    document = json.loads((path / "zarr.json").read_text())
    document["attributes"] = {**document.get("attributes", {}), **attributes}
    arrays = {each.parent.name: json.loads(each.read_text()) for each in sorted(path.glob("*/zarr.json"))}
    document["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": arrays}
    aside = path / f"zarr.json.{uuid.uuid4().hex}.partial"
    aside.write_text(json.dumps(document, indent=2))
    aside.replace(path / "zarr.json")


def is_committed(path: Path) -> bool:
    """Whether the last commit came to its end."""
    metadata = zarr.open_group(str(path), mode="r").metadata
    return metadata.consolidated_metadata is not None


def attributes(group: zarr.Group) -> dict[str, Any]:
    """The group's attributes, with those that are JSON texts read."""
    given: dict[str, Any] = dict(group.attrs.asdict())
    return {**given, **{name: json.loads(given[name]) for name in ("parameters", "asked", "provenance")}}
