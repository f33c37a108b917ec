"""A job that holds a run, driver and workers, and is followed by the same job until the sweep is done."""

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

from ensemble.cluster import scripts, slurm
from ensemble.cluster.profile import Profile
from ensemble.errors import ClusterError, RunError
from ensemble.store.place import Place

_ACCIDENT = 60.0
"""A run that ends by an error after so many seconds is followed by another; one that ends earlier would end again."""
_STARTS = "starts"
"""File with what was done when the last jobs began."""
_IN_VAIN = 3
"""So many jobs in a row that begin with the same are followed by none."""


@final
@dataclass(frozen=True)
class DriverJob:
    """What is submitted."""

    name: str
    folder: Path
    """Of its script and its logs."""
    script: str

    @classmethod
    def of(
        cls, profile: Profile, where: str, sweep: Path, store: Place, options: Sequence[str], *, chained: bool
    ) -> Self:
        """The job of a sweep and a store."""
        store = store.absolute()
        folder = _folder(store)
        name = f"ensemble-{store.stem}-{hashlib.sha256(str(store).encode()).hexdigest()[:6]}"
        arguments = [str(sweep.absolute()), "--store", str(store), "--cluster", where, *options]
        return cls(name, folder, scripts.driver_job(profile, name, folder, arguments, chained=chained))

    def submit(self) -> str:
        """Hand it to SLURM; returns its number."""
        if queued := slurm.queue(self.name):
            number, job = min(queued.items(), key=lambda pair: (pair[1].waits, pair[0]))
            raise ClusterError(
                f"the sweep is submitted already: job {number} is {job.state.lower()}; "
                f"`scancel --name={self.name}` ends it"
            )
        self.folder.mkdir(exist_ok=True)
        (self.folder / _STARTS).unlink(missing_ok=True)
        (self.folder / scripts.DRIVER).write_text(self.script)
        return slurm.submit([str(self.folder / scripts.DRIVER)])


@final
class Successor:
    """The job that waits for this one to end."""

    def __init__(self, number: str | None) -> None:
        self.number = number
        self.needed = False
        """Whether something is left for it."""

    def begin(self, store: Place, done: int) -> bool:
        """Note what is done as this job begins; jobs that all find the same end here, and the answer is False."""
        if self.number is None:
            return True
        starts = _folder(store) / _STARTS
        found = [*(starts.read_text().split() if starts.exists() else []), str(done)][-_IN_VAIN:]
        starts.write_text("\n".join(found))
        if found != [str(done)] * _IN_VAIN:
            return True
        self.end()
        return False

    def end(self) -> None:
        """Have it never begin; one that SLURM does not end goes on where this one has stopped, and spoils nothing."""
        if self.number is not None:
            with contextlib.suppress(ClusterError):
                slurm.cancel(self.number)
                self.number = None


def _folder(store: Place) -> Path:
    """Where the script and the logs of a store's jobs lie: beside it, or here if it is on object storage."""
    return Path(store.absolute().with_suffix(".slurm")).absolute()


@contextlib.contextmanager
def followed(number: str | None) -> Iterator[Successor]:
    """End the job that waits for this one, unless something is left for it, or an accident ended this one."""
    started, successor = time.monotonic(), Successor(number)
    try:
        yield successor
    except RunError:
        successor.needed = time.monotonic() - started > _ACCIDENT
        raise
    finally:
        if not successor.needed:
            successor.end()
