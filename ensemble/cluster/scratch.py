"""Temporary folder of a run on this machine; folders that killed drivers left are removed by later runs.

Only the user can enter the folder. The driver holds a lock on it and then writes a marker file into it. The kernel
releases the lock when the driver dies, whatever the cause. So a folder with the marker but without a lock is abandoned.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ensemble.errors import ClusterError

PREFIX = "ensemble-"
"""Prefix of the folder's name."""
_MARKER = "owned"
"""Marker file: the driver has locked the folder."""


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder with mode 700, removed at the end; abandoned folders of this user are removed as well.

    Raises
    ------
    ClusterError
        If the folder cannot be created or written.
    """
    try:
        parent = Path(tempfile.gettempdir())
        remove_leftovers(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = _lock(folder)
    except OSError as error:
        raise ClusterError(
            f"there must be a folder for temporary files that this user can write to, but {_named(error)}: "
            "set TMPDIR to one with room"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def scratch_settings(folder: Path) -> dict[str, str]:
    """Dask's setting for its own folders: it imports modules from them, and by default they lie in a shared folder."""
    return {"temporary-directory": str(folder)}


def remove_leftovers(parent: Path) -> None:
    """Remove the scratch folders of this user whose driver has died; not those of others, and not through a link."""
    with contextlib.suppress(OSError):  # the next run may be able to remove the rest
        for folder in parent.iterdir():
            if folder.name.startswith(PREFIX):
                with contextlib.suppress(OSError):
                    _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    """Remove a folder if it has the marker but no lock."""
    descriptor = _open(folder)
    try:
        info = os.fstat(descriptor)
        if info.st_uid != os.geteuid() or stat.S_IMODE(info.st_mode) & 0o077:
            return
        os.stat(_MARKER, dir_fd=descriptor, follow_symlinks=False)  # raises if there is no marker
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if the driver is alive
        shutil.rmtree(folder)  # does not follow links, even if one replaces the folder now
    finally:
        os.close(descriptor)


def _lock(folder: Path) -> int:
    """Lock a new folder and write its marker; without file locks, as on NFS, there is no marker, and leftovers stay."""
    descriptor = _open(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return descriptor
    try:
        os.close(os.open(_MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=descriptor))
    except OSError:
        os.close(descriptor)
        folder.rmdir()
        raise
    return descriptor


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _named(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
