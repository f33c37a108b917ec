"""The process from which the workers of this machine are forked: it imports their modules once for all of them."""

import contextlib
import functools
import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Mapping
from multiprocessing import forkserver
from multiprocessing.util import Finalize

from ensemble.cluster.scratch import scratch_folder
from ensemble.cluster.settings import KEEPING, PRELOADED

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

_AFTER_ALL = -1000
"""The priority with which the folder of the fork server is removed: after `multiprocessing` has removed its own."""


@functools.cache
def start_fork_server() -> None:
    """Start the process that workers are forked from, once in the life of this one.

    It has one thread for each library, since a process with several cannot be forked, and no modules of the folder that
    the user happens to be in: a `random.py` there would be taken for that of Python. Its socket lies where only this
    user can enter.
    """
    lasting = contextlib.ExitStack()
    folder = lasting.enter_context(scratch_folder())
    Finalize(None, lasting.close, exitpriority=_AFTER_ALL)
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
    """Set variables of the environment while the block runs."""
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
