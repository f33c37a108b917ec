"""Deadline of a run: a time of day, a duration, or the walltime of the SLURM job that it runs in.

A deadline uses a clock that only moves forward, so a change of the system time does not move it.
"""

import math
import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self, final

from ensemble.errors import DeadlineError
from ensemble.sweep.units import format_duration

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""CLOCK_BOOTTIME also counts while the machine sleeps; CLOCK_MONOTONIC where it does not exist."""
_RESERVE = (0.05, 3.0, 60.0)
"""Time kept free at the end of a SLURM job: fraction of the remaining time, minimum and maximum in seconds."""
_PATIENCE = 10.0
"""Timeout for squeue, in seconds."""


@final
@dataclass(frozen=True)
class Deadline:
    """A moment at which a run ends.

    No task is started that is expected to take longer.

    Parameters
    ----------
    moment : float
        The moment, in seconds of the clock of this module.
    told : str
        Description for messages, such as "the walltime of SLURM job 7".
    hard : bool, default False
        Whether the process is killed at that moment, so that no averages or figures can be made afterwards.
    """

    moment: float
    """Seconds on the clock of this module."""
    told: str
    """Description for messages."""
    hard: bool = False
    """Whether the process is killed at that moment."""

    @classmethod
    def after(cls, seconds: float, told: str, *, hard: bool = False) -> Self:
        """The deadline in `seconds` from now."""
        return cls(time.clock_gettime(_CLOCK) + seconds, told, hard)

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.moment - time.clock_gettime(_CLOCK)


def earliest(deadlines: Iterable[Deadline | None]) -> Deadline | None:
    """The earliest of some deadlines; None if there is none."""
    return min((each for each in deadlines if each), key=lambda each: each.moment, default=None)


def startup_timeout(deadline: Deadline | None) -> float:
    """Seconds until a deadline; infinite without one."""
    return deadline.left if deadline else math.inf


def deadline_at(text: str, now: datetime | None = None) -> Deadline:
    """The next time at which the local clock shows `text`: 07:00, or a date and time, 2031-05-17T07:00."""
    now = now or datetime.now().astimezone()
    try:
        moment = _moment(text.strip(), now)
    except (ValueError, OverflowError) as error:
        raise DeadlineError(f"--until must be a time such as 07:00 or 2031-05-17T07:00, got {text!r}") from error
    if moment <= now:
        raise DeadlineError(f"--until must be a time to come, got {text!r}, and it is {now:%Y-%m-%d %H:%M}")
    return Deadline.after((moment - now).total_seconds(), f"{moment:%H:%M}, when it is to be over")


def deadline_within(seconds: float) -> Deadline:
    """The deadline in `seconds` from now, described as a duration."""
    return Deadline.after(seconds, f"the {format_duration(seconds)} that it was given")


def slurm_deadline(environment: Mapping[str, str] = os.environ) -> Deadline | None:
    """The end of the SLURM job that this process runs in, minus a reserve; None outside a job or without a walltime."""
    job = environment.get("SLURM_JOB_ID")
    if not job:
        return None
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    left = _left_by_squeue(f"{array}_{task}" if array and task else job)  # the job ID may denote a whole job array
    if left is None and (end := environment.get("SLURM_JOB_END_TIME", "")).isdigit():
        left = int(end) - time.time()
    if left is None:
        return None
    fraction, least, most = _RESERVE
    reserve = min(max(fraction * left, least), most)
    return Deadline.after(left - reserve, f"the walltime of SLURM job {job}", hard=True)


def _moment(text: str, now: datetime) -> datetime:
    """The moment that a text names; a time without a time zone is local time, with daylight saving time."""
    if not re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text):
        return datetime.fromisoformat(text).astimezone()
    hour, minute, second = (*map(int, text.split(":")), 0)[:3]
    today = now.astimezone().replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
    moments = (day.astimezone() for day in (today, today.replace(fold=1), today + timedelta(days=1)))
    return min(moment for moment in moments if moment > now)  # daylight saving time: one hour occurs twice, one never


def _left_by_squeue(job: str) -> float | None:
    """Remaining seconds of a job as squeue prints them, [days-][[hours:]minutes:]seconds; None if it prints no time."""
    try:
        command = ["squeue", "--noheader", f"--jobs={job}", "--format=%L"]
        output = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    answer = output.decode(errors="replace").strip()
    if not re.fullmatch(r"(\d+-)?(\d+:){0,2}\d+", answer):
        return None  # UNLIMITED, INVALID, NOT_SET
    days, _, clock = answer.rpartition("-")
    seconds = 0
    for each in clock.split(":"):
        seconds = 60 * seconds + int(each)
    return float(86400 * int(days or 0) + seconds)
