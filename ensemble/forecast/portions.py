"""Batches, chunks and bytes, as they follow from what realizations cost."""

import math
from collections.abc import Iterable

import numpy as np

from ensemble.sweep import Sweep

_TASK_SECONDS = 1.0
"""Longest duration of a task; Dask spends one or two milliseconds on each task."""
_TASKS_FOR_BALANCE = 10
"""A worker should have at least this many tasks in a run: the last one may keep all others waiting."""
_DEAR = 0.1
"""Seconds from which on a realization is a task of its own."""
_CHUNK_SECONDS = 60.0
"""What a lost chunk may cost."""
_CHUNK_LENGTH = 512
_CHUNK_BYTES = 16 * 2**20
"""A worker that writes a chunk holds it six times over: as rows, as a block, padded, encoded and compressed."""


def batch_size(seconds: float, task: float = _TASK_SECONDS) -> int:
    """Realizations per task: one if a realization takes 0.1 s or more, else as many as fill the duration of a task."""
    return 1 if seconds >= _DEAR else max(1, round(task / max(seconds, 1e-6)))


def task_length(core_seconds: float, workers: int) -> float:
    """Seconds that a task should last: about one, less in a short run, so that all workers finish together."""
    return min(_TASK_SECONDS, max(_DEAR, core_seconds / workers / _TASKS_FOR_BALANCE))


def chunk_length(sweep: Sweep, costs: Iterable[float]) -> int:
    """Realizations per chunk: about a minute of work at the dearest point, at most 512, at most 16 MiB."""
    by_cost = int(_CHUNK_SECONDS / max([1e-6, *costs]))
    by_size = _CHUNK_BYTES // bytes_each(sweep)
    return max(1, min(_CHUNK_LENGTH, by_cost, by_size))


def bytes_each(sweep: Sweep) -> int:
    """Uncompressed bytes of one realization."""
    return sum(
        np.dtype(observable.dtype).itemsize * math.prod(len(sweep.coords[dim]) for dim in observable.dims)
        for observable in sweep.observables.values()
    )
