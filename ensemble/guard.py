"""Calls that may hang: made in a process beside this one, which is ended when a call takes too long.

A thread cannot be stopped, and code that holds the interpreter's lock, in C or compiled, stops every thread of its
process, the one that would watch it as well. So calls are made elsewhere, and here is only somebody who waits: a
worker of Dask that can always be reached, keeps what it holds, and need not end with what it computes. The process
that is given up tells where it was by the signal handler of `faulthandler`, which is written in C and takes no lock.

Whatever ends that process, the call that it was at is known, and no other is blamed.
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
from ensemble.wording import duration

Common = TypeVar("Common")
Item = TypeVar("Item")
Result = TypeVar("Result")

_STARTING = 300.0
"""Seconds within which a process has to be ready: it imports what is to be called."""
_IDLE = 60.0
"""Seconds without a call after which a process ends by itself."""
_ENDING = 10.0
"""Seconds that a process has to write where it is, and to be gone."""
_LOOK = 1.0
"""Seconds that may count at a time: a batch system that holds all processes still uses up no more of the limit."""
_TOGETHER = 0.02
"""Seconds for which a process gathers what has returned before it answers."""
_DEATHS = 3
"""A call at which the process has died so often is given up: the first time may have been another's fault."""
_TELL = signal.SIGUSR1
_PR_SET_PDEATHSIG = 1
_NUMBER = 8
"""Bytes at the head of the file for tracebacks: the number of the call that the process is at."""


@final
@dataclass(frozen=True)
class GivenUp:
    """A call that has not returned."""

    told: str
    """One line that says why, and below it the traceback of where it was."""
    seconds: float
    """What was spent on it."""


def each(
    function: Callable[[Common, Sequence[Item]], Sequence[Result]], common: Common, items: Sequence[Item], limit: float
) -> list[Result | GivenUp]:
    """`function(common, items)`, called for one item at a time, for none of them longer than `limit` seconds.

    All of it travels as a pickle. In the other process `function(common, [])` comes first and may take longer: it is
    the time to import what is needed. A call that raises ends them all with a RunError.
    """
    results: dict[int, Result | GivenUp] = {}
    deaths: Counter[int] = Counter()
    while left := [at for at in range(len(items)) if at not in results]:
        beside, waiting = _asked(function, common, [items[at] for at in left]), iter(left)
        started = time.monotonic()
        try:
            while len(results) < len(items):
                answers = beside.answer(limit)
                results.update(zip(itertools.islice(waiting, len(answers)), answers, strict=True))
                started = time.monotonic()
        except _Overdue as overdue:
            told = f"TimeLimit: took longer than {duration(limit)}\n\n{beside.end()}"
            results[left[overdue.call]] = GivenUp(told, time.monotonic() - started)
        except (EOFError, ConnectionError):
            at, traceback = left[beside.call], beside.left()
            deaths[at] += 1
            if deaths[at] == _DEATHS:
                told = f"Killed: its process {beside.fate}, {_DEATHS} times over\n\n{traceback}"
                results[at] = GivenUp(told, time.monotonic() - started)
        except BaseException:
            beside.end()
            raise
    return [results[at] for at in range(len(items))]


def serve(calls: int, traces: int, parent: int) -> None:
    """What the process beside does: call, answer, and end with the one that started it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return  # it was gone before it could have told
    faulthandler.enable(traces)
    signal.signal(_TELL, signal.SIG_DFL)
    faulthandler.register(_TELL, traces, chain=True)  # tells, then dies of the signal
    with Connection(calls) as connection, contextlib.suppress(EOFError, ConnectionError):
        while connection.poll(_IDLE):
            _answer(connection, traces)


def _answer(connection: Connection, traces: int) -> None:
    """Take one request and make its calls; what has returned is told every now and then."""
    request = connection.recv_bytes()
    try:
        function, common, items = pickle.loads(request)
        function(common, [])
        _note(traces, 0)
        connection.send([])
        returned, told = [], time.monotonic()
        for number, item in enumerate(items):
            _note(traces, number)
            returned += function(common, [item])
            if time.monotonic() - told > _TOGETHER:
                connection.send(returned)
                returned, told = [], time.monotonic()
        if returned:
            connection.send(returned)
    except Exception as error:
        connection.send(_Raised(f"{type(error).__name__}: {error}"))


def _note(traces: int, call: int) -> None:
    """Leave word of the call that comes now, for whoever has to find out what became of it."""
    os.pwrite(traces, call.to_bytes(_NUMBER, "little"), 0)


@final
@dataclass(frozen=True)
class _Raised:
    """A call raised, or what it takes cannot be had."""

    told: str


@final
@dataclass
class _Overdue(Exception):
    """A call takes longer than it may."""

    call: int


@final
class _Beside:
    """A process that makes calls for one thread of this one."""

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        self.traces = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `left`
        self.traces.truncate(_NUMBER)
        self.traces.seek(_NUMBER)  # where `faulthandler` begins to write: the two share the position
        files = (theirs.fileno(), self.traces.fileno())
        path = [str(folder) for folder in sys.path]
        code = f"import sys; sys.path[:] = {path}; from ensemble.guard import serve; serve(*{files}, {os.getpid()})"
        with theirs:
            self.process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL, pass_fds=files)
        self.waiting = select.poll()
        self.waiting.register(self.connection, select.POLLIN)

    def begins(self, request: bytes) -> bool:
        """Send a request; whether the process, which may have ended since the last one, sets about it."""
        if self.connection.closed:
            return False
        try:
            self.connection.send_bytes(request)
            if not self._says(_STARTING):
                self.end()
                raise RunError(f"a process beside a worker must begin within {duration(_STARTING)}")
            return self._received() == []
        except (EOFError, ConnectionError):
            self.left()
            return False

    def answer(self, limit: float) -> list[Any]:
        """What has returned; _Overdue if a call takes longer than `limit`, EOFError if the process is dead."""
        while not self._says(_TOGETHER):
            call = self.call
            if not self._says(limit) and call == self.call:
                raise _Overdue(call)
        return self._received()

    @property
    def call(self) -> int:
        """The number of the call that the process is at, or was at when it ended."""
        return int.from_bytes(os.pread(self.traces.fileno(), _NUMBER, 0), "little")

    def _says(self, limit: float) -> bool:
        """Whether the process says something, or dies, within so many seconds."""
        while not self.waiting.poll(1e3 * min(limit, _LOOK)):
            limit -= _LOOK
            if limit <= 0:
                return False
        return True

    def _received(self) -> list[Any]:
        answer = self.connection.recv()
        if isinstance(answer, _Raised):
            raise RunError(answer.told)
        assert isinstance(answer, list)
        return answer

    def end(self) -> str:
        """End the process, whatever it is at; the traceback of where that was."""
        self.process.send_signal(_TELL)
        return self.left()

    def left(self) -> str:
        """Wait for a process that ends; the traceback that it leaves, if it could not help ending."""
        self.connection.close()
        try:
            self.process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            self.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # not even this ends who waits for a lost disk
                self.process.wait(_ENDING)
        with self.traces:
            self.traces.seek(_NUMBER)
            return self.traces.read().decode(errors="replace").partition("\nExtension modules:")[0]

    @property
    def fate(self) -> str:
        """What has become of the process."""
        code = self.process.returncode
        return f"died of {signal.Signals(-code).name}" if code is not None and code < 0 else f"left with code {code}"


_here = threading.local()
"""The process beside each thread; the kernel ends it with the thread."""


def _asked(*request: Any) -> _Beside:
    """A process that has begun to answer a request: the one that this thread has, or a new one."""
    pickled = pickle.dumps(request)
    kept: _Beside | None = getattr(_here, "beside", None)
    if kept and kept.begins(pickled):
        return kept
    fresh = _here.beside = _Beside()
    if not fresh.begins(pickled):
        raise RunError(f"a process must start beside a worker, but it {fresh.fate}")
    return fresh
