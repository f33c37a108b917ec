"""Call SLURM's commands sbatch, squeue and scancel; SLURM may be unavailable for a while."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from ensemble.errors import ClusterError

_PATIENCE = 30.0
"""Timeout for an answer, in seconds."""
_AWAY = ("Unable to contact slurm controller", "Connection refused", "Socket timed out", "Zero Bytes were transmitted")
"""Error texts of the commands if the controller does not answer."""
_ENDING = ("COMPLETING", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY")


class SlurmAway(ClusterError):
    """SLURM's controller does not answer."""


@final
@dataclass(frozen=True)
class SlurmJob:
    """A job in the queue."""

    state: str
    reason: str
    """Why the job is pending, or the nodes where it runs."""

    @property
    def ends(self) -> bool:
        """Whether the job is about to leave the queue."""
        return self.state in _ENDING

    @property
    def waits(self) -> bool:
        """Whether the job is pending."""
        return self.state == "PENDING"


def submit(arguments: Sequence[str]) -> str:
    """Submit a job with sbatch; returns its number."""
    return _call("sbatch", "--parsable", *arguments).strip().partition(";")[0]


def queue(name: str) -> dict[str, SlurmJob]:
    """The jobs of this user with this name, by job number; the tasks of an array are listed one by one."""
    options = ("--noheader", "--array", f"--user={os.getuid()}", f"--name={name}", "--format=%i|%T|%r|%N")
    rows = (line.split("|") for line in _call("squeue", *options).splitlines())
    return {row[0]: SlurmJob(row[1], row[3] or row[2]) for row in rows if len(row) == 4}


def cancel(*arguments: str) -> None:
    """Cancel jobs with scancel; jobs that have already ended are not an error."""
    _call("scancel", "--quiet", *arguments)


def _call(*command: str) -> str:
    """Run a command of SLURM and return its output."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except FileNotFoundError as error:
        raise ClusterError(f"SLURM must be on this machine, but there is no {command[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise SlurmAway(f"SLURM must answer {command[0]}, but said nothing in {_PATIENCE:g} s") from error
    if result.returncode == 0:
        return result.stdout
    message = " ".join(result.stderr.replace(f"{command[0]}: error:", "").split())
    kind = SlurmAway if any(sign in message for sign in _AWAY) else ClusterError
    raise kind(f"SLURM refuses {command[0]}: {message or f'exit code {result.returncode}'}")
