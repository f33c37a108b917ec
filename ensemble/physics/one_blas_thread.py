"""Limit BLAS and LAPACK to one thread, so that a matrix has the same spectrum to the last bit.

OpenBLAS splits sums between its threads. Two threads change the last bits for matrices of 256 x 256 and larger.
"""

import threading
from functools import cache
from types import TracebackType

from threadpoolctl import ThreadpoolController


class OneBlasThread:
    """A context manager: BLAS and LAPACK use one thread while any thread of this process is inside.

    The limit holds for the whole process, so the first thread that enters sets it and the last that leaves removes it.
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
"""The single instance of this process: `with one_blas_thread: ...`."""


@cache
def _libraries() -> ThreadpoolController:
    """The loaded libraries, cached: finding them takes a millisecond, limiting them takes ten microseconds."""
    return ThreadpoolController()
