"""`ensemble verify`: whatever happens to a file of a store is found, named, and mended bit for bit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from click.testing import Result
from numpy.typing import NDArray

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.errors import ModelError, ModelNotNamed, StoreDamaged, StoreError, StoreLocked, StoreMismatch
from ensemble.realization import comparison
from ensemble.store import Ledger, Status, lock
from ensemble.store.group import commit
from ensemble.verify import VerifyResult, verify
from ensemble.verify.ledger_blocks import arrays_of
from tests.support import SUPPORT, command
from tests.support.command import invoke, refused
from tests.support.contents import contents
from tests.support.digests import record

TABLE = {
    "model": f"{SUPPORT / 'toy_model.py'}:ToyModel",
    "realizations": 10,
    "seed": 1,
    "axes": {"size": [2, 3], "drift": [0.0, 0.5]},
    "observables": ["walk", "final", "paths", "wave"],
    "parameters": {"raises_below": 0.1, "walkers": [2]},
    "store": {"chunk": 4},
}
"""Two realizations fail. There is no third walker where the size is 2, so `paths` holds missing values there."""

Check = Callable[..., VerifyResult]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """The store of a run that nothing happened to."""
    store = tmp_path_factory.mktemp("undisturbed") / "a.zarr"
    assert run_sweep(Sweep.from_table(TABLE), store, cluster=address).failed == 2
    return store


@pytest.fixture
def store(undisturbed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(undisturbed, tmp_path / "a.zarr")


@pytest.fixture
def check(address: str) -> Check:
    def checked(store: Path, **options: object) -> VerifyResult:
        return verify(store, model=SUPPORT / "toy_model.py", cluster=address, **options)  # type: ignore[arg-type]

    return checked


def chunk_of(store: Path, array: str) -> Path:
    """The second chunk of realizations at the last point; of the book, the only one; of failures, the one there is."""
    found = sorted(path for path in (store / array / "c").rglob("*") if path.is_file())
    wanted = [path for path in found if path.relative_to(store / array).as_posix().startswith("c/1/1/1")]
    return (wanted or found)[0]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def restored(store: Path, address: str) -> tuple[object, list[int]]:
    """All that a store holds after one more run, and which code it says was at work."""
    run_sweep(Sweep.from_table(TABLE), store, cluster=address)
    with xr.open_zarr(store) as dataset:
        return contents(store), dataset["provenance"].to_numpy().ravel().tolist()


def test_a_store_that_nothing_happened_to_is_well(store: Path, undisturbed: Path, check: Check) -> None:
    verdict = check(store)
    assert verdict.well
    assert verdict.chunks == 5 * 4 * 3
    assert verdict.recomputed.count == 4  # one of every point
    every = check(store, fraction=1)
    assert every.well
    assert every.recomputed.count == 38
    assert (every.lost, every.doubtful, every.recomputed.libraries) == (0, 0, {})
    assert check(store, fraction=0).doubtful == 0
    assert not check(store, repair=True).repaired
    assert contents(store) == contents(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("array", ["walk", "final", "paths", "wave", "exception", "status", "provenance", "digest"])
@pytest.mark.parametrize("harm", [flip, truncate, Path.unlink], ids=["flipped", "truncated", "missing"])
def test_a_damaged_chunk_is_named_and_comes_back(
    harm: Callable[[Path], None], array: str, store: Path, undisturbed: Path, check: Check, address: str
) -> None:
    path = chunk_of(store, array)
    harm(path)
    verdict = check(store)
    (damage,) = verdict.damages
    assert damage.file == path.relative_to(store).as_posix()
    assert damage.holds == array
    assert damage.said == ("it is not there" if harm is Path.unlink else "its checksum is wrong")
    if array in ("status", "provenance", "digest"):
        assert damage.axes == {"size": (2, 3), "drift": (0.0, 0.5)}
        assert damage.realizations == (0, 10)
    elif array != "exception":
        assert damage.axes == {"size": (3,), "drift": (0.5,)}
        assert damage.realizations == (4, 8)
        assert str(damage).startswith(f"{damage.file}, {array} at size=3, drift=0.5, realizations 4 to 7: it")
    assert not verdict.recomputed.differences
    assert not verdict.repaired

    assert check(store, repair=True).repaired
    assert not lock.place(store).exists()
    status = Ledger.reading(store).status
    assert np.count_nonzero(status == Status.TODO) == verdict.lost > 0
    assert check(store).well
    assert restored(store, address) == restored(undisturbed, address)
    assert check(store, fraction=1).well


@pytest.mark.slow
def test_several_damages_are_all_named_and_all_come_back(
    store: Path, undisturbed: Path, check: Check, address: str
) -> None:
    for array in ("walk", "final", "status", "provenance", "exception"):
        truncate(chunk_of(store, array))
    shutil.rmtree(store / "wave" / "c" / "0")
    verdict = check(store, repair=True)
    # where the status cannot be read, whether a chunk should be there cannot be told, and all is computed again
    assert {damage.holds for damage in verdict.damages} == {"walk", "final", "status", "provenance", "exception"}
    assert verdict.lost == 40
    assert restored(store, address) == restored(undisturbed, address)


@pytest.mark.parametrize("array", ["walk", "exception"])
def test_a_damaged_chunk_of_nothing_that_is_done_goes(
    array: str, store: Path, undisturbed: Path, check: Check, address: str
) -> None:
    """It would be in the way of whoever lands there."""
    path = chunk_of(store, array)
    size, drift, number = map(int, path.relative_to(store / array / "c").parts[:3])
    place = (size, drift, slice(4 * number, min(4 * number + 4, 10)))
    zarr.open_array(store / "status", mode="r+")[place] = 0
    flip(path)
    verdict = check(store, repair=True)
    assert (len(verdict.damages), verdict.lost) == (1, 0)
    assert not path.exists()
    assert restored(store, address) == restored(undisturbed, address)


@pytest.mark.parametrize("gone", ["c/0/1", "c"])
def test_all_chunks_of_a_point_may_be_gone(
    gone: str, store: Path, undisturbed: Path, check: Check, address: str
) -> None:
    shutil.rmtree(store / "final" / gone)
    verdict = check(store, repair=True)
    assert {damage.holds for damage in verdict.damages} == {"final"}
    assert len(verdict.damages) == (3 if gone == "c/0/1" else 12)
    assert restored(store, address) == restored(undisturbed, address)


@pytest.mark.slow
@pytest.mark.parametrize(("array", "value"), [("walk", 7.25), ("final", 5), ("wave", 1j), ("walk", np.nan)])
def test_another_value_with_a_right_checksum_is_found_by_computing(
    array: str, value: complex, store: Path, undisturbed: Path, check: Check, address: str
) -> None:
    zarr.open_array(store / array, mode="r+")[1, 0, 6, ...] = value
    (unknown,) = check(store, fraction=0).damages
    assert unknown.file == "*/c/1/0/1"
    verdict = check(store, repair=True)
    (damage,) = verdict.damages
    assert (damage.holds, damage.realizations) == (array, (6, 7))
    assert damage.axes == {"size": (3,), "drift": (0.0,)}
    assert damage.said == "its content does not match the recorded digest"
    assert not verdict.recomputed.differences
    assert verdict.lost == 1
    assert Ledger.reading(store).status[1, 0, 6] == Status.TODO
    assert restored(store, address) == restored(undisturbed, address)


def test_what_was_recorded_so_and_comes_out_differently_has_its_chunk_computed_again(
    store: Path, undisturbed: Path, check: Check, address: str
) -> None:
    zarr.open_array(store / "walk", mode="r+")[1, 0, 6] = 7.25
    record(store)
    assert check(store, fraction=0).well
    verdict = check(store, fraction=1, repair=True)
    (difference,) = verdict.recomputed.differences
    assert (difference.observable, difference.realization) == ("walk", 6)
    assert dict(difference.point.values) == {"size": 3, "drift": 0.0}
    assert (verdict.damages, verdict.changed_points) == ([], [])
    status = Ledger.reading(store).status
    assert not (status[1, 0, 4:8] == Status.DONE).any()
    assert np.count_nonzero(status == Status.TODO) == verdict.lost
    assert restored(store, address) == restored(undisturbed, address)
    (repair,) = check(store).repairs
    assert (repair.realizations, repair.parts) == (verdict.lost, (str(difference),))


def test_the_last_bit_counts(store: Path, check: Check) -> None:
    walk = zarr.open_array(store / "walk", mode="r+")
    walk[0, 0, 0] = np.nextafter(np.asarray(walk[0, 0, 0]), np.inf)
    record(store)
    (difference,) = check(store, fraction=1).recomputed.differences
    assert difference.said.startswith("by up to ")


@pytest.mark.parametrize(("block", "value"), [("status", 7), ("provenance", 3), ("provenance", -1)])
def test_a_book_that_makes_no_sense_is_damaged(
    block: str, value: int, store: Path, undisturbed: Path, check: Check, address: str
) -> None:
    zarr.open_array(store / block, mode="r+")[0, 1, 2] = value
    (damage,) = check(store, repair=True).damages
    assert damage.holds == block
    assert restored(store, address) == restored(undisturbed, address)


def test_a_failure_that_has_lost_its_text_is_computed_again(
    store: Path, undisturbed: Path, check: Check, address: str
) -> None:
    *cell, failed = np.argwhere(Ledger.reading(store).status == Status.FAILED)[0].tolist()
    texts = zarr.open_array(store / "exception", mode="r+")
    texts[(*cell, failed ^ 1)] = "what another one of this chunk says"
    texts[(*cell, failed)] = ""
    (damage,) = check(store, repair=True).damages
    assert (damage.holds, damage.said) == ("exception", "it does not tell why realizations failed")
    assert restored(store, address) == restored(undisturbed, address)


@pytest.mark.parametrize("name", ["size", "drift", "realization", "t"])
@pytest.mark.parametrize("harm", [flip, Path.unlink], ids=["flipped", "missing"])
def test_a_damaged_coordinate_is_named_and_nothing_is_touched(
    harm: Callable[[Path], None], name: str, store: Path, check: Check
) -> None:
    harm(store / name / "c" / "0")
    flip(chunk_of(store, "walk"))
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    verdict = check(store, repair=True)
    assert [damage.file for damage in verdict.damages] == [
        f"{name}/c/0",
        chunk_of(store, "walk").relative_to(store).as_posix(),
    ]
    assert [damage.mendable for damage in verdict.damages] == [False, True]
    assert not verdict.repaired
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"zarr_format": 3}', None])
@pytest.mark.parametrize("name", ["", "walk", "status", "t"])
def test_damaged_metadata_are_named(name: str, text: str | None, store: Path, check: Check) -> None:
    file = store / name / "zarr.json"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    if not name and text == '{"zarr_format": 3}':
        with pytest.raises(StoreError, match="it is another Zarr group"):
            check(store)
        return
    (damage,) = check(store).damages
    assert damage.file == file.relative_to(store).as_posix()
    assert not damage.mendable


@pytest.mark.parametrize("other", ["exception", "status", "t", ""])
def test_nothing_is_written_by_the_metadata_of_another_array(other: str, store: Path, address: str) -> None:
    shutil.copyfile(store / other / "zarr.json", store / "attempts" / "zarr.json")
    with pytest.raises(StoreDamaged, match=r"attempts/zarr\.json must be as it was written"):
        run_sweep(Sweep.from_table({**TABLE, "realizations": 12}), store, cluster=address)


@pytest.mark.parametrize("shape", [[2, 2, 10, 5], [2, 2, 10], [2, 2, 9, 4], [2, 2, 10, 10**400], None, [2, 2, 10, "4"]])
def test_a_shape_that_no_growing_store_has_is_damage(shape: object, store: Path, check: Check) -> None:
    file = store / "walk" / "zarr.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "shape": shape}))
    assert [damage.file for damage in check(store).damages] == ["walk/zarr.json"]


def test_an_array_whose_metadata_are_gone_is_named_by_who_meets_it(store: Path) -> None:
    (store / "status" / "zarr.json").unlink()
    replayed = invoke("replay", store, "size=3,drift=0.5", 1, "--model", SUPPORT / "toy_model.py")
    assert replayed.exit_code == 1
    assert "status/zarr.json must be as it was written" in replayed.stderr


def test_damaged_times_of_landing_do_not_keep_averages_from_anybody(store: Path) -> None:
    flip(chunk_of(store, "landed"))
    assert ensemble.average(store)["count"].sum() > 0
    with pytest.raises(StoreDamaged, match="landed/c/0/0/0 must be as it was written"):
        ensemble.open(store)


def test_a_model_that_has_changed_is_told(store: Path, tmp_path: Path, address: str) -> None:
    """Another formula differs everywhere; another parameter or observable is refused by name."""
    text = (SUPPORT / "toy_model.py").read_text()

    def with_model(old: str, new: str) -> VerifyResult:
        assert old in text
        (tmp_path / "toy_model.py").write_text(text.replace(old, new))
        return verify(store, fraction=1, model=tmp_path / "toy_model.py", cluster=address)

    verdict = with_model("disorder - 0.5", "disorder - 0.25")
    assert {each.observable for each in verdict.recomputed.differences} == {"walk", "final", "paths", "wave"}
    assert not verdict.damages
    verdict = with_model("        first = disorder[0, 0]", "        first = disorder[0, 9]")
    assert len(verdict.recomputed.differences) == 38
    assert "it raises IndexError: " in str(verdict.recomputed.differences[0])
    with pytest.raises(StoreMismatch, match=r"the units of walk must be m as in the store .* has km now; bring the"):
        with_model('dims=("t",), units="m")', 'dims=("t",), units="km")')
    with pytest.raises(StoreMismatch, match=r"drift must be \(0.0, 0.5\).* has a model that has no such parameter"):
        with_model("drift", "wind")
    (tmp_path / "toy_model.py").unlink()
    with pytest.raises(ModelError, match=r"the model's file must exist, but there is no .*toy_model.py"):
        verify(store, model=tmp_path / "toy_model.py", cluster=address)
    with pytest.raises(
        ModelNotNamed, match=r"was computed with the model toy_model.py:ToyModel, .* with model, such as"
    ):
        verify(store, cluster=address)
    assert verify(store, fraction=0, cluster=address).well


@pytest.mark.slow
def test_other_versions_of_libraries_excuse_rounding_and_no_more(store: Path, check: Check) -> None:
    """Values move by 1e-12 and by 1e-6; integers have no rounding."""
    walk = zarr.open_array(store / "walk", mode="r+")
    walk[0, 0, 0] = np.asarray(walk[0, 0, 0]) * (1 + 1e-12)
    record(store)
    assert len(check(store, fraction=1).recomputed.differences) == 1
    (code,) = json.loads(str(zarr.open_group(store).attrs["provenance"]))
    commit(store, {"provenance": json.dumps([{**code, "host": "elsewhere"}])})
    assert len(check(store, fraction=1).recomputed.differences) == 1
    commit(store, {"provenance": json.dumps([{**code, "numpy": "1.0", "scipy": "0.9"}])})
    verdict = check(store, fraction=1)
    assert verdict.well
    assert verdict.recomputed.rounded == 1
    assert verdict.recomputed.libraries == {
        f"numpy 1.0 there and {code['numpy']} here": 38,
        f"scipy 0.9 there and {code['scipy']} here": 38,
    }
    walk[0, 0, 1] = np.asarray(walk[0, 0, 1]) * (1 + 1e-6)
    zarr.open_array(store / "final", mode="r+")[0, 0, 2] = 4
    record(store)
    found = check(store, fraction=1).recomputed
    assert [(each.observable, each.realization) for each in found.differences] == [("walk", 1), ("final", 2)]


def test_bits_and_rounding() -> None:
    numbers = np.array([1.0, -2.0, np.nan, 1e-12])
    assert comparison.compare_arrays(numbers, numbers.copy()) is None
    assert comparison.compare_arrays(-np.array([np.nan]), np.array([np.nan])) is None
    for other, rounding in (
        ([1.0, -2.0, np.nan, 1.1e-12], True),
        ([1.0, -2.0 - 1e-9, np.nan, 1e-12], True),
        ([1.0, -2.0 - 1e-8, np.nan, 1e-12], False),
        ([1.0, -2.0, 0.0, 1e-12], False),
        ([np.inf, -2.0, np.nan, 1e-12], False),
    ):
        found = comparison.compare_arrays(np.array(other), numbers)
        assert found is not None
        assert found.rounding is rounding
    apart = comparison.compare_arrays(np.array([1 + 2j]), np.array([1 + 4j]))
    assert apart is not None
    assert (apart.farthest, apart.largest) == (2.0, 4.0)
    counted = comparison.compare_arrays(np.array([3]), np.array([4]))
    assert counted is not None
    assert not counted.rounding


@pytest.mark.parametrize(("accuracy", "rounding"), [(None, False), (0.009, False), (0.011, True)])
def test_what_is_found_by_a_search_says_how_accurate_it_is(accuracy: float | None, rounding: bool) -> None:
    """A hundredth of the largest value, of numbers and of counts."""
    for computed, stored in (([0.0, 100.0], [1.0, 100.0]), ([39, 100], [40, 100])):
        found = comparison.compare_arrays(np.array(computed), np.array(stored), accuracy)
        assert found is not None
        assert found.rounding is rounding


@pytest.mark.slow
def test_the_sample_is_reproducible_and_spread(store: Path, check: Check) -> None:
    """Half: five of ten at every point, in all its chunks; another number is another sample."""
    zarr.open_array(store / "walk", mode="r+")[...] = 1e9
    record(store)

    def sample(choice: int) -> set[tuple[tuple[int, ...], int]]:
        found = check(store, fraction=0.5, choice=choice).recomputed.differences
        return {(each.cell, each.realization) for each in found}

    first = sample(0)
    assert first == sample(0) != sample(1)
    assert {(cell, realization // 4) for cell, realization in first} == {
        (cell, chunk) for cell in np.ndindex(2, 2) for chunk in range(3)
    }


def test_a_store_that_is_being_written_is_verified_and_not_repaired(
    store: Path, check: Check, address: str, tmp_path: Path
) -> None:
    """What has landed but is not done yet does not count."""
    sweep = Sweep.from_table({**TABLE, "realizations": 14})
    with Ledger.writing(store, sweep, chunk=4):
        with pytest.raises(StoreLocked):
            check(store, repair=True)
        verdict = check(store)
        assert verdict.well
        assert str(verdict.driver).startswith("process ")
        chunk_of(store, "status").unlink()
        assert check(store).well
    (damage,) = check(store).damages
    assert damage.holds == "status"


def test_every_array_that_lies_as_status_does_belongs_to_the_book(store: Path) -> None:
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    first, *others = arrays_of(group)
    assert (first, set(others)) == ("status", {"attempts", "digest", "landed", "provenance"})


@pytest.mark.slow
@pytest.mark.parametrize("array", ["attempts", "landed", "core_seconds"])
@pytest.mark.parametrize("harm", [flip, truncate], ids=["flipped", "truncated"])
def test_what_a_run_finds_out_again_costs_nothing(
    harm: Callable[[Path], None], array: str, store: Path, undisturbed: Path, check: Check, address: str
) -> None:
    """How often, when and how fast: the file goes, and no realization is computed again."""
    path = chunk_of(store, array)
    harm(path)
    with pytest.raises(StoreDamaged, match="must be as it was written, but its checksum is wrong"):
        run_sweep(Sweep.from_table(TABLE), store, cluster=address, retry_failed=True)
    verdict = check(store, repair=True)
    assert [damage.file for damage in verdict.damages] == [path.relative_to(store).as_posix()]
    assert verdict.repaired
    assert verdict.lost == 0
    assert not path.exists()
    assert check(store).well
    assert contents(store) == contents(undisturbed)


def test_the_command(store: Path, address: str) -> None:
    def told(*options: str, code: int) -> Result:
        result = invoke("verify", store, "--model", SUPPORT / "toy_model.py", "--cluster", address, *options)
        assert result.exit_code == code, result.stderr
        return result

    well = told(code=0)
    count = json.loads(told("--json", code=0).stdout)["computed_again"]
    same = "computed again are the same to the last bit"
    assert well.stdout == f"all well: 60 chunks read, and {count} realizations {same}\n"
    imported = f"importing {SUPPORT / 'toy_model.py'}, the model of {store}\n"
    assert well.stderr == imported + f"0 of 60 chunks are read\n0 of {count} realizations are computed again\n"
    file = "walk/c/1/1/1/0"
    flip(store / file)
    found = told(code=1)
    assert found.stdout == f"damaged {file}, walk at size=3, drift=0.5, realizations 4 to 7: its checksum is wrong\n"
    assert found.stderr.splitlines()[3:] == [
        f"ensemble: {store} has 1 damaged file; "
        f"`ensemble verify {store} --repair` marks what it concerns to be computed again"
    ]
    damaged = {"file": file, "holds": "walk", "said": "its checksum is wrong"}
    place = {"point": {"size": [3], "drift": [0.5]}, "realizations": [4, 8]}
    assert json.loads(told("--json", code=1).stdout)["damaged"] == [damaged | place]
    lost = int(np.count_nonzero(Ledger.reading(store).status[1, 1, 4:8] == Status.DONE))
    said = f"; {lost} realizations became todo: `ensemble run SWEEP.toml --store {store}` computes what is todo\n"
    assert told("--repair", code=1).stderr.endswith(said)
    zarr.open_array(store / "final", mode="r+")[0, 0] = 8
    record(store)
    different = told("--fraction", "1", code=1)
    assert different.stdout.startswith(
        "differs final at size=2, drift=0, realization 0: by up to 7, where the largest value is 8\n"
    )
    assert (
        " has 10 differences, at 1 point where everything recomputed differs although it matches its digest"
        in different.stderr
    )
    (store / "t" / "c" / "0").write_bytes(b"")
    assert told("--repair", code=1).stderr.endswith(
        f"ensemble: {store} has 1 damaged file; computing again does not bring back t/c/0: "
        "take that from a copy of the store, or run the sweep with another --store\n"
    )
    refused(invoke("verify", store.with_name("b.zarr")), "there must be a store at ")
    refused(invoke("verify", store.with_name("b.zarr"), "--repair"), "there must be a store at ")
    refused(
        invoke("verify", store, "--fraction", "2"), "the fraction that is computed again must be between 0 and 1, got 2"
    )
    (store / "t" / "c" / "0").unlink()
    with lock.hold(store):
        refused(invoke("verify", store, "--repair"), "must have one driver at a time")


MEET = {
    "walk": {"average", "run"},
    "final": {"average", "run"},
    "exception": {"run"},
    "status": {"average", "run", "status", "open"},
    "provenance": {"run"},
    "drift": {"average", "run", "status", "open"},
    "t": {"average", "run", "status", "open"},
}
"""Who reads which array."""


@pytest.mark.parametrize("array", MEET)
def test_whoever_meets_damage_names_it(array: str, store: Path, address: str) -> None:
    """One sentence with the chunk and the cure, from a run, averages, the status and a session; others do not mind."""
    zarr.open_array(store / "exception", mode="r+")[..., 9] = "so that its last chunks are there"
    for path in (store / array / "c").rglob("*"):
        if path.is_file():
            flip(path)
    readers: dict[str, Callable[[], object]] = {
        "average": lambda: ensemble.average(store),
        "status": lambda: Ledger.reading(store),
        "open": lambda: ensemble.open(store),
        "run": lambda: run_sweep(Sweep.from_table({**TABLE, "realizations": 12}), store, cluster=address),
    }
    for name, reader in readers.items():
        if name not in MEET[array]:
            reader()
            continue
        with pytest.raises(
            StoreDamaged, match=r"must be as it was written, but .*: `ensemble verify .* --repair` has"
        ) as told:
            reader()
        assert str(told.value).startswith(str(store / array / "c"))
        assert told.value.exit_code == 1
    assert lock.holder(store) is None


def test_the_commands_name_damage_in_one_sentence(store: Path, address: str, tmp_path: Path) -> None:
    shutil.copy(SUPPORT / "toy_model.py", tmp_path)
    axes = "axes.size = [2, 3]\naxes.drift = [0.0, 0.5]\nstore.chunk = 4\n"
    observables = f"observables = {json.dumps(TABLE['observables'])}\n"
    text = f'model = "toy_model.py:ToyModel"\nrealizations = 12\nseed = 1\n{observables}{axes}'
    (tmp_path / "a.toml").write_text(text + "parameters.raises_below = 0.1\nparameters.walkers = [2]\n")
    for path in (store / "walk" / "c").rglob("*"):
        if path.is_file():
            flip(path)
    for arguments in (
        ("run", tmp_path / "a.toml", "--store", store, "--cluster", address),
        ("average", store),
        ("average", store, "--cluster", address),
        ("fit", store, "--observable", "walk", "--law", "plateau"),
        ("plot", store),
    ):
        done = invoke(*arguments)
        assert done.exit_code == 1, done.stderr
        last = done.stderr.splitlines()[-1]
        assert last.startswith(f"ensemble: {store}/walk/c/")
        assert last.endswith(f"its checksum is wrong: `ensemble verify {store} --repair` has it computed again")
    (store / "walk" / "zarr.json").write_text("{")
    assert f"`ensemble verify {store}` tells what to do" in invoke("average", store).stderr
    flip(chunk_of(store, "status"))
    status = command.run(tmp_path, "status", "a.zarr")
    assert status.returncode == 1
    assert status.stderr.startswith("ensemble: a.zarr/status/c/0/0/0 must be as it was written, but ")
    assert status.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_glass_is_verified_too(tmp_path: Path, address: str) -> None:
    """Observables that do not exist at a point, and the entropy's linear algebra."""
    table = {
        "model": "tls_glass",
        "realizations": 12,
        "seed": 3,
        "observables": ["concurrence", "entropy", "pair_concurrence"],
        "axes": {"N": [2, 5], "epsilon": [0.0, 1.0], "eta": [1e5]},
        "time": {"start": 1e-2, "stop": 1e4, "num": 7, "spacing": "log"},
        "parameters": {"pairs": 3},
        "store": {"chunk": 5},
    }
    sweep = Sweep.from_table(table)
    run_sweep(sweep, tmp_path / "glass.zarr", cluster=address)
    before = contents(tmp_path / "glass.zarr")
    verdict = verify(tmp_path / "glass.zarr", fraction=1, cluster=address)
    assert verdict.well
    assert verdict.recomputed.count == 48
    truncate(tmp_path / "glass.zarr" / "entropy" / "c" / "1" / "1" / "0" / "0" / "0")
    assert verify(tmp_path / "glass.zarr", repair=True, cluster=address).lost == 5
    run_sweep(sweep, tmp_path / "glass.zarr", cluster=address)
    assert contents(tmp_path / "glass.zarr") == before


def test_a_store_of_format_1_is_verified(address: str) -> None:
    verdict = verify(SUPPORT / "data" / "format-1.zarr", fraction=1, model=SUPPORT / "toy_model.py", cluster=address)
    assert verdict.well
    assert verdict.recomputed.count > 0


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def copy(one: Path, other: Path) -> None:
    other.write_bytes(one.read_bytes())


@pytest.mark.parametrize("move", [swap, copy])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("walk/c/0/0/1/0", "walk/c/0/1/1/0"),
        ("walk/c/1/0/0/0", "walk/c/1/0/1/0"),
        ("final/c/0/0/0", "final/c/1/1/0"),
    ],
    ids=["another point", "other realizations", "integers"],
)
def test_chunks_know_where_they_belong(
    one: str, other: str, move: Callable[[Path, Path], None], store: Path, check: Check, address: str, undisturbed: Path
) -> None:
    """Files with right checksums at wrong places: found without computing, named by computing one of each, mended."""
    move(store / one, store / other)
    suspects = check(store, fraction=0).damages
    places = {other, one} if move is swap else {other}
    assert {each.file for each in suspects} == {f"*/c/{'/'.join(file.split('/')[2:5])}" for file in places}
    verdict = check(store, repair=True)
    assert {each.file for each in verdict.damages} == places
    assert {each.said for each in verdict.damages} == {"its content does not match the recorded digest"}
    assert not verdict.changed_points
    assert restored(store, address) == restored(undisturbed, address)
    assert check(store, fraction=1).well


def test_a_chunk_of_another_store_is_found(store: Path, check: Check, tmp_path: Path, address: str) -> None:
    """Another seed, and another parameter: the same model, observables, axes and realizations."""
    changes: tuple[dict[str, object], ...] = ({"seed": 2}, {"parameters": {"raises_below": 0.1, "walkers": [1]}})
    for number, change in enumerate(changes):
        other = tmp_path / f"{number}.zarr"
        run_sweep(Sweep.from_table({**TABLE, **change}), other, cluster=address)
        mine = shutil.copytree(store, tmp_path / f"mine{number}.zarr")
        for name in ("walk", "final", "paths", "wave"):
            shutil.copytree(other / name / "c" / "0" / "0", mine / name / "c" / "0" / "0", dirs_exist_ok=True)
        found = check(mine, fraction=0).damages
        assert {each.file for each in found} == {f"*/c/0/0/{chunk}" for chunk in range(3)}
        for name in ("walk", "final", "paths", "wave", "exception", "digest", "provenance", "status"):
            shutil.copytree(other / name, mine / name, dirs_exist_ok=True)  # all but its attributes and its coordinates
        found = check(mine, fraction=0).damages
        assert {each.file for each in found} == {f"*/c/{i}/{j}/{chunk}" for i, j, chunk in np.ndindex(2, 2, 3)}


@pytest.mark.parametrize("name", ["size", "drift", "realization", "t"])
def test_a_coordinate_in_another_order_is_found_by_whoever_reads_it(name: str, store: Path, check: Check) -> None:
    array = zarr.open_array(store / name, mode="r+")
    array[...] = np.asarray(array[...])[::-1]
    (damage,) = check(store).damages
    assert (damage.file, damage.said) == (f"{name}/c/0", "it has been changed")
    assert not damage.mendable
    with pytest.raises(StoreDamaged, match=f"the coordinate .*{name} must hold the values that were written"):
        ensemble.open(store)
    if name != "realization":  # of which averages make no use
        with pytest.raises(StoreDamaged, match=f"the coordinate .*{name} must hold the values that were written"):
            ensemble.average(store)


@pytest.mark.parametrize(("name", "value"), [("seed", 2), ("parameters", "{}"), ("provenance", "[{}]"), ("digest", "")])
def test_attributes_that_were_changed_are_found(name: str, value: str | int, store: Path, check: Check) -> None:
    zarr.open_group(store, mode="r+").attrs[name] = value
    (damage,) = check(store).damages
    assert (damage.file, damage.said) == ("zarr.json", "its attributes have been changed")
    with pytest.raises(StoreDamaged, match="its attributes have been changed: `ensemble verify"):
        ensemble.average(store)


def test_users_may_add_attributes(store: Path, check: Check) -> None:
    zarr.open_group(store, mode="r+").attrs["note"] = "for figure 3"
    assert check(store).well


def test_the_digests_themselves_are_tried(store: Path, check: Check, address: str, undisturbed: Path) -> None:
    """One that is wrong, beside data that are right; blocks of them that are not there."""
    digests = zarr.open_array(store / "digest", mode="r+")
    digests[0, 1, 5] = int(np.asarray(digests[0, 1, 5])) ^ 1
    (damage,) = check(store, repair=True).damages
    assert (damage.file, damage.holds, damage.realizations) == ("digest", "the digests", (5, 6))
    assert restored(store, address) == restored(undisturbed, address)
    (store / "digest" / "c" / "0" / "0" / "0").unlink()
    (damage,) = check(store, fraction=0, repair=True).damages
    assert (damage.file, damage.said) == ("digest/c/0/0/0", "it is not there")
    assert restored(store, address) == restored(undisturbed, address)
    assert check(store, fraction=1).well


def test_a_point_that_is_different_as_a_whole_is_not_repaired(store: Path, check: Check) -> None:
    """As if it had been recorded with other parameters: computing a sample again would mix two things in one store."""
    walk = zarr.open_array(store / "walk", mode="r+")
    walk[0, 0] = np.asarray(walk[0, 0]) * 2 + 1
    record(store)
    before = contents(store)
    verdict = check(store, repair=True)
    assert not verdict.well
    (changed,) = verdict.changed_points
    assert (dict(changed.point.values), changed.count) == ({"size": 2, "drift": 0.0}, 5)
    assert (verdict.lost, verdict.repaired) == (0, False)
    assert contents(store) == before
    told = invoke("verify", store, "--model", SUPPORT / "toy_model.py", "--repair", "--workers", 1)
    assert told.exit_code == 1
    assert "changed size=2, drift=0: all 5 recomputed differ: it was recorded with other parameters" in told.stdout
    assert "so --repair changes nothing; restore the model as it was" in told.stderr


@pytest.mark.slow
def test_the_sample_is_another_one_after_a_repair(store: Path, check: Check, address: str) -> None:
    """Or else what a repair has not found would be certified by the sample that it was found by."""
    flip(chunk_of(store, "walk"))
    assert check(store, repair=True).repaired
    run_sweep(Sweep.from_table(TABLE), store, cluster=address)
    samples: list[NDArray[np.bool_]] = []
    for repairs in ("[]", None):
        mine = shutil.copytree(store, store.with_name(f"{len(samples)}.zarr"))
        if repairs:
            commit(mine, {"repairs": repairs})
        samples.append(check(mine, fraction=0.3).recomputed.sample)
    assert (samples[0] != samples[1]).any()
    told = invoke("verify", store, "--model", SUPPORT / "toy_model.py", "--cluster", address)
    assert told.exit_code == 0
    assert "repaired at 20" in told.stdout
    assert "walk/c/1/1/1/0, walk at size=3, drift=0.5, realizations 4 to 7: its checksum is wrong" in told.stdout
