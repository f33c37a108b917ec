"""The memory that realizations take, and the workers that have room for it.

A model may tell what a realization takes (`Model.memory`). A worker has room for it if it then stays below the part of
its limit at which Dask pauses workers, with a realization on each of its threads. The workers of the local cluster
share this machine: where not all would have room, fewer are started. Elsewhere limits are as they are: what some
workers have no room for goes to the others, and what none has room for is refused before anything starts.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self, final

from distributed import Client
from distributed.system import MEMORY_LIMIT

from ensemble.errors import ClusterError, RunError
from ensemble.sweep import Point
from ensemble.wording import size

_OWN = 200 * 2**20
"""What a worker takes anyway."""
_USABLE = 0.8
"""Dask pauses a worker that takes more of its limit."""


@final
@dataclass(frozen=True)
class Need:
    """What the realization takes that takes most."""

    bytes: int = 0
    where: str = ""
    """Its point."""

    @classmethod
    def of(cls, points: Iterable[Point]) -> Self:
        """The largest of some points; 0 where they tell nothing."""
        dearest = max(points, key=lambda point: point.memory, default=None)
        return cls() if dearest is None else cls(dearest.memory, str(dearest))

    def __str__(self) -> str:
        return f"a realization at {self.where} takes {size(self.bytes)}"

    @property
    def fits_here(self) -> bool:
        """Whether this machine has room for it."""
        return not self.bytes or self.bytes <= _room(MEMORY_LIMIT)


NOTHING = Need()
"""Of models that do not tell."""


def fitting(workers: int, need: Need, say: Callable[[str], None]) -> int:
    """How many of so many workers this machine has room for; an error if for none."""
    if not need.fits_here:
        raise ClusterError(
            f"{need}, but this machine has room for {size(int(_room(MEMORY_LIMIT)))}: "
            "leave that point out, or compute it elsewhere with --cluster"
        )
    if not need.bytes:
        return workers
    most = int(_USABLE * MEMORY_LIMIT / (need.bytes + _OWN + 1))  # a share is a whole number of bytes
    if most < workers:
        say(f"{most} of {workers} workers: {need} of the {size(MEMORY_LIMIT)} here")
    return min(most, workers)


def check_room(client: Client, need: Need) -> None:
    """Refuse what none of a client's workers has room for."""
    largest = max(_rooms(client).values(), default=math.inf) if need.bytes else math.inf
    if largest < need.bytes:
        raise ClusterError(
            f"{need}, but the largest worker has room for {size(max(0, int(largest)))}: "
            "give each more memory, by `memory` in the profile or --memory-limit where workers are started"
        )


@final
class Rooms:
    """The workers of a client, and how much room each has, as it was when they were last looked at."""

    def __init__(self, client: Client, need: Need) -> None:
        self._client, self._need = client, need
        self._rooms: dict[str, float] = {}
        self.look()

    def look(self) -> None:
        """See who is there; nobody need be seen where nothing needs room."""
        if self._need.bytes:
            self._rooms = _rooms(self._client)

    def options(self, need: int) -> dict[str, Any]:
        """What a task that takes so many bytes is submitted with: nothing, unless some workers are too small for it."""
        large = [address for address, room in self._rooms.items() if room >= need]
        if not need or len(large) == len(self._rooms):
            return {}
        if not large:
            raise RunError(
                f"no worker is left with room for {size(need)}; what has landed is safe, "
                "start one and run again to continue"
            )
        return {"workers": large, "allow_other_workers": False}

    def gone(self, workers: Iterable[str]) -> bool:
        """Whether some workers are named and others are there, but none of these."""
        named = set(workers)
        return bool(named and self._rooms) and named.isdisjoint(self._rooms)


def _rooms(client: Client) -> dict[str, float]:
    """What a realization may take on each worker, by its address; Dask's limit of 0 is none at all."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return {
        address: _room(told["memory_limit"] or math.inf) / max(1, told["nthreads"]) for address, told in workers.items()
    }


def _room(limit: float) -> float:
    """What is left for realizations within a limit."""
    return _USABLE * limit - _OWN
