"""Exceptions of the package; each also derives from the matching built-in exception.

    EnsembleError
    ├── SweepError      (ValueError)         the sweep file, or a value in it, is invalid
    ├── ParameterError  (ValueError)         a model rejects the value of a parameter
    ├── ModelError      (LookupError)        a model cannot be found or loaded, or violates the protocol
    │   └── ModelNotNamed  (LookupError)        the model of a store is not installed, and the user has not named it
    ├── DeadlineError   (ValueError)         the deadline of a run is not a valid time, or has passed
    ├── ClusterError    (ConnectionError)    a Dask cluster is required, but cannot be used
    │   └── NoWorkers      (ConnectionError)    no worker started before the timeout or deadline
    ├── PointError      (LookupError)        a store has no such point or realization
    ├── FitError        (ValueError)         no law can be fitted to the data: shapes, blocks or times are invalid
    ├── FigureError     (ValueError)         the declaration of a figure is invalid
    ├── StoreError      (OSError)            a store cannot be created, read or written
    │   ├── StoreNotFound  (FileNotFoundError)  there is no store at this path
    │   ├── StoreMismatch  (ValueError)         the sweep and the store disagree about what is computed
    │   ├── StoreLocked    (BlockingIOError)    another driver uses the store
    │   │   └── LockLost      (BlockingIOError)    a driver lost its lock during a run
    │   ├── StoreDamaged   (OSError)            the content of a file differs from what was written
    │   ├── LimitReached   (OSError)            a limit on open files, memory or threads prevents reading the store
    │   └── StoreUnreachable  (ConnectionError) object storage does not answer, or denies access
    ├── ReductionError  (ValueError)         a reduction cannot be computed from the data in the store
    ├── ConvergenceError (ArithmeticError)   the equations of a model could not be solved accurately
    └── RunError        (RuntimeError)       a run stopped; realizations that were written are safe

`error_line`, `error_traceback` and `error_text` describe any exception, including exceptions of a model. The result is
UTF-8 text of limited length without control characters. This is needed because `__str__` of an exception may raise an
exception itself, or return megabytes of text or terminal escape sequences.

A message is one sentence: what is required, which value was given, what to do. `exit_code` is the exit status of the
command line: 2 if the user can correct the input, 1 if an error occurred during the run.
"""

import difflib
import re
import traceback
from collections.abc import Iterable
from typing import ClassVar

MAX_LINE_LENGTH = 500
"""Maximum number of characters of the line with the type and the message of an exception."""
MAX_TEXT_LENGTH = 100_000
"""Maximum number of characters of a traceback; a longer one keeps its beginning and its end."""

_CONTROL = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class EnsembleError(Exception):
    """Base class of all exceptions that this package raises on purpose.

    Examples
    --------
    >>> try:
    ...     raise SweepError("seed must be at least 0, got -1")
    ... except EnsembleError as error:
    ...     print(error, error.exit_code)
    seed must be at least 0, got -1 2
    """

    exit_code: ClassVar[int] = 2
    """Exit status of the command line: 2 for invalid input, 1 for an error during the run."""

    def __str__(self) -> str:
        """Return the message on one line, with control characters escaped."""
        return printable(" ".join(str(self.args[0]).splitlines())) if self.args else ""


class SweepError(EnsembleError, ValueError):
    """The sweep file, or a value in it, is invalid."""


class ParameterError(EnsembleError, ValueError):
    """A model rejects the value of a parameter."""


class ModelError(EnsembleError, LookupError):
    """A model cannot be found or loaded, or violates the protocol."""


class ModelNotNamed(ModelError):
    """The model of a store is not installed, and the user has not named it."""

    def __init__(self, store: str, reference: str) -> None:
        super().__init__(store, reference)
        self.store, self.reference = store, reference

    def __str__(self) -> str:
        return self.sentence("model")

    def sentence(self, argument: str) -> str:
        """Return the message; `argument` is what the caller uses: `model` in Python, `--model` in the shell."""
        place, colon, name = self.reference.rpartition(":")
        kind = "file" if place.endswith(".py") or not colon else "module"
        example = f"{place}:{name}" if colon else "FILE.py:CLASS"
        remedy = f"name its {kind} with {argument}, such as {argument}={example}"
        return printable(
            f"{self.store} was computed with the model {self.reference}, and nothing that a store names is imported: "
            f"{remedy if colon else f'install the package that has it, or {remedy}'}"
        )


class DeadlineError(EnsembleError, ValueError):
    """The deadline of a run is not a valid time, or has passed."""


class ClusterError(EnsembleError, ConnectionError):
    """A Dask cluster is required, but cannot be used."""


class NoWorkers(ClusterError):
    """No worker started before the timeout or deadline."""

    exit_code: ClassVar[int] = 1


class PointError(EnsembleError, LookupError):
    """A store has no such point or realization."""


class FitError(EnsembleError, ValueError):
    """No law can be fitted to the data: shapes, blocks or times are invalid."""


class FigureError(EnsembleError, ValueError):
    """The declaration of a figure, or a value in it, is invalid."""


class StoreError(EnsembleError, OSError):
    """A store cannot be created, read or written."""


class StoreNotFound(StoreError, FileNotFoundError):
    """There is no store at this path."""


class StoreMismatch(StoreError, ValueError):
    """The sweep and the store disagree about what is computed."""


class StoreLocked(StoreError, BlockingIOError):
    """Another driver uses the store."""


class LockLost(StoreLocked):
    """A driver lost its lock during a run: the lock file is missing or belongs to another driver."""

    exit_code: ClassVar[int] = 1


class LimitReached(StoreError):
    """A limit on open files, memory or threads prevents reading the store now."""

    exit_code = 1


class StoreDamaged(StoreError):
    """The content of a file of the store differs from what was written."""

    exit_code: ClassVar[int] = 1


class StoreUnreachable(StoreError, ConnectionError):
    """Object storage does not answer, or denies access."""


class ReductionError(EnsembleError, ValueError):
    """A reduction cannot be computed from the data in the store."""


class ConvergenceError(EnsembleError, ArithmeticError):
    """The equations of a model could not be solved to the required accuracy."""

    exit_code: ClassVar[int] = 1


class RunError(EnsembleError, RuntimeError):
    """A run stopped; realizations that were written are safe."""

    exit_code: ClassVar[int] = 1


_RENAMED = {
    "together": "zipped_axes",
    "quantity": "law",
    "at": "select",
    "least": "min",
    "most": "max",
    "even": "unweighted",
}
"""Former names of keys in sweep and figure files."""


def remedy(name: str, allowed: Iterable[str], owner: str) -> str:
    """Return a hint for an unknown name: the most similar allowed name, or the list of all allowed names.

    Examples
    --------
    >>> remedy("sed", ["seed", "axes"], "it may hold")
    "did you mean 'seed'?"
    >>> remedy("colour", ["seed", "axes"], "it may hold")
    'it may hold seed, axes'
    """
    allowed = list(allowed)
    if _RENAMED.get(name) in allowed:
        return f"it is called {_RENAMED[name]!r} now"
    close = difflib.get_close_matches(name, allowed, n=1)
    return f"did you mean {close[0]!r}?" if close else f"{owner} {', '.join(allowed)}"


def error_line(error: BaseException) -> str:
    """Return one line with the type and the message of an exception."""
    try:
        message = str(error)
    except BaseException as second:  # its own __str__, which may do anything
        message = f"(its __str__ raised {type(second).__name__})"
    return shorten(
        printable(" ".join(f"{type(error).__name__}: {message[: 2 * MAX_LINE_LENGTH]}".split())), MAX_LINE_LENGTH
    )


def error_text(error: BaseException, key: str) -> str:
    """Return the line of `error_line`, the `key` that is needed to recompute the realization, and the traceback."""
    return f"{error_line(error)}\n{key}\n\n{error_traceback(error)}"


def error_traceback(error: BaseException) -> str:
    """Return the traceback; its last line is the message."""
    try:
        told = "".join(traceback.format_exception(error))
    except BaseException as second:
        told = f"(its traceback cannot be formatted: {type(second).__name__})\n"
    return shorten(printable(shorten(told, MAX_TEXT_LENGTH)), MAX_TEXT_LENGTH)  # escaping takes seconds for megabytes


def printable(text: str) -> str:
    """Escape characters that cannot be encoded in UTF-8 or that control a terminal; keep line breaks and tabs."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def shorten(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters; the middle of a longer text is omitted."""
    if len(text) <= longest:
        return text
    mark = f" [... {len(text) - longest} characters left out ...] "
    half = (longest - len(mark)) // 2
    return text[:half] + mark + text[-half:]
