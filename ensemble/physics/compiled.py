"""The one way in which this package compiles a function: Numba, cached on disk, strict arithmetic.

No `parallel` and no `fastmath`: a kernel returns the same bits in whatever process or thread it runs. It lets go of
the interpreter's lock, so that a worker answers its scheduler while it computes.
Division by zero follows IEEE 754, as in NumPy, so that no loop carries a branch for it.

Machine code is kept next to each module until that module changes. Numba does not see that a function which is
called from another module has changed: whoever edits a kernel removes `__pycache__` here.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """`function` compiled on its first call for the argument types of that call."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))
