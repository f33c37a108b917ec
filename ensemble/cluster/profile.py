"""Settings of SLURM jobs, read from a TOML file; every key is optional.

partition = "batch"          # default: the default partition of the cluster
account = "physics"          # default: your default account
jobs = 8                     # number of worker jobs; [1, 100] adapts the number to the remaining work
cores = 4                    # cores per job, with one worker process on each
memory = "8G"                # memory per job
walltime = "4h"              # walltime of a job; jobs that end are replaced until all is done
interface = "ib0"            # network interface between nodes; default: chosen by Dask
scratch = "/tmp"             # local folder of each node
folder = "~/.cache/ensemble" # folder shared by all nodes: TLS keys, scripts, logs of a run
setup = ["module load python/3.12", "source ~/venv/bin/activate"]
python = "python"            # default: the Python of the driver, which nodes must find at the same path
options = ["--qos=long"]     # further options of sbatch
"""

import math
import os
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, final

from ensemble.errors import ClusterError, EnsembleError, remedy
from ensemble.sweep.toml_values import coerce, read_toml
from ensemble.sweep.units import parse_duration

NAME = "slurm.toml"
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SECONDS_PER_CORE = 60.0
"""Seconds of work that justify one more core."""
_LEAVES = (0.1, 15.0, 600.0)
"""A worker takes no new tasks at the end of its walltime: fraction of the walltime, minimum and maximum in seconds."""


@final
@dataclass(frozen=True)
class Profile:
    """Number, size and environment of worker jobs."""

    partition: str = ""
    """Partition of SLURM; "" for the default."""
    account: str = ""
    """Account of SLURM; "" for the default."""
    jobs: tuple[int, ...] = (4,)
    """Number of jobs, or their minimum and maximum."""
    cores: int = 1
    """Cores per job."""
    memory: str = "2G"
    """Memory per job, such as 500M or 8G."""
    walltime: str = "1h"
    """Walltime of a job, such as 4h."""
    interface: str = ""
    """Network interface between nodes; "" if Dask chooses it."""
    scratch: str = "/tmp"
    """Local folder of each node."""
    folder: str = "~/.cache/ensemble"
    """Folder that all nodes share."""
    setup: tuple[str, ...] = ()
    """Shell lines that run before a worker starts."""
    python: str = sys.executable
    """Python interpreter on the nodes."""
    options: tuple[str, ...] = ()
    """Further options of sbatch."""

    @classmethod
    def find(cls, where: str) -> Self:
        """The profile in a file; for "slurm": slurm.toml in this folder, or in ~/.config/ensemble, or the defaults."""
        if where != "slurm":
            return cls.read(Path(where))
        own = Path(os.environ.get("XDG_CONFIG_HOME", "~/.config")).expanduser() / "ensemble" / NAME
        return next((cls.read(path) for path in (Path(NAME), own) if path.is_file()), cls())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a profile from a file; raises ClusterError that names the file and the key."""
        _, table = read_toml(path, ClusterError, "the profile")
        try:
            return cls.from_table(table)
        except EnsembleError as error:
            raise ClusterError(f"{path}: {error}") from error

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Self:
        """The profile of a TOML table."""
        known = {field.name: field for field in fields(cls)}
        for key in table:
            if key not in known:
                raise ClusterError(f"a profile holds an unknown key {key!r}: {remedy(key, known, 'it may hold')}")
        given = dict(table)
        if isinstance(given.get("jobs"), int):
            given["jobs"] = [given["jobs"]]
        profile = cls(**{key: coerce(key, known[key].type, value) for key, value in given.items()})
        profile.check()
        return profile

    def check(self) -> None:
        """Raise ClusterError if a setting cannot be used, before anything is submitted."""
        if not 1 <= len(self.jobs) <= 2 or min(self.jobs) < 1 or sorted(self.jobs) != list(self.jobs):
            raise ClusterError(f"jobs must be a number, or the fewest and the most, from 1 on, got {list(self.jobs)}")
        if self.cores < 1:
            raise ClusterError(f"cores must be 1 or more, got {self.cores}")
        if not re.fullmatch(r"[1-9]\d*[KMGT]", self.memory):
            raise ClusterError(f"memory must be a size such as 500M or 8G, got {self.memory!r}")
        try:
            parse_duration(self.walltime)
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
        """Walltime in minutes, rounded up."""
        return math.ceil(parse_duration(self.walltime) / 60)

    @property
    def leaves(self) -> float:
        """Seconds before the end of its job in which a worker takes no new tasks."""
        part, least, most = _LEAVES
        return min(max(part * 60 * self.minutes, least), most)

    @property
    def bytes_each(self) -> int:
        """Memory per worker in bytes."""
        return int(self.memory[:-1]) * _UNITS[self.memory[-1]] // self.cores

    def wanted(self, core_seconds: float) -> int:
        """Number of jobs for the remaining work, one core per minute of work; the minimum if `core_seconds` is nan."""
        fewest, most = self.jobs[0], self.jobs[-1]
        if math.isnan(core_seconds):
            return fewest  # the remaining work is not known yet
        return max(fewest, min(most, math.ceil(core_seconds / (_SECONDS_PER_CORE * self.cores))))
