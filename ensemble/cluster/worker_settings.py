"""Environment variables and Dask settings of all workers, on this machine and in SLURM jobs."""

KEEPING = {f"MALLOC_{name}_THRESHOLD_": str(size) for name, size in (("MMAP", 32 * 2**20), ("TRIM", 64 * 2**20))}
"""Environment variables of a worker: glibc keeps up to 64 MiB of freed memory, which chunks use again and again.

By default, Dask returns memory to the system at once. The system then clears every page anew, which takes a large part
of the time to read a chunk.
"""
UNOBSERVED = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.worker.http.routes": [],
}
"""Dask settings that turn off profiles and HTTP pages of workers, which take time and are not used."""

ENDS = "ENSEMBLE_JOB_ENDS"
"""Environment variable of a worker: when its job ends, in seconds since 1970."""
LEAVES = "ENSEMBLE_WORKER_LEAVES"
"""Environment variable of a worker: seconds before the end of its job in which it takes no new tasks."""

PRELOADED = "ensemble.cluster.fork_server_preload"
"""The module that the fork server imports."""
PRELOAD = "ensemble.cluster.worker"
"""The module that Dask loads first in every worker."""
