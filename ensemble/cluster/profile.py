"""What a run asks of a batch system: a TOML file with a line for each thing that differs from the usual.

partition = "batch"          # left out: the default one of the cluster
account = "physics"          # left out: your default one
jobs = 8                     # worker jobs; or [1, 100], then as many as there is work for
cores = 4                    # of a job: a worker process on each
memory = "8G"                # of a job
walltime = "4h"              # of a job; jobs that end are followed by others until all is done
interface = "ib0"            # network between nodes; left out: the one that Dask takes
scratch = "/tmp"             # a folder that each node has for itself
folder = "~/.cache/ensemble" # one that all nodes share: keys, scripts, logs of a run
setup = ["module load python/3.12", "source ~/venv/bin/activate"]
python = "python"            # left out: the one that runs the driver, which nodes must find at the same place
options = ["--qos=long"]     # more for sbatch
"""

import math
import os
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, final

from ensemble.errors import ClusterError, EnsembleError, cure
from ensemble.values import coerce, load
from ensemble.wording import seconds_of

NAME = "slurm.toml"
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_WORTH = 60.0
"""Seconds of work that make it worth while to ask for one more core."""
_LEAVES = (0.1, 15.0, 600.0)
"""Nothing new is started in the last part of a walltime: this one, at least and at most so many seconds."""


@final
@dataclass(frozen=True)
class Profile:
    """Worker jobs: how many, how large, and what makes them run."""

    partition: str = ""
    account: str = ""
    jobs: tuple[int, ...] = (4,)
    """How many, or the fewest and the most."""
    cores: int = 1
    """Of a job."""
    memory: str = "2G"
    """Of a job."""
    walltime: str = "1h"
    """Of a job."""
    interface: str = ""
    scratch: str = "/tmp"
    folder: str = "~/.cache/ensemble"
    setup: tuple[str, ...] = ()
    """Lines of shell before a worker starts."""
    python: str = sys.executable
    options: tuple[str, ...] = ()
    """More options of sbatch."""

    @classmethod
    def find(cls, where: str) -> Self:
        """The profile in a file; for "slurm" the one in this folder, or else your own, or else what is usual."""
        if where != "slurm":
            return cls.read(Path(where))
        own = Path(os.environ.get("XDG_CONFIG_HOME", "~/.config")).expanduser() / "ensemble" / NAME
        return next((cls.read(path) for path in (Path(NAME), own) if path.is_file()), cls())

    @classmethod
    def read(cls, path: Path) -> Self:
        """The profile that a file tells; an error says what in it cannot be used."""
        _, table = load(path, ClusterError, "the profile")
        try:
            return cls.from_table(table)
        except EnsembleError as error:
            raise ClusterError(f"{path}: {error}") from error

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Self:
        """The profile that a table tells."""
        known = {field.name: field for field in fields(cls)}
        for key in table:
            if key not in known:
                raise ClusterError(f"a profile holds an unknown key {key!r}: {cure(key, known, 'it may hold')}")
        given = dict(table)
        if isinstance(given.get("jobs"), int):
            given["jobs"] = [given["jobs"]]
        profile = cls(**{key: coerce(key, known[key].type, value) for key, value in given.items()})
        profile.check()
        return profile

    def check(self) -> None:
        """Refuse what makes no sense before anything is submitted."""
        if not 1 <= len(self.jobs) <= 2 or min(self.jobs) < 1 or sorted(self.jobs) != list(self.jobs):
            raise ClusterError(f"jobs must be a number, or the fewest and the most, from 1 on, got {list(self.jobs)}")
        if self.cores < 1:
            raise ClusterError(f"cores must be 1 or more, got {self.cores}")
        if not re.fullmatch(r"[1-9]\d*[KMGT]", self.memory):
            raise ClusterError(f"memory must be a size such as 500M or 8G, got {self.memory!r}")
        try:
            seconds_of(self.walltime)
        except ValueError as error:
            raise ClusterError(f"walltime: {error}") from error
        for field in fields(self):
            value = getattr(self, field.name)
            if any("\n" in each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, str)):
                raise ClusterError(f"{field.name} must hold no line breaks: give each line by itself")
        for option in self.options:
            if not option.startswith("-"):
                raise ClusterError(f"options must be those of sbatch, such as --qos=long, got {option!r}")
        for name in ("scratch", "folder", "python"):
            if not getattr(self, name):
                raise ClusterError(f"{name} must not be empty: leave it out")

    @property
    def minutes(self) -> int:
        """The walltime as batch systems count it."""
        return math.ceil(seconds_of(self.walltime) / 60)

    @property
    def leaves(self) -> float:
        """Seconds before the end of its job in which a worker takes nothing new."""
        part, least, most = _LEAVES
        return min(max(part * 60 * self.minutes, least), most)

    @property
    def bytes_each(self) -> int:
        """Memory of a worker."""
        return int(self.memory[:-1]) * _UNITS[self.memory[-1]] // self.cores

    def wanted(self, core_seconds: float) -> int:
        """How many jobs are worth while for so much work."""
        fewest, most = self.jobs[0], self.jobs[-1]
        if math.isnan(core_seconds):
            return fewest  # until it is known
        return max(fewest, min(most, math.ceil(core_seconds / (_WORTH * self.cores))))
