"""Lock file, held with the kernel's `flock` by the process that created it, until the process ends or releases it.

A process never writes to a file that it did not create: it removes an old file that no process holds, and creates its
own. So no file at the path of a lock is overwritten, and a replaced file is recognized by its inode. The file also
holds a random token, for processes on other machines and for inodes that are reused.
"""

import contextlib
import errno
import fcntl
import json
import os
import socket
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

from ensemble.errors import LockLost

_LENGTH = 1024
"""Characters of the content of a lock file, padded with spaces."""
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK
"""Flags: do not follow a symbolic link, and do not wait for a pipe, at the path of a lock file."""


@final
class LockFile:
    """A lock file while it is held; other processes read its content."""

    def __init__(self, path: Path) -> None:
        self.path, self.token = path, uuid.uuid4().hex
        self._file = _take(path)
        self._who = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}
        self._has_token = False
        self.tell()

    def tell(self, **facts: Any) -> None:
        """Write facts about the progress of the run into the lock file."""
        text = json.dumps({"token": self.token, **self._who, **facts}).ljust(_LENGTH)  # overwrites a longer old text
        with contextlib.suppress(OSError):  # on a full disk the facts are written later
            os.pwrite(self._file, text.encode(), 0)
            self._has_token = True

    def check(self) -> None:
        """Raise LockLost if the lock file is gone, is another file, or holds another token."""
        try:
            with _opened(self.path, os.O_RDONLY) as file:
                is_same = os.path.samestat(os.fstat(file), os.fstat(self._file))
                token = _facts(file).get("token")
        except FileNotFoundError:
            self.path.parent.stat()  # a different error if the whole folder is gone
            raise lock_lost_error(self.path, "is gone") from None
        except _NotPlainError:
            is_same, token = False, None
        if not is_same:
            raise lock_lost_error(self.path, _replaced(self.path))
        if self._has_token and token != self.token:
            raise lock_lost_error(self.path, "was overwritten")

    def drop(self) -> None:
        """Release the lock and remove the file."""
        with contextlib.suppress(OSError):  # the lock was lost, or the disk is gone
            self.check()
            self.path.unlink()  # before the lock is released: the next process then creates a new file
        os.close(self._file)


def lock_lost_error(file: object, said: str) -> LockLost:
    """Create the error for a driver that no longer holds its lock."""
    return LockLost(
        f"a store must have one driver at a time, but this one has lost its lock: {file} {said}; it stopped before it "
        "wrote anything else, what has landed is safe, run again when no other driver is at work"
    )


def told(path: Path) -> dict[str, Any] | None:
    """Return the content of a lock file without the token; None if no process holds it."""
    try:
        with _opened(path, os.O_RDONLY) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return {name: fact for name, fact in _facts(file).items() if name != "token"}
    except OSError:
        pass
    return None


def named(facts: dict[str, Any] | None) -> str | None:
    """Describe the holder of a lock from the content of the file; None if there is no holder."""
    if facts is None:
        return None
    return f"process {facts.get('pid')} on {facts.get('host')}" if facts else "a driver that has just started"


def check_token(path: Path, token: str) -> None:
    """Raise LockLost if a lock file does not hold this token."""
    try:
        facts = _read(path)
    except FileNotFoundError:
        _ = [*path.parent.iterdir()]  # refreshes the cache of a network file system
        try:
            facts = _read(path)
        except FileNotFoundError:
            raise lock_lost_error(path, "is gone") from None
    if facts.get("token", token) != token:
        raise lock_lost_error(path, _replaced(path))


def _replaced(path: Path) -> str:
    who = named(told(path))
    return f"was taken over by {who}" if who else "is not the file that it made"


def _take(path: Path) -> int:
    """Create a lock file and lock it; raise BlockingIOError if another process holds an existing one."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE, 0o666)
        except FileExistsError:
            _remove_old(path)
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, file):
                return file
        except BaseException as error:
            if not isinstance(error, BlockingIOError):  # else another process holds it and removes it
                path.unlink(missing_ok=True)
            os.close(file)
            raise
        os.close(file)  # another process removed it as an old one before it was locked


def _remove_old(path: Path) -> None:
    """Remove a lock file that no process holds; raise BlockingIOError if one does."""
    with contextlib.suppress(FileNotFoundError), _opened(path, os.O_RDWR) as file:  # the holder may have removed it
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, file):
            path.unlink()


class _NotPlainError(OSError):
    """The path of a lock file is a folder, a symbolic link, a pipe or a device."""


@contextlib.contextmanager
def _opened(path: Path, mode: int) -> Iterator[int]:
    """Open a regular file, without following a symbolic link."""
    try:
        file = os.open(path, mode | _SAFE)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise _NotPlainError(errno.EINVAL, "it is no plain file") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise _NotPlainError(errno.EINVAL, "it is no plain file")
        yield file
    finally:
        os.close(file)


def _read(path: Path) -> dict[str, Any]:
    try:
        with _opened(path, os.O_RDONLY) as file:
            return _facts(file)
    except _NotPlainError:
        raise lock_lost_error(path, _replaced(path)) from None


def _facts(file: int) -> dict[str, Any]:
    try:
        return dict(json.loads(os.pread(file, 4 * _LENGTH, 0)))
    except (TypeError, ValueError):
        return {}


def _is_at(path: Path, file: int) -> bool:
    """Return whether an open file is the one at this path."""
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False
