"""Settings of all workers, on this machine and in jobs."""

KEEPING = {f"MALLOC_{name}_THRESHOLD_": str(size) for name, size in (("MMAP", 32 * 2**20), ("TRIM", 64 * 2**20))}
"""In the environment of a worker: memory that chunks come and go in stays with it, up to 64 MiB.

By default Dask has it given back each time, and the system then clears every page anew, a good part of the time that
it takes to read a chunk.
"""
UNOBSERVED = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.worker.http.routes": [],
}
"""Settings of Dask that turn off the profiles and web pages of workers: they take time and are not used."""

ENDS = "ENSEMBLE_JOB_ENDS"
"""In the environment of a worker: the time of day at which its job ends, in seconds since 1970."""
LEAVES = "ENSEMBLE_WORKER_LEAVES"
"""Seconds before the end of its job in which a worker takes nothing new."""

PRELOADED = "ensemble.cluster.preloaded"
"""The module that the fork server imports, from which the workers of this machine are forked."""
PRELOAD = "ensemble.cluster.worker"
"""The module that Dask loads first in every worker."""
