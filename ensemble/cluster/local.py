"""Workers on this machine: processes on loopback, one for each core.

Other users of the machine reach loopback as well, and a scheduler or worker without TLS computes whatever it is sent.
So all of them talk by TLS, with keys that were made for this run and lie where only its user can read them.
"""

import contextlib
import logging
from collections.abc import Iterator

import dask
from distributed import Client, LocalCluster

from ensemble.cluster import keys
from ensemble.cluster.dashboard import page_settings, scheduler_options
from ensemble.cluster.scratch import scratch_folder, scratch_settings
from ensemble.cluster.settings import KEEPING, PRELOAD, UNOBSERVED

_LASTING = {"distributed.scheduler.worker-ttl": None, "distributed.deploy.lost-worker-timeout": "1000 weeks"}
"""A worker that says nothing for long is at work, and one that dies is started again.

By default Dask restarts the first after five minutes, and gives up the second if it happens to be starting again
fifteen seconds after a death, until none is left.
"""


@contextlib.contextmanager
def client(workers: int, *, dashboard: bool = False, insecure: bool = False) -> Iterator[Client]:
    """A client of so many workers on this machine, which share its memory and end with it.

    With `insecure` they have no TLS, so that every user of this machine can run code as this one.
    """
    settings = {
        **_LASTING,
        **UNOBSERVED,
        **page_settings(dashboard=dashboard),
        **{f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in KEEPING.items()},
    }
    with (
        scratch_folder() as scratch,
        dask.config.set(settings | scratch_settings(scratch)),
        contextlib.ExitStack() as afterwards,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            scheduler_kwargs=scheduler_options(dashboard=dashboard),
            env={"NUMBA_NUM_THREADS": "1"},
            preload=[PRELOAD],
            security=None if insecure else keys.make(scratch),
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        try:
            yield client
        finally:  # a worker that is slow to leave now, and is killed, is no news
            nanny = logging.getLogger("distributed.nanny")
            afterwards.callback(nanny.setLevel, nanny.level)
            nanny.setLevel(logging.ERROR)
