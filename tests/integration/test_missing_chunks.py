"""A chunk that has gone: an error for whoever needs it, never zeros that count."""

import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.errors import EnsembleError, RunError, StoreDamaged
from ensemble.reduce import statistics
from ensemble.store import Ledger, Status
from ensemble.verify import verify
from tests.support import SUPPORT
from tests.support.command import invoke
from tests.support.contents import contents
from tests.support.minimal_model import MODEL
from tests.support.toy_model import TOY

TABLE: dict[str, Any] = {
    "model": TOY,
    "realizations": 12,
    "seed": 1,
    "axes": {"size": [2, 3], "drift": [0.0, 0.5]},
    "store": {"chunk": 4},
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    store = tmp_path_factory.mktemp("undisturbed") / "a.zarr"
    run_sweep(Sweep.from_table(TABLE), store, cluster=address)
    return store


@pytest.fixture
def store(undisturbed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(undisturbed, tmp_path / "a.zarr")


def lose(store: Path, array: str) -> Path:
    """Remove the second chunk of an observable at the last point."""
    (path,) = (store / array).rglob("c/1/1/1*")
    if path.is_dir():
        (path,) = (each for each in path.rglob("*") if each.is_file())
    path.unlink()
    return path


READERS: dict[str, Callable[[Path, str], object]] = {
    "average": lambda store, name: ensemble.average(store),
    "statistics": lambda store, name: statistics(store, name),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["final", "walk"])
def test_whoever_reads_names_the_file(reader: str, name: str, store: Path) -> None:
    """Of integers as well as of floats: both were read as if nothing had been lost."""
    READERS[reader](store, name)
    path = lose(store, name)
    with pytest.raises(StoreDamaged, match=re.escape(f"{path} must hold realizations that are done, but it is not th")):
        READERS[reader](store, name)


@pytest.mark.parametrize(
    "command",
    [
        ("average", "--observable", "final"),
        ("average", "--observable", "walk", "--statistics"),
        ("plot", "--observable", "walk"),
        ("fit", "--observable", "walk", "--law", "plateau"),
    ],
    ids=" ".join,
)
def test_commands_name_the_file(command: tuple[str, ...], store: Path, tmp_path: Path) -> None:
    path = lose(store, command[2])
    verb, *options = command
    told = invoke(verb, store, *options)
    assert told.exit_code == 1
    assert f"ensemble: {path} must hold realizations that are done, but it is not there" in told.stderr


@pytest.mark.parametrize("name", ["final", "walk"])
def test_an_opened_store_masks_what_is_lost_and_warns(name: str, store: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = ensemble.open(store)[name]
        assert not before.isnull().any()
    path = lose(store, name)
    with pytest.warns(UserWarning, match=re.escape(f"1 chunks of {name} are not there") + ".*" + re.escape(str(path))):
        view = ensemble.open(store)
    lost = view[name].isnull().any([dim for dim in view[name].dims if dim == "t"]).to_numpy()
    expected = np.zeros((2, 2, 12), bool)
    expected[1, 1, 4:8] = True
    np.testing.assert_array_equal(lost, expected)
    assert view[name].where(view[name].notnull(), before).equals(before)


def test_nothing_is_added_to_a_chunk_that_has_lost_its_others(store: Path, address: str) -> None:
    """A run that would make a new chunk of it, with zeros where realizations were, stops instead."""
    with Ledger.writing(store, Sweep.from_table(TABLE), chunk=4) as ledger:
        ledger.status[1, 1, 4] = Status.TODO
        ledger._stale.add((0, 0, 0))
    path = lose(store, "final")
    with pytest.raises(EnsembleError, match=re.escape(f"{path} must hold realizations that are done")) as raised:
        run_sweep(Sweep.from_table(TABLE), store, cluster=address)
    assert isinstance(raised.value, RunError | StoreDamaged)
    assert not path.exists()


@pytest.mark.parametrize("name", ["final", "walk"])
def test_verify_finds_it_without_computing_and_repairs_it(
    name: str, store: Path, undisturbed: Path, address: str
) -> None:
    path = lose(store, name)
    verdict = verify(store, fraction=0, cluster=address)
    (damage,) = verdict.damages
    assert (damage.file, damage.said) == (path.relative_to(store).as_posix(), "it is not there")
    assert damage.realizations == (4, 8)
    assert verify(store, fraction=0, cluster=address, repair=True).repaired
    assert run_sweep(Sweep.from_table(TABLE), store, cluster=address).computed == 4
    assert contents(store) == contents(undisturbed)


def test_chunks_of_nothing_but_zeros_are_written(tmp_path: Path, address: str) -> None:
    (tmp_path / "mine.py").write_text(
        MODEL.replace('Observable("signal")', 'Observable("signal", dtype="int64")').replace(
            '"signal": disorder', '"signal": np.zeros(2, int)'
        )
    )
    table = {"model": "mine.py:Mine", "realizations": 6, "seed": 1, "axes": {"size": [2]}, "store": {"chunk": 3}}
    run_sweep(Sweep.from_table(table, folder=tmp_path), tmp_path / "a.zarr", cluster=address)
    files = sorted(path for path in (tmp_path / "a.zarr" / "signal" / "c").rglob("*") if path.is_file())
    assert len(files) == 2
    assert float(ensemble.average(tmp_path / "a.zarr")["signal"].sum()) == 0.0
    files[0].unlink()
    refused_by = invoke("average", tmp_path / "a.zarr")
    assert refused_by.exit_code == 1
    assert str(files[0]) in refused_by.stderr


@pytest.mark.parametrize("number", [1, 2])
def test_in_an_older_store_an_absent_chunk_may_be_one_of_zeros(number: int, tmp_path: Path) -> None:
    store = shutil.copytree(SUPPORT / "data" / f"format-{number}.zarr", tmp_path / "a.zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ensemble.open(store)
        ensemble.average(store)
