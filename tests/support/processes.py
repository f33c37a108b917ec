"""Processes and threads that tests start: every wait has a time limit, and every process is killed at the end.

A process leads a process group of its own. At the end of its `with` block the whole group is killed, so that what the
process has started itself ends as well.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from tests.support.forked import Forked, can_fork

TIMEOUT = 120.0
"""Default time limit in seconds: far more than a process takes, even on a machine that is busy with others."""

_ENTER = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
"""How `nsenter` becomes the user who has made a namespace."""
_ENSEMBLE = Path(sys.executable).with_name("ensemble")
"""The command that is forked."""

Target = int | IO[str] | None
"""Where a process writes to: as `subprocess` has it, None for where this process does."""


@contextlib.contextmanager
def start(
    command: Sequence[str | Path],
    folder: str | Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    stdin: Target = None,
    stdout: Target = subprocess.DEVNULL,
    stderr: Target = subprocess.PIPE,
    mounts_of: int | None = None,
) -> Iterator["subprocess.Popen[str]"]:
    """Start a command in a process group of its own, and kill the group at the end.

    With `mounts_of` it sees the file systems that the process of this number has mounted, and `folder` is among them.
    """
    files: dict[str, Any] = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    may_enter = mounts_of is None or os.geteuid() == 0
    if Path(command[0]) == _ENSEMBLE and may_enter and can_fork(env or os.environ, files):
        started: subprocess.Popen[str] = Forked(command, folder, env or os.environ, files, mounts_of)
    else:
        if mounts_of is not None:
            enter = ["nsenter", f"--target={mounts_of}", "--mount", *_ENTER, "env", f"--chdir={folder}"]
            command, folder = [*enter, *command], None
        started = subprocess.Popen(command, cwd=folder, env=env, text=True, **files, start_new_session=True)
    with started as process:
        try:
            yield process
        finally:
            kill_group(process)


def kill_group(process: "subprocess.Popen[str]") -> None:
    """Kill a process that `start` has started, and what it has started itself."""
    # A number is not used again while a group has it: a process that has it now is of others.
    if process.poll() is None or not psutil.pid_exists(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def finish(process: "subprocess.Popen[str]", seconds: float = TIMEOUT, given: str | None = None) -> tuple[str, str]:
    """Wait for the end of a process, and return what it has written to pipes: stdout and stderr.

    The test fails if the process takes longer than `seconds`. `given` is what it reads from stdin.
    """
    try:
        stdout, stderr = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        kill_group(process)
        written: object = "unknown output"
        with contextlib.suppress(subprocess.TimeoutExpired):
            written = process.communicate(timeout=10)
        pytest.fail(f"{process.args!r} has not ended after {seconds:g} s, but has written {written!r}")
    return stdout or "", stderr or ""


def execute(
    command: Sequence[str | Path],
    folder: str | Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    given: str | None = None,
    seconds: float = TIMEOUT,
    mounts_of: int | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; the test fails if that takes longer than `seconds`."""
    stdin = None if given is None else subprocess.PIPE
    with start(command, folder, env=env, stdin=stdin, stdout=subprocess.PIPE, mounts_of=mounts_of) as process:
        stdout, stderr = finish(process, seconds, given)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def read_output(
    command: Sequence[str | Path],
    folder: str | Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    given: str | None = None,
    seconds: float = TIMEOUT,
    mounts_of: int | None = None,
) -> str:
    """Return what a command prints; the test fails if the command does."""
    done = execute(command, folder, env=env, given=given, seconds=seconds, mounts_of=mounts_of)
    assert done.returncode == 0, f"{command!r} has failed: {done.stderr}"
    return done.stdout


def read_until(descriptor: int, text: str, seconds: float = TIMEOUT) -> str:
    """Read from a pipe or a terminal until a text has come, and return all that was read.

    The test fails if the text has not come after `seconds`; `EOFError` says that it never will.
    """
    read, end = b"", time.monotonic() + seconds
    while text.encode() not in read:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"no {text!r} after {seconds:g} s, but {read!r}"
        try:
            more = os.read(descriptor, 65536)
        except OSError:  # the other end of the terminal is closed
            more = b""
        if not more:
            raise EOFError(f"no {text!r}, but {read!r}")
        read += more
    return read.decode(errors="replace")


@contextlib.contextmanager
def run_in_thread(work: Callable[[], object], seconds: float = TIMEOUT) -> Iterator[threading.Thread]:
    """Call a function in a thread while the block runs, then wait for it to return; raise what it has raised.

    A thread cannot be killed: if it has not ended `seconds` after the block, the test fails and leaves it behind.
    """
    raised: list[BaseException] = []

    def call() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(seconds)
        assert not thread.is_alive(), f"{work!r} has not returned after {seconds:g} s"
    if raised:
        raise raised[0]
