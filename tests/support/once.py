"""What takes long to compute and is the same for all tests: computed once, however many processes run tests."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` has filled, in the first process that asks for it; every process gets a copy of its own."""
    mine = factory.mktemp(name) / "copy"
    shared = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    with (shared / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = shared / f"{name}-made"
        if not done.exists():
            filling = factory.mktemp(f"{name}-filling")
            make(filling)
            filling.rename(done)
        fcntl.flock(file, fcntl.LOCK_UN)
    return shutil.copytree(done, mine)
