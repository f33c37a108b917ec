"""Tell limits of the process or machine (open files, memory, threads) from damage: the store itself is intact."""

import errno
from collections.abc import Iterator

from ensemble.errors import LimitReached

_SHORT = {
    errno.EMFILE: "no more open files are allowed to this process: raise the limit of `ulimit -n`",
    errno.ENFILE: "no more open files are allowed on this machine",
    errno.ENOMEM: "no more memory is allowed to this process: raise the limit of `ulimit -v`, or use a larger machine",
    errno.EAGAIN: "no more threads can be started: raise the limits of `ulimit -u` and `ulimit -v`",
}
_TEXTS = {"can't start new thread": errno.EAGAIN, "not enough memory": errno.ENOMEM}


def check_shortage(place: object, error: BaseException) -> None:
    """Raise a LimitReached error, or the MemoryError, if an error comes from such a limit."""
    for each in _chain(error):
        if isinstance(each, MemoryError):
            raise each
        why = _SHORT.get(each.errno or 0, "") if isinstance(each, OSError) else ""
        if isinstance(each, RuntimeError):  # Python and Zstandard raise a plain RuntimeError for these
            why = next((_SHORT[number] for text, number in _TEXTS.items() if text in str(each)), "")
        if why:
            raise LimitReached(f"{place} cannot be read now: {why}") from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Iterate over an error and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
