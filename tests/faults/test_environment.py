"""Unusual surroundings: closed streams, limits, folders that cannot be written to, no memory files.

Nothing of that may end in a traceback, in a store that is called damaged, or in other numbers.
"""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest

import ensemble
from ensemble import Sweep, run_sweep
from tests.support.command import line
from tests.support.contents import chunks, contents
from tests.support.faults import FAILURES_TOLD, RUN, ContentsOf, one_sentence, sweep
from tests.support.processes import execute, start
from tests.support.waiting import wait_during

pytestmark = pytest.mark.faults
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make mounts")

BRIEF = sweep(realizations=12, seconds=0.0)
READERS = {
    "status": ("status", "a.zarr"),
    "average": ("average", "a.zarr"),
    "fit": ("fit", "a.zarr", "--observable", "walk", "--law", "plateau"),
    "plot": ("plot", "a.zarr", "--output", "a.png"),
    "verify": ("verify", "a.zarr", "--fraction", "0"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sweep.toml").write_text(BRIEF)
    return tmp_path


@pytest.fixture
def done(folder: Path, address: str) -> Path:
    """A folder with a store that has everything."""
    run_sweep(Sweep.read(folder / "sweep.toml"), folder / "a.zarr", cluster=address)
    return folder


def shell(folder: Path, before: str, *arguments: str, after: str = "") -> "subprocess.CompletedProcess[str]":
    """`ensemble ARGUMENTS` by a shell, which has done something before."""
    command = f"{before} exec {shlex.join(line(*arguments))} {after}"
    return execute(["sh", "-c", command], folder)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_are_closed(closed: str, folder: Path, contents_of: ContentsOf) -> None:
    """Or else a file of the store, or a socket of a worker, would get the number of the stream, and what is printed."""
    done = shell(folder, "", *RUN, after=closed)
    assert done.returncode == FAILURES_TOLD, done.stderr
    assert "Traceback" not in done.stderr
    assert contents(folder / "a.zarr") == contents_of(BRIEF)


@pytest.mark.parametrize("reader", READERS)
def test_few_open_files(reader: str, done: Path) -> None:
    """Whatever the limit is: the store is read, or it is said that the limit is too low."""
    before = contents(done / "a.zarr")
    outcomes = []
    for most in (12, 20, 50):
        told = shell(done, f"ulimit -n {most};", *READERS[reader])
        outcomes.append(told.returncode)
        if "Traceback (most recent call last)" in told.stderr:
            assert "ImportError" in told.stderr or "in <module>" in told.stderr, told.stderr  # not even Python starts
            continue
        assert "as it was written" not in told.stderr
        assert told.returncode == 0 or "ulimit -n" in told.stderr or "Too many open files" in told.stderr, told.stderr
    assert contents(done / "a.zarr") == before
    assert outcomes[-1] == 0 or reader == "verify"  # which starts workers


@as_root
def test_neither_the_package_nor_the_home_can_be_written_to(folder: Path, contents_of: ContentsOf) -> None:
    """As in containers: machine code lies in a folder for temporary files then, which only its user can enter."""
    package = Path(ensemble.__file__).parent
    with tempfile.TemporaryDirectory() as temporary:
        told = _read_only(folder, package, temporary)
        assert told.returncode == 0, told.stderr
        (kept,) = Path(temporary).glob("ensemble-numba-*")
        assert kept.stat().st_mode & 0o777 == 0o700
        assert list(kept.rglob("*.nbi"))


@as_root
def test_machine_code_that_another_user_has_planted_is_not_run(folder: Path) -> None:
    package = Path(ensemble.__file__).parent
    with tempfile.TemporaryDirectory() as temporary:
        planted = Path(temporary, f"ensemble-numba-{os.geteuid()}")
        planted.mkdir()
        os.chown(planted, 65534, 65534)
        planted.chmod(0o777)
        told = _read_only(folder, package, temporary)
        assert told.returncode == 0, told.stderr
        assert list(planted.iterdir()) == []


def _read_only(folder: Path, package: Path, temporary: str) -> "subprocess.CompletedProcess[str]":
    """A kernel compiled and run, where the package and the home of the user can only be read."""
    code = "from ensemble.physics import elementary; print(elementary.decay(0.0))"
    mounts = f"mount --bind {package} {package} && mount -o remount,ro,bind {package} &&"
    python = shlex.join([str(Path(line()[0]).parent / "python"), "-P", "-c", code])
    variables = {"HOME": str(package), "XDG_CACHE_HOME": str(package), "TMPDIR": temporary, "NUMBA_CACHE_DIR": ""}
    return execute(
        ["unshare", "--mount", "sh", "-c", f"{mounts} exec {python}"], folder, env={**os.environ, **variables}
    )


@as_root
@pytest.mark.parametrize(
    ("mount", "variables"),
    [
        ("umount -l /dev/shm;", {}),
        ("mkdir full; mount -t tmpfs -o size=4k none full; echo x > full/x;", {"TMPDIR": "full"}),
    ],
    ids=["no memory files", "no room for temporary files"],
)
def test_a_run_needs_what_it_needs_and_says_so(
    mount: str, variables: dict[str, str], folder: Path, contents_of: ContentsOf
) -> None:
    """It computes everything, or ends with one sentence; there is no half a store that the next run would trip over."""
    told = execute(
        ["unshare", "--mount", "sh", "-c", f"{mount} exec {shlex.join(line(*RUN))}"],
        folder,
        env={**os.environ, **variables},
    )
    assert "Traceback" not in told.stderr, told.stderr
    assert told.returncode == FAILURES_TOLD or told.stderr.splitlines()[-1].startswith("ensemble: "), told.stderr
    assert execute(line(*RUN), folder).returncode == FAILURES_TOLD
    assert contents(folder / "a.zarr") == contents_of(BRIEF)


def test_a_run_under_nohup_can_be_ended(folder: Path) -> None:
    """SIGINT is ignored there, and SIGHUP; the run goes on without its terminal, and completes."""
    told = execute(["sh", "-c", f"trap '' HUP INT; exec {shlex.join(line(*RUN))} > out 2>&1"], folder)
    assert told.returncode == FAILURES_TOLD, (folder / "out").read_text()


def test_little_memory(done: Path) -> None:
    """A store that does not fit into what a process may have is not damaged.

    Of data, not of addresses (`ulimit -v`): with some of these limits Zarr waits for a thread that was never started.
    """
    before = contents(done / "a.zarr")
    for mebibytes in (200, 700, 3000):
        told = shell(done, f"ulimit -d {mebibytes * 1024};", *READERS["average"])
        assert "as it was written" not in told.stderr, told.stderr
        if "in <module>" in told.stderr or told.returncode < 0:
            continue  # Python or a library could not even be loaded
        assert told.returncode == 0 or "ulimit" in told.stderr or "not enough memory" in told.stderr, told.stderr
    assert told.returncode == 0
    assert contents(done / "a.zarr") == before


NOBODY = 65534
AS_NOBODY = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
)  # fmt: skip
"""Another user, who may read everything, as Python may lie in the home of root, and writes to what is its own."""


@pytest.fixture
def owned(folder: Path) -> Path:
    """A folder that belongs to this user."""
    for path in (folder, folder / "sweep.toml"):
        os.chown(path, NOBODY, NOBODY)
    return folder


@as_root
@pytest.mark.parametrize("most", [8, 30, 200])
def test_few_processes_and_threads(most: int, owned: Path, contents_of: ContentsOf) -> None:
    """`ulimit -u`: everything is computed, or one sentence says that it could not be."""
    command = ["sh", "-c", f"ulimit -u {most}; exec {shlex.join(line(*RUN, '--workers', '2'))}"]
    told = execute([*AS_NOBODY, *command], owned, env={**os.environ, "HOME": str(owned)})
    if "in <module>" not in told.stderr:  # or else a library could not be loaded
        assert "Traceback" not in told.stderr, told.stderr
        assert told.returncode == FAILURES_TOLD or "ensemble: " in told.stderr, told.stderr
    finished = execute([*AS_NOBODY, *line(*RUN, "--workers", "2")], owned, env={**os.environ, "HOME": str(owned)})
    assert finished.returncode == FAILURES_TOLD, finished.stderr
    assert contents(owned / "a.zarr") == contents_of(BRIEF)


@as_root
@pytest.mark.parametrize("what", ["a.zarr", "a.zarr/walk", "a.zarr/status"])
def test_a_folder_of_the_store_is_protected_during_a_run(what: str, owned: Path, contents_of: ContentsOf) -> None:
    """`chmod -R a-w`: one sentence; and when it may be written to again, a run completes it."""
    text = sweep()
    (owned / "sweep.toml").write_text(text)
    variables = {**os.environ, "HOME": str(owned)}
    with start([*AS_NOBODY, *line(*RUN, "--workers", "2")], owned, env=variables) as run:
        wait_during(run, lambda: chunks(owned / "a.zarr") >= 4)
        execute(["chmod", "-R", "a-w", str(owned / what)])
        one_sentence(run, 1, "could not be written: .*Permission denied.*")
    execute(["chmod", "-R", "u+w", str(owned / "a.zarr")])
    finished = execute([*AS_NOBODY, *line(*RUN, "--workers", "2")], owned, env=variables)
    assert finished.returncode == FAILURES_TOLD, finished.stderr
    assert contents(owned / "a.zarr") == contents_of(text)
