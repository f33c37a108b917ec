"""The folder for temporary files of a run on this machine; one that a killed driver has left is removed later.

Only the user can enter it. Its driver holds a lock on it, which the kernel drops when the driver dies, however it dies,
and writes a file into it once it has the lock. A folder with that file and without that lock has no owner any more.
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
"""What the name of such a folder begins with."""
_OWNED = "owned"
"""The file that tells that the owner of a folder has locked it."""


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder with mode 700, removed at the end; those that killed drivers of this user have left go as well.

    Raises
    ------
    ClusterError
        If there is no room for it, or no folder for temporary files.
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
    """Dask's setting for its own folders: it imports modules from them, and by default makes them in a shared one."""
    return {"temporary-directory": str(folder)}


def remove_leftovers(parent: Path) -> None:
    """Remove the scratch folders of this user whose driver has died; nothing of others, and nothing behind a link."""
    with contextlib.suppress(OSError):  # what cannot be removed now may be removed by the next run
        for folder in parent.iterdir():
            if folder.name.startswith(PREFIX):
                with contextlib.suppress(OSError):
                    _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    descriptor = _open(folder)
    try:
        about = os.fstat(descriptor)
        if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
            return
        os.stat(_OWNED, dir_fd=descriptor, follow_symlinks=False)  # an error where nobody has written it
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an error where the driver lives
        shutil.rmtree(folder)  # does not follow links, also not one that takes its place meanwhile
    finally:
        os.close(descriptor)


def _lock(folder: Path) -> int:
    """Lock a new folder, and tell so; where folders cannot be locked, as on NFS, it is left to its user to remove."""
    descriptor = _open(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return descriptor
    try:
        os.close(os.open(_OWNED, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=descriptor))
    except OSError:
        os.close(descriptor)
        folder.rmdir()
        raise
    return descriptor


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _named(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
