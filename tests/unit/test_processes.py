"""Processes and threads of tests end in time, whatever they do and however the tests were started."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from tests import ROOT
from tests.support.elsewhere import python
from tests.support.processes import execute, finish, read_output, read_until, run_in_thread, start
from tests.support.waiting import wait_until

SLEEP = "import time; print('ready', flush=True); time.sleep(600)"

IGNORING = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGALRM])
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Becomes another Python, which ignores and blocks signals as a parent of tests may have left them."""


def test_a_process_and_all_that_it_has_started_are_killed() -> None:
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
    with start(python(code), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        read_until(process.stdout.fileno(), "ready\n")
        (child,) = psutil.Process(process.pid).children()
    assert process.returncode == -signal.SIGKILL
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_what_a_process_leaves_behind_is_killed() -> None:
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}], stdout=2).pid)"
    with start(python(code), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = psutil.Process(int(read_until(process.stdout.fileno(), "\n")))
        assert process.wait(60) == 0
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_command_that_takes_too_long_fails_with_what_it_has_written() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"has not ended after 3 s, but has written \('ready\\n', ''\)"):
        execute(python(SLEEP), seconds=3)


def test_the_output_of_a_command_that_fails_is_an_error() -> None:
    assert read_output(["cat"], given="text") == "text"
    with pytest.raises(AssertionError, match="has failed: wrong"):
        read_output(python("import sys; sys.exit('wrong')"))


def test_reading_ends_in_time() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb") as terminal:
        os.write(theirs, b"some words")
        assert read_until(terminal.fileno(), "some") == "some words"
        with pytest.raises(AssertionError, match=r"no 'more' after 0\.1 s, but b'other'"):
            os.write(theirs, b"other") and read_until(terminal.fileno(), "more", seconds=0.1)
        os.write(theirs, b"last")
        os.close(theirs)
        with pytest.raises(EOFError, match="no 'more', but b'last'"):
            read_until(terminal.fileno(), "more")


def test_a_thread_is_waited_for_and_what_it_raises_is_raised() -> None:
    with run_in_thread(lambda: time.sleep(0.2)) as thread:
        assert thread.is_alive()
    assert not thread.is_alive()
    with pytest.raises(ZeroDivisionError), run_in_thread(lambda: 1 / 0):
        pass
    free = threading.Event()
    with pytest.raises(AssertionError, match=r"has not returned after 0\.1 s"), run_in_thread(free.wait, seconds=0.1):
        pass
    free.set()


def test_a_command_can_be_interrupted() -> None:
    with start(python(SLEEP), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        read_until(process.stdout.fileno(), "ready\n")
        process.send_signal(signal.SIGINT)
        assert finish(process)[1].endswith("KeyboardInterrupt\n")


def test_a_command_that_is_hung_up_on_ends() -> None:
    with start(python(SLEEP), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        read_until(process.stdout.fileno(), "ready\n")
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == -signal.SIGHUP


def test_tests_that_are_terminated_kill_what_they_have_started_first() -> None:
    code = f"""
import time
from tests.support.processes import start
from tests.support.signals import handle_signals
handle_signals()
with start({python(SLEEP)!r}) as process:
    print(process.pid, flush=True)
    time.sleep(600)
"""
    with start(python(code), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = psutil.Process(int(read_until(process.stdout.fileno(), "\n")))
        process.send_signal(signal.SIGTERM)
        assert "Exit: ended by SIGTERM" in finish(process)[1]
        assert not child.is_running()


@pytest.mark.slow
def test_commands_can_be_interrupted_where_a_parent_ignores_signals() -> None:
    """As where tests run in the background of a script, or under `nohup`: the two tests above, in another pytest."""
    names = (test_a_command_can_be_interrupted.__name__, test_a_command_that_is_hung_up_on_ends.__name__)
    session = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"{__file__}::{name}" for name in names)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = execute([sys.executable, "-c", IGNORING, *session], ROOT, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
