"""Location of a store: a local folder, or a location on object storage with the same methods as a `Path`.

This module contains the other differences between the two: how Zarr opens them, how a file is replaced atomically, and
how a store is created as a whole. The lock is in `lock`.
"""

import contextlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import zarr
from zarr.storage import StorePath

from ensemble.store import local_folder
from ensemble.store.local_folder import Folder
from ensemble.store.object_storage import ObjectStorageLocation, ObjectStore, read_together

Location = Path | ObjectStorageLocation

_REQUESTS = 10
"""Chunks that are read in parallel from object storage."""

_LINKS = 40
"""Largest number of symbolic links to follow, as in Linux; more of them are a loop."""

MAKING = "ensemble_making"
"""Attribute of a group on object storage while a store is being created there."""


def parse_location(given: str | Location) -> Location:
    """Return the location that a user gives as a path or URL."""
    if isinstance(given, str):
        return ObjectStorageLocation.of(given) if "://" in given else Path(given)
    return given


def for_zarr(at: Location) -> Folder | ObjectStore:
    """Return the Zarr store of a location, for reading."""
    return ObjectStore(at.url) if isinstance(at, ObjectStorageLocation) else Folder(at, read_only=True)


def for_writing(at: Location) -> Folder | ObjectStore:
    """Return the Zarr store of a location, for writing."""
    return ObjectStore(at.url) if isinstance(at, ObjectStorageLocation) else Folder(at)


def location_of(opened: Any) -> Location:
    """Return the location of an open Zarr group or array."""
    inside: StorePath = opened.store_path
    root = ObjectStorageLocation(inside.store.url) if isinstance(inside.store, ObjectStore) else Path(inside.store.root)  # type: ignore[attr-defined]
    return root / inside.path if inside.path else root


def map_in_threads(opened: Any) -> contextlib.AbstractContextManager[Any]:
    """Context in which Zarr reads several chunks in parallel from object storage, whatever its settings are."""
    remote = isinstance(opened.store_path.store, ObjectStore)
    return zarr.config.set({"async.concurrency": _REQUESTS}) if remote else contextlib.nullcontext()


def replace(file: Location, data: bytes) -> None:
    """Write a file in one atomic step: readers see the old content or the new one."""
    if isinstance(file, ObjectStorageLocation):
        file.put(data)
    else:
        local_folder.replace(file, data)


def read_each(files: Sequence[Location]) -> list[bytes | OSError]:
    """Read files of one store, in parallel from object storage; an OSError in place of a file that cannot be read."""
    remote = [file for file in files if isinstance(file, ObjectStorageLocation)]
    return read_together(remote) if remote else [_read(file) for file in files if isinstance(file, Path)]


def chunk_files(array: "zarr.Array[Any]") -> set[Location]:
    """Return all files of an array, from one listing."""
    at = location_of(array)
    if isinstance(at, ObjectStorageLocation):
        return set(at.tree())
    return {Path(folder, name) for folder, _, names in os.walk(at) for name in names}


def total_size(at: Location) -> int:
    """Return the size of all files in a folder, in bytes."""
    if isinstance(at, ObjectStorageLocation):
        return at.total_size()
    return sum(map(_size, at.rglob("*")))


def metadata(store: Location) -> dict[str, bytes]:
    """Return the metadata file of every array in a store, by name."""
    if isinstance(store, ObjectStorageLocation):
        names = sorted(each.name for each in store.iterdir())
        found = zip(names, read_each([store / name / "zarr.json" for name in names]), strict=True)
        return {name: written for name, written in found if isinstance(written, bytes)}
    return {each.parent.name: local_folder.read_bytes(each) for each in sorted(store.glob("*/zarr.json"))}


@contextlib.contextmanager
def made_aside(store: Location, check: Callable[[], None]) -> Iterator[Path]:
    """Context with a temporary folder in which a store is created; at the end the whole store is moved to its location.

    `check` is called just before the store is moved.
    """
    if isinstance(store, ObjectStorageLocation):
        with tempfile.TemporaryDirectory() as made:
            yield Path(made) / store.name
            _send(Path(made) / store.name, store, check)
        return
    store = link_target(store)
    aside = store.with_name(f".{store.name}.making")
    shutil.rmtree(aside, ignore_errors=True)  # left by a killed driver; this driver holds the lock
    try:
        yield aside
        check()
        aside.rename(store)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def probe(store: Location) -> None:
    """Check that something can be created beside a store; leaves no file behind."""
    if isinstance(store, ObjectStorageLocation):
        trace = store.with_name(f".{store.name}.{uuid.uuid4().hex}")
        trace.put(b"")
        trace.unlink()
    else:
        at = link_target(store)
        with tempfile.TemporaryDirectory(dir=at.parent, prefix=f".{at.name}."):
            pass


def link_target(path: Path) -> Path:
    """Return the target of a symbolic link, or the path itself; links in parent folders are not resolved."""
    for _ in range(_LINKS):
        try:
            path = path.parent / path.readlink()
        except OSError:  # not a link
            break
    return path


def _size(file: Path) -> int:
    """Return the size of a file in bytes; 0 for a folder, or for a file that has been removed since it was listed."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except FileNotFoundError:
        return 0


def _read(file: Path) -> bytes | OSError:
    try:
        return local_folder.read_bytes(file)
    except OSError as error:
        return error


def _send(made: Path, to: ObjectStorageLocation, check: Callable[[], None]) -> None:
    """Copy a new store to object storage; `zarr.json` comes last, and only then is it a store."""
    files = {each.relative_to(made).as_posix(): each.read_bytes() for each in made.rglob("*") if each.is_file()}
    last, root = files.pop("zarr.json"), to / "zarr.json"
    root.put(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {MAKING: True}}).encode())
    for left in to.tree():  # from a killed driver; this driver holds the lock
        if left != root:
            left.unlink()
    to.put_all(files)
    check()
    root.put(last)
