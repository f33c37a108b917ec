"""Lock of a store: one driver at a time. The operating system releases the lock when its holder ends, also when killed.

The lock is a hidden file inside the store, so every path to a store leads to the same lock: through a symbolic link,
with `..`, or through another mount. It is in the folder of `status`, which Zarr does not list. While there is no store
yet, the lock is a hidden file beside the future store.

Before each commit, a driver checks that the lock file at the store's path is still its own. Before it writes a chunk, a
worker checks that the lock file holds the token of its driver. A driver that has lost its lock stops. The short time
between a check and the write after it is not protected.

Object storage has no file locks; there the lock is a lease, see `object_lock`.
"""

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ensemble.errors import StoreError, StoreLocked
from ensemble.store import lock_file, object_lock
from ensemble.store.group import exists
from ensemble.store.location import Location, link_target
from ensemble.store.lock_file import LockFile
from ensemble.store.object_lock import Lease
from ensemble.store.object_storage import ObjectStorageLocation

Check = Callable[[], None]
"""Function that raises LockLost if a driver no longer holds its lock."""

_PATIENCE = 10.0
"""Seconds to wait for a lock whose holder is unknown, before it counts as held."""
_PAUSE = 0.001
_REMEDIES = {
    errno.EINVAL: "remove what is there",
    errno.ENOSPC: "make room on this disk",
    errno.EDQUOT: "make room in this quota",
    **dict.fromkeys(
        (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS),
        "mount this file system with locks, or put the store on another one",
    ),
}
"""What to do about an error of the operating system."""


def place(store: Path) -> Path:
    """Return the lock file of a store: inside the store, or beside its path if there is no store yet."""
    inside = _inside(store)
    return inside if inside.parent.is_dir() else _beside(store)


@contextlib.contextmanager
def hold(store: Location, create: Callable[[Check], None] | None = None) -> Iterator[LockFile | Lease]:
    """Hold the lock of a store; raise StoreLocked if another driver holds it.

    If there is no store, `create` creates it. It is called with the check of the lock, to be called just before the
    store is moved to its path.
    """
    if isinstance(store, ObjectStorageLocation):
        with _lease(store) as lent:
            if create and not exists(store):
                create(lent.check)
            yield lent
        return
    store = store.absolute()
    if create and not exists(store):
        with _flock(store, _beside(store)) as gate:
            if not exists(store):  # another driver may have created it in the meantime
                create(gate.check)
    path = place(store)
    if path != _beside(store):
        _clear(store)
    with _flock(store, path) as held:
        yield held


def check_token(store: Location, token: str) -> None:
    """Raise LockLost unless the driver with this token holds the store; a worker calls it before it writes.

    On object storage the token is not checked, because that would take one request for each chunk.
    """
    if token and isinstance(store, Path):
        lock_file.check_token(_inside(store), token)


def refusal(store: Location, who: str) -> StoreLocked:
    """Create the error for a second driver."""
    gone = (
        "; one that was killed elsewhere counts as gone after two minutes"
        if isinstance(store, ObjectStorageLocation)
        else ""
    )
    return StoreLocked(
        f"{store} must have one driver at a time, but {who} is at work on it; wait for it or stop it{gone}"
    )


def holder(store: Location) -> str | None:
    """Return a description of the driver that holds a store; None if there is none."""
    return lock_file.named(told(store))


def told(store: Location) -> dict[str, Any] | None:
    """Return what the driver that holds a store reports: pid, host, start time, progress; None if there is none."""
    if isinstance(store, ObjectStorageLocation):
        return object_lock.told(store)
    facts = lock_file.told(_inside(store))
    return lock_file.told(_beside(store)) if facts is None else facts


def _inside(store: Path) -> Path:
    return store / "status" / ".lock"


def _beside(store: Path) -> Path:
    at = link_target(store)
    return at.with_name(f".{at.name}.lock")


@contextlib.contextmanager
def _lease(store: ObjectStorageLocation) -> Iterator[Lease]:
    if (held := Lease.take(store)) is None:
        raise refusal(store, holder(store) or "a driver that has just ended")
    try:
        yield held
    finally:
        held.drop()


@contextlib.contextmanager
def _flock(store: Path, path: Path) -> Iterator[LockFile]:
    held = _locked(store, path)
    try:
        yield held
    finally:
        held.drop()


def _locked(store: Path, path: Path) -> LockFile:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return LockFile(path)
        except BlockingIOError as error:
            who = holder(store)  # None if another process only checks whether there is a holder
            if who or time.monotonic() > end:
                raise refusal(store, who or "somebody") from error
            time.sleep(_PAUSE)
        except OSError as error:
            remedy = _REMEDIES.get(error.errno or 0, "let this folder be written to, or choose another store")
            raise StoreError(
                f"the lock {path} must be a file that can be locked, but: {error.strerror}; {remedy}"
            ) from error


def _clear(store: Path) -> None:
    """Remove a lock file that a killed driver left beside a store; raise StoreLocked if another process holds it."""
    path = _beside(store)
    if path.is_file():
        try:
            with _flock(store, path):
                pass
        except StoreLocked:
            raise
        except StoreError:  # it may stay: only the lock inside the store counts
            return
