"""`ensemble replay`: one realization before your eyes, its key, its traceback, its bits."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from ensemble import Sweep, run_sweep
from ensemble.store import Ledger, Status
from ensemble.store.group import commit
from ensemble.verify import Replay
from tests.support import SUPPORT, command
from tests.support.command import invoke, refused
from tests.support.processes import execute

TABLE: dict[str, Any] = {
    "model": f"{SUPPORT / 'toy_model.py'}:ToyModel",
    "realizations": 10,
    "seed": 1,
    "axes": {"size": [2, 3], "drift": [0.0, 1e-6], "seconds": [0.0]},
    "observables": ["walk", "final", "wave"],
    "parameters": {"raises_below": 0.1},
    "store": {"chunk": 4},
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    store = tmp_path_factory.mktemp("replay") / "a.zarr"
    run_sweep(Sweep.from_table(TABLE), store, cluster=address)
    return store


@pytest.fixture
def store(undisturbed: Path, tmp_path: Path) -> Path:
    """A store beside its model."""
    shutil.copy(SUPPORT / "toy_model.py", tmp_path)
    return shutil.copytree(undisturbed, tmp_path / "a.zarr")


def first(store: Path, status: Status) -> tuple[str, int]:
    """The point and the index of the first realization that has a status."""
    size, drift, _, index = np.argwhere(Ledger.reading(store).status == status)[0].tolist()
    return f"size={(2, 3)[size]},drift={(0, 1e-6)[drift]}", index


def model(store: Path) -> tuple[str, Path]:
    """The option that names the model beside a store."""
    return "--model", store.parent / "toy_model.py"


@pytest.mark.drift
def test_one_that_is_done_has_the_bits_of_the_store(store: Path) -> None:
    point, index = first(store, Status.DONE)
    told = invoke("replay", store, point, index, *model(store))
    assert told.exit_code == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0] == f"key     seed 1, size=2, drift=0, seconds=0, realization {index}"
    key = Replay.of(store, point, index, store.parent / "toy_model.py").spawn_key
    assert lines[1].strip() == f"numpy.random.SeedSequence(1, spawn_key={key})"
    assert lines[2] == "store   done"
    assert "numpy " in lines[3]
    assert lines[4:] == [f"now     {name} has the bits of the store" for name in ("final", "walk", "wave")]
    assert told.stderr == f"importing {store.parent / 'toy_model.py'}, the model of {store}\n"


def test_the_key_makes_the_disorder(store: Path) -> None:
    """The line that is printed is all that NumPy needs."""
    again = Replay.of(store, "size=3,drift=1e-06", 5, store.parent / "toy_model.py")
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(1, spawn_key=again.spawn_key)))
    walk = np.cumsum(rng.random((3, 4)) - 0.5, axis=1).sum(axis=0) + 1e-6 * np.arange(4)
    assert again.compute()["walk"].tobytes() == walk.tobytes()


def test_one_that_is_different_tells_by_how_much(store: Path) -> None:
    point, index = first(store, Status.DONE)
    zarr.open_array(store / "final", mode="r+")[0, 0, 0, index] = 7
    (code,) = json.loads(str(zarr.open_group(store).attrs["provenance"]))
    commit(store, {"provenance": json.dumps([{**code, "numpy": "1.0"}])})
    told = invoke("replay", store, point, index, *model(store))
    assert told.exit_code == 1
    said = "now     final differs by up to "
    assert [line for line in told.stdout.splitlines() if line.startswith(said)]
    assert f"with    numpy 1.0 there and {code['numpy']} here\n" in told.stdout


@pytest.mark.drift
def test_one_that_failed_shows_where(store: Path) -> None:
    point, index = first(store, Status.FAILED)
    told = invoke("replay", store, point, index, *model(store))
    assert told.exit_code == 1
    assert "store   failed\n" in told.stdout
    assert "        ValueError: the first number is 0.0" in told.stdout
    assert told.stderr.splitlines()[1] == "Traceback (most recent call last):"
    assert 'toy_model.py", line ' in told.stderr
    assert ", in measure\n" in told.stderr
    assert told.stderr.splitlines()[-1].startswith("ValueError: the first number is 0.0")


def test_one_that_failed_and_one_that_is_todo_may_come_out(store: Path) -> None:
    text = (store.parent / "toy_model.py").read_text()
    point, index = first(store, Status.FAILED)
    (store.parent / "toy_model.py").write_text(text.replace("raise ValueError(f", "str(f"))
    told = invoke("replay", store, point, index, *model(store))
    assert told.exit_code == 0
    assert "it comes out, and there is nothing in the store to compare it with; `ensemble run --retry" in told.stdout
    with Ledger.writing(store, Sweep.from_table({**TABLE, "realizations": 11}), chunk=4):
        pass
    told = invoke("replay", store, point, 10, *model(store))
    assert told.exit_code == 0
    assert "store   todo\n" in told.stdout


@pytest.mark.drift
def test_the_debugger_opens_where_it_raises(store: Path) -> None:
    """A real terminal's worth: the variables of the model's own frame, then out."""
    point, index = first(store, Status.FAILED)
    arguments = command.line("replay", "a.zarr", point, str(index), "--pdb", "--model", "toy_model.py")
    typed = "p ('here', first < self.raises_below)\nup\nq\n"
    told = execute(arguments, store.parent, given=typed)
    assert told.returncode == 1
    assert "toy_model.py" in told.stdout
    assert "('here', np.True_)" in told.stdout
    assert "ValueError: the first number is" in told.stderr
    assert "BdbQuit" not in told.stderr


def test_the_model_is_named_by_the_user(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point, index = first(store, Status.DONE)
    monkeypatch.chdir(store.parent)
    refused(invoke("replay", store, point, index), "name its file with --model, such as --model=toy_model.py:ToyModel")
    for named in ("toy_model.py", "toy_model.py:ToyModel", SUPPORT / "toy_model.py"):
        assert invoke("replay", store, point, index, "--model", named).exit_code == 0
    told = "--model-folder is no option any more: name the file itself, as --model elsewhere/FILE.py"
    refused(invoke("replay", store, point, index, "--model-folder", "elsewhere"), told)


@pytest.mark.parametrize(
    ("point", "index", "sentence"),
    [
        (
            "size=2",
            0,
            "POINT must give drift, such as size=2,drift=0,seconds=0, but it does not: the store has 0, 1e-06",
        ),
        ("-", 0, "POINT must give size, "),
        ("", 0, "POINT must give size, "),
        ("size=4,drift=0", 0, "size must be one of the values that the store has, got '4': the store has 2, 3"),
        ("size=two,drift=0", 0, "size must be one of the values that the store has, got 'two': "),
        ("size=2,drift", 0, "POINT must be values of axes, such as size=2,drift=0,seconds=0, got 'drift'"),
        ("sise=2,drift=0", 0, "POINT must name axes that the store has, got 'sise': did you mean 'size'?"),
        ("size=2,size=3,drift=0", 0, "POINT must give every axis once, but size is there twice"),
        ("size=2,drift=0,seconds=1", 0, "seconds must be one of the values that the store has, got '1': "),
        ("size=2,drift=0", 10, "INDEX must be one of the 10 realizations of "),
        ("size=2,drift=0", -1, "INDEX must be one of the 10 realizations of "),
    ],
)
def test_what_the_store_does_not_have_is_told_in_one_sentence(
    point: str, index: int, sentence: str, store: Path
) -> None:
    refused(invoke("replay", store, "--", point, index), sentence)


def test_a_store_of_one_point_needs_no_name_for_it(tmp_path: Path, address: str) -> None:
    run_sweep(Sweep.from_table({**TABLE, "axes": {"size": [2]}}), tmp_path / "b.zarr", cluster=address)
    for point in ("-", "", "size=2", " size = 2.0 "):
        assert Replay.of(tmp_path / "b.zarr", point, 0, SUPPORT / "toy_model.py").cell == (0,)
    assert invoke("replay", tmp_path / "b.zarr", "-", 0, "--model", SUPPORT / "toy_model.py").exit_code == 0


def test_the_glass_is_replayed(tmp_path: Path, address: str) -> None:
    table = {
        "model": "tls_glass",
        "realizations": 3,
        "seed": 2,
        "axes": {"N": [4], "epsilon": [0.0], "eta": [1e3, 1e5]},
    }
    table["observables"] = ["concurrence", "entropy"]
    run_sweep(Sweep.from_table(table), tmp_path / "glass.zarr", cluster=address)
    told = invoke("replay", tmp_path / "glass.zarr", "eta=1e5", 2)
    assert told.exit_code == 0, told.stderr
    assert told.stdout.endswith(
        "now     concurrence has the bits of the store\nnow     entropy has the bits of the store\n"
    )
