"""The store: one labelled Dataset, status above all, growth in place, one driver."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.errors import ZarrUserWarning

import ensemble
from ensemble import Sweep
from ensemble.errors import EnsembleError, StoreError, StoreLocked, StoreMismatch, StoreNotFound
from ensemble.store import ChunkRegion, Layout, Ledger, Outcome, Receipt, Status, creation, lock, write_chunk
from ensemble.store.group import commit
from ensemble.store.integrity import open_array
from ensemble.store.layout import OWN
from tests.support.contents import contents
from tests.support.elsewhere import python
from tests.support.minimal_model import MODEL
from tests.support.processes import read_until, run_in_thread, start

Toy = Callable[..., Sweep]
NAMES = ("walk", "final")
CODE = {"ensemble": "0", "host": "here"}


def written(index: int) -> Outcome:
    return Outcome((index,), {"walk": np.full((1, 4), float(index)), "final": np.asarray([index])})


def fill(store: Path, sweep: Sweep, failed: tuple[int, ...] = ()) -> None:
    """Land everything that a store lacks, without computing anything; some as failures."""
    with Ledger.writing(store, sweep, chunk=4) as ledger:
        for point in sweep.points:
            for slot in list(ledger.missing(point, sweep.realizations)):
                outcomes = [Outcome((r,), None, "E: no\n\ntrace") if r in failed else written(r) for r in slot.indices]
                write_chunk(store, slot, outcomes, sweep.observables)
                ledger.enter(
                    [
                        Receipt(
                            slot,
                            {r: "E: no" for r in slot.indices if r in failed},
                            0.0,
                            CODE,
                            np.zeros(len(slot.indices), np.uint32),
                        )
                    ]
                )


@pytest.mark.drift
def test_plain_xarray_opens_one_labelled_dataset(toy: Toy, tmp_path: Path) -> None:
    fill(tmp_path / "a.zarr", toy())
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        assert dataset["walk"].dims == ("size", "drift", "realization", "t")
        assert dict(dataset.sizes) == {"size": 2, "drift": 2, "realization": 10, "t": 4}
        assert dataset["walk"].attrs == {"long_name": "position", "units": "m", "all_chunks_written": 1}
        assert dataset["drift"].attrs == {"long_name": "drift of a walker per step", "units": "m"}
        assert dataset["t"].attrs == {"long_name": "step", "units": "1"}
        assert dataset["final"].dtype == np.int64
        assert dataset.attrs["model"] == "toy_model.py:ToyModel"
        assert dataset.attrs["seed"] == 1
        assert json.loads(dataset.attrs["parameters"])["seconds"] == 0.0
        assert (dataset["walk"].sel(realization=7) == 7.0).all()


def test_a_reader_never_meets_half_a_commit(toy: Toy, tmp_path: Path) -> None:
    """Opened again and again while another thread commits: always consolidated, always with all attributes."""
    store = tmp_path / "a.zarr"
    fill(store, toy())

    def commit_often() -> None:
        for n in range(300):
            commit(store, {"provenance": f"[{n}]"})

    opened = 0
    with run_in_thread(commit_often) as commits:
        while commits.is_alive() or not opened:
            metadata = zarr.open_group(store, mode="r").metadata
            assert metadata.consolidated_metadata is not None
            assert metadata.attributes["seed"] == 1
            opened += 1
    assert opened > 3
    assert json.loads(zarr.open_group(store, mode="r").attrs["provenance"]) == [299]  # type: ignore[arg-type]
    with pytest.warns(ZarrUserWarning, match="not part in the Zarr format 3"):
        zarr.consolidate_metadata(str(store))
    by_zarr = json.loads((store / "zarr.json").read_text())
    commit(store, {})
    assert json.loads((store / "zarr.json").read_text()) == by_zarr
    assert not list(store.glob("*.partial"))


@pytest.mark.drift
def test_every_array_is_checked_by_crc32c_and_chunked_by_point(toy: Toy, tmp_path: Path) -> None:
    fill(tmp_path / "a.zarr", toy())
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    for _, array in group.arrays():
        assert "Crc32cCodec" in str(array.metadata.codecs)  # type: ignore[union-attr]
    assert zarr.open_array(tmp_path / "a.zarr" / "walk", mode="r").chunks == (1, 1, 4, 4)


@pytest.mark.drift
def test_a_flipped_byte_is_noticed(toy: Toy, tmp_path: Path) -> None:
    fill(tmp_path / "a.zarr", toy())
    (path, *_) = (path for path in (tmp_path / "a.zarr" / "walk" / "c").rglob("*") if path.is_file())
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset, pytest.raises(ValueError, match=r"(?i)checksum"):
        dataset["walk"].load()


def test_a_grid_may_have_many_axes(toy: Toy, tmp_path: Path) -> None:
    """Seven of them: what is known of each point is kept in chunks that stay small, and grows with the grid."""
    axes: dict[str, list[Any]] = {"size": [2], "drift": [0.0, 0.5], "raises_below": [-1.0], "kills_below": [-1.0]}
    axes |= {"unless": [""], "seconds": [0.0], "raises_in": [""]}
    for sizes in ([2], [2, 3]):
        sweep = toy(realizations=3, axes={**axes, "size": sizes}, parameters={})
        fill(tmp_path / "a.zarr", sweep)
        assert len(sweep.axes) == 7
        with xr.open_zarr(tmp_path / "a.zarr") as dataset:
            assert (dataset["status"].to_numpy() == Status.DONE).all()
            assert dataset["status"].shape[0] == len(sizes)
    for name in ("status", "core_seconds"):
        assert np.prod(zarr.open_array(tmp_path / "a.zarr" / name, mode="r").chunks) <= 64 * 4096


@pytest.mark.drift
def test_the_view_masks_what_is_not_done(toy: Toy, tmp_path: Path) -> None:
    fill(tmp_path / "a.zarr", toy(realizations=6), failed=(2,))
    with Ledger.writing(tmp_path / "a.zarr", toy(), chunk=4):
        view = ensemble.open(tmp_path / "a.zarr")
    assert view["n_done"].to_numpy().tolist() == [[5, 5], [5, 5]]
    expected = [0.0, 1.0, np.nan, 3.0, 4.0, 5.0, np.nan, np.nan, np.nan, np.nan]
    np.testing.assert_array_equal(view["final"].isel(size=0, drift=0), expected)
    np.testing.assert_array_equal(view["walk"].isel(size=1, drift=1, t=0), expected)
    assert view["walk"].attrs["units"] == "m"
    assert view["exception"].isel(size=0, drift=0, realization=2).to_numpy() == "E: no\n\ntrace"


def test_status_alone_says_what_is_done(toy: Toy, tmp_path: Path) -> None:
    """Data that are on disk before their status are not there yet, for a reader and for the next driver."""
    sweep = toy()
    with Ledger.writing(tmp_path / "a.zarr", sweep, chunk=4) as ledger:
        slot = next(ledger.missing(sweep.points[0], 10))
        write_chunk(tmp_path / "a.zarr", slot, [written(index) for index in slot.indices], NAMES)
        view = ensemble.open(tmp_path / "a.zarr")
        assert not view["n_done"].any()
        assert view["walk"].isnull().all()
    ledger = Ledger.reading(tmp_path / "a.zarr")
    assert next(ledger.missing(sweep.points[0], 10)) == slot


def test_landing_twice_or_late_changes_nothing(toy: Toy, tmp_path: Path) -> None:
    """A task may run twice, and a worker that was thought dead may land after the chunk has grown."""
    store = tmp_path / "a.zarr"
    fill(store, toy(realizations=10))
    fill(store, toy(realizations=12))
    before = contents(store)
    write_chunk(store, ChunkRegion((0, 0), 8, 10, (8, 9)), [written(8), written(9)], NAMES)
    assert contents(store) == before


@pytest.mark.parametrize("opened", [False, True])
def test_a_store_that_has_gone_is_not_made_anew(opened: bool, toy: Toy, tmp_path: Path) -> None:
    """Else what is written where a disk was mounted would hide there, whether arrays were open before or not."""
    store = tmp_path / "disk" / "a.zarr"
    slot = ChunkRegion((0, 0), 0, 1, (0,))
    store.parent.mkdir()
    with Ledger.writing(store, toy(), chunk=4):
        pass
    if opened:
        write_chunk(store, slot, [written(0)], NAMES)
    arrays = [open_array(store, name, "r+") for name in NAMES]
    store.parent.rename(tmp_path / "gone")
    with pytest.raises(StoreError, match=r"a chunk of .* could not be written: FileNotFoundError"):
        write_chunk(store, slot, [written(0)], NAMES)
    for array in arrays:
        with pytest.raises(FileNotFoundError):
            array[...] = 1
    assert not store.parent.exists()


def test_landing_keeps_what_others_landed_and_clears_what_no_longer_fails(toy: Toy, tmp_path: Path) -> None:
    """Together or one by one, whole chunks or parts of them; a chunk of texts is on disk only while it has one."""
    store, texts = tmp_path / "a.zarr", tmp_path / "a.zarr" / "exception" / "c" / "0" / "0" / "0"
    sweep = toy()
    with Ledger.writing(store, sweep, chunk=4):
        pass

    def land_rows(*indices: int) -> None:
        rows = np.array(indices, dtype=float)
        arrays = {"walk": np.repeat(rows[:, np.newaxis], 4, axis=1), "final": rows.astype(int)}
        write_chunk(store, ChunkRegion((0, 0), 0, 4, indices), [Outcome(indices, arrays)], NAMES)

    def found() -> tuple[list[float], list[str]]:
        with xr.open_zarr(store) as dataset:
            first = dataset.isel(size=0, drift=0, realization=slice(0, 4)).load()
        assert np.array_equal(first["walk"], first["walk"].isel(t=[0] * 4), equal_nan=True)
        return first["walk"].isel(t=0).to_numpy().tolist(), [str(text) for text in first["exception"].to_numpy()]

    nan = pytest.approx(np.nan, nan_ok=True)
    land_rows(0, 3)
    assert not texts.exists()
    assert found() == ([0.0, nan, nan, 3.0], [""] * 4)
    failures = [Outcome((1, 2), None, "E: no"), Outcome((3,), None, "E: 3")]
    write_chunk(store, ChunkRegion((0, 0), 0, 4, (1, 2, 3)), failures, NAMES)
    assert found() == ([0.0, nan, nan, nan], ["", "E: no", "E: no", "E: 3"])
    land_rows(1)
    assert found() == ([0.0, 1.0, nan, nan], ["", "", "E: no", "E: 3"])
    write_chunk(store, ChunkRegion((0, 0), 0, 4, range(4)), [written(0), written(1), written(2), *failures[1:]], NAMES)
    assert found() == ([0.0, 1.0, 2.0, nan], ["", "", "", "E: 3"])
    land_rows(0, 1, 2, 3)
    assert found() == ([0.0, 1.0, 2.0, 3.0], [""] * 4)
    assert not texts.exists()


@pytest.mark.drift
def test_axes_and_realizations_grow_in_place(toy: Toy, tmp_path: Path) -> None:
    store = tmp_path / "a.zarr"
    fill(store, toy())
    files = {path: path.read_bytes() for path in (store / "walk" / "c").rglob("*") if path.is_file()}
    fill(store, toy(axes={"size": [5, 2, 3], "drift": [0.5, 0.25]}, realizations=12))
    with xr.open_zarr(store) as dataset:
        assert dataset["size"].to_numpy().tolist() == [2, 3, 5]
        assert dataset["drift"].to_numpy().tolist() == [0.0, 0.5, 0.25]
        assert dataset.sizes["realization"] == 12
        done = (dataset["status"] == Status.DONE).sum("realization")
        assert done.to_numpy().tolist() == [[10, 12, 12], [10, 12, 12], [0, 12, 12]]
    full = [path for path in files if path.name == "0" and path.parent.name in ("0", "1")]
    assert full
    assert all(path.read_bytes() == files[path] for path in full)
    view = ensemble.open(store)
    assert view["drift"].to_numpy().tolist() == [0.0, 0.25, 0.5]


def test_a_smaller_sweep_leaves_the_store_as_it_is(toy: Toy, tmp_path: Path) -> None:
    fill(tmp_path / "a.zarr", toy())
    before = contents(tmp_path / "a.zarr")
    fill(tmp_path / "a.zarr", toy(axes={"size": [3], "drift": [0.5]}, realizations=2))
    assert contents(tmp_path / "a.zarr") == before


@pytest.mark.drift
@pytest.mark.parametrize("arrays", [(), ("status",), ("status", "provenance", "exception", "walk", "final", "size")])
def test_a_driver_that_dies_while_it_grows_a_store_does_no_harm(
    arrays: tuple[str, ...], toy: Toy, tmp_path: Path
) -> None:
    """Some arrays have the new shape, the metadata are not committed: readers see the old store, drivers mend it."""
    store = tmp_path / "a.zarr"
    fill(store, toy())
    before = contents(store)
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    for name in arrays:
        array = group[name]
        assert isinstance(array, zarr.Array)
        array.resize((3, *array.shape[1:]))
    assert contents(store) == before
    fill(store, toy())
    assert contents(store) == before
    fill(store, toy(axes={"size": [2, 3, 7], "drift": [0.0, 0.5]}))
    assert ensemble.open(store)["n_done"].to_numpy().tolist() == [[10, 10]] * 3


def test_what_killed_writers_left_is_swept_up(toy: Toy, tmp_path: Path) -> None:
    store = tmp_path / "a.zarr"
    fill(store, toy(realizations=5))
    left = store / "walk" / "c" / "0" / "0" / "0" / "0.1234.partial"
    left.write_bytes(b"half a chunk")
    making = tmp_path / ".b.zarr.making"
    making.mkdir()
    fill(store, toy())
    fill(tmp_path / "b.zarr", toy())
    assert not left.exists()
    assert sorted(os.listdir(tmp_path)) == ["a.zarr", "b.zarr"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "tables"),
    [
        ("seed must be 1", {"seed": 2}),
        ("raises_below must be -1.0", {"parameters": {"raises_below": 0.5}}),
        ("the grid of t must be 4 values from 0 to 3", {"time": [0.0, 1.0]}),
        ("chunk must be 4", {"store": {"chunk": 5}}),
        ("model must be 'toy_model.py:ToyModel'", {"model": "tests.support.toy_model:ToyModel"}),
        ("seconds, which is not an axis there, must be 0.0", {"axes": {"size": [2], "seconds": [0.0, 1.0]}}),
        ("observables must be ['final', 'walk']", {"observables": ["walk"]}),
        ("observables must be ['final', 'walk']", {"observables": ["walk", "final", "wave"]}),
        ("seconds must be 0.0", {"preset": "gale"}),
    ],
)
def test_a_sweep_that_disagrees_is_refused_by_name(
    field: str, tables: dict[str, object], toy: Toy, tmp_path: Path
) -> None:
    store = tmp_path / "a.zarr"
    fill(store, toy())
    before = contents(store)
    with pytest.raises(StoreMismatch, match=r"as in the store .* but the sweep has") as refusal:
        fill(store, toy(**tables))
    assert str(refusal.value).startswith(field)
    assert contents(store) == before


def test_a_parameter_that_an_older_store_does_not_know_had_its_default(toy: Toy, tmp_path: Path) -> None:
    store = tmp_path / "a.zarr"
    fill(store, toy())
    group = zarr.open_group(store, mode="r+")
    parameters = json.loads(str(group.attrs["parameters"]))
    del parameters["unless"]
    commit(store, {"parameters": json.dumps(parameters)})
    Layout.read(store).check(toy(), store)
    with pytest.raises(StoreMismatch, match="unless must be  as in the store"):
        Layout.read(store).check(toy(parameters={"unless": "x"}), store)


def test_only_the_chosen_observables_are_in_the_store(toy: Toy, tmp_path: Path) -> None:
    sweep = toy(observables=["final"], parameters={"walkers": [0, 1]})
    fill(tmp_path / "a.zarr", sweep)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        assert set(dataset.data_vars) == {"final", *OWN, "core_seconds"}
        assert set(dataset.coords) == {"size", "drift", "realization"}
        told = json.loads(dataset.attrs["parameters"])
        assert (told["t"], told["walkers"]) == ([0.0, 1.0, 2.0, 3.0], [0, 1])
    layout = Layout.read(tmp_path / "a.zarr")
    assert layout.observables == sweep.observables
    layout.check(sweep, tmp_path / "a.zarr")
    with pytest.raises(StoreMismatch, match=r"t must be \[0\.0, 1\.0, 2\.0, 3\.0\] as in the store"):
        layout.check(toy(observables=["final"], parameters={"walkers": [0, 1]}, time=[0.0, 1.0]), tmp_path / "a.zarr")


def test_a_store_remembers_what_a_preset_set_not_its_name(toy: Toy, tmp_path: Path) -> None:
    fill(tmp_path / "a.zarr", toy(preset="gale", axes={"size": [2]}))
    by_hand = toy(axes={"size": [2]}, parameters={"drift": 8.0, "seconds": 0.001})
    Layout.read(tmp_path / "a.zarr").check(by_hand, tmp_path / "a.zarr")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('units="m")', 'units="km")', "the units of signal must be m as in the store .* but the sweep has km"),
        ('"signal", units', '"echo", units', "the long_name of signal must be signal .* but the sweep has echo"),
        ('units="m")', 'units="m", dtype="f4")', "the dtype of signal must be float64 .* but the sweep has float32"),
        ('units="m")', 'units="m", dims=())', r"the dims of signal must be \('t',\) .* but the sweep has \(\)"),
        ("    mass: float = 2.5\n", "", r"mass must be 2\.5 .* but the sweep has a model that has no such parameter"),
        ("    depth: int = 3\n", "", r"depth must be \(3,\) .* but the sweep has a model that has no such parameter"),
    ],
)
def test_a_model_that_has_changed_is_refused_by_name(old: str, new: str, told: str, tmp_path: Path) -> None:
    text = MODEL.replace('Observable("signal")', 'Observable("signal", units="m")')
    text = text.replace("    t:", "    mass: float = 2.5\n    depth: int = 3\n    t:")
    table = {"model": "mine.py:Mine", "realizations": 1, "seed": 0, "axes": {"size": [2], "depth": [3]}}
    (tmp_path / "mine.py").write_text(text)
    with Ledger.writing(tmp_path / "a.zarr", Sweep.from_table(table, folder=tmp_path), chunk=1):
        pass
    assert old in text
    (tmp_path / "mine.py").write_text(text.replace(old, new))
    if "depth" in old:
        del table["axes"]["depth"]  # type: ignore[attr-defined]
    with pytest.raises(EnsembleError, match=told):
        Layout.read(tmp_path / "a.zarr").check(Sweep.from_table(table, folder=tmp_path), tmp_path / "a.zarr")


@pytest.mark.drift
def test_a_second_driver_is_refused_while_the_first_lives(toy: Toy, tmp_path: Path) -> None:
    store = tmp_path / "a.zarr"
    with Ledger.writing(store, toy(), chunk=4):
        told = f"process {os.getpid()} on "
        assert str(lock.holder(store)).startswith(told)
        with pytest.raises(StoreLocked, match=told), Ledger.writing(store, toy(), chunk=4):
            pass
    assert lock.holder(store) is None
    fill(store, toy())


def test_the_lock_of_a_killed_driver_stops_nobody(toy: Toy, tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from ensemble.store import lock\n"
        "with lock.hold(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    store = tmp_path / "a.zarr"
    with start([*python(script), str(store)], stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        read_until(driver.stdout.fileno(), "held\n")
        with pytest.raises(StoreLocked, match=f"process {driver.pid} on "), lock.hold(store):
            pass
        driver.kill()
    assert lock.place(store).exists()
    fill(store, toy())
    assert os.listdir(tmp_path) == ["a.zarr"]


def test_what_is_no_store_is_told_apart(toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound, match="there must be a store"):
        ensemble.open(tmp_path / "a.zarr")
    zarr.create_group(tmp_path / "other.zarr")
    with pytest.raises(StoreError, match="another Zarr group"):
        ensemble.open(tmp_path / "other.zarr")
    fill(tmp_path / "a.zarr", toy())
    zarr.open_group(tmp_path / "a.zarr", mode="r+").attrs["ensemble_format"] = 999
    with pytest.raises(StoreError, match="a store of format 999"):
        ensemble.open(tmp_path / "a.zarr")


def test_the_book_is_kept_in_blocks_whatever_the_grid(toy: Toy, tmp_path: Path) -> None:
    """Points on both sides of a block's border, realizations too; the last blocks are cut by the array's end."""
    sweep = toy(axes={"size": [*range(2, 12)], "drift": [0.0]}, realizations=5000, store={"chunk": 1000})
    assert [creation.block_shape([100] * axes)[0] for axes in (1, 2, 3, 4, 6, 7)] == [64, 8, 4, 2, 2, 1]
    assert creation.block_shape([100, 100]) == (8, 8, 4096)
    assert creation.block_shape([10, 2, 1]) == (4, 2, 1, 32768)
    assert creation.block_shape([1]) == (1, 65536)
    with Ledger.writing(tmp_path / "a.zarr", sweep, chunk=1000) as ledger:
        for point in (sweep.points[0], sweep.points[9]):
            for slot in list(ledger.missing(point, 5000)):
                ledger.enter([Receipt(slot, {slot.start: "E"}, 0.0, CODE, np.zeros(len(slot.indices), np.uint32))])
    found = Ledger.reading(tmp_path / "a.zarr")
    assert [found.count(point, Status.DONE) for point in sweep.points] == [4995, *[0] * 8, 4995]
    assert [found.count(point, Status.FAILED) for point in sweep.points] == [5, *[0] * 8, 5]
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        assert (dataset["provenance"].isel(size=[0, 9]) == 0).all()
        assert (dataset["provenance"].isel(size=slice(1, 9)) == -1).all()
        assert json.loads(dataset.attrs["provenance"]) == [CODE]
