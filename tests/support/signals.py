"""Signals: tests handle them in the same way, however they were started."""

import signal
from collections.abc import Callable
from types import FrameType

import pytest


def handle_signals() -> None:
    """Stop ignoring and blocking signals that a parent process has ignored or blocked, and end in order at SIGTERM.

    A script that starts tests in the background has them ignore SIGINT and SIGQUIT, `nohup` has them ignore SIGHUP.
    What they start inherits that, so that a command does not end when a test interrupts it. SIGPIPE is left alone:
    Python itself ignores it, and `subprocess` restores it.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number, handler in _HANDLERS.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    """End the tests, but first kill what they have started: a signal to their group does not reach it."""
    pytest.exit(f"ended by {signal.Signals(number).name}", 128 + number)


def _go_on(_number: int, _frame: FrameType | None) -> None:
    """Survive SIGHUP, as `nohup` promises; a process that is started inherits no handler, but the default."""


_HANDLERS: dict[signal.Signals, Callable[[int, FrameType | None], None] | signal.Handlers] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGHUP: _go_on,
}
"""What takes the place of `SIG_IGN`; without SIGCHLD the exit code of a process would be lost."""
