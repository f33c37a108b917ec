"""The process from which local workers are forked: it imports their modules once for all of them."""

import contextlib
import functools
import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Mapping
from multiprocessing import forkserver
from multiprocessing.util import Finalize

from ensemble.cluster.scratch import scratch_folder
from ensemble.cluster.worker_settings import KEEPING, PRELOADED

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Environment variables that limit numerical libraries to one thread."""

_EXIT_PRIORITY = -1000
"""Exit priority: the folder of the fork server is removed after `multiprocessing` has removed its own."""


@functools.cache
def start_fork_server() -> None:
    """Start the fork server, once per process.

    It runs numerical libraries with one thread, because a process with several threads cannot be forked safely. It does
    not import modules from the current folder, where a `random.py` would replace Python's own. Its socket lies in a
    folder that only this user can enter.
    """
    stack = contextlib.ExitStack()
    folder = stack.enter_context(scratch_folder())
    Finalize(None, stack.close, exitpriority=_EXIT_PRIORITY)
    multiprocessing.get_context("forkserver").set_forkserver_preload([PRELOADED])
    settings = {name: os.environ.get(name, value) for name, value in (_ONE_THREAD | KEEPING).items()}
    with _environment(settings | {"PYTHONSAFEPATH": "1"}):
        tempdir, tempfile.tempdir = tempfile.tempdir, str(folder)
        try:
            forkserver.ensure_running()
        finally:
            tempfile.tempdir = tempdir


@contextlib.contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
