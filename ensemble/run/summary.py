"""Summary of a run, and the callbacks through which it reports progress."""

import warnings
from dataclasses import dataclass, field
from typing import final

from ensemble.run.deadline import Deadline
from ensemble.store import Receipt

_KINDS_OF_FAILURE = 8
"""Number of different exceptions that are counted; all of them are in the store."""


class Watch:
    """Callbacks of a run. This base class shows no progress; subclass it to show or record it.

    `ensemble.cli.terminal` has one that draws a progress bar.
    """

    def say(self, text: str) -> None:
        """Show a message."""

    def warn(self, text: str) -> None:
        """Show a warning about the model; here with `warnings.warn`."""
        warnings.warn(text, stacklevel=2)

    def begin(self, wanted: int, done: int) -> None:
        """The run starts: realizations wanted in total, and realizations that the store already has."""

    def landed(self, done: int, failed: int) -> None:
        """Further realizations were written: how many are done, and how many have failed."""

    def outlook(self, wanted: int, seconds: float) -> None:
        """Forecast: total number of realizations at the end of the run, and seconds left (infinite without workers)."""

    def tick(self) -> None:
        """Called several times a second while the run waits for results."""

    def end(self) -> None:
        """The run has ended."""


@final
@dataclass
class Summary:
    """What a run found and what it computed."""

    wanted: int
    """Realizations that the sweep asks for; with a stop rule, those up to the current checkpoints."""
    found: int = 0
    """Wanted realizations that were done before this run."""
    computed: int = 0
    """Realizations that this run computed."""
    failed: int = 0
    """Realizations that failed, in this run or an earlier one."""
    exceptions: dict[str, int] = field(default_factory=dict)
    """Exceptions of this run and how often each occurred; the first 8 different ones."""
    seconds: float = 0.0
    """Wall time in seconds, without the start of the cluster."""
    signal: int | None = None
    """Number of the signal that stopped the run; None if there was none."""
    deadline: Deadline | None = None
    """The deadline that stopped the run; None if there was none."""
    groups: int = 0
    """Points that the stop rule decides on, where points that share a reference count as one; 0 without a stop rule."""
    met: int = 0
    """Number of these whose errors are small enough."""
    undecided: int = 0
    """Number of these that still need a decision."""

    @property
    def left(self) -> int:
        """Realizations that are neither done nor failed."""
        return self.wanted - self.found - self.computed - self.failed

    @property
    def complete(self) -> bool:
        """Whether no work is left."""
        return not self.left and not self.undecided

    def count(self, receipt: Receipt) -> None:
        """Add the realizations of a receipt."""
        self.computed += len(receipt.slot.indices) - len(receipt.failed)
        self.failed += len(receipt.failed)
        for line in receipt.failed.values():
            if line in self.exceptions or len(self.exceptions) < _KINDS_OF_FAILURE:
                self.exceptions[line] = self.exceptions.get(line, 0) + 1
