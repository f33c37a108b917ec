"""Worker jobs of SLURM: submit as many as the work needs, monitor them, and replace those that end.

The scheduler of a run is part of its driver. Workers are batch jobs and leave before their walltime. Every few seconds,
a thread of the driver asks SLURM which jobs exist. It submits missing jobs, cancels surplus ones, and removes workers
whose job is gone. While SLURM does not answer, nothing changes.
"""

import contextlib
import math
import os
import shutil
import signal
import sys
import threading
import time
import uuid
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, final

from distributed import Client

from ensemble.cluster import job_scripts, slurm, tls_keys, worker_names
from ensemble.cluster.driver_scheduler import scheduler
from ensemble.cluster.existing_cluster import check_versions
from ensemble.cluster.profile import Profile
from ensemble.errors import ClusterError, NoWorkers

Say = Callable[[str], None]
"""A function that takes a message."""

_POLL_SECONDS = 5.0
"""Seconds between two looks at the queue."""
_MAX_EARLY_ENDS = 3
"""After this many jobs in a row that end before their workers connect, the profile is considered wrong."""
_PAUSE = 60.0
"""Seconds before jobs are submitted again after such failures, or after SLURM refused a job."""
_REPORT_SECONDS = 60.0
"""Seconds between two messages while no worker has started."""
_TICK_SECONDS = 0.1
"""Seconds between two looks for the first worker."""
_MOST_AT_ONCE = 1000
"""Maximum number of jobs in one job array; clusters have limits."""

_pools: "weakref.WeakKeyDictionary[Client, JobPool]" = weakref.WeakKeyDictionary()
"""The job pool of each client."""


def request_workers(client: Client, core_seconds: float) -> None:
    """Report the remaining work of a run, from which the number of worker jobs follows; no effect on other clusters.

    Parameters
    ----------
    client : distributed.Client
        Client of the cluster.
    core_seconds : float
        Remaining work in core seconds.
    """
    if client in _pools:
        _pools[client].core_seconds = core_seconds


def planned_threads(client: Client) -> int:
    """Number of tasks that a cluster of worker jobs will run at the same time when all its jobs have started.

    Parameters
    ----------
    client : distributed.Client
        Client of the cluster.

    Returns
    -------
    int
        Number of worker threads; 0 for a cluster without worker jobs.
    """
    return _pools[client].profile.cores * _pools[client].wanted if client in _pools else 0


def longest_realization(client: Client) -> float:
    """The longest duration of a task on a client's cluster.

    Parameters
    ----------
    client : distributed.Client
        Client of the cluster.

    Returns
    -------
    float
        Seconds from the start of a worker job until it takes no new tasks; infinite for a cluster without worker jobs.
    """
    return _pools[client].longest if client in _pools else float("inf")


@final
class JobPool:
    """The worker jobs of one scheduler."""

    def __init__(self, profile: Profile, cluster: Any, folder: Path, name: str, say: Say) -> None:
        self.profile, self.name, self.folder = profile, name, folder
        self.core_seconds = float("nan")
        """Remaining work in core seconds; nan if unknown."""
        self.broken: ClusterError | None = None
        """The error if jobs end before their workers connect."""
        self.queue: dict[str, slurm.SlurmJob] = {}
        self._cluster, self._say, self._last_message = cluster, say, ""
        self._submitted: set[str] = set()
        """Jobs that may be in the queue."""
        self._running_since: dict[str, float] = {}
        """When each job was first seen running; a job that used its whole walltime is slow, not wrong."""
        self._may_have_jobs = False
        """Whether any job may have been submitted."""
        self._worker_names = worker_names.WorkerNames()
        cluster.scheduler.add_plugin(self._worker_names)
        self._early_ends, self._not_before = 0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="fleet", daemon=True)
        self._script = folder / "worker.sh"
        self._script.write_text(job_scripts.worker_job(profile, name, folder, cluster.scheduler_address))

    @property
    def wanted(self) -> int:
        """Number of jobs that should exist."""
        return self.profile.wanted(self.core_seconds)

    @property
    def longest(self) -> float:
        """Seconds that a worker has before it leaves."""
        return 60 * self.profile.minutes - self.profile.leaves

    def start(self) -> None:
        """Submit the first jobs, so that an error of SLURM is raised at once, and start to monitor them."""
        self._submit(self.wanted)
        self._thread.start()

    def await_worker(self, patience: float) -> None:
        """Wait for the first worker, at most `patience` seconds; raises NoWorkers."""
        end, next_report = time.monotonic() + patience, time.monotonic() + _REPORT_SECONDS / 6
        while not self._cluster.scheduler.workers:
            if self.broken:
                raise self.broken
            if time.monotonic() > end:
                raise NoWorkers(f"no worker has come in time: {self._queued()}")
            if time.monotonic() > next_report:
                self._say(f"waiting for workers: {self._queued()}")
                next_report = time.monotonic() + _REPORT_SECONDS
            time.sleep(_TICK_SECONDS)

    def close(self) -> None:
        """Cancel all jobs."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if not self._may_have_jobs:
            return
        for pause in (1.0, 5.0, 15.0, 0.0):
            try:
                slurm.cancel(f"--name={self.name}", f"--user={os.getuid()}")
                return
            except ClusterError:
                time.sleep(pause)
        self._say(f"SLURM does not answer: end the jobs that wait by `scancel --name={self.name}`")

    def look(self) -> None:
        """One round: compare jobs, workers and wanted jobs; submit or cancel the difference."""
        try:
            self.queue = slurm.queue(self.name)
        except ClusterError as error:
            self._say_once(f"{error}; what runs goes on")
            return
        for number, job in self.queue.items():
            if not job.waits:
                self._running_since.setdefault(number, time.monotonic())
        workers = worker_names.there(self._cluster.scheduler)
        self._drop([address for job, found in workers.items() if job not in self.queue for address in found])
        self._forget_ended({job for job in self._submitted if job not in self.queue})
        alive = {number: job for number, job in self.queue.items() if not job.ends}
        surplus = len(alive) - self.wanted
        if surplus < 0 and time.monotonic() >= self._not_before:
            try:
                self._submit(-surplus)
            except ClusterError as error:
                self._say_once(f"{error}; tried again soon")
        elif surplus > 0:
            self._cancel(self._idle(alive, workers)[:surplus])

    def _watch(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            try:
                self.look()
            except Exception as error:  # the thread must survive, or no job is ever replaced
                self._say_once(f"jobs could not be looked after: {type(error).__name__}: {error}")

    def _submit(self, count: int) -> None:
        """Submit worker jobs; after a refusal, wait before the next attempt."""
        count = min(count, _MOST_AT_ONCE)
        try:
            number = slurm.submit([f"--array=0-{count - 1}", str(self._script)])
        except slurm.SlurmAway:
            self._may_have_jobs = True  # SLURM may have received the job although it did not answer
            raise
        except ClusterError:
            self._not_before = time.monotonic() + _PAUSE
            raise
        self._last_message, self._may_have_jobs = "", True
        self._submitted |= {f"{number}_{each}" for each in range(count)}

    def _forget_ended(self, ended: set[str]) -> None:
        """Forget ended jobs. If several in a row never got a worker, report an error: they cost compute time."""
        self._submitted -= ended
        if ended & self._worker_names.jobs:
            self._early_ends = 0
        recently = time.monotonic() - (60 * self.profile.minutes - self.profile.leaves)
        never_connected = [
            job for job in sorted(ended - self._worker_names.jobs) if self._running_since.get(job, math.inf) > recently
        ]
        # a job without a log has never started
        ended_early = [job for job in never_connected if self._log(job).exists()]
        self._early_ends += len(ended_early)
        if ended_early and self._early_ends >= _MAX_EARLY_ENDS:
            log = self._log(ended_early[-1])
            self.broken = ClusterError(
                f"jobs end before their workers come, the last one with {_last_line(log)!r}: "
                f"mend the profile; all that it said is in {log}"
            )
            self._not_before = time.monotonic() + _PAUSE
            self._say_once(str(self.broken))

    def _drop(self, addresses: list[str]) -> None:
        """Remove workers whose job is gone from the scheduler; their tasks are not blamed."""
        for address in addresses:
            self._cluster.sync(
                self._cluster.scheduler.remove_worker, address, stimulus_id=f"fleet-{uuid.uuid4()}", expected=True
            )

    def _idle(self, alive: dict[str, slurm.SlurmJob], workers: dict[str, list[str]]) -> list[str]:
        """Jobs that can be cancelled: first those that have not started, the youngest first, then idle ones."""
        states = self._cluster.scheduler.workers
        waiting = [number for number, job in alive.items() if job.waits]
        idle = [
            number
            for number in alive
            if number in workers
            and not any(states[each].processing or states[each].has_what for each in workers[number] if each in states)
        ]
        return [*reversed(waiting), *idle]

    def _cancel(self, jobs: list[str]) -> None:
        if jobs:
            with contextlib.suppress(ClusterError):
                slurm.cancel(*jobs)
                self._submitted -= set(jobs)

    def _queued(self) -> str:
        """The state of the queue in words; before the first look, the number of submitted jobs."""
        if not self.queue and self._submitted:
            return f"{len(self._submitted)} submitted"
        states = Counter((job.state.lower(), job.reason) for job in self.queue.values())
        return ", ".join(f"{count} {state} ({why})" for (state, why), count in states.items()) or "no job is queued"

    def _log(self, job: str) -> Path:
        return self.folder / f"{job}.log"

    def _say_once(self, text: str) -> None:
        """Say something once, until something else is said."""
        if text != self._last_message:
            self._last_message = text
            self._say(text)


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no word"


@contextlib.contextmanager
def client(profile: Profile, say: Say, patience: float, *, dashboard: bool = False) -> Iterator[Client]:
    """A client whose workers are batch jobs; jobs and their files are removed at the end.

    Raises NoWorkers if no worker arrives within `patience` seconds.
    """
    if patience <= 0:
        raise NoWorkers("no worker can come in time: no time is left")
    name = f"ensemble-{uuid.uuid4().hex[:8]}"
    folder = Path(profile.folder).expanduser().absolute() / name
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise ClusterError(f"folder must be one that this user may write to, but {folder}: {error.strerror}") from error
    jobs = None
    try:
        security = tls_keys.make(folder)
        with (
            _ended_by_sigterm(),
            scheduler(profile.interface, security, dashboard=dashboard) as (cluster, client),
        ):
            jobs = JobPool(profile, cluster, folder, name, say)
            _pools[client] = jobs
            try:
                jobs.start()
                jobs.await_worker(patience)
                check_versions(client)
                yield client
            finally:
                jobs.close()
    finally:
        for key in tls_keys.FILES:
            (folder / key).unlink(missing_ok=True)
        if jobs is None or not jobs.broken:  # otherwise the user needs the logs
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM exit this process in order, so that waiting jobs are cancelled; a run later sets its own handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
