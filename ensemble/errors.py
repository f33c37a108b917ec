"""Everything that can go wrong, as one tree; each error is also the builtin that a caller would expect.

    EnsembleError
    ├── SweepError      (ValueError)         the sweep file, or a value in it, cannot be used
    ├── ParameterError  (ValueError)         a model refuses the value of one of its parameters
    ├── ModelError      (LookupError)        a model cannot be found, loaded, or does not keep the protocol
    │   └── ModelNotNamed  (LookupError)        the model of a store is not installed, and the user has not named it
    ├── DeadlineError   (ValueError)         the end of a run is no time, or has passed
    ├── ClusterError    (ConnectionError)    no Dask cluster where one was asked for
    │   └── NoWorkers      (ConnectionError)    no worker came in the time that there was
    ├── PointError      (LookupError)        a store has no such point or realization
    ├── FitError        (ValueError)         what is given can be fitted by no law: shapes, blocks, times
    ├── FigureError     (ValueError)         the declaration of a figure cannot be used
    ├── StoreError      (OSError)            a store cannot be created, read or written
    │   ├── StoreNotFound  (FileNotFoundError)  there is no store at this path
    │   ├── StoreMismatch  (ValueError)         the sweep and the store disagree about what is computed
    │   ├── StoreLocked    (BlockingIOError)    another driver is at work on the store
    │   │   └── LockLost      (BlockingIOError)    a driver has lost its lock while it was at work
    │   ├── StoreDamaged   (OSError)            a file of the store is not as it was written
    │   ├── LimitReached   (OSError)            this process may have no more files, memory or threads to read it
    │   └── StoreUnreachable  (ConnectionError) object storage does not answer, or refuses
    ├── ReductionError  (ValueError)         a reduction cannot be made of what the store holds
    ├── ConvergenceError (ArithmeticError)   a model's equations were not solved to the accuracy that was asked for
    └── RunError        (RuntimeError)       a run had to stop; what has landed is safe

A message is one sentence: what must hold, what came, what to do. `exit_code` is what the command line
returns: 2 for what the user can correct in the input, 1 for what went wrong underway.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar

from ensemble.failure import printable


class EnsembleError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code: ClassVar[int] = 2

    def __str__(self) -> str:
        """The message, on one line and with control characters escaped."""
        return printable(" ".join(str(self.args[0]).splitlines())) if self.args else ""


class SweepError(EnsembleError, ValueError):
    """The sweep file, or a value in it, cannot be used."""


class ParameterError(EnsembleError, ValueError):
    """A model refuses the value of one of its parameters."""


class ModelError(EnsembleError, LookupError):
    """A model cannot be found, loaded, or does not keep the protocol."""


class ModelNotNamed(ModelError):
    """The model of a store is not installed, and the user has not named it."""

    def __init__(self, store: str, reference: str) -> None:
        super().__init__(store, reference)
        self.store, self.reference = store, reference

    def __str__(self) -> str:
        return self.sentence("model")

    def sentence(self, argument: str) -> str:
        """What to do, with the argument as the caller knows it: `model` in Python, `--model` in the shell."""
        place, colon, name = self.reference.rpartition(":")
        kind = "file" if place.endswith(".py") or not colon else "module"
        example = f"{place}:{name}" if colon else "FILE.py:CLASS"
        remedy = f"name its {kind} with {argument}, such as {argument}={example}"
        return printable(
            f"{self.store} was computed with the model {self.reference}, and nothing that a store names is imported: "
            f"{remedy if colon else f'install the package that has it, or {remedy}'}"
        )


class DeadlineError(EnsembleError, ValueError):
    """The end that a run is given is no time, or has passed."""


class ClusterError(EnsembleError, ConnectionError):
    """No Dask cluster where one was asked for."""


class NoWorkers(ClusterError):
    """No worker came in the time that there was."""

    exit_code: ClassVar[int] = 1


class PointError(EnsembleError, LookupError):
    """A store has no such point or realization."""


class FitError(EnsembleError, ValueError):
    """What is given can be fitted by no law: shapes, blocks or times that make no sense."""


class FigureError(EnsembleError, ValueError):
    """The declaration of a figure, or a value in it, cannot be used."""


class StoreError(EnsembleError, OSError):
    """A store cannot be created, read or written."""


class StoreNotFound(StoreError, FileNotFoundError):
    """There is no store at this path."""


class StoreMismatch(StoreError, ValueError):
    """The sweep and the store disagree about what is computed."""


class StoreLocked(StoreError, BlockingIOError):
    """Another driver is at work on the store."""


class LockLost(StoreLocked):
    """A driver has lost its lock while it was at work: the lock file is gone or is another driver's."""

    exit_code: ClassVar[int] = 1


class LimitReached(StoreError):
    """This process may have no more open files, memory or threads, so that a store cannot be read now."""

    exit_code = 1


class StoreDamaged(StoreError):
    """A file of the store is not as it was written."""

    exit_code: ClassVar[int] = 1


class StoreUnreachable(StoreError, ConnectionError):
    """Object storage does not answer, or refuses."""


class ReductionError(EnsembleError, ValueError):
    """A reduction cannot be made of what the store holds."""


class ConvergenceError(EnsembleError, ArithmeticError):
    """A model's equations were not solved to the accuracy that was asked for."""

    exit_code: ClassVar[int] = 1


class RunError(EnsembleError, RuntimeError):
    """A run had to stop; what has landed is safe."""

    exit_code: ClassVar[int] = 1


def cure(name: str, allowed: Iterable[str], owner: str) -> str:
    """What to do about a name that is not among those allowed: take the one that was meant, or see all there are."""
    allowed = list(allowed)
    close = difflib.get_close_matches(name, allowed, n=1)
    return f"did you mean {close[0]!r}?" if close else f"{owner} {', '.join(allowed)}"
