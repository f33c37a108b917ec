"""The Dask scheduler of a run, in the driver's process, for workers on other machines."""

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
"""A task is not to blame if its job is cancelled or reaches its walltime."""


@contextlib.contextmanager
def scheduler(
    interface: str, security: Security | None, *, dashboard: bool = False
) -> Iterator[tuple[SpecCluster, Client]]:
    """Start a scheduler in this process, and a client for it; workers of other machines can join."""
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
