"""Waiting for something that has to come, and never for ever."""

import subprocess
import time
from collections.abc import Callable

import pytest

from tests.support.processes import TIMEOUT, finish


def wait_until(
    condition: Callable[[], object], what: str = "change", seconds: float = TIMEOUT, pause: float = 0.05
) -> None:
    """Wait for something that has to come; the test fails if it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"no {what} after {seconds:g} s"
        time.sleep(pause)


def wait_during(run: "subprocess.Popen[str]", condition: Callable[..., object], seconds: float = TIMEOUT) -> None:
    """Wait for something that has to come while a command runs; the test fails if the command ends before."""
    end = time.monotonic() + seconds
    while not condition():
        if run.poll() is not None:
            _, told = finish(run, 10)
            pytest.fail(f"the run ended before it could be disturbed: {told}")
        assert time.monotonic() < end, f"nothing has come after {seconds:g} s"
        time.sleep(0.005)
