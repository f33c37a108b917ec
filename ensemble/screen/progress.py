"""Progress while a run goes on, and a run in one sentence."""

import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ensemble.run import Summary, Watch
from ensemble.screen.terminal import console
from ensemble.wording import duration

_PLAIN_SECONDS = 10.0
"""Without a terminal, a line of progress this often."""


class ProgressWatch(Watch):
    """A progress bar on a terminal, plain lines otherwise."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._wanted = self._done = self._failed = self._before = 0
        self._started = self._told = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        self._console.print(text, style="dim", markup=False)

    def begin(self, wanted: int, done: int) -> None:
        """Show the bar."""
        self._wanted, self._done, self._before = wanted, done, done
        self._started = self._told = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=self._console,
            )
            self._task = self._bar.add_task("realizations", total=wanted, completed=done)
            self._bar.start()
        else:
            self.say(f"{done} of {wanted} realizations are there")

    def landed(self, done: int, failed: int) -> None:
        """Advance the bar."""
        self._done += done + failed
        self._failed += failed
        if self._bar:
            said = f"realizations ([red]{self._failed} failed[/red])" if self._failed else "realizations"
            self._bar.update(self._task, completed=self._done, description=said)

    def tick(self) -> None:
        """Without a bar, print a line now and then."""
        if self._bar is None and time.monotonic() - self._told > _PLAIN_SECONDS:
            self._told = time.monotonic()
            rate = (self._done - self._before) / (self._told - self._started)
            left = duration((self._wanted - self._done) / rate) if rate else "unknown"
            failed = f", {self._failed} failed" if self._failed else ""
            self.say(f"{self._done} of {self._wanted} realizations{failed}, {rate:.3g} a second, {left} left")

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
    return ", ".join(parts)
