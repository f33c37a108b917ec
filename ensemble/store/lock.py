"""One driver at a time: a lock that the operating system drops when its holder dies, however it dies.

The lock is a hidden file inside the store, so every path to a store leads to the same lock: through a symbolic link,
with `..`, or through another mount. It lies in the folder of `status`, where Zarr lists nothing. While there is no
store yet, the lock is a hidden file beside the place where the store will be.

A driver checks before each commit that the lock file at the store's path is still its own; a worker, before it lands a
chunk, that it holds the token of its driver. A driver that has lost its lock stops. What remains is the moment between
a check and the write that follows it.

Object storage knows no such locks: there it is a `lease`.
"""

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ensemble.errors import StoreError, StoreLocked
from ensemble.store import lease, lock_file
from ensemble.store.group import exists
from ensemble.store.lease import Lease
from ensemble.store.lock_file import LockFile
from ensemble.store.place import Place, link_target
from ensemble.store.remote import Remote

Check = Callable[[], None]
"""Raises a LockLost if a driver no longer has its lock."""

_PATIENCE = 10.0
"""Seconds after which a lock counts as held even if nobody tells that it is."""
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
    """The lock file of a store: inside it, or beside it while there is none."""
    inside = _inside(store)
    return inside if inside.parent.is_dir() else _beside(store)


@contextlib.contextmanager
def hold(store: Place, create: Callable[[Check], None] | None = None) -> Iterator[LockFile | Lease]:
    """Hold the store's lock; refused at once if another driver holds it.

    If there is no store, `create` makes it, and calls the check that it is given before the store comes to its place.
    """
    if isinstance(store, Remote):
        with _lease(store) as lent:
            if create and not exists(store):
                create(lent.check)
            yield lent
        return
    store = store.absolute()
    if create and not exists(store):
        with _flock(store, _beside(store)) as gate:
            if not exists(store):  # another driver may have made it meanwhile
                create(gate.check)
    path = place(store)
    if path != _beside(store):
        _clear(store)
    with _flock(store, path) as held:
        yield held


def check_token(store: Place, token: str) -> None:
    """An error unless the driver with this token holds the store: for a worker, before it writes.

    On object storage this is not checked: it would take a request for each chunk.
    """
    if token and isinstance(store, Path):
        lock_file.check_token(_inside(store), token)


def refusal(store: Place, who: str) -> StoreLocked:
    """The error for a second driver."""
    gone = "; one that was killed elsewhere counts as gone after two minutes" if isinstance(store, Remote) else ""
    return StoreLocked(
        f"{store} must have one driver at a time, but {who} is at work on it; wait for it or stop it{gone}"
    )


def holder(store: Place) -> str | None:
    """Who is at work on a store, or None."""
    return lock_file.named(told(store))


def told(store: Place) -> dict[str, Any] | None:
    """What the driver at work on a store tells: pid, host, since when, and how it goes; None if there is none."""
    if isinstance(store, Remote):
        return lease.told(store)
    facts = lock_file.told(_inside(store))
    return lock_file.told(_beside(store)) if facts is None else facts


def _inside(store: Path) -> Path:
    return store / "status" / ".lock"


def _beside(store: Path) -> Path:
    at = link_target(store)
    return at.with_name(f".{at.name}.lock")


@contextlib.contextmanager
def _lease(store: Remote) -> Iterator[Lease]:
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
            who = holder(store)  # None if somebody has only looked whether there is one
            if who or time.monotonic() > end:
                raise refusal(store, who or "somebody") from error
            time.sleep(_PAUSE)
        except OSError as error:
            remedy = _REMEDIES.get(error.errno or 0, "let this folder be written to, or choose another store")
            raise StoreError(
                f"the lock {path} must be a file that can be locked, but: {error.strerror}; {remedy}"
            ) from error


def _clear(store: Path) -> None:
    """Remove a lock file that a killed driver left beside a store; refused while somebody holds it."""
    path = _beside(store)
    if path.is_file():
        try:
            with _flock(store, path):
                pass
        except StoreLocked:
            raise
        except StoreError:  # it may stay: the lock inside the store is the one that counts
            return
