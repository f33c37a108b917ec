"""Workers and their jobs: a worker is named after the job that it came with."""

from typing import final

from distributed import Scheduler, SchedulerPlugin

from ensemble.cluster.scripts import JOB


@final
class Arrivals(SchedulerPlugin):
    """The jobs whose workers have come, however shortly they stayed."""

    def __init__(self) -> None:
        self.jobs: set[str] = set()

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """Dask tells so that a worker has come."""
        self.jobs.add(_job_of(scheduler.workers[worker].name))


def there(scheduler: Scheduler) -> dict[str, list[str]]:
    """Addresses of the workers that are there, by job."""
    found: dict[str, list[str]] = {}
    for address, worker in list(scheduler.workers.items()):
        found.setdefault(_job_of(worker.name), []).append(address)
    return found


def _job_of(name: object) -> str:
    """The job of a worker of this name; several of a job are numbered."""
    return str(name).removeprefix(JOB).partition("-")[0]
