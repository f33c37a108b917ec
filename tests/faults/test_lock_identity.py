"""Real drivers on one store by different paths, and locks that are removed, replaced or planted while they work.

One driver works; the other is refused in one sentence, or stops in one sentence before it writes anything else.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ensemble.store import lock
from tests.support import SUPPORT
from tests.support.command import line
from tests.support.contents import chunks, contents
from tests.support.faults import FAILURES_TOLD, RUN, ContentsOf, finished, one_sentence, sweep, told
from tests.support.processes import execute, read_output, start
from tests.support.waiting import wait_during, wait_until

pytestmark = pytest.mark.faults

SMALL, LARGE = sweep(realizations=20), sweep(realizations=22, sizes=(2, 3, 5))
"""What the first driver computes, and what the second one wants: it lets the store grow along both dimensions."""
LOST = r"a store must have one driver at a time, but this one has lost its lock: .*/status/\.lock {}; it stopped .*"
NAMESPACES = () if os.geteuid() == 0 else ("--user", "--map-root-user")


def inside(script: str, *options: str) -> list[str]:
    """The command line of a shell script in namespaces of its own; the test is skipped where there can be none."""
    enter = ["unshare", *options, *NAMESPACES]
    tried = execute([*enter, "sh", "-c", "mount --bind /tmp /tmp" if "--mount" in options else "true"])
    if tried.returncode:
        pytest.skip(f"such namespaces cannot be made here: {tried.stderr.strip()}")
    return [*enter, "sh", "-c", script]


def by_path(path: str) -> list[str]:
    """`ensemble run` with another path to the store."""
    return line("run", "more.toml", "--store", path)


def by_mount(mount: str, path: str) -> list[str]:
    """The same where something is mounted once more."""
    return inside(f"mount --bind {mount} && exec {' '.join(by_path(path))}", "--mount")


def on_host(path: str, *options: str) -> list[str]:
    """The same on what seems to be another host."""
    return inside(f"hostname elsewhere && exec {' '.join(by_path(path))}", "--uts", *options)


OTHERS = {
    "the same path": lambda: by_path("a.zarr"),
    "a trailing slash": lambda: by_path("a.zarr/"),
    "a path with dots": lambda: by_path("./seen/../a.zarr/status/.."),
    "a store that is a symbolic link": lambda: by_path("link.zarr"),
    "a folder that is a symbolic link": lambda: by_path("linked/a.zarr"),
    "a store that is mounted twice": lambda: by_mount("a.zarr seen", "seen"),
    "a folder that is mounted twice": lambda: by_mount(". seen", "seen/a.zarr"),
    "another host": lambda: on_host("a.zarr"),
    "another container": lambda: on_host("a.zarr", "--pid", "--fork", "--mount-proc"),
}
"""The second driver."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two sweeps, and with links to a store that is not there yet."""
    (tmp_path / "sweep.toml").write_text(SMALL)
    (tmp_path / "more.toml").write_text(LARGE)
    (tmp_path / "link.zarr").symlink_to("a.zarr")
    (tmp_path / "linked").symlink_to(tmp_path)
    (tmp_path / "seen").mkdir()
    return tmp_path


def begun(folder: Path, run: "subprocess.Popen[str]") -> None:
    """A driver is at work, and from now on held still; what its workers have been given has landed."""
    wait_during(run, lambda: chunks(folder / "a.zarr") >= 2)
    run.send_signal(signal.SIGSTOP)
    settled(folder)


def settled(folder: Path) -> None:
    """Nothing more lands."""
    counts: list[int] = []

    def is_quiet() -> bool:
        counts.append(chunks(folder / "a.zarr"))
        return len(counts) > 10 and len(set(counts[-10:])) == 1

    wait_until(is_quiet, pause=0.1)


def files(store: Path) -> dict[str, bytes]:
    """Every file of a store."""
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def ends_well(run: "subprocess.Popen[str]") -> None:
    """A run is complete."""
    code, said = told(run)
    assert code == FAILURES_TOLD, said
    assert "Traceback" not in said, said


def is_in_order(folder: Path, address: str, text: str, contents_of: ContentsOf) -> None:
    """The store equals the undisturbed one, bit for bit, and nothing is left of locks."""
    (folder / "sweep.toml").write_text(text)
    for path in (folder / "link.zarr", folder / "linked"):
        path.unlink(missing_ok=True)
    assert finished(folder, "--cluster", address) == contents_of(text)
    assert not lock.place(folder / "a.zarr").exists()
    verify = line("verify", "a.zarr", "--fraction", "1", "--cluster", address, "--model", str(SUPPORT / "toy_model.py"))
    verified = execute(verify, folder)
    assert verified.returncode == 0, verified.stderr


@pytest.mark.parametrize("other", OTHERS)
def test_a_second_driver_by_another_path_is_refused(
    other: str, folder: Path, address: str, contents_of: ContentsOf
) -> None:
    """The first is held still meanwhile, so that it cannot be done before; afterwards the other path works as well."""
    command = OTHERS[other]()
    with start(line(*RUN, "--cluster", address), folder) as run:
        begun(folder, run)
        with start(command, folder) as second:
            who = f"process {run.pid} on {os.uname().nodename}"
            one_sentence(second, 2, f"must have one driver at a time, but {who} is at work on it; .*")
        if other == "a store that is mounted twice":
            look = inside(f"mount --bind a.zarr seen && exec {' '.join(line('status', 'seen'))}", "--mount")
            assert who in execute(look, folder).stdout
        run.send_signal(signal.SIGCONT)
        ends_well(run)
    assert contents(folder / "a.zarr") == contents_of(SMALL)
    elsewhere = command[0] == "unshare"  # where the workers of the shared cluster do not find the store
    with start(command if elsewhere else [*command, "--cluster", address], folder) as second:
        ends_well(second)
    is_in_order(folder, address, LARGE, contents_of)


@pytest.mark.parametrize("path", ["link.zarr", "linked/a.zarr", "seen/../a.zarr/"])
def test_two_drivers_make_a_store_in_the_same_instant(
    path: str, folder: Path, address: str, contents_of: ContentsOf
) -> None:
    """One of them makes it, also where a symbolic link leads; the other is refused, or finds that all is there."""
    (folder / "more.toml").write_text(SMALL)
    with (
        start(line(*RUN, "--cluster", address), folder) as one,
        start([*by_path(path), "--cluster", address], folder) as two,
    ):
        outcomes = [told(one), told(two)]
    assert sorted(code for code, _ in outcomes) in ([FAILURES_TOLD] * 2, [FAILURES_TOLD, 2]), outcomes
    for code, said in outcomes:
        assert "Traceback" not in said
        assert code != 2 or "must have one driver at a time, but " in said
    is_in_order(folder, address, SMALL, contents_of)


@pytest.mark.parametrize("where", ["at work", "held still"])
def test_a_lock_is_removed_and_another_driver_comes(
    where: str, folder: Path, address: str, contents_of: ContentsOf
) -> None:
    """The first one stops as soon as it looks; the second lets the store grow, and the first does not write to that."""
    with start(line(*RUN, "--cluster", address), folder) as run:
        begun(folder, run)
        lock.place(folder / "a.zarr").unlink()
        with start([*by_path("link.zarr"), "--cluster", address], folder) as second:
            if where == "at work":
                wait_during(second, lambda: lock.holder(folder / "a.zarr"))
                run.send_signal(signal.SIGCONT)
                one_sentence(run, 1, LOST.format(f"was taken over by process {second.pid} on .*"))
            ends_well(second)
        if where == "held still":
            before = files(folder / "a.zarr")
            run.send_signal(signal.SIGCONT)
            one_sentence(run, 1, LOST.format("is gone"))
            assert files(folder / "a.zarr") == before
    is_in_order(folder, address, LARGE, contents_of)


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """What a planted link leads to; it must stay as it is."""
    path = tmp_path / "thesis.tex"
    path.write_text("years of work")
    yield path
    assert path.read_text() == "years of work"


HARMS = {
    "removed": ('rm "$0"', "is gone"),
    "a copy": ('cp "$0" copy && mv copy "$0"', "is not the file that it made"),
    "a symbolic link": ('ln -sf "$PWD/thesis.tex" "$0"', "is not the file that it made"),
    "a pipe": ('rm "$0" && mkfifo "$0"', "is not the file that it made"),
    "overwritten": ("""echo '{"token": "another"}' > "$0" """, "was (overwritten|taken over by .*)"),
}
"""What happens to the lock file of a driver, and what the driver says; a worker may say it as well."""


@pytest.mark.parametrize("harm", HARMS)
def test_a_lock_is_removed_or_replaced_during_a_run(
    harm: str, folder: Path, victim: Path, address: str, contents_of: ContentsOf
) -> None:
    """The run stops, and what lies in the place of its lock stays."""
    change, said = HARMS[harm]
    with start(line(*RUN, "--cluster", address), folder) as run:
        begun(folder, run)
        path = lock.place(folder / "a.zarr")
        read_output(["sh", "-c", change, str(path)], folder)
        before = path.lstat().st_ino if os.path.lexists(path) else None
        run.send_signal(signal.SIGCONT)
        one_sentence(run, 1, LOST.format(said))
    assert (path.lstat().st_ino if os.path.lexists(path) else None) == before
    if path.is_symlink() or path.is_fifo():
        with start(line(*RUN, "--cluster", address), folder) as run:
            one_sentence(run, 2, f"the lock {path} must be a file that can be locked, but: it is no plain file; .*")
        path.unlink()
    is_in_order(folder, address, SMALL, contents_of)


def test_another_store_comes_into_the_place_of_one(folder: Path, address: str, contents_of: ContentsOf) -> None:
    """It has another seed: neither the driver nor its workers may write to it."""
    other = SMALL.replace("seed = 1", "seed = 2")
    (folder / "more.toml").write_text(other)
    with start([*by_path("other.zarr"), "--cluster", address], folder) as run:
        ends_well(run)
    with start(line(*RUN, "--cluster", address), folder) as run:
        begun(folder, run)
        (folder / "a.zarr").rename(folder / "moved.zarr")
        (folder / "other.zarr").rename(folder / "a.zarr")
        before = files(folder / "a.zarr")
        run.send_signal(signal.SIGCONT)
        one_sentence(run, 1, LOST.format("is gone"))
    assert files(folder / "a.zarr") == before
    (folder / "a.zarr").rename(folder / "other.zarr")
    (folder / "moved.zarr").rename(folder / "a.zarr")
    assert contents(folder / "other.zarr") == contents_of(other)
    shutil.rmtree(folder / "other.zarr")
    is_in_order(folder, address, SMALL, contents_of)


def test_a_store_is_replaced_by_a_copy_of_itself(folder: Path, address: str, contents_of: ContentsOf) -> None:
    """The copy has a lock file with the same token, but it is another file."""
    with start(line(*RUN, "--cluster", address), folder) as run:
        begun(folder, run)
        (folder / "a.zarr").rename(folder / "moved.zarr")
        shutil.copytree(folder / "moved.zarr", folder / "a.zarr")
        assert lock.holder(folder / "a.zarr") is None
        run.send_signal(signal.SIGCONT)
        one_sentence(run, 1, LOST.format("is not the file that it made"))
    shutil.rmtree(folder / "moved.zarr")
    is_in_order(folder, address, SMALL, contents_of)


def test_a_symbolic_link_leads_to_another_store_during_a_run(
    folder: Path, address: str, contents_of: ContentsOf
) -> None:
    """What counts is where the path leads now: the store that it led to before is left to others."""
    with start(line("run", "sweep.toml", "--store", "link.zarr", "--cluster", address), folder) as run:
        begun(folder, run)
        shutil.copytree(folder / "a.zarr", folder / "b.zarr")
        lock.place(folder / "b.zarr").unlink()
        (folder / "link.zarr").unlink()
        (folder / "link.zarr").symlink_to("b.zarr")
        before = files(folder / "b.zarr")
        run.send_signal(signal.SIGCONT)
        one_sentence(run, 1, LOST.format("is gone"))
        assert files(folder / "b.zarr") == before
    shutil.rmtree(folder / "b.zarr")
    is_in_order(folder, address, SMALL, contents_of)


def test_a_store_is_copied_during_a_run(folder: Path, address: str, contents_of: ContentsOf) -> None:
    """The copy is another store: a driver may work on it at once, though a lock file lies in it."""
    with start(line(*RUN, "--cluster", address), folder) as run:
        begun(folder, run)
        shutil.copytree(folder / "a.zarr", folder / "b.zarr")
        assert lock.place(folder / "b.zarr").exists()
        with start([*by_path("b.zarr"), "--cluster", address], folder) as second:
            ends_well(second)
        run.send_signal(signal.SIGCONT)
        ends_well(run)
    assert contents(folder / "b.zarr") == contents_of(LARGE)
    shutil.rmtree(folder / "b.zarr")
    is_in_order(folder, address, SMALL, contents_of)


def test_a_driver_on_another_host_was_killed(folder: Path, address: str, contents_of: ContentsOf) -> None:
    """Its lock file stays, and stops nobody."""
    script = f"hostname elsewhere && exec {' '.join(line(*RUN, '--cluster', address))}"
    with start(inside(script, "--uts"), folder) as run:
        wait_during(run, lambda: chunks(folder / "a.zarr") >= 2)
        assert lock.holder(folder / "a.zarr") == f"process {run.pid} on elsewhere"
        run.kill()
        run.wait(60)
    assert "elsewhere" in lock.place(folder / "a.zarr").read_text()
    assert lock.holder(folder / "a.zarr") is None
    is_in_order(folder, address, SMALL, contents_of)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_symbolic_link_is_planted_before_a_run(
    is_there: bool, folder: Path, victim: Path, address: str, contents_of: ContentsOf
) -> None:
    if is_there:
        with start(line(*RUN, "--cluster", address), folder) as run:
            ends_well(run)
    path = lock.place(folder / "a.zarr")
    path.symlink_to(victim)
    with start([*by_path("a.zarr"), "--cluster", address], folder) as run:
        refused = f"the lock {path} must be a file that can be locked, but: it is no plain file; remove what is there"
        one_sentence(run, 2, refused)
    assert path.is_symlink()
    path.unlink()
    is_in_order(folder, address, LARGE, contents_of)


def test_a_lock_file_that_may_not_be_written_to(folder: Path, address: str, contents_of: ContentsOf) -> None:
    """It belongs to another user; root has no more rights than others have here."""
    with start(line(*RUN, "--cluster", address), folder) as run:
        ends_well(run)
    path = lock.place(folder / "a.zarr")
    path.touch(mode=0o444)
    rights: tuple[str, ...] = ()
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
        rights = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    with start([*rights, *by_path("a.zarr"), "--cluster", address], folder) as run:
        refused = f"the lock {path} must be a file that can be locked, but: Permission denied; let this folder be .*"
        one_sentence(run, 2, refused)
    assert contents(folder / "a.zarr") == contents_of(SMALL)
    path.unlink()
    is_in_order(folder, address, LARGE, contents_of)


@pytest.fixture
def flock(tmp_path: Path) -> dict[str, str]:
    """What preloads locks of another file system, but for `FLOCK`, which says what they are like."""
    compiler, library = shutil.which("cc"), tmp_path / "flock.so"
    if compiler is None:
        pytest.skip("other locks are built by a C compiler, cc, but there is none here")
    read_output([compiler, "-shared", "-fPIC", "-o", library, SUPPORT / "flock.c"])
    return {**os.environ, "LD_PRELOAD": str(library)}


def test_a_file_system_has_no_locks(flock: dict[str, str], folder: Path, address: str, contents_of: ContentsOf) -> None:
    """A run is refused, and leaves nothing behind, whether there is a store or not."""
    command = line(*RUN, "--cluster", address)
    for text in (SMALL, LARGE):
        (folder / "sweep.toml").write_text(text)
        path = lock.place(folder / "a.zarr")
        with start(command, folder, env={**flock, "FLOCK": "none"}) as run:
            one_sentence(run, 2, f"the lock {path} must be .* but: No locks available; mount this file system with .*")
        assert not path.exists()
        with start(command, folder) as run:
            ends_well(run)
    is_in_order(folder, address, LARGE, contents_of)


def test_each_node_has_locks_by_itself(
    flock: dict[str, str], folder: Path, address: str, contents_of: ContentsOf
) -> None:
    """A second driver is not kept away, but the first stops when it finds that the lock file is another one."""
    alone = {**flock, "FLOCK": "alone"}
    with start(line(*RUN, "--cluster", address), folder, env=alone) as run:
        begun(folder, run)
        with start([*by_path("link.zarr"), "--cluster", address], folder, env=alone) as second:
            wait_during(second, lambda: f'"pid": {second.pid},' in lock.place(folder / "a.zarr").read_text())
            run.send_signal(signal.SIGCONT)
            one_sentence(run, 1, LOST.format("(is gone|was taken over by .*|is not the file that it made)"))
            ends_well(second)
    is_in_order(folder, address, LARGE, contents_of)
