"""Progress while a run goes on, and a run in one sentence."""

import math
import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from ensemble.run import Summary, Watch
from ensemble.screen.terminal import console
from ensemble.wording import duration

_PLAIN_SECONDS = 10.0
"""Without a terminal, a line of progress this often."""


class ProgressWatch(Watch):
    """A progress bar on a terminal, plain lines otherwise."""

    def __init__(self, what: str = "realizations", state: str = "there") -> None:
        self._what, self._state = what, state
        self._console = console(stderr=True)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._wanted = self._done = self._failed = self._before = 0
        self._started = self._told = time.monotonic()
        self._left = ""

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        self._console.print(text, style="dim")

    def warn(self, text: str) -> None:
        """Print a line that should be seen."""
        self._console.print(text, style="bold")

    def begin(self, wanted: int, done: int) -> None:
        """Show the bar."""
        self._wanted, self._done, self._before = wanted, done, done
        self._started = self._told = time.monotonic()
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
            said = f"{self._what} ([red]{self._failed} failed[/red])" if self._failed else self._what
            self._bar.update(self._task, completed=self._done, description=said)

    def outlook(self, wanted: int, seconds: float) -> None:
        """Keep what is expected; show it beside the bar."""
        self._wanted = max(wanted, self._done)
        self._left = f"{duration(seconds)} left" if math.isfinite(seconds) else "no workers"
        if self._bar:
            self._bar.update(self._task, total=self._wanted, left=self._left)

    def tick(self) -> None:
        """Without a bar, print a line now and then."""
        if self._bar is None and time.monotonic() - self._told > _PLAIN_SECONDS:
            self._told = time.monotonic()
            rate = (self._done - self._before) / (self._told - self._started)
            failed = f", {self._failed} failed" if self._failed else ""
            self.say(f"{self._done} of {self._wanted} {self._what}{failed}, {rate:.3g} a second, {self._left}")

    def end(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()
            self._bar = None


def told(summary: Summary) -> str:
    """A run in one sentence."""
    parts = [f"{summary.computed} realizations computed in {duration(summary.seconds)}"]
    if summary.found:
        parts.append(f"{summary.found} were there")
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    if summary.left:
        parts.append(f"{summary.left} are left")
    if summary.deadline:
        parts.append(f"stopped in time for {summary.deadline.told}")
    if summary.groups:
        parts.append(told_targets(summary))
    return ", ".join(parts)


def told_targets(summary: Summary) -> str:
    """How many points are exact enough, and what becomes of the others."""
    short = summary.groups - summary.met - summary.undecided
    parts = [f"{summary.met} of {summary.groups} points exact enough"]
    if short:
        parts.append(f"{short} have all they may have")
    if summary.undecided:
        parts.append(f"{summary.undecided} not yet")
    return ", ".join(parts)
