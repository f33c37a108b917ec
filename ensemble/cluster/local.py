"""Workers on this machine: processes on loopback, one for each core."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator

import dask
from distributed import Client, LocalCluster

from ensemble.cluster.settings import KEEPING, PRELOAD, UNOBSERVED

_LASTING = {"distributed.scheduler.worker-ttl": None, "distributed.deploy.lost-worker-timeout": "1000 weeks"}
"""A worker that says nothing for long is at work, and one that dies is started again.

By default Dask restarts the first after five minutes, and gives up the second if it happens to be starting again
fifteen seconds after a death, until none is left.
"""


@contextlib.contextmanager
def client(workers: int) -> Iterator[Client]:
    """A client of so many workers on this machine, which share its memory and end with it."""
    keeping = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in KEEPING.items()}
    with (
        dask.config.set(_LASTING | UNOBSERVED | keeping),
        tempfile.TemporaryDirectory(prefix="ensemble-") as scratch,
        contextlib.ExitStack() as afterwards,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=scratch,
            env={"NUMBA_NUM_THREADS": "1"},
            preload=[PRELOAD],
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        try:
            yield client
        finally:  # a worker that is slow to leave now, and is killed, is no news
            nanny = logging.getLogger("distributed.nanny")
            afterwards.callback(nanny.setLevel, nanny.level)
            nanny.setLevel(logging.ERROR)
