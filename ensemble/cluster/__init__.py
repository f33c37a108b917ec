"""A Dask client for wherever the work is to be done.

"local"                 one single-threaded worker process per core of this machine, on loopback only
"slurm"                 SLURM jobs of workers, as slurm.toml in this folder, or your own, describes them
"profile.toml"          the same, as this file describes them
"allocation"            the SLURM job that this process runs in, workers on all of its cores
"allocation:profile.toml"  the same, with what the profile says of network and folders
"tcp://host:8786"       a Dask cluster that is running already (tls:// and others that Dask knows)
"scheduler.json"        the same, by the file that its scheduler has written

    named, client                       which of them is meant, and its client
    local, running, fleet, allocation   one file for each
    profile, scripts, slurm, submit     what is asked of SLURM, in whose words, with which commands
    arrivals                            which job a worker came with
    scheduling                          the scheduler of jobs, in the driver's process
    fork_server, preloaded              the process that workers of this machine are forked from, and what it imports
    worker                              what every worker process does first
    settings                            what it is started with
    keys                                TLS between driver and workers
    scratch                             folders for temporary files, and those that killed drivers have left
    memory                              what realizations take, and which workers have room for it
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.cluster.client import connect, cores, quiet, threads
    from ensemble.cluster.fleet import longest, planned_threads, wish
    from ensemble.cluster.memory import Need, Rooms, check_room, fitting
    from ensemble.cluster.named import check
else:
    __getattr__ = deferred(
        __name__,
        {
            "ensemble.cluster.client": ("connect", "cores", "quiet", "threads"),
            "ensemble.cluster.fleet": ("longest", "planned_threads", "wish"),
            "ensemble.cluster.memory": ("Need", "Rooms", "check_room", "fitting"),
            "ensemble.cluster.named": ("check",),
        },
    )

__all__ = [
    "Need",
    "Rooms",
    "check",
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
