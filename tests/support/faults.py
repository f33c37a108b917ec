"""What tests of faults share: a sweep, the command that runs it, what it says at its end."""

import contextlib
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from tests.support.command import line
from tests.support.contents import contents
from tests.support.processes import finish, start
from tests.support.toy_model import TOY

RUN = ("run", "sweep.toml", "--store", "a.zarr")

FAILURES_TOLD = 1
"""Exit code of a run that is complete but for realizations that raised."""

Contents = dict[str, tuple[tuple[int, ...], bytes]]
ContentsOf = Callable[[str], Contents]
"""What the store of a sweep holds after a run that nothing happened to."""


def sweep(
    realizations: int = 45,
    sizes: Sequence[int] = (2, 3),
    drifts: Sequence[float] = (0.0, 0.5),
    seconds: float = 0.03,
    model: str = TOY,
) -> str:
    """A sweep file; by default about three seconds of work for two workers, of which a few realizations fail."""
    return f"""
model = "{model}"
realizations = {realizations}
seed = 1
axes.size = {list(sizes)}
axes.drift = {list(drifts)}
parameters.seconds = {seconds}
parameters.raises_below = 0.05
store.chunk = 4
"""


def told(run: "subprocess.Popen[str]") -> tuple[int, str]:
    """The exit code of a process and what it has said; the test fails if the process hangs."""
    _, said = finish(run)
    return run.returncode, said


def one_sentence(run: "subprocess.Popen[str]", code: int, pattern: str) -> None:
    """A process ends with an exit code and one sentence, as its last word."""
    returned, said = told(run)
    assert returned == code, said
    assert "Traceback" not in said, said
    assert said.count("ensemble: ") == 1, said
    assert re.search(rf"^ensemble: .*{pattern}\n$", said, re.MULTILINE), said


def finished(path: Path, *options: str, folder: Path | None = None, mounts_of: int | None = None) -> Contents:
    """What the store in a folder holds after one more run, which must find it in order and leave nothing behind.

    The run itself may know the folder by another path.
    """
    with start(line(*RUN, *options), folder or path, mounts_of=mounts_of) as run:
        code, said = told(run)
    assert code == (FAILURES_TOLD if "realizations failed; " in said else 0), said
    assert "Traceback" not in said, said
    assert sorted(path.name for path in path.glob("*zarr*")) == ["a.zarr"]
    assert not list((path / "a.zarr").rglob("*.partial"))
    return contents(path / "a.zarr")


def workers(run: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The worker processes of a run on the local cluster; none if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(run.pid).children()
        servers = [each for each in children if "multiprocessing.forkserver" in " ".join(each.cmdline())]
        return [worker for server in servers for worker in server.children()]
    return []
