"""The one way in which this package compiles a function: Numba, cached on disk, strict arithmetic.

No `parallel` and no `fastmath`: a kernel returns the same bits in whatever process or thread it runs. It lets go of
the interpreter's lock, so that a worker answers its scheduler while it computes.
Division by zero follows IEEE 754, as in NumPy, so that no loop carries a branch for it.

Machine code is kept next to each module until that module changes. Numba does not see that a function which is
called from another module has changed: whoever edits a kernel removes `__pycache__` here.

Where neither this package nor the home of the user can be written to, as in many containers, machine code is kept in a
folder for temporary files that nobody else can enter, or in none: Numba refuses to compile a function that it cannot
keep.
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
    """`function` compiled on its first call for the argument types of that call."""
    compile_now = functools.partial(njit, nogil=True, error_model="numpy")
    try:
        return cast(Function, compile_now(cache=True)(function))
    except RuntimeError:  # there is no folder for it
        if folder := private_folder():
            config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
        return cast(Function, compile_now(cache=folder is not None)(function))


@functools.cache
def private_folder() -> Path | None:
    """A folder for machine code that only this user can enter, the same for all processes; None if there is none.

    Machine code is run without a question, so nothing is taken from a folder that others can write to.
    """
    try:
        folder = Path(tempfile.gettempdir()) / f"ensemble-numba-{os.geteuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid() and not stat.S_IMODE(about.st_mode) & 0o077
    return folder if mine and os.access(folder, os.W_OK | os.X_OK) else None
