"""SLURM as a user has it: sbatch, squeue, scancel. It may be away for a while; that is no error of ours."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from ensemble.errors import ClusterError

_PATIENCE = 30.0
"""Seconds to wait for an answer."""
_AWAY = ("Unable to contact slurm controller", "Connection refused", "Socket timed out", "Zero Bytes were transmitted")
"""What the commands say if the controller does not answer them."""
_ENDING = ("COMPLETING", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY")


class SlurmAway(ClusterError):
    """SLURM's controller does not answer."""


@final
@dataclass(frozen=True)
class Job:
    """A job in the queue."""

    state: str
    reason: str
    """Why it waits, or where it runs."""

    @property
    def ends(self) -> bool:
        """Whether it is about to leave the queue."""
        return self.state in _ENDING

    @property
    def waits(self) -> bool:
        """Whether it has not started."""
        return self.state == "PENDING"


def submit(arguments: Sequence[str]) -> str:
    """Hand a job to SLURM; returns its number."""
    return _ask("sbatch", "--parsable", *arguments).strip().partition(";")[0]


def queue(name: str) -> dict[str, Job]:
    """Your jobs of this name, each of an array by itself."""
    asked = ("--noheader", "--array", f"--user={os.getuid()}", f"--name={name}", "--format=%i|%T|%r|%N")
    rows = (line.split("|") for line in _ask("squeue", *asked).splitlines())
    return {row[0]: Job(row[1], row[3] or row[2]) for row in rows if len(row) == 4}


def cancel(*arguments: str) -> None:
    """Have jobs ended; those that have ended already are no error."""
    _ask("scancel", "--quiet", *arguments)


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except FileNotFoundError as error:
        raise ClusterError(f"SLURM must be on this machine, but there is no {command[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise SlurmAway(f"SLURM must answer {command[0]}, but said nothing in {_PATIENCE:g} s") from error
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr.replace(f"{command[0]}: error:", "").split())
    kind = SlurmAway if any(sign in said for sign in _AWAY) else ClusterError
    raise kind(f"SLURM refuses {command[0]}: {said or f'exit code {done.returncode}'}")
