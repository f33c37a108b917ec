"""Progress of a run on the terminal, and its summary in one sentence."""

import math
import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from ensemble.cli.terminal.styles import console
from ensemble.run import Summary, Watch
from ensemble.sweep.units import format_duration

_PLAIN_SECONDS = 10.0
"""Seconds between two progress lines if the output is not a terminal."""


class ProgressWatch(Watch):
    """Watch that shows a progress bar on a terminal, and lines elsewhere.

    Parameters
    ----------
    what : str, default "realizations"
        What is counted.
    state : str, default "there"
        How the things that are already counted at the start are described.
    """

    def __init__(self, what: str = "realizations", state: str = "there") -> None:
        self._what, self._state = what, state
        self._console = console(stderr=True)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._wanted = self._done = self._failed = self._before = 0
        self._started = self._last_line = time.monotonic()
        self._left = ""

    def say(self, text: str) -> None:
        """Print a message, above the bar if there is one."""
        self._console.print(text, style="dim")

    def warn(self, text: str) -> None:
        """Print a warning in bold."""
        self._console.print(text, style="bold")

    def begin(self, wanted: int, done: int) -> None:
        """Show the bar, or a first line."""
        self._wanted, self._done, self._before = wanted, done, done
        self._started = self._last_line = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[left]}"),
                console=self._console,
            )
            self._task = self._bar.add_task(self._what, total=wanted, completed=done, left="")
            self._bar.start()
        else:
            self.say(f"{done} of {wanted} {self._what} are {self._state}")

    def landed(self, done: int, failed: int) -> None:
        """Advance the bar."""
        self._done += done + failed
        self._failed += failed
        if self._bar:
            text = f"{self._what} ([red]{self._failed} failed[/red])" if self._failed else self._what
            self._bar.update(self._task, completed=self._done, description=text)

    def outlook(self, wanted: int, seconds: float) -> None:
        """Update the expected total and the time left."""
        self._wanted = max(wanted, self._done)
        self._left = f"{format_duration(seconds)} left" if math.isfinite(seconds) else "no workers"
        if self._bar:
            self._bar.update(self._task, total=self._wanted, left=self._left)

    def tick(self) -> None:
        """Without a bar, print a line every 10 seconds."""
        if self._bar is None and time.monotonic() - self._last_line > _PLAIN_SECONDS:
            self._last_line = time.monotonic()
            rate = (self._done - self._before) / (self._last_line - self._started)
            failed = f", {self._failed} failed" if self._failed else ""
            self.say(f"{self._done} of {self._wanted} {self._what}{failed}, {rate:.3g} a second, {self._left}")

    def end(self) -> None:
        """Remove the bar."""
        if self._bar:
            self._bar.stop()
            self._bar = None


def run_lines(summary: Summary) -> str:
    """The summary of a run in one sentence.

    Parameters
    ----------
    summary : Summary
        What the run found and computed.

    Returns
    -------
    str
        Realizations computed, found, failed and left, and the reason if the run stopped early.
    """
    parts = [f"{summary.computed} realizations computed in {format_duration(summary.seconds)}"]
    if summary.found:
        parts.append(f"{summary.found} were there")
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    if summary.left:
        parts.append(f"{summary.left} are left")
    if summary.deadline:
        parts.append(f"stopped in time for {summary.deadline.told}")
    if summary.groups:
        parts.append(target_lines(summary))
    return ", ".join(parts)


def target_lines(summary: Summary) -> str:
    """How many points meet their stop rule, in one phrase.

    Parameters
    ----------
    summary : Summary
        What the run found and computed.

    Returns
    -------
    str
        Points that meet it, that have the maximum number of realizations, and that are undecided.
    """
    exhausted = summary.groups - summary.met - summary.undecided
    parts = [f"{summary.met} of {summary.groups} points exact enough"]
    if exhausted:
        parts.append(f"{exhausted} have all they may have")
    if summary.undecided:
        parts.append(f"{summary.undecided} not yet")
    return ", ".join(parts)
