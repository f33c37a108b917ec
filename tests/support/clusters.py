"""Dask schedulers and workers that a test starts, and where they are."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from distributed import Client

from tests.support.command import BIN
from tests.support.waiting import wait_until


def address_of(client: Client) -> str:
    """Where others reach the scheduler of a client."""
    return str(client.scheduler_info()["address"])


@contextlib.contextmanager
def dask(
    command: str, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A `dask scheduler` or `dask worker`, started where nothing of the tests can be imported."""
    started = [str(BIN / "dask"), command, "--host", "127.0.0.1", "--no-dashboard", *options]
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(started, cwd="/", env=environment, stdout=nowhere, stderr=nowhere) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """A scheduler without workers, by its file."""
    file = folder / "scheduler.json"
    with dask("scheduler", "--port", "0", "--scheduler-file", str(file)):
        wait_until(file.exists)
        yield str(file)


def worker(file: str) -> "contextlib.AbstractContextManager[subprocess.Popen[bytes]]":
    """One worker process without a nanny: killed, it stays dead."""
    return dask("worker", "--nthreads", "1", "--no-nanny", "--scheduler-file", file)
