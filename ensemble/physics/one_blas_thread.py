"""Linear algebra on one thread, whatever the machine: then a matrix has the same spectrum, to the last bit.

OpenBLAS splits sums between its threads, and two of them change the last bits at 256 x 256 and beyond.
"""

import threading
from functools import cache
from types import TracebackType

from threadpoolctl import ThreadpoolController


class OneBlasThread:
    """While anybody in this process is inside, BLAS and LAPACK use one thread.

    The limit holds for the whole process, so the first to enter sets it and the last to leave lifts it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit = _libraries().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()


one_blas_thread = OneBlasThread()
"""The one of this process: `with one_blas_thread: ...`."""


@cache
def _libraries() -> ThreadpoolController:
    """The libraries that are loaded: to look for them takes a millisecond, to limit them ten microseconds."""
    return ThreadpoolController()
