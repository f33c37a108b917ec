"""What a run found and did, and how it tells whoever waits for it."""

import warnings
from dataclasses import dataclass, field
from typing import final

from ensemble.run.deadline import Deadline
from ensemble.store import Receipt

_KINDS_OF_FAILURE = 8
"""So many different exceptions are counted; a look into the store tells the others."""


class Watch:
    """What a run tells whoever waits for it; this one listens to nothing, `screen` has one that shows it."""

    def say(self, text: str) -> None:
        """Something worth a line has happened."""

    def warn(self, text: str) -> None:
        """Something is wrong with the model."""
        warnings.warn(text, stacklevel=2)

    def begin(self, wanted: int, done: int) -> None:
        """The realizations wanted in all, and those that the store had."""

    def landed(self, done: int, failed: int) -> None:
        """That many more are on disk, and that many more have failed."""

    def outlook(self, wanted: int, seconds: float) -> None:
        """The realizations that will have been wanted in the end and the seconds left, as far as can be told."""

    def tick(self) -> None:
        """Time passes."""

    def end(self) -> None:
        """Nothing more will come."""


@final
@dataclass
class Summary:
    """What a run found and what it did."""

    wanted: int
    """Realizations that the sweep asks for; with a stop rule, those that it has asked for so far."""
    found: int = 0
    """Of these, done before."""
    computed: int = 0
    """Done by this run."""
    failed: int = 0
    """Failed, in this run or an earlier one."""
    exceptions: dict[str, int] = field(default_factory=dict)
    """What the failures of this run said, and how often; the first few kinds."""
    seconds: float = 0.0
    """Wall time, the start of the cluster not included."""
    signal: int | None = None
    """The signal that ended the run early."""
    deadline: Deadline | None = None
    """The deadline that did."""
    groups: int = 0
    """With a stop rule, the points that it judges; those tied by a reference count as one."""
    met: int = 0
    """Of these, those whose errors are small enough."""
    undecided: int = 0
    """Of these, those that are to be judged yet."""

    @property
    def left(self) -> int:
        """Realizations that are neither done nor failed."""
        return self.wanted - self.found - self.computed - self.failed

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to do."""
        return not self.left and not self.undecided

    def count(self, receipt: Receipt) -> None:
        """Add what a receipt says."""
        self.computed += len(receipt.slot.indices) - len(receipt.failed)
        self.failed += len(receipt.failed)
        for line in receipt.failed.values():
            if line in self.exceptions or len(self.exceptions) < _KINDS_OF_FAILURE:
                self.exceptions[line] = self.exceptions.get(line, 0) + 1
