"""Memory of a realization, and the workers that have enough.

A model may report the memory of a realization (`Model.memory`). A worker has enough memory if it stays below the
fraction of its limit at which Dask pauses it, with one realization on each of its threads. The local cluster shares
the memory of this machine, so fewer workers are started if memory is short. On other clusters the limits are fixed:
realizations go to the workers that have enough memory. If no worker has enough, the run stops with an error before it
starts.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self, final

from distributed import Client
from distributed.system import MEMORY_LIMIT

from ensemble.errors import ClusterError, RunError
from ensemble.sweep import Point
from ensemble.sweep.units import format_bytes

_WORKER_BYTES = 200 * 2**20
"""Memory of a worker without any realization, in bytes."""
_USABLE = 0.8
"""Fraction of its memory limit above which Dask pauses a worker."""


@final
@dataclass(frozen=True)
class MemoryNeed:
    """The largest memory of a realization among some points.

    Parameters
    ----------
    bytes : int, default 0
        Memory in bytes; 0 if the models report none.
    where : str, default ""
        The point, for messages.
    """

    bytes: int = 0
    """Memory in bytes; 0 if the models report none."""
    where: str = ""
    """The point, for messages."""

    @classmethod
    def of(cls, points: Iterable[Point]) -> Self:
        """The largest memory need of some points."""
        largest = max(points, key=lambda point: point.memory, default=None)
        return cls() if largest is None else cls(largest.memory, str(largest))

    def __str__(self) -> str:
        return f"a realization at {self.where} takes {format_bytes(self.bytes)}"

    @property
    def fits_here(self) -> bool:
        """Whether this machine has enough memory."""
        return not self.bytes or self.bytes <= _usable_bytes(MEMORY_LIMIT)


NO_MEMORY_NEED = MemoryNeed()
"""The need of models that report no memory."""


def workers_with_memory(workers: int, need: MemoryNeed, say: Callable[[str], None]) -> int:
    """Number of workers that this machine has enough memory for.

    Parameters
    ----------
    workers : int
        Number of workers that are asked for.
    need : MemoryNeed
        The largest memory of a realization.
    say : callable
        Receives a message if the number is reduced.

    Returns
    -------
    int
        At most `workers`.

    Raises
    ------
    ClusterError
        If this machine has too little memory for one realization.

    Examples
    --------
    >>> from ensemble.cluster import MemoryNeed, workers_with_memory
    >>> workers_with_memory(4, MemoryNeed(), print)
    4
    """
    if not need.fits_here:
        raise ClusterError(
            f"{need}, but this machine has room for {format_bytes(int(_usable_bytes(MEMORY_LIMIT)))}: "
            "leave that point out, or compute it elsewhere with --cluster"
        )
    if not need.bytes:
        return workers
    # one byte more, since the memory of a worker is a whole number of bytes
    most = int(_USABLE * MEMORY_LIMIT / (need.bytes + _WORKER_BYTES + 1))
    if most < workers:
        say(f"{most} of {workers} workers: {need} of the {format_bytes(MEMORY_LIMIT)} here")
    return min(most, workers)


def check_memory(client: Client, need: MemoryNeed) -> None:
    """Raise an error if no worker of a client has enough memory.

    Parameters
    ----------
    client : distributed.Client
        Client of the cluster.
    need : MemoryNeed
        The largest memory of a realization.

    Raises
    ------
    ClusterError
        If no worker has enough memory.
    """
    largest = max(_free_bytes(client).values(), default=math.inf) if need.bytes else math.inf
    if largest < need.bytes:
        raise ClusterError(
            f"{need}, but the largest worker has room for {format_bytes(max(0, int(largest)))}: "
            "give each more memory, by `memory` in the profile or --memory-limit where workers are started"
        )


@final
class WorkerMemory:
    """The memory that each worker of a client has for a realization, as of the last `look`.

    Parameters
    ----------
    client : distributed.Client
        Client of the cluster.
    need : MemoryNeed
        The largest memory of a realization; if it is 0 bytes, the workers are not asked.
    """

    def __init__(self, client: Client, need: MemoryNeed) -> None:
        self._client, self._need = client, need
        self._free_bytes: dict[str, float] = {}
        self.look()

    def look(self) -> None:
        """Ask the scheduler for the memory of all workers, if any realization needs memory."""
        if self._need.bytes:
            self._free_bytes = _free_bytes(self._client)

    def options(self, need: int) -> dict[str, Any]:
        """Options of `Client.submit` for a task that takes `need` bytes: empty unless some workers are too small."""
        large = [address for address, room in self._free_bytes.items() if room >= need]
        if not need or len(large) == len(self._free_bytes):
            return {}
        if not large:
            raise RunError(
                f"no worker is left with room for {format_bytes(need)}; what has landed is safe, "
                "start one and run again to continue"
            )
        return {"workers": large, "allow_other_workers": False}

    def gone(self, workers: Iterable[str]) -> bool:
        """Whether `workers` is not empty, other workers exist, and all of `workers` have left."""
        named = set(workers)
        return bool(named and self._free_bytes) and named.isdisjoint(self._free_bytes)


def _free_bytes(client: Client) -> dict[str, float]:
    """Bytes for one realization on each worker, by its address; in Dask, a limit of 0 means no limit."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return {
        address: _usable_bytes(worker["memory_limit"] or math.inf) / max(1, worker["nthreads"])
        for address, worker in workers.items()
    }


def _usable_bytes(limit: float) -> float:
    """Bytes that a memory limit leaves for realizations."""
    return _USABLE * limit - _WORKER_BYTES
