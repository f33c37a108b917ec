"""A scheduler in the driver's process, for workers that come from elsewhere."""

import contextlib
import logging
from collections.abc import Iterator

import dask
from distributed import Client, Scheduler, Security, SpecCluster

_PATIENT = {
    "distributed.scheduler.allowed-failures": 10,
    "distributed.scheduler.worker-ttl": "15 minutes",
}
"""A job that is cancelled or runs into its walltime is no fault of the task it was at."""


@contextlib.contextmanager
def scheduling(interface: str, security: Security | None) -> Iterator[tuple[SpecCluster, Client]]:
    """A scheduler in this process that workers of other machines can join, and its client."""
    options = {
        "protocol": "tls://" if security else "tcp://",
        "dashboard_address": "127.0.0.1:0",
        "security": security,
        **({"interface": interface} if interface else {}),
    }
    with (
        dask.config.set(_PATIENT),
        SpecCluster(
            workers={},
            scheduler={"cls": Scheduler, "options": options},
            security=security,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield cluster, client
