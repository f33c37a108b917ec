"""One driver at a time: a lock that the operating system drops when its holder dies, however it dies.

The hidden file beside the store tells who holds the lock; the lock itself is the kernel's, so a file that a
killed driver left behind stops nobody. Object storage knows no such locks: there it is a `lease`.
"""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, final

from ensemble.errors import StoreError, StoreLocked
from ensemble.store import lease
from ensemble.store.lease import Lease
from ensemble.store.place import Place
from ensemble.store.remote import Remote

_LENGTH = 1024
"""Characters of what a lock file tells."""


def place(store: Path) -> Path:
    """The lock file of a store: beside it, so that it can be held before there is a store."""
    return store.with_name(f".{store.name}.lock")


@final
class Held:
    """The lock of a store while it is held; what its file tells is for those who look at the store."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._who = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}

    def tell(self, **facts: Any) -> None:
        """Say what is going on."""
        text = json.dumps({**self._who, **facts}).ljust(_LENGTH)  # nobody is to read the end of older news
        with contextlib.suppress(OSError):  # on a full disk the news can wait
            self._file.seek(0)
            self._file.write(text.encode())

    def check(self) -> None:
        """An error if it is no longer ours; the kernel sees to it that it is."""


@contextlib.contextmanager
def hold(store: Place) -> Iterator[Held | Lease]:
    """Hold the store's lock; refused at once if another driver holds it."""
    with _lease(store) if isinstance(store, Remote) else _flock(store) as held:
        yield held


@contextlib.contextmanager
def _lease(store: Remote) -> Iterator[Lease]:
    if (held := Lease.take(store)) is None:
        raise refusal(store, holder(store) or "a driver that has just ended")
    try:
        yield held
    finally:
        held.drop()


@contextlib.contextmanager
def _flock(store: Path) -> Iterator[Held]:
    path = place(store)
    while True:
        try:
            file = _take(path)
            break
        except BlockingIOError as error:
            if who := holder(store):  # if not, somebody has only looked whether there is one
                raise refusal(store, who) from error
        except OSError as error:
            raise StoreError(
                f"the lock {path} must be a file that can be locked, but: {error.strerror}; "
                "let this folder be written to, or give another --store"
            ) from error
    held = Held(file)
    held.tell()
    try:
        yield held
    finally:
        with contextlib.suppress(OSError):  # the disk may have gone
            path.unlink()  # before the lock is dropped: a newcomer then makes a new file
        file.close()


def refusal(store: Place, who: str) -> StoreLocked:
    """The error for a second driver."""
    gone = "; one that was killed elsewhere counts as gone after two minutes" if isinstance(store, Remote) else ""
    return StoreLocked(
        f"{store} must have one driver at a time, but {who} is at work on it; wait for it or stop it{gone}"
    )


def holder(store: Place) -> str | None:
    """Who is at work on a store, or None."""
    facts = told(store)
    if facts is None:
        return None
    return f"process {facts['pid']} on {facts['host']}" if facts else "a driver that has just started"


def told(store: Place) -> dict[str, Any] | None:
    """What the driver at work on a store tells: pid, host, since when, and how it goes; None if there is none."""
    if isinstance(store, Remote):
        return lease.told(store)
    try:
        with place(store).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                return None
            text = file.read()
    except OSError:
        return None
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _take(path: Path) -> BinaryIO:
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = _is_at(path, file)
        except BaseException:
            file.close()
            raise
        if held:
            break
        file.close()  # its last holder removed this file between our opening and locking it
    file.truncate(0)
    return file


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Whether an open file is the one that has this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
