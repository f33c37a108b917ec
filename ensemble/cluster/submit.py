"""A run as a SLURM job with driver and workers, followed by the same job until the sweep is done."""

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

from ensemble.cluster import job_scripts, slurm
from ensemble.cluster.profile import Profile
from ensemble.errors import ClusterError, RunError
from ensemble.store.location import Location

_RETRY_SECONDS = 60.0
"""If a run fails after this many seconds, its successor starts; one that fails earlier would fail again."""


@final
@dataclass(frozen=True)
class DriverJob:
    """A job of driver and workers."""

    name: str
    folder: Path
    """Folder of its script and logs."""
    script: str
    """Text of the shell script."""

    @classmethod
    def of(
        cls, profile: Profile, where: str, sweep: Path, store: Location, options: Sequence[str], *, chained: bool
    ) -> Self:
        """The job for a sweep and a store."""
        store = store.absolute()
        folder = _folder(store)
        name = f"ensemble-{store.stem}-{hashlib.sha256(str(store).encode()).hexdigest()[:6]}"
        arguments = [str(sweep.absolute()), "--store", str(store), "--cluster", where, *options]
        return cls(name, folder, job_scripts.driver_job(profile, name, folder, arguments, chained=chained))

    def submit(self) -> str:
        """Submit the job to SLURM; returns its number."""
        if queued := slurm.queue(self.name):
            number, job = min(queued.items(), key=lambda pair: (pair[1].waits, pair[0]))
            raise ClusterError(
                f"the sweep is submitted already: job {number} is {job.state.lower()}; "
                f"`scancel --name={self.name}` ends it"
            )
        self.folder.mkdir(exist_ok=True)
        (self.folder / job_scripts.STARTS).unlink(missing_ok=True)
        (self.folder / job_scripts.DRIVER).write_text(self.script)
        return slurm.submit([str(self.folder / job_scripts.DRIVER)])


@final
class Successor:
    """The SLURM job that starts after this one."""

    def __init__(self, number: str | None) -> None:
        self.number = number
        self.needed = False
        """Whether work is left for it."""

    def begin(self, store: Location, done: int) -> bool:
        """Record the number of finished realizations; without progress, cancel the successor and return False."""
        if self.number is None:
            return True
        starts = _folder(store) / job_scripts.STARTS
        counts = starts.read_text().split()[:-1] if starts.exists() else []  # the last line is that of this job
        if set(counts) - {"unknown", str(done)}:
            counts = []
        starts.write_text("".join(f"{each}\n" for each in (*counts, done)))
        if len(counts) + 1 < job_scripts.MAX_IDLE_JOBS:
            return True
        self.end()
        return False

    def end(self) -> None:
        """Cancel it. If SLURM does not answer, it runs, continues where this job stopped, and does no harm."""
        if self.number is not None:
            with contextlib.suppress(ClusterError):
                slurm.cancel(self.number)
                self.number = None


def _folder(store: Location) -> Path:
    """Folder of the script and logs of a store's jobs: beside the store; the current folder for object storage."""
    return Path(store.absolute().with_suffix(".slurm")).absolute()


@contextlib.contextmanager
def submit_successor(number: str | None) -> Iterator[Successor]:
    """Context manager: cancel the successor at the end, unless work is left or the run failed after a minute."""
    started, successor = time.monotonic(), Successor(number)
    try:
        yield successor
    except RunError:
        successor.needed = time.monotonic() - started > _RETRY_SECONDS
        raise
    finally:
        if not successor.needed:
            successor.end()
