"""Real disks that are full, read-only or gone, and chunks that are not as they were written."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ensemble import Sweep
from ensemble.store import creation
from ensemble.store.layout import Layout
from tests.support.command import line
from tests.support.command import run as run_command
from tests.support.contents import chunks, contents
from tests.support.disk import Disk, disk
from tests.support.faults import FAILURES_TOLD, RUN, ContentsOf, finished, one_sentence, sweep
from tests.support.processes import execute, start
from tests.support.waiting import wait_during

pytestmark = pytest.mark.faults

ONE = ("--workers", "1")
BRIEF = sweep(realizations=12)
"""As much as tells whether all is there."""
GONE = "a.zarr could not be (read|written): .* run again.*"
"""What a run says whose store has gone."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    """A small disk with a sweep on it."""
    with disk(tmp_path / "disk") as made:
        (made.path / "sweep.toml").write_text(sweep())
        yield made


def on(small: Disk, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`ensemble ARGUMENTS`, run to its end on a disk."""
    return execute(line(*arguments), small.mounted, mounts_of=small.keeper)


def sentence(small: Disk, code: int, pattern: str, *arguments: str) -> None:
    """`ensemble ARGUMENTS` on a disk ends with one sentence."""
    with start(line(*arguments), small.mounted, mounts_of=small.keeper) as run:
        one_sentence(run, code, pattern)


def resumed(small: Disk) -> object:
    """What the store holds after a run on the disk."""
    return finished(small.path, *ONE, folder=small.mounted, mounts_of=small.keeper)


def test_a_disk_is_full_while_the_store_is_made(small: Disk, contents_of: ContentsOf) -> None:
    (small.path / "sweep.toml").write_text(BRIEF)
    small.fill(leave=12)
    sentence(small, 2, "a.zarr cannot be made: No space left on device; give another --store", *RUN, *ONE)
    assert not (small.path / "a.zarr").exists()
    small.make_room()
    assert resumed(small) == contents_of(BRIEF)


def test_a_disk_fills_up_while_chunks_land(small: Disk, contents_of: ContentsOf) -> None:
    with start(line(*RUN, "--workers", "2"), small.mounted, mounts_of=small.keeper) as run:
        wait_during(run, lambda: chunks(small.path / "a.zarr") >= 8)
        small.fill()
        one_sentence(run, 1, "No space left on device; .* run again.*")
    assert chunks(small.path / "a.zarr") < 48
    sentence(small, 1, "No space left on device; .* run again.*", *RUN, *ONE)
    assert on(small, "status", "a.zarr").returncode == 0
    assert on(small, "average", "a.zarr").returncode == 0
    small.make_room()
    assert resumed(small) == contents_of(sweep())


def test_a_disk_is_full_when_the_status_is_written(small: Disk, contents_of: ContentsOf) -> None:
    """There is room for one chunk and for the lock, but not for the book."""
    text = sweep(realizations=4, sizes=[2], drifts=[0.5])
    (small.path / "sweep.toml").write_text(text)
    asked = Sweep.read(small.path / "sweep.toml")
    creation.create(small.path / "a.zarr", Layout.of(asked, 4), asked.model)
    small.fill(leave=4)
    told = (
        r"the status of .*a.zarr could not be written: OSError: .* No space left on device; mend that and run again.*"
    )
    sentence(small, 1, told, *RUN, *ONE)
    assert chunks(small.path / "a.zarr") == 1
    small.make_room()
    assert resumed(small) == contents_of(text)


@pytest.mark.parametrize("pages", [0, 2])
def test_a_disk_is_full_when_the_store_grows(pages: int, small: Disk, contents_of: ContentsOf) -> None:
    first, more = sweep(realizations=6, sizes=[2]), sweep(realizations=9, sizes=[2, 3])
    (small.path / "sweep.toml").write_text(first)
    assert resumed(small) == contents_of(first)
    (small.path / "sweep.toml").write_text(more)
    small.fill(leave=pages)
    sentence(small, 1, r"a.zarr could not grow: .*No space left on device; what it holds is as it was.*", *RUN, *ONE)
    assert contents(small.path / "a.zarr") == contents_of(first)
    small.make_room()
    assert resumed(small) == contents_of(more)


def test_what_is_drawn_or_exported_onto_a_full_disk(small: Disk) -> None:
    """Each says so, leaves the file as it was, and leaves nothing else."""
    (small.path / "sweep.toml").write_text(BRIEF)
    resumed(small)
    before = {path: path.stat().st_mtime_ns for path in small.path.rglob("*")}
    small.fill()
    full = "could not be written: No space left on device; choose another place"
    for name in ("a.png", "b.pdf"):
        sentence(small, 2, f"{name} {full}", "plot", "a.zarr", "--output", name)
    for name in ("b.nc", "b.csv"):
        sentence(small, 2, f"{name} {full}", "average", "a.zarr", "-o", name)
    small.make_room()
    assert {path: path.stat().st_mtime_ns for path in small.path.rglob("*")} == before


def test_a_store_that_cannot_be_written_to_can_be_read(small: Disk, tmp_path: Path, contents_of: ContentsOf) -> None:
    (small.path / "sweep.toml").write_text(BRIEF)
    resumed(small)
    small.remount("ro")
    read = (("status",), ("average",), ("fit", "--law", "plateau", "--observable", "walk"))
    for command in (*read, ("plot", "--output", str(tmp_path / "a.png"))):
        done = on(small, command[0], "a.zarr", *command[1:])
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a.png").exists()
    sentence(small, 2, "a.png could not be written: Read-only file system; choose another place", "plot", "a.zarr")
    assert on(small, *RUN).stdout.startswith("nothing is left to compute")
    (tmp_path / "more.toml").write_text(sweep(realizations=14))
    told = r"the lock .*a\.zarr/status/\.lock must be .* but: Read-only file system; let this folder be written to, .*"
    more = ("run", str(tmp_path / "more.toml"), "--store", "a.zarr", *ONE)
    sentence(small, 2, told, *more)
    sentence(small, 2, "b.zarr cannot be made there: Read-only file system; .*", *RUN[:2], "--store", "b.zarr", *ONE)
    assert contents(small.path / "a.zarr") == contents_of(BRIEF)
    small.remount("rw")
    assert on(small, *more).returncode == FAILURES_TOLD
    assert contents(small.path / "a.zarr") == contents_of(sweep(realizations=14))


def test_the_folder_of_a_store_is_renamed_and_comes_back(tmp_path: Path, contents_of: ContentsOf) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (tmp_path / "sweep.toml").write_text(sweep())
    run = ("run", "sweep.toml", "--store", "here/a.zarr")
    with start(line(*run), tmp_path) as started:
        wait_during(started, lambda: chunks(here / "a.zarr") >= 8)
        here.rename(there)
        one_sentence(started, 1, GONE)
    assert not here.exists()
    there.rename(here)
    assert chunks(here / "a.zarr") >= 8
    assert run_command(tmp_path, *run).returncode == FAILURES_TOLD
    assert contents(here / "a.zarr") == contents_of(sweep())


def test_a_disk_goes_and_comes_back(small: Disk, contents_of: ContentsOf) -> None:
    """As a network disk does: the folder where it was mounted is empty meanwhile."""
    (small.path / "kept").mkdir()
    (small.path / "seen").mkdir()
    mount = ("mount", "--bind", f"{small.mounted}/kept", f"{small.mounted}/seen")
    small.do(*mount)
    run = line("run", "sweep.toml", "--store", "seen/a.zarr")
    with start(run, small.mounted, mounts_of=small.keeper) as started:
        wait_during(started, lambda: chunks(small.path / "kept" / "a.zarr") >= 8)
        small.do("umount", "--lazy", f"{small.mounted}/seen")
        one_sentence(started, 1, GONE)
    assert not list((small.path / "seen").iterdir())
    small.do(*mount)
    assert on(small, *run[1:]).returncode == FAILURES_TOLD
    assert contents(small.path / "kept" / "a.zarr") == contents_of(sweep())
