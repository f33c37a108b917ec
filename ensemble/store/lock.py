"""One driver at a time: a lock that the operating system drops when its holder dies, however it dies.

The hidden file beside the store tells who holds the lock; the lock itself is the kernel's, so a file that a
killed driver left behind stops nobody.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ensemble.errors import StoreError, StoreLocked


def place(store: Path) -> Path:
    """The lock file of a store: beside it, so that it can be held before there is a store."""
    return store.with_name(f".{store.name}.lock")


@contextlib.contextmanager
def hold(store: Path) -> Iterator[None]:
    """Hold the store's lock; refused at once if another driver holds it."""
    path = place(store)
    try:
        file = _take(path)
    except BlockingIOError as error:
        raise refusal(store, holder(store) or "another driver") from error
    except OSError as error:
        raise StoreError(f"the lock {path} must be a file that can be locked, but: {error.strerror}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before the lock is dropped: a newcomer then makes a new file
        file.close()


def refusal(store: Path, who: str) -> StoreLocked:
    """The error for a second driver."""
    return StoreLocked(f"{store} must have one driver at a time, but {who} is at work on it; wait for it or stop it")


def holder(store: Path) -> str | None:
    """Who is at work on a store, or None."""
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
        told = json.loads(text)
    except ValueError:
        return "a driver that has just started"
    return f"process {told['pid']} on {told['host']}"


def _take(path: Path) -> IO[str]:
    while True:
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
        except BaseException:
            file.close()
            raise
        if held:
            break
        file.close()  # its last holder removed this file between our opening and locking it
    file.truncate(0)
    file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
    file.flush()
    return file
