"""Timeout: call a function in a subprocess, and stop the subprocess when a call takes too long.

A thread cannot be stopped, and compiled code that holds the interpreter lock (GIL) stops every thread of its process,
including a thread that watches the time. So the calls run in a subprocess, and the Dask worker only waits: it can
always be reached, it keeps its results, and it survives the subprocess. When the subprocess is stopped, the signal
handler of `faulthandler`, which is written in C and needs no lock, writes the traceback of the call.

However the subprocess ends, the number of the current call is known, so that only this call is recorded as failed.
"""

import contextlib
import ctypes
import faulthandler
import itertools
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, TypeVar, final

from ensemble.errors import RunError
from ensemble.sweep.units import format_duration

Common = TypeVar("Common")
Item = TypeVar("Item")
Result = TypeVar("Result")

_START_SECONDS = 300.0
"""Seconds within which a subprocess must be ready; it imports the function that is called."""
_IDLE_SECONDS = 60.0
"""Seconds without a call after which a subprocess exits."""
_EXIT_SECONDS = 10.0
"""Seconds that a subprocess has to write its traceback and exit."""
_POLL_SECONDS = 1.0
"""Longest wait at a time, in seconds: if a batch system suspends all processes, only one such wait counts."""
_COLLECT_SECONDS = 0.02
"""Seconds for which a subprocess collects results before it sends them."""
_MAX_DEATHS = 3
"""Number of times that the subprocess may die in one call; the first death may have another cause."""
_STOP_SIGNAL = signal.SIGUSR1
_PR_SET_PDEATHSIG = 1
_HEADER_BYTES = 8
"""Bytes at the beginning of the traceback file, which hold the number of the current call."""


@final
@dataclass(frozen=True)
class TimeLimitExceeded:
    """Result of a call that did not return."""

    told: str
    """One line with the reason, and below it the traceback of the call."""
    seconds: float
    """Seconds spent on the call."""


def each(
    function: Callable[[Common, Sequence[Item]], Sequence[Result]], common: Common, items: Sequence[Item], limit: float
) -> list[Result | TimeLimitExceeded]:
    """Call `function(common, [item])` for each item in a subprocess, with a timeout for each call.

    Parameters
    ----------
    function
        The function; it must return one result for each item. It is pickled, like `common` and `items`.
    common
        First argument of every call.
    items
        The items, one for each call.
    limit
        Timeout of one call, in seconds.

    Returns
    -------
    list
        The result of each item; a `TimeLimitExceeded` for a call that exceeds the limit, or that kills its process
        three times.

    Raises
    ------
    RunError
        If a call raises an exception, or the subprocess does not start.

    Notes
    -----
    The subprocess first calls `function(common, [])`, which may take longer than `limit`: it imports what is needed.
    """
    results: dict[int, Result | TimeLimitExceeded] = {}
    deaths: Counter[int] = Counter()
    while left := [at for at in range(len(items)) if at not in results]:
        child, waiting = _started_subprocess(function, common, [items[at] for at in left]), iter(left)
        started = time.monotonic()
        try:
            while len(results) < len(items):
                answers = child.answer(limit)
                results.update(zip(itertools.islice(waiting, len(answers)), answers, strict=True))
                started = time.monotonic()
        except _Overdue as overdue:
            reason = f"TimeLimit: took longer than {format_duration(limit)}\n\n{child.stop()}"
            results[left[overdue.call]] = TimeLimitExceeded(reason, time.monotonic() - started)
        except (EOFError, ConnectionError):
            at, traceback = left[child.call], child.wait()
            deaths[at] += 1
            if deaths[at] == _MAX_DEATHS:
                reason = f"Killed: its process {child.fate}, {_MAX_DEATHS} times over\n\n{traceback}"
                results[at] = TimeLimitExceeded(reason, time.monotonic() - started)
        except BaseException:
            child.stop()
            raise
    return [results[at] for at in range(len(items))]


def serve(calls: int, traces: int, parent: int) -> None:
    """Main function of the subprocess: make the calls, send the results, and exit with the parent process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return  # the parent ended before prctl was called
    faulthandler.enable(traces)
    signal.signal(_STOP_SIGNAL, signal.SIG_DFL)
    faulthandler.register(_STOP_SIGNAL, traces, chain=True)  # writes the traceback, then dies of the signal
    with Connection(calls) as connection, contextlib.suppress(EOFError, ConnectionError):
        while connection.poll(_IDLE_SECONDS):
            _answer(connection, traces)


def _answer(connection: Connection, traces: int) -> None:
    """Receive one request and make its calls; send the collected results every 0.02 s."""
    request = connection.recv_bytes()
    try:
        function, common, items = pickle.loads(request)
        function(common, [])
        _note(traces, 0)
        connection.send([])
        returned, sent = [], time.monotonic()
        for number, item in enumerate(items):
            _note(traces, number)
            returned += function(common, [item])
            if time.monotonic() - sent > _COLLECT_SECONDS:
                connection.send(returned)
                returned, sent = [], time.monotonic()
        if returned:
            connection.send(returned)
    except Exception as error:
        connection.send(_Raised(f"{type(error).__name__}: {error}"))


def _note(traces: int, call: int) -> None:
    """Record the number of the current call in the traceback file, so that the parent process can read it."""
    os.pwrite(traces, call.to_bytes(_HEADER_BYTES, "little"), 0)


@final
@dataclass(frozen=True)
class _Raised:
    """A call raised an exception, or the request could not be unpickled."""

    told: str


@final
@dataclass
class _Overdue(Exception):
    """A call exceeds its time limit."""

    call: int


@final
class _Subprocess:
    """A subprocess that makes calls for one thread of this process."""

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        self.traces = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `wait`
        self.traces.truncate(_HEADER_BYTES)
        self.traces.seek(_HEADER_BYTES)  # `faulthandler` writes from here: both processes share the file position
        files = (theirs.fileno(), self.traces.fileno())
        path = [str(folder) for folder in sys.path]
        start = f"from {__name__} import serve; serve(*{files}, {os.getpid()})"
        code = f"import sys; sys.path[:] = {path}; {start}"
        with theirs:
            self.process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL, pass_fds=files)
        self.waiting = select.poll()
        self.waiting.register(self.connection, select.POLLIN)

    def start(self, request: bytes) -> bool:
        """Send a request and return whether the subprocess starts on it; False if it has exited in the meantime."""
        if self.connection.closed:
            return False
        try:
            self.connection.send_bytes(request)
            if not self._has_answer(_START_SECONDS):
                self.stop()
                raise RunError(f"a process beside a worker must begin within {format_duration(_START_SECONDS)}")
            return self._received() == []
        except (EOFError, ConnectionError):
            self.wait()
            return False

    def answer(self, limit: float) -> list[Any]:
        """Return new results; _Overdue if a call takes longer than `limit`, EOFError if the subprocess is dead."""
        while not self._has_answer(_COLLECT_SECONDS):
            call = self.call
            if not self._has_answer(limit) and call == self.call:
                raise _Overdue(call)
        return self._received()

    @property
    def call(self) -> int:
        """Number of the current call, or of the last one if the subprocess has ended."""
        return int.from_bytes(os.pread(self.traces.fileno(), _HEADER_BYTES, 0), "little")

    def _has_answer(self, limit: float) -> bool:
        """Return whether the subprocess sends something, or dies, within `limit` seconds."""
        while not self.waiting.poll(1e3 * min(limit, _POLL_SECONDS)):
            limit -= _POLL_SECONDS
            if limit <= 0:
                return False
        return True

    def _received(self) -> list[Any]:
        answer = self.connection.recv()
        if isinstance(answer, _Raised):
            raise RunError(answer.told)
        assert isinstance(answer, list)
        return answer

    def stop(self) -> str:
        """Stop the subprocess and return the traceback of its current call."""
        self.process.send_signal(_STOP_SIGNAL)
        return self.wait()

    def wait(self) -> str:
        """Wait until the subprocess has ended and return the traceback that it has written, if any."""
        self.connection.close()
        try:
            self.process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # it may wait for a lost disk: kill has no effect
                self.process.wait(_EXIT_SECONDS)
        with self.traces:
            self.traces.seek(_HEADER_BYTES)
            return self.traces.read().decode(errors="replace").partition("\nExtension modules:")[0]

    @property
    def fate(self) -> str:
        """How the subprocess ended: a signal or an exit code."""
        code = self.process.returncode
        return f"died of {signal.Signals(-code).name}" if code is not None and code < 0 else f"left with code {code}"


_of_thread = threading.local()
"""The subprocess of each thread; the kernel kills it when the thread ends."""


def _started_subprocess(*request: Any) -> _Subprocess:
    """Return a subprocess that has started on a request: the one of this thread, or a new one."""
    pickled = pickle.dumps(request)
    kept: _Subprocess | None = getattr(_of_thread, "child", None)
    if kept and kept.start(pickled):
        return kept
    fresh = _of_thread.child = _Subprocess()
    if not fresh.start(pickled):
        raise RunError(f"a process must start beside a worker, but it {fresh.fate}")
    return fresh
