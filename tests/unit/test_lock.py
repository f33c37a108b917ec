"""The lock of a store: where it lies, what it never overwrites, and what a driver does that has lost it."""

import contextlib
import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from ensemble import Sweep
from ensemble.errors import LockLost, StoreError, StoreLocked
from ensemble.run import Watch
from ensemble.store import ChunkRegion, Ledger, Outcome, Receipt, creation, lock, write_chunk
from ensemble.store.layout import Layout
from ensemble.verify import verify
from tests.support import SUPPORT
from tests.support.contents import contents
from tests.support.users import nobody

Toy = Callable[..., Sweep]

RECEIPT = Receipt(ChunkRegion((0, 0), 0, 4, range(4)), {}, 1.0, {"version": "1"}, np.zeros(4, np.uint32))
LOST = "a store must have one driver at a time, but this one has lost its lock: .*; it stopped before it wrote .*"


@pytest.fixture
def store(toy: Toy, tmp_path: Path) -> Path:
    """A store in which nothing is computed yet."""
    with Ledger.writing(tmp_path / "a.zarr", toy(), chunk=4):
        pass
    return tmp_path / "a.zarr"


def files(store: Path) -> dict[str, bytes]:
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def test_a_lock_is_one_hidden_file_inside_the_store(store: Path) -> None:
    before = files(store)
    with lock.hold(store):
        assert files(store).keys() - before.keys() == {"status/.lock"}
        assert os.listdir(store.parent) == ["a.zarr"]
    assert files(store) == before


def test_zarr_and_xarray_do_not_see_it(store: Path) -> None:
    """Warnings are errors here: Zarr warns of files that it does not know where it looks for arrays."""
    with xr.open_zarr(store) as dataset:
        before = dataset.load()
    with lock.hold(store):
        for consolidated in (None, True, False):
            with xr.open_zarr(store, consolidated=consolidated) as dataset:
                xr.testing.assert_identical(dataset.load(), before)
        group = zarr.open_group(store, mode="r", use_consolidated=False)
        assert set(dict(group.members(max_depth=None))) == set(before.variables)
        assert group["status"].info_complete()


def test_a_store_that_is_made_has_its_lock_beside_it(store: Path, toy: Toy) -> None:
    """Until it is there; what a driver left that was killed in between is removed by the next one."""
    new, beside = store.with_name("b.zarr"), store.with_name(".b.zarr.lock")
    assert lock.place(new) == beside
    made: list[str | None] = []

    def create(check: Callable[[], None]) -> None:
        made.append(lock.holder(new))
        assert beside.is_file()
        creation.create(new, Layout.of(toy(), 4), toy().model, check)

    with lock.hold(new, create):
        assert not beside.exists()
        assert lock.place(new) == new / "status" / ".lock"
        assert [lock.holder(new)] == made
    beside.write_text("{}")
    with lock.hold(new):
        assert not beside.exists()


def test_a_driver_of_an_older_version_is_seen(store: Path) -> None:
    """It holds a file beside the store."""
    beside = store.with_name(".a.zarr.lock")
    with beside.open("w") as file:
        file.write(json.dumps({"pid": 7, "host": "here"}))
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert lock.holder(store) == "process 7 on here"
        with pytest.raises(StoreLocked, match="process 7 on here is at work on it"), lock.hold(store):
            pass
    assert beside.exists()


@pytest.mark.parametrize("spelling", ["link.zarr", "linked/{}", "linked/../FOLDER/{}", "./{}/"])
@pytest.mark.parametrize("name", ["a.zarr", "b.zarr"], ids=["there", "to be made"])
def test_every_path_to_a_store_leads_to_the_same_lock(
    spelling: str, name: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.zarr").symlink_to(name)
    (tmp_path / "linked").symlink_to(tmp_path)
    other = Path(spelling.format(name).replace("FOLDER", tmp_path.name))
    for one, two in ((tmp_path / name, other), (other, tmp_path / name)):
        with lock.hold(one):
            assert lock.holder(two) == lock.holder(one) is not None
            with pytest.raises(StoreLocked, match=f"process {os.getpid()} on "), lock.hold(two):
                pass
        assert lock.holder(one) is None


def test_a_store_is_made_where_a_symbolic_link_leads(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "a.zarr").symlink_to("disk/b.zarr")
    with Ledger.writing(tmp_path / "a.zarr", toy(), chunk=4):
        pass
    assert (tmp_path / "a.zarr").is_symlink()
    assert os.listdir(tmp_path / "disk") == ["b.zarr"]


def remove(path: Path) -> None:
    path.unlink()


def replace_by_a_copy(path: Path) -> None:
    """With the same token, in another inode."""
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)


def replace_by_a_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def overwrite(path: Path) -> None:
    path.write_text('{"token": "another"}')


def cut(path: Path) -> None:
    os.truncate(path, 0)


def replace_the_store(path: Path) -> None:
    """By a copy of it, the lock file included."""
    store = path.parents[1]
    for name, data in files(store.rename(store.with_name("moved.zarr"))).items():
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_bytes(data)


OF_ANOTHER = [remove, replace_by_a_link, replace_by_a_folder, replace_by_a_pipe, overwrite]
"""What a worker notices as well, which knows the token and not the inode."""


@pytest.mark.parametrize("harm", [*OF_ANOTHER, replace_by_a_copy, replace_the_store, cut])
def test_a_driver_that_has_lost_its_lock_writes_nothing(harm: Callable[[Path], None], store: Path, toy: Toy) -> None:
    """Neither status nor metadata; nor does it remove what is in the place of its lock, or what others are writing."""
    said = "is gone" if harm is remove else "was overwritten" if harm in (overwrite, cut) else "is not the file that it"
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(Ledger.writing(store, toy(), chunk=4))
        ledger.enter([RECEIPT])
        (store / "status" / "half.partial").write_text("what a worker of another driver is writing")
        harm(lock.place(store))
        before = files(store)
        with pytest.raises(LockLost, match=said):
            ledger.flush()
        with pytest.raises(LockLost, match=said):
            creation.grow(store, ledger.layout, ledger.check)
        with pytest.raises(LockLost, match=LOST) as told:
            stack.close()
    assert told.value.exit_code == 1
    assert files(store) == before


@pytest.mark.parametrize("harm", OF_ANOTHER)
def test_a_worker_lands_nothing_for_a_driver_that_has_lost_its_lock(
    harm: Callable[[Path], None], store: Path, toy: Toy
) -> None:
    outcomes = [Outcome(range(4), {"walk": np.zeros((4, 4)), "final": np.ones(4)})]
    with contextlib.suppress(LockLost), Ledger.writing(store, toy(), chunk=4) as ledger:
        write_chunk(store, RECEIPT.slot, outcomes, ("walk", "final"), ledger.token)
        harm(lock.place(store))
        before = files(store)
        with pytest.raises(LockLost, match=LOST):
            write_chunk(store, replace(RECEIPT.slot, cell=(1, 1)), outcomes, ("walk", "final"), ledger.token)
    assert files(store) == before


def test_a_store_that_has_gone_is_told_as_such(store: Path, toy: Toy) -> None:
    with lock.hold(store) as held:
        store.rename(store.with_name("moved.zarr"))
        with pytest.raises(FileNotFoundError):
            held.check()


@pytest.mark.parametrize("harm", [remove, overwrite])
def test_a_store_that_is_being_made_does_not_come_to_its_place_without_a_lock(
    harm: Callable[[Path], None], toy: Toy, tmp_path: Path
) -> None:
    def create(check: Callable[[], None]) -> None:
        harm(tmp_path / ".a.zarr.lock")
        creation.create(tmp_path / "a.zarr", Layout.of(toy(), 4), toy().model, check)

    with pytest.raises(LockLost, match=LOST), lock.hold(tmp_path / "a.zarr", create):
        pass
    assert os.listdir(tmp_path) == [] if harm is remove else [".a.zarr.lock"]


def test_a_repair_that_has_lost_its_lock_changes_nothing(store: Path, address: str) -> None:
    """Another driver may have computed again what this one has found to be damaged."""
    (store / "core_seconds" / "c").mkdir()
    (store / "core_seconds" / "c" / "0").mkdir()
    (store / "core_seconds" / "c" / "0" / "0").write_bytes(b"damaged")
    before = files(store)

    class Remover(Watch):
        def end(self) -> None:
            lock.place(store).unlink()

    with pytest.raises(LockLost, match=LOST):
        verify(store, repair=True, cluster=address, reading=Remover(), model=SUPPORT / "toy_model.py")
    assert files(store) == before
    assert verify(store, repair=True, cluster=address, model=SUPPORT / "toy_model.py").repaired


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """What somebody has planted a way to; it must stay as it is."""
    path = tmp_path / "thesis.tex"
    path.write_text("years of work")
    before = path.stat()
    yield path
    assert path.read_text() == "years of work"
    assert (path.stat().st_mtime_ns, path.stat().st_mode) == (before.st_mtime_ns, before.st_mode)


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("plant", ["link", "dangling", "folder", "pipe"])
def test_what_is_no_plain_file_is_refused_and_stays(
    plant: str, is_there: bool, store: Path, victim: Path, toy: Toy
) -> None:
    store = store if is_there else store.with_name("b.zarr")
    path = lock.place(store)
    if plant in ("link", "dangling"):
        path.symlink_to(victim if plant == "link" else victim.with_name("none"))
    elif plant == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    before = path.lstat().st_ino
    told = f"the lock {path} must be a file that can be locked, but: it is no plain file; remove what is there"
    with pytest.raises(StoreError, match=told), Ledger.writing(store, toy(), chunk=4):
        pass
    assert lock.holder(store) is None
    assert path.lstat().st_ino == before
    assert not victim.with_name("none").exists()


def test_a_hard_link_is_removed_and_what_it_leads_to_stays(store: Path, victim: Path) -> None:
    os.link(victim, lock.place(store))
    with lock.hold(store) as held:
        held.tell(rate=1.0)
        assert victim.stat().st_nlink == 1


def test_a_lock_file_of_another_user() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "a.zarr" / "status").mkdir(parents=True, mode=0o777)
        (folder / "a.zarr" / "status").chmod(0o777)
        path = lock.place(folder / "a.zarr")
        path.write_text("{}")
        path.chmod(0o644)
        told = f"the lock {path} must be a file that can be locked, but: Permission denied; let this folder be written"
        with nobody():
            with pytest.raises(StoreError, match=told), lock.hold(folder / "a.zarr"):
                pass
            assert lock.holder(folder / "a.zarr") is None
        assert path.read_text() == "{}"


def test_a_folder_that_only_the_store_can_be_written_in() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.zarr" / "status").mkdir(parents=True)
        (folder / "a.zarr" / "status").chmod(0o777)
        folder.chmod(0o755)
        with nobody(), lock.hold(folder / "a.zarr"):
            assert lock.holder(folder / "a.zarr")
        assert not lock.place(folder / "a.zarr").exists()


def test_a_group_may_share_a_store(store: Path) -> None:
    """The mode of a lock file is what the umask leaves, as that of every other file in a store."""
    before = os.umask(0o002)
    try:
        with lock.hold(store):
            assert lock.place(store).stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(number: int, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    told = f"but: {os.strerror(number)}; mount this file system with locks, or put the store on another one"
    with pytest.raises(StoreError, match=told), lock.hold(store):
        pass
    assert not lock.place(store).exists()
    assert lock.holder(store) is None


def test_somebody_who_looks_for_ever(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that was stopped in the wrong moment: a driver does not wait for it for ever."""
    monkeypatch.setattr("ensemble.store.lock._PATIENCE", 0.2)
    path = lock.place(store)
    path.write_text("{}")
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with pytest.raises(StoreLocked, match="somebody is at work on it"), lock.hold(store):
            pass
    with lock.hold(store):
        pass


def test_a_copy_of_a_locked_store_is_another_store(store: Path, toy: Toy) -> None:
    with Ledger.writing(store, toy(), chunk=4) as ledger:
        copy = store.with_name("b.zarr")
        for name, data in files(store).items():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes(data)
        assert lock.place(copy).exists()
        assert lock.holder(copy) is None
        with Ledger.writing(copy, toy(), chunk=4) as other:
            other.flush()
            ledger.flush()
        assert not lock.place(copy).exists()
    assert contents(copy) == contents(store)


def test_the_token_is_told_to_nobody(store: Path) -> None:
    with lock.hold(store) as held:
        held.tell(rate=1.0)
        facts = lock.told(store)
        assert facts
        assert held.token not in json.dumps(facts)
        assert held.token in lock.place(store).read_text()


def test_a_lock_on_a_full_disk(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there, but nothing could be written to it: its inode still tells that it is ours."""

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with lock.hold(store) as held:
        held.check()
        lock.check_token(store, held.token)
        assert lock.holder(store) == "a driver that has just started"
        monkeypatch.undo()
        held.tell()
        held.check()
        assert lock.holder(store) == f"process {os.getpid()} on {os.uname().nodename}"
