"""Where a store is: a folder, or a place on object storage, which has those verbs of a `Path` that a store needs.

Here is all in which the two differ beyond these verbs: how Zarr opens them, how a file is replaced as a whole, how a
store comes into being as a whole. One driver at a time is the matter of `lock`.
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

from ensemble.store import folder
from ensemble.store.folder import Folder
from ensemble.store.remote import ObjectStore, Remote, read_together

Place = Path | Remote

_REQUESTS = 10
"""Chunks that are read at the same time from object storage."""

_LINKS = 40
"""So many symbolic links are followed, as Linux does; then one leads to itself."""

MAKING = "ensemble_making"
"""The attribute of a group on object storage that is to become a store."""


def place(given: str | Place) -> Place:
    """The place that a user names."""
    if isinstance(given, str):
        return Remote.of(given) if "://" in given else Path(given)
    return given


def for_zarr(at: Place) -> Folder | ObjectStore:
    """A place as Zarr and xarray take it to read there."""
    return ObjectStore(at.url) if isinstance(at, Remote) else Folder(at, read_only=True)


def for_writing(at: Place) -> Folder | ObjectStore:
    """A place as Zarr takes it to write there."""
    return ObjectStore(at.url) if isinstance(at, Remote) else Folder(at)


def place_of(opened: Any) -> Place:
    """The place of a group or an array that Zarr has opened."""
    inside: StorePath = opened.store_path
    root = Remote(inside.store.url) if isinstance(inside.store, ObjectStore) else Path(inside.store.root)  # type: ignore[attr-defined]
    return root / inside.path if inside.path else root


def at_once(opened: Any) -> contextlib.AbstractContextManager[Any]:
    """Have Zarr read several chunks at the same time where requests take their time, whatever else was set."""
    remote = isinstance(opened.store_path.store, ObjectStore)
    return zarr.config.set({"async.concurrency": _REQUESTS}) if remote else contextlib.nullcontext()


def replace(file: Place, data: bytes) -> None:
    """Write a file in one atomic step: readers see what was there before, or this."""
    if isinstance(file, Remote):
        file.put(data)
    else:
        folder.replace(file, data)


def read_each(files: Sequence[Place]) -> list[bytes | OSError]:
    """What stands in files of one store, or why it cannot be read; all at once where requests take their time."""
    remote = [file for file in files if isinstance(file, Remote)]
    return read_together(remote) if remote else [_read(file) for file in files if isinstance(file, Path)]


def chunk_files(array: "zarr.Array[Any]") -> set[Place]:
    """All files of an array, from one listing."""
    at = place_of(array)
    if isinstance(at, Remote):
        return set(at.tree())
    return {Path(folder, name) for folder, _, names in os.walk(at) for name in names}


def total_size(at: Place) -> int:
    """Bytes of all files in a folder."""
    if isinstance(at, Remote):
        return at.total_size()
    return sum(map(_size, at.rglob("*")))


def metadata(store: Place) -> dict[str, bytes]:
    """The metadata of every array in a store, by its name, as they are written."""
    if isinstance(store, Remote):
        names = sorted(each.name for each in store.iterdir())
        found = zip(names, read_each([store / name / "zarr.json" for name in names]), strict=True)
        return {name: written for name, written in found if isinstance(written, bytes)}
    return {each.parent.name: folder.read_bytes(each) for each in sorted(store.glob("*/zarr.json"))}


@contextlib.contextmanager
def made_aside(store: Place, check: Callable[[], None]) -> Iterator[Path]:
    """A folder to make a store in, which comes to its place as a whole; `check` is called last before that."""
    if isinstance(store, Remote):
        with tempfile.TemporaryDirectory() as made:
            yield Path(made) / store.name
            _send(Path(made) / store.name, store, check)
        return
    store = link_target(store)
    aside = store.with_name(f".{store.name}.making")
    shutil.rmtree(aside, ignore_errors=True)  # left by a driver that was killed; the lock is ours
    try:
        yield aside
        check()
        aside.rename(store)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def probe(store: Place) -> None:
    """Find out whether something can be made beside a store, and leave no trace."""
    if isinstance(store, Remote):
        trace = store.with_name(f".{store.name}.{uuid.uuid4().hex}")
        trace.put(b"")
        trace.unlink()
    else:
        at = link_target(store)
        with tempfile.TemporaryDirectory(dir=at.parent, prefix=f".{at.name}."):
            pass


def link_target(path: Path) -> Path:
    """Where a path leads that is a symbolic link, or the path itself; the folders above it are left as they are."""
    for _ in range(_LINKS):
        try:
            path = path.parent / path.readlink()
        except OSError:  # it is no link
            break
    return path


def _size(file: Path) -> int:
    """Bytes of a file; none where there is a folder, or where there was a file when its folder was listed."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except FileNotFoundError:
        return 0


def _read(file: Path) -> bytes | OSError:
    try:
        return folder.read_bytes(file)
    except OSError as error:
        return error


def _send(made: Path, to: Remote, check: Callable[[], None]) -> None:
    """Put a store on object storage: there is one from the last object on, which takes the place of the first."""
    files = {each.relative_to(made).as_posix(): each.read_bytes() for each in made.rglob("*") if each.is_file()}
    last, root = files.pop("zarr.json"), to / "zarr.json"
    root.put(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {MAKING: True}}).encode())
    for left in to.tree():  # by a driver that was killed; the lock is ours
        if left != root:
            left.unlink()
    to.put_all(files)
    check()
    root.put(last)
