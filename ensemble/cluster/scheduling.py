"""A scheduler in the driver's process, for workers that come from elsewhere."""

import contextlib
import logging
from collections.abc import Iterator

import dask
from distributed import Client, Scheduler, Security, SpecCluster

from ensemble.cluster.dashboard import page_settings, scheduler_options
from ensemble.cluster.scratch import scratch_folder, scratch_settings

_PATIENT = {
    "distributed.scheduler.allowed-failures": 10,
    "distributed.scheduler.worker-ttl": "15 minutes",
}
"""A job that is cancelled or runs into its walltime is no fault of the task it was at."""


@contextlib.contextmanager
def scheduling(
    interface: str, security: Security | None, *, dashboard: bool = False
) -> Iterator[tuple[SpecCluster, Client]]:
    """A scheduler in this process that workers of other machines can join, and its client."""
    options = {
        "protocol": "tls://" if security else "tcp://",
        **scheduler_options(dashboard=dashboard),
        "security": security,
        **({"interface": interface} if interface else {}),
    }
    with (
        scratch_folder() as scratch,
        dask.config.set(_PATIENT | page_settings(dashboard=dashboard) | scratch_settings(scratch)),
        SpecCluster(
            workers={},
            scheduler={"cls": Scheduler, "options": options},
            security=security,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield cluster, client
