"""Worker jobs of a batch system: as many as there is work for, watched, and replaced when they end.

The scheduler of a run is part of its driver. Workers come as batch jobs and leave before their walltime; a thread of
the driver asks the batch system every few seconds which jobs there are, submits what is missing, lets go what is too
many, and drops workers whose job is gone. While the batch system does not answer, everything stays as it is.
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

from ensemble.cluster import arrivals, keys, scripts, slurm
from ensemble.cluster.profile import Profile
from ensemble.cluster.running import check_versions
from ensemble.cluster.scheduling import scheduling
from ensemble.errors import ClusterError, NoWorkers

Say = Callable[[str], None]

_ROUND = 5.0
"""Seconds between two looks at the queue."""
_STILLBORN = 3
"""So many jobs in a row that end before their workers come are no accident."""
_PAUSE = 60.0
"""Seconds until jobs are submitted again after such a row, or after a refusal."""
_NEWS = 60.0
"""Seconds between two lines about a queue that nothing comes out of."""
_GLANCE = 0.1
_MOST_AT_ONCE = 1000
"""Jobs in one array: clusters have limits."""

_fleets: "weakref.WeakKeyDictionary[Client, Fleet]" = weakref.WeakKeyDictionary()


def wish(client: Client, core_seconds: float) -> None:
    """Tell a client's cluster how much work is left, so that it has as many jobs as are worth while."""
    if client in _fleets:
        _fleets[client].core_seconds = core_seconds


def planned_threads(client: Client) -> int:
    """How many tasks at a time a client's cluster will work on when all that it waits for is there; 0 if nothing is."""
    return _fleets[client].profile.cores * _fleets[client].wanted if client in _fleets else 0


def longest(client: Client) -> float:
    """The longest that a task may take on a client's cluster."""
    return _fleets[client].longest if client in _fleets else float("inf")


@final
class Fleet:
    """The worker jobs of one scheduler."""

    def __init__(self, profile: Profile, cluster: Any, folder: Path, name: str, say: Say) -> None:
        self.profile, self.name, self.folder = profile, name, folder
        self.core_seconds = float("nan")
        """Work that is left, as far as is known."""
        self.broken: ClusterError | None = None
        """Why no worker comes."""
        self.queue: dict[str, slurm.Job] = {}
        self._cluster, self._say, self._told = cluster, say, ""
        self._submitted: set[str] = set()
        """Jobs that may be in the queue."""
        self._since: dict[str, float] = {}
        """When jobs were first seen to run; one that has had its walltime is slow, and no mistake."""
        self._asked = False
        """Whether there were ever any, as far as is known."""
        self._arrivals = arrivals.Arrivals()
        cluster.scheduler.add_plugin(self._arrivals)
        self._stillborn, self._not_before = 0, 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="fleet", daemon=True)
        self._script = folder / "worker.sh"
        self._script.write_text(scripts.worker_job(profile, name, folder, cluster.scheduler_address))

    @property
    def wanted(self) -> int:
        """How many jobs there should be."""
        return self.profile.wanted(self.core_seconds)

    @property
    def longest(self) -> float:
        """Seconds that a worker has before it leaves, at most."""
        return 60 * self.profile.minutes - self.profile.leaves

    def start(self) -> None:
        """Submit the first jobs, so that a refusal is heard at once, and watch from then on."""
        self._submit(self.wanted)
        self._thread.start()

    def await_worker(self, patience: float) -> None:
        """Wait until the first worker is there, however long the queue is, but not for ever."""
        end, news = time.monotonic() + patience, time.monotonic() + _NEWS / 6
        while not self._cluster.scheduler.workers:
            if self.broken:
                raise self.broken
            if time.monotonic() > end:
                raise NoWorkers(f"no worker has come in time: {self._queued()}")
            if time.monotonic() > news:
                self._say(f"waiting for workers: {self._queued()}")
                news = time.monotonic() + _NEWS
            time.sleep(_GLANCE)

    def close(self) -> None:
        """End all jobs."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if not self._asked:
            return
        for pause in (1.0, 5.0, 15.0, 0.0):
            try:
                slurm.cancel(f"--name={self.name}", f"--user={os.getuid()}")
                return
            except ClusterError:
                time.sleep(pause)
        self._say(f"SLURM does not answer: end the jobs that wait by `scancel --name={self.name}`")

    def look(self) -> None:
        """One round: who is there, who is missing, who is too many."""
        try:
            self.queue = slurm.queue(self.name)
        except ClusterError as error:
            self._tell(f"{error}; what runs goes on")
            return
        for number, job in self.queue.items():
            if not job.waits:
                self._since.setdefault(number, time.monotonic())
        workers = arrivals.there(self._cluster.scheduler)
        self._drop([address for job, found in workers.items() if job not in self.queue for address in found])
        self._bury({job for job in self._submitted if job not in self.queue})
        alive = {number: job for number, job in self.queue.items() if not job.ends}
        surplus = len(alive) - self.wanted
        if surplus < 0 and time.monotonic() >= self._not_before:
            try:
                self._submit(-surplus)
            except ClusterError as error:
                self._tell(f"{error}; tried again soon")
        elif surplus > 0:
            self._let_go(self._idle(alive, workers)[:surplus])

    def _watch(self) -> None:
        while not self._over.wait(_ROUND):
            try:
                self.look()
            except Exception as error:  # whatever it was, the next look may do; without one no job is ever replaced
                self._tell(f"jobs could not be looked after: {type(error).__name__}: {error}")

    def _submit(self, count: int) -> None:
        """Submit worker jobs; after a refusal not again for a while."""
        count = min(count, _MOST_AT_ONCE)
        try:
            number = slurm.submit([f"--array=0-{count - 1}", str(self._script)])
        except slurm.SlurmAway:
            self._asked = True  # the question may have come through, and the answer not
            raise
        except ClusterError:
            self._not_before = time.monotonic() + _PAUSE
            raise
        self._told, self._asked = "", True
        self._submitted |= {f"{number}_{each}" for each in range(count)}

    def _bury(self, ended: set[str]) -> None:
        """Take note of jobs that are over. Many in a row whose workers never came are a mistake, and cost money."""
        self._submitted -= ended
        if ended & self._arrivals.jobs:
            self._stillborn = 0
        recently = time.monotonic() - (60 * self.profile.minutes - self.profile.leaves)
        never_came = [job for job in sorted(ended - self._arrivals.jobs) if self._since.get(job, math.inf) > recently]
        stillborn = [job for job in never_came if self._log(job).exists()]  # without a log it never began
        self._stillborn += len(stillborn)
        if stillborn and self._stillborn >= _STILLBORN:
            log = self._log(stillborn[-1])
            self.broken = ClusterError(
                f"jobs end before their workers come, the last one with {_last_line(log)!r}: "
                f"mend the profile; all that it said is in {log}"
            )
            self._not_before = time.monotonic() + _PAUSE
            self._tell(str(self.broken))

    def _drop(self, addresses: list[str]) -> None:
        """Have the scheduler forget workers whose job is gone, without blame for what they were at."""
        for address in addresses:
            self._cluster.sync(
                self._cluster.scheduler.remove_worker, address, stimulus_id=f"fleet-{uuid.uuid4()}", expected=True
            )

    def _idle(self, alive: dict[str, slurm.Job], workers: dict[str, list[str]]) -> list[str]:
        """Jobs that can go: first those that have not started, the youngest first, then those with nothing to do."""
        states = self._cluster.scheduler.workers
        waiting = [number for number, job in alive.items() if job.waits]
        resting = [
            number
            for number in alive
            if number in workers
            and not any(states[each].processing or states[each].has_what for each in workers[number] if each in states)
        ]
        return [*reversed(waiting), *resting]

    def _let_go(self, jobs: list[str]) -> None:
        if jobs:
            with contextlib.suppress(ClusterError):
                slurm.cancel(*jobs)
                self._submitted -= set(jobs)

    def _queued(self) -> str:
        """What the queue says, in words; until it has been asked, what it was given."""
        if not self.queue and self._submitted:
            return f"{len(self._submitted)} submitted"
        states = Counter((job.state.lower(), job.reason) for job in self.queue.values())
        return ", ".join(f"{count} {state} ({why})" for (state, why), count in states.items()) or "no job is queued"

    def _log(self, job: str) -> Path:
        return self.folder / f"{job}.log"

    def _tell(self, text: str) -> None:
        """Say something once, until something else is to be said."""
        if text != self._told:
            self._told = text
            self._say(text)


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no word"


@contextlib.contextmanager
def client(profile: Profile, say: Say, patience: float, *, dashboard: bool = False) -> Iterator[Client]:
    """A client whose workers are batch jobs; they end with it, and what was written for them goes with them.

    A NoWorkers error if none comes in `patience` seconds.
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
        security = keys.make(folder)
        with (
            _ended_by_sigterm(),
            scheduling(profile.interface, security, dashboard=dashboard) as (cluster, client),
        ):
            jobs = Fleet(profile, cluster, folder, name, say)
            _fleets[client] = jobs
            try:
                jobs.start()
                jobs.await_worker(patience)
                check_versions(client)
                yield client
            finally:
                jobs.close()
    finally:
        for key in keys.FILES:
            (folder / key).unlink(missing_ok=True)
        if jobs is None or not jobs.broken:  # or else somebody wants to read the logs
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Have SIGTERM end this process in order, jobs that wait in the queue with it; once a run drives, it decides."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
