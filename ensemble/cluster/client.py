"""A client of the cluster that is asked for, and what a driver wants to know of it."""

import contextlib
import logging
import math
import os
from collections.abc import Callable, Iterator

from distributed import Client

from ensemble.cluster import allocation, fleet, local, running
from ensemble.cluster.memory import NOTHING, Need, check_room, fitting
from ensemble.cluster.named import check, in_allocation, profile_of
from ensemble.steady import steady


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def quiet() -> None:
    """For a driver on the command line: a cluster that is lost is told in one sentence, and not in logs as well."""
    for name in ("distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def threads(client: Client) -> int:
    """How many tasks a client's cluster works on at a time; 0 while it has no workers."""
    return sum(int(count) for count in client.nthreads().values())


@contextlib.contextmanager
def connect(
    where: str = "local",
    workers: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    patience: float = math.inf,
    need: Need = NOTHING,
) -> Iterator[Client]:
    """A client for `where`; what was started for it ends with it.

    On this machine no more workers are started than have room for the memory that a realization may `need`. A batch
    system may take its time: that is said, and after `patience` seconds without a worker a NoWorkers error.
    """
    steady()
    check(where, workers)
    with _client(where, workers, say, patience, need) as client:
        check_room(client, need)
        yield client


def _client(
    where: str, workers: int | None, say: Callable[[str], None], patience: float, need: Need
) -> contextlib.AbstractContextManager[Client]:
    profile = profile_of(where)
    if where == "local":
        return local.client(fitting(workers or cores(), need, say))
    if profile is None:
        return running.client(where)
    return allocation.client(profile, say) if in_allocation(where) else fleet.client(profile, say, patience)
