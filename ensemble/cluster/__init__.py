"""Connect to the cluster that computes the tasks: this machine, SLURM jobs, or a running Dask cluster.

Clusters are named by a string:

"local"                    one single-threaded worker process per core of this machine, on loopback only
"slurm"                    SLURM jobs of workers, configured by slurm.toml in the current folder or ~/.config/ensemble
"profile.toml"             SLURM jobs of workers, configured by this file
"allocation"               the SLURM job that this process runs in, with workers on all of its cores
"allocation:profile.toml"  the same, with network, folders and shell setup from this file
"tcp://host:8786"          a running Dask cluster (also tls:// and other protocols of Dask)
"scheduler.json"           a running Dask cluster, by its scheduler file

    cluster_names        check the name of a cluster, find its profile
    client               connect to a cluster; number of cores and threads
    local                workers on this machine
    job_pool             worker jobs of SLURM: submit, monitor, replace, cancel
    allocation           workers in the SLURM job of the driver
    existing_cluster     a running Dask cluster
    profile              settings of SLURM jobs, from a TOML file
    job_scripts          shell scripts for SLURM
    slurm                sbatch, squeue, scancel
    submit               a run as a SLURM job, followed by the same job until the sweep is done
    driver_scheduler     the Dask scheduler in the driver's process
    fork_server          the process that local workers are forked from
    fork_server_preload  the modules that it imports
    worker               setup of every worker process
    worker_names         the SLURM job of each worker
    worker_settings      environment variables and Dask settings of workers
    tls_keys             TLS keys for driver and workers
    dashboard            Dask's dashboard
    scratch              temporary folders, and removal of those that killed drivers left
    memory               memory of a realization, and the workers that have enough
    steady               protects Dask's messages against changes of the system time
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.cluster.client import connect, count_cores, count_threads, silence_logs
    from ensemble.cluster.cluster_names import check_cluster
    from ensemble.cluster.job_pool import longest_realization, planned_threads, request_workers
    from ensemble.cluster.memory import MemoryNeed, WorkerMemory, check_memory, workers_with_memory
else:
    __getattr__ = deferred(
        __name__,
        {
            "ensemble.cluster.client": ("connect", "count_cores", "silence_logs", "count_threads"),
            "ensemble.cluster.job_pool": ("longest_realization", "planned_threads", "request_workers"),
            "ensemble.cluster.memory": ("MemoryNeed", "WorkerMemory", "check_memory", "workers_with_memory"),
            "ensemble.cluster.cluster_names": ("check_cluster",),
        },
    )

__all__ = [
    "MemoryNeed",
    "WorkerMemory",
    "check_cluster",
    "check_memory",
    "connect",
    "count_cores",
    "count_threads",
    "longest_realization",
    "planned_threads",
    "request_workers",
    "silence_logs",
    "workers_with_memory",
]
