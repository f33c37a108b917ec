"""When a run has to be over: a time of day, a span, or the walltime of the SLURM job that it runs in.

A deadline is kept on a clock that only moves forward, so that setting the time of day does not move it.
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
from ensemble.wording import duration

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It runs while the machine sleeps, where there is such a clock."""
_RESERVE = (0.05, 3.0, 60.0)
"""What is left for the end of a SLURM job: this part of what it has, at least and at most so many seconds."""
_PATIENCE = 10.0
"""Seconds to wait for SLURM's answer."""


@final
@dataclass(frozen=True)
class Deadline:
    """A moment at which a run ends."""

    moment: float
    told: str
    """Which one it is, as people say it."""
    hard: bool = False
    """Whether everything ends then, so that nothing more can be made of what is there."""

    @classmethod
    def after(cls, seconds: float, told: str, *, hard: bool = False) -> Self:
        """The moment in so many seconds."""
        return cls(time.clock_gettime(_CLOCK) + seconds, told, hard)

    @property
    def left(self) -> float:
        """Seconds until then."""
        return self.moment - time.clock_gettime(_CLOCK)


def earliest(deadlines: Iterable[Deadline | None]) -> Deadline | None:
    """The one that counts."""
    return min((each for each in deadlines if each), key=lambda each: each.moment, default=None)


def patience(deadline: Deadline | None) -> float:
    """Seconds until a deadline; without one there is always time."""
    return deadline.left if deadline else math.inf


def at(text: str, now: datetime | None = None) -> Deadline:
    """The next time that the clock of this machine shows `text`, 07:00, or a date and time, 2031-05-17T07:00."""
    now = now or datetime.now().astimezone()
    try:
        moment = _moment(text.strip(), now)
    except (ValueError, OverflowError) as error:
        raise DeadlineError(f"--until must be a time such as 07:00 or 2031-05-17T07:00, got {text!r}") from error
    if moment <= now:
        raise DeadlineError(f"--until must be a time to come, got {text!r}, and it is {now:%Y-%m-%d %H:%M}")
    return Deadline.after((moment - now).total_seconds(), f"{moment:%H:%M}, when it is to be over")


def within(seconds: float) -> Deadline:
    """So many seconds from now."""
    return Deadline.after(seconds, f"the {duration(seconds)} that it was given")


def of_slurm(environment: Mapping[str, str] = os.environ) -> Deadline | None:
    """The end of the SLURM job that this process runs in, a little early; None if there is none, or no end."""
    job = environment.get("SLURM_JOB_ID")
    if not job:
        return None
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    left = _left_by_squeue(f"{array}_{task}" if array and task else job)  # one number may stand for a whole array
    if left is None and (end := environment.get("SLURM_JOB_END_TIME", "")).isdigit():
        left = int(end) - time.time()
    if left is None:
        return None
    part, least, most = _RESERVE
    reserve = min(max(part * left, least), most)
    return Deadline.after(left - reserve, f"the walltime of SLURM job {job}", hard=True)


def _moment(text: str, now: datetime) -> datetime:
    """What the clock is to show; a time without a zone is one of this place, its summer time included."""
    if not re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text):
        return datetime.fromisoformat(text).astimezone()
    hour, minute, second = (*map(int, text.split(":")), 0)[:3]
    today = now.astimezone().replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
    moments = (day.astimezone() for day in (today, today.replace(fold=1), today + timedelta(days=1)))
    return min(moment for moment in moments if moment > now)  # in autumn an hour comes twice, in spring one never


def _left_by_squeue(job: str) -> float | None:
    """What SLURM says that a job has left, [days-][[hours:]minutes:]seconds; None if it says nothing of the kind."""
    try:
        asked = ["squeue", "--noheader", f"--jobs={job}", "--format=%L"]
        said = subprocess.run(asked, capture_output=True, timeout=_PATIENCE, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    answer = said.decode(errors="replace").strip()
    if not re.fullmatch(r"(\d+-)?(\d+:){0,2}\d+", answer):
        return None  # UNLIMITED, INVALID, NOT_SET
    days, _, clock = answer.rpartition("-")
    seconds = 0
    for each in clock.split(":"):
        seconds = 60 * seconds + int(each)
    return float(86400 * int(days or 0) + seconds)
