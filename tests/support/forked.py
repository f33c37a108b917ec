"""The `ensemble` command in processes that are forked from one that has imported what the command needs.

Importing takes most of the time of a short command, and the tests run hundreds of them. A forked command is a process
like any other: it has its own number, folder and files, receives signals, can be killed, and ends with an exit code.
"""

import contextlib
import ctypes
import functools
import gc
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import ensemble
from tests import ROOT

_STARTING = 60.0
"""Seconds that the first process may take to import everything."""
_STATUS = struct.Struct("i")
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A process with several threads cannot be forked."""
_READ_EARLY = ("DASK", "LD_", "MALLOC", "MKL", "MPL", "NUMBA", "OMP", "OPENBLAS", "PYTHON")
"""Beginnings of the variables that libraries, or Python itself, read when they are loaded."""

IMPORTED = (
    "distributed",
    "matplotlib.backends.backend_agg",
    "xarray",
    "ensemble.cli",
    "ensemble.plot.figure",
    "ensemble.plot.store_plot",
    "ensemble.verify",
    "ensemble.run",
    "ensemble.realization.compute",
)
"""What is imported before the first command."""


class Forked(subprocess.Popen[str]):
    """A command in a forked process, which leads a process group of its own."""

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: str | Path | None,
        env: Mapping[str, str],
        files: Mapping[str, Any],
        mounts_of: int | None = None,
    ) -> None:
        self.args, self.returncode = [str(each) for each in command], None
        self._child_created = False  # for `Popen.__del__`: it has no process of its own
        with contextlib.ExitStack() as stack:
            ends = [_ends(stack, number, files[name]) for number, name in enumerate(("stdin", "stdout", "stderr"))]
            self.stdin, self.stdout, self.stderr = (ours for _, ours in ends)
            self._status, status = os.pipe()
            stack.callback(os.close, status)
            request: dict[str, Any] = {"arguments": self.args, "folder": str(folder or Path.cwd()), "env": dict(env)}
            request["mounts_of"] = mounts_of
            self.pid = _server().start(json.dumps(request).encode(), [*(theirs for theirs, _ in ends), status])

    def poll(self) -> int | None:
        """The exit code, or None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the process."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            told = os.read(self._status, _STATUS.size)
            os.close(self._status)
            assert told, "the process that forks commands has ended"
            self.returncode = os.waitstatus_to_exitcode(_STATUS.unpack(told)[0])
        return int(self.returncode)

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        """Write to and read from pipes until they are closed, and wait for the end of the process."""
        end = time.monotonic() + (timeout if timeout is not None else 1e9)
        if not hasattr(self, "_read"):
            self._read: dict[str, str] = {}
            names = ("stdout", "stderr")
            self._readers = [threading.Thread(target=self._take, args=(name,), daemon=True) for name in names]
            for reader in self._readers:
                reader.start()
            if self.stdin:
                with contextlib.suppress(BrokenPipeError), self.stdin:
                    self.stdin.write(input or "")
        for reader in self._readers:
            reader.join(max(0.0, end - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        self.wait(max(0.0, end - time.monotonic()))
        return self._read["stdout"], self._read["stderr"]

    def _take(self, name: str) -> None:
        file: IO[str] | None = getattr(self, name)
        self._read[name] = file.read() if file else ""


def _ends(stack: contextlib.ExitStack, number: int, target: Any) -> tuple[int, Any]:
    """What the process gets as its file of a number, and the other end of it if that is a pipe."""
    if target is None:
        return number, None
    if target == subprocess.DEVNULL:
        return stack.enter_context(Path(os.devnull).open("r+b", buffering=0)).fileno(), None
    if target != subprocess.PIPE:
        return target if isinstance(target, int) else target.fileno(), None
    read, write = os.pipe()
    theirs, ours = (read, write) if number == 0 else (write, read)
    stack.callback(os.close, theirs)
    return theirs, os.fdopen(ours, "w" if number == 0 else "r")


class _Server:
    """The process that forks, as its parent sees it; it ends with its parent."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._lock = threading.Lock()
        path = f"import sys; sys.path.append({str(ROOT)!r})"
        code = f"{path}\nfrom tests.support.forked import serve; serve({theirs.fileno()})"
        self.environment = dict(os.environ)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                env={**os.environ, **_ONE_THREAD},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._socket.settimeout(_STARTING)
        assert self._socket.recv(5) == b"ready"

    def start(self, request: bytes, files: list[int]) -> int:
        """Fork a process, and return its number."""
        with self._lock:
            socket.send_fds(self._socket, [struct.pack("I", len(request))], files)
            self._socket.sendall(request)
            return int(_STATUS.unpack(self._socket.recv(_STATUS.size))[0])


@functools.cache
def _server() -> _Server:
    return _Server()


def can_fork(env: Mapping[str, str], files: Mapping[str, Any]) -> bool:
    """Whether a command may be forked: what is read while importing must be the same."""
    if subprocess.STDOUT in files.values():
        return False
    ours = _server().environment

    def read_early(names: Iterable[str]) -> set[str]:
        return {name for name in names if name.startswith(_READ_EARLY)}

    return all(env.get(name) == ours.get(name) for name in read_early(env) | read_early(ours))


def serve(descriptor: int) -> None:
    """Fork a process for each request that comes, until the other end is closed."""
    for name in IMPORTED:
        __import__(name)
    gc.freeze()  # what is imported need not be looked at again at the end of each command
    assert len(os.listdir("/proc/self/task")) == 1, "a process with several threads cannot be forked"
    with socket.socket(fileno=descriptor) as requests, selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        requests.sendall(b"ready")
        while True:
            for key, _ in selector.select():
                if key.fileobj is requests:
                    head, files, _, _ = socket.recv_fds(requests, 4, 4)
                    if not head:
                        return
                    request = json.loads(requests.recv(struct.unpack("I", head)[0], socket.MSG_WAITALL))
                    pid = os.fork()
                    if not pid:
                        _become(request, files, [requests, selector])
                        return
                    requests.sendall(_STATUS.pack(pid))
                    for each in files[:3]:
                        os.close(each)
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, files[3]))
                else:
                    pid, status = key.data
                    selector.unregister(key.fileobj)
                    os.close(key.fd)
                    _, how = os.waitpid(pid, 0)
                    with contextlib.suppress(BrokenPipeError):
                        os.write(status, _STATUS.pack(how))
                    os.close(status)


def _become(request: dict[str, Any], files: list[int], others: list[Any]) -> None:
    """Become the command that is asked for."""
    for each in others:
        each.close()
    os.setsid()
    for number, each in enumerate(files[:3]):
        os.dup2(each, number)
    for each in files:
        os.close(each)
    if request["mounts_of"] is not None:
        _enter_mounts(request["mounts_of"])
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    if Path(ensemble.__file__).parents[1] != ROOT:
        sys.path.remove(str(ROOT))  # the tests themselves are nothing that a command could import
    sys.argv = request["arguments"]
    from ensemble.cli import start

    start()


def _enter_mounts(pid: int) -> None:
    """See the file systems that the process of this number has mounted."""
    with Path(f"/proc/{pid}/ns/mnt").open() as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
