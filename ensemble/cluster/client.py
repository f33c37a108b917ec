"""A client of the cluster that is asked for, and what a driver wants to know of it."""

import contextlib
import logging
import math
import os
from collections.abc import Callable, Iterator

from distributed import Client

from ensemble.cluster import allocation, fleet, local, running
from ensemble.cluster.dashboard import dashboard_link
from ensemble.cluster.memory import NOTHING, Need, check_room, fitting
from ensemble.cluster.named import check, in_allocation, profile_of
from ensemble.errors import RunError
from ensemble.steady import steady

LOST = "the cluster was lost; what has landed is safe, run again to continue"
"""What a run says when its scheduler does not answer any more."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def quiet() -> None:
    """Silence the logs of a cluster that is lost or cannot start: the command line prints one sentence instead."""
    for name in ("asyncio", "distributed.batched", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def threads(client: Client) -> int:
    """How many tasks a client's cluster works on at a time; 0 while it has no workers."""
    try:
        return sum(int(count) for count in client.nthreads().values())
    except OSError as error:  # the scheduler does not answer
        raise RunError(LOST) from error


@contextlib.contextmanager
def connect(
    where: str = "local",
    workers: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    patience: float = math.inf,
    need: Need = NOTHING,
    *,
    dashboard: bool = False,
    insecure: bool = False,
) -> Iterator[Client]:
    """A client for `where`; what was started for it ends with it.

    On this machine no more workers are started than have room for the memory that a realization may `need`. A batch
    system may take its time: that is said, and after `patience` seconds without a worker a NoWorkers error.

    `dashboard` starts Dask's dashboard on loopback, where all users of this machine can read it, and says its address.
    `insecure` starts the workers of this machine without TLS, so that all of its users can run code as this one.
    """
    steady()
    check(where, workers, dashboard=dashboard, insecure=insecure)
    if insecure:
        say("without TLS: while this runs, every user of this machine can run code as you")
    with _client(where, workers, say, patience, need, dashboard=dashboard, insecure=insecure) as client:
        if dashboard:
            say(f"dashboard {dashboard_link(client)}, for every user of this machine")
        check_room(client, need)
        yield client


def _client(
    where: str,
    workers: int | None,
    say: Callable[[str], None],
    patience: float,
    need: Need,
    *,
    dashboard: bool,
    insecure: bool,
) -> contextlib.AbstractContextManager[Client]:
    profile = profile_of(where)
    if where == "local":
        return local.client(fitting(workers or cores(), need, say), dashboard=dashboard, insecure=insecure)
    if profile is None:
        return running.client(where)
    if in_allocation(where):
        return allocation.client(profile, say, dashboard=dashboard)
    return fleet.client(profile, say, patience, dashboard=dashboard)
