"""Compile a function with Numba: cached on disk, with strict floating-point arithmetic.

All compiled functions of the package use this decorator. It sets neither `parallel` nor `fastmath`, so a kernel returns
the same bits in every process and thread. It releases the global interpreter lock (GIL), so a worker answers its
scheduler while it computes. Division by zero follows IEEE 754, as in NumPy, so loops need no branch for it.

Numba stores the machine code next to each module and compiles again when that module changes. Numba does not notice
when a function that is imported from another module changes: after you edit a kernel, delete `__pycache__` here.

If neither the package folder nor the home folder of the user is writable, as in many containers, the machine code is
stored in a temporary folder that only this user can access. If there is no such folder either, the cache is disabled,
because Numba raises an error if it is asked to cache a function and finds no writable folder.
"""

import functools
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config, njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Return `function`, compiled with Numba at its first call for the argument types of that call."""
    compile_now = functools.partial(njit, nogil=True, error_model="numpy")
    try:
        return cast(Function, compile_now(cache=True)(function))
    except RuntimeError:  # Numba found no writable cache folder
        if folder := private_folder():
            config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
        return cast(Function, compile_now(cache=folder is not None)(function))


@functools.cache
def private_folder() -> Path | None:
    """Return a cache folder that only this user can access, the same for all processes, or None if there is none.

    Cached machine code is executed without a check, so a folder that other users can write to is not used.
    """
    try:
        folder = Path(tempfile.gettempdir()) / f"ensemble-numba-{os.geteuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    private = (
        stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
    )
    return folder if private and os.access(folder, os.W_OK | os.X_OK) else None
