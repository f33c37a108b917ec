"""A lock file: held by the process that made it, with the kernel's `flock`, until that process ends or drops it.

A process never writes into a file that it did not make: it removes an old one that nobody holds, and makes its own.
So nothing that lies at the path of a lock is overwritten, and a file that was replaced is told apart by its inode. The
file also holds a random token, for those who look from another machine and for inodes that are used again.
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
"""Characters of what a lock file tells."""
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK
"""A link or a pipe at the path of a lock file is neither followed nor waited for."""


@final
class LockFile:
    """A lock file while it is held; what it tells is for those who look."""

    def __init__(self, path: Path) -> None:
        self.path, self.token = path, uuid.uuid4().hex
        self._file = _take(path)
        self._who = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}
        self._has_token = False
        self.tell()

    def tell(self, **facts: Any) -> None:
        """Say what is going on."""
        text = json.dumps({"token": self.token, **self._who, **facts}).ljust(_LENGTH)  # covers all of older news
        with contextlib.suppress(OSError):  # on a full disk the news can wait
            os.pwrite(self._file, text.encode(), 0)
            self._has_token = True

    def check(self) -> None:
        """An error if it is no longer ours: the file is gone, is another one, or holds another token."""
        try:
            with _opened(self.path, os.O_RDONLY) as file:
                is_same = os.path.samestat(os.fstat(file), os.fstat(self._file))
                token = _facts(file).get("token")
        except FileNotFoundError:
            self.path.parent.stat()  # an error of its own if the whole folder is gone
            raise lost(self.path, "is gone") from None
        except _NotPlainError:
            is_same, token = False, None
        if not is_same:
            raise lost(self.path, _replaced(self.path))
        if self._has_token and token != self.token:
            raise lost(self.path, "was overwritten")

    def drop(self) -> None:
        """Let others have it."""
        with contextlib.suppress(OSError):  # it was lost, or the disk is gone
            self.check()
            self.path.unlink()  # before the lock is dropped: a newcomer then makes a new file
        os.close(self._file)


def lost(file: object, said: str) -> LockLost:
    """The error for a driver that no longer has its lock."""
    return LockLost(
        f"a store must have one driver at a time, but this one has lost its lock: {file} {said}; it stopped before it "
        "wrote anything else, what has landed is safe, run again when no other driver is at work"
    )


def told(path: Path) -> dict[str, Any] | None:
    """What the holder of a lock file tells; None if nobody holds it."""
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
    """Who holds a lock, by what the file tells; None if nobody does."""
    if facts is None:
        return None
    return f"process {facts.get('pid')} on {facts.get('host')}" if facts else "a driver that has just started"


def check_token(path: Path, token: str) -> None:
    """An error if a lock file does not hold this token, whoever holds the lock."""
    try:
        facts = _read(path)
    except FileNotFoundError:
        _ = [*path.parent.iterdir()]  # a network file system may remember that it was not there, but not after this
        try:
            facts = _read(path)
        except FileNotFoundError:
            raise lost(path, "is gone") from None
    if facts.get("token", token) != token:
        raise lost(path, _replaced(path))


def _replaced(path: Path) -> str:
    who = named(told(path))
    return f"was taken over by {who}" if who else "is not the file that it made"


def _take(path: Path) -> int:
    """A lock file that was made now, and is locked; a BlockingIOError if there is one that another process holds."""
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
            if not isinstance(error, BlockingIOError):  # or else it is with another process, which removes it
                path.unlink(missing_ok=True)
            os.close(file)
            raise
        os.close(file)  # another process took it for an old one, before it was locked


def _remove_old(path: Path) -> None:
    """Remove a lock file that nobody holds; a BlockingIOError if somebody does."""
    with contextlib.suppress(FileNotFoundError), _opened(path, os.O_RDWR) as file:  # its holder may have removed it
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, file):
            path.unlink()


class _NotPlainError(OSError):
    """A folder, a symbolic link, a pipe or a device is at the path of a lock file."""


@contextlib.contextmanager
def _opened(path: Path, mode: int) -> Iterator[int]:
    """A file, and nothing that a link leads to."""
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
        raise lost(path, _replaced(path)) from None


def _facts(file: int) -> dict[str, Any]:
    try:
        return dict(json.loads(os.pread(file, 4 * _LENGTH, 0)))
    except (TypeError, ValueError):
        return {}


def _is_at(path: Path, file: int) -> bool:
    """Whether an open file is the one that has this name."""
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False
