"""A Dask client for wherever the work is to be done.

"local"                 one single-threaded worker process per core of this machine, on loopback only
"slurm"                 SLURM jobs of workers, as slurm.toml in this folder, or your own, describes them
"profile.toml"          the same, as this file describes them
"allocation"            the SLURM job that this process runs in, workers on all of its cores
"allocation:profile.toml"  the same, with what the profile says of network and folders
"tcp://host:8786"       a Dask cluster that is running already (tls:// and others that Dask knows)
"scheduler.json"        the same, by the file that its scheduler has written

    local, running, fleet, allocation   one file for each
    profile, scripts, slurm, submit     what is asked of SLURM, in whose words, with which commands
    arrivals                            which job a worker came with
    scheduling                          the scheduler of jobs, in the driver's process
    worker                              what every worker process does first
    keys                                TLS for whatever leaves the machine
    memory                              what realizations take, and which workers have room for it
"""

import contextlib
import logging
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from distributed import Client

from ensemble.cluster import allocation, fleet, local, running
from ensemble.cluster.fleet import longest, planned_threads, wish
from ensemble.cluster.memory import NOTHING, Need, Rooms, check_room, fitting
from ensemble.cluster.profile import Profile
from ensemble.errors import ClusterError
from ensemble.steady import steady

__all__ = [
    "Need",
    "Rooms",
    "check_room",
    "connect",
    "cores",
    "fitting",
    "longest",
    "planned_threads",
    "quiet",
    "threads",
    "wish",
]


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
    if workers is not None and where != "local":
        raise ClusterError(f"--workers belongs to --cluster local, but the cluster is {where}; leave one out")
    with _client(where, workers, say, patience, need) as client:
        check_room(client, need)
        yield client


def _client(
    where: str, workers: int | None, say: Callable[[str], None], patience: float, need: Need
) -> contextlib.AbstractContextManager[Client]:
    kind, _, named = where.partition(":")
    if where == "local":
        return local.client(fitting(workers or cores(), need, say))
    if kind == "allocation":
        return allocation.client(Profile.find(named or "slurm"), say)
    if where == "slurm" or Path(where).suffix == ".toml":
        return fleet.client(Profile.find(where), say, patience)
    if "://" in where or Path(where).is_file():
        return running.client(where)
    raise ClusterError(
        "--cluster must be local, slurm, a profile.toml, an address such as tcp://host:8786, or a scheduler file, "
        f"got {where!r}"
    )
