"""Dask schedulers and workers that a test starts, and where they are."""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from distributed import Client

from tests.support.command import BIN
from tests.support.processes import start
from tests.support.waiting import wait_until


def address_of(client: Client) -> str:
    """Where others reach the scheduler of a client."""
    return str(client.scheduler_info()["address"])


def dask(
    command: str, *options: str, environment: Mapping[str, str] | None = None
) -> "contextlib.AbstractContextManager[subprocess.Popen[str]]":
    """A `dask scheduler` or `dask worker`, started where nothing of the tests can be imported."""
    started = [str(BIN / "dask"), command, "--host", "127.0.0.1", "--no-dashboard", *options]
    return start(started, "/", env=environment, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def scheduler(folder: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A scheduler without workers: its file, and its process."""
    file = folder / "scheduler.json"
    with dask("scheduler", "--port", "0", "--scheduler-file", str(file), *options) as process:
        wait_until(lambda: _is_written(file), "scheduler file")
        yield str(file), process


def worker(file: str) -> "contextlib.AbstractContextManager[subprocess.Popen[str]]":
    """One worker process without a nanny: killed, it stays dead."""
    return dask("worker", "--nthreads", "1", "--no-nanny", "--scheduler-file", file)


def _is_written(file: Path) -> bool:
    """Whether a scheduler has written its file to the end."""
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        return bool(json.loads(file.read_text()))
    return False
