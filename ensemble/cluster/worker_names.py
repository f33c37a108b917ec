"""Names of workers: each contains the SLURM job of the worker."""

from typing import final

from distributed import Scheduler, SchedulerPlugin

from ensemble.cluster.job_scripts import JOB


@final
class WorkerNames(SchedulerPlugin):
    """Scheduler plugin: records the jobs whose workers have ever connected."""

    def __init__(self) -> None:
        self.jobs: set[str] = set()

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """Called by Dask when a worker connects."""
        self.jobs.add(_job_of(scheduler.workers[worker].name))


def there(scheduler: Scheduler) -> dict[str, list[str]]:
    """Addresses of the connected workers, by job."""
    found: dict[str, list[str]] = {}
    for address, worker in list(scheduler.workers.items()):
        found.setdefault(_job_of(worker.name), []).append(address)
    return found


def _job_of(name: object) -> str:
    """The job in the name of a worker, such as 12_3 in job12_3-0."""
    return str(name).removeprefix(JOB).partition("-")[0]
