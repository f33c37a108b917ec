"""Batch size, chunk length and bytes per realization, derived from the cost of a realization."""

import math
from collections.abc import Iterable

import numpy as np

from ensemble.sweep import Sweep

_TASK_SECONDS = 1.0
"""Longest duration of a task of several realizations, in seconds; Dask spends one or two milliseconds on each task."""
_TASKS_FOR_BALANCE = 10
"""Minimum number of tasks per worker: with fewer, all workers may wait for the last task."""
_SINGLE_TASK_SECONDS = 0.1
"""A realization that takes this many seconds or more is a task of its own."""
_CHUNK_SECONDS = 60.0
"""Work in one chunk, in seconds: what is lost with a chunk."""
_CHUNK_LENGTH = 512
"""Maximum number of realizations in a chunk."""
_CHUNK_BYTES = 16 * 2**20
"""Maximum uncompressed size of a chunk. A worker holds about six copies: rows, block, padded, encoded, compressed."""


def batch_size(seconds: float, task: float = _TASK_SECONDS) -> int:
    """Realizations per task: one if a realization takes 0.1 s or more, else as many as fill `task` seconds."""
    return 1 if seconds >= _SINGLE_TASK_SECONDS else max(1, round(task / max(seconds, 1e-6)))


def task_length(core_seconds: float, workers: int) -> float:
    """Duration of a task in seconds: about 1 s, less in a short run, so that all workers finish at the same time."""
    return min(_TASK_SECONDS, max(_SINGLE_TASK_SECONDS, core_seconds / workers / _TASKS_FOR_BALANCE))


def chunk_length(sweep: Sweep, costs: Iterable[float]) -> int:
    """Realizations per chunk: about a minute of work at the most expensive point, at most 512, at most 16 MiB."""
    by_cost = int(_CHUNK_SECONDS / max([1e-6, *costs]))
    by_size = _CHUNK_BYTES // bytes_per_realization(sweep)
    return max(1, min(_CHUNK_LENGTH, by_cost, by_size))


def bytes_per_realization(sweep: Sweep) -> int:
    """Uncompressed bytes of one realization, summed over the observables of the sweep."""
    return sum(
        np.dtype(observable.dtype).itemsize * math.prod(len(sweep.coords[dim]) for dim in observable.dims)
        for observable in sweep.observables.values()
    )
