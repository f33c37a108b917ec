"""Stores of every format version that was ever written still open, and still grow.

`format-1.zarr` in `tests/support/data` was made by `ensemble run format-1.toml` there, and so on, and is never made
again.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.realization.random_streams import random_stream
from ensemble.store import Layout, Ledger
from ensemble.store.group import FORMAT
from ensemble.store.layout import LEDGER_ARRAYS
from tests.support import SUPPORT
from tests.support.command import run
from tests.support.contents import contents
from tests.support.toy_model import ToyModel

DATA = SUPPORT / "data"
FORMATS = range(1, FORMAT + 1)


def test_there_is_a_store_of_every_format() -> None:
    assert sorted(path.name for path in DATA.glob("*.zarr")) == [f"format-{number}.zarr" for number in FORMATS]


@pytest.mark.parametrize("number", FORMATS)
def test_an_older_store_opens(number: int) -> None:
    store = DATA / f"format-{number}.zarr"
    with xr.open_zarr(store) as dataset:
        assert dataset["walk"].dims == ("size", "drift", "realization", "t")
        assert dataset["walk"].shape == (2, 2, 6, 3)
        assert dataset.attrs["ensemble_format"] == number
    view = ensemble.open(store)
    first = view["walk"].isel(t=0).to_numpy()
    for i, size in enumerate((2, 3)):
        for j, drift in enumerate((0.0, 0.5)):
            model = ToyModel(size=size, drift=drift, t=(0.0, 1.0, 2.0))
            for index in range(6):
                disorder = model.draw(random_stream(1, model, index))
                if disorder[0, 0] < 0.25:
                    assert np.isnan(first[i, j, index])
                    said = str(view["exception"].isel(size=i, drift=j, realization=index).to_numpy())
                    assert said.startswith("ValueError: the first number is")
                else:
                    assert first[i, j, index] == model.measure(disorder)["walk"][0]
    assert view["n_done"].min() < 6
    assert number == 1 or ((view["attempts"] == 1) & view["landed"].notnull()).all()
    told = json.loads(run(DATA, "status", store.name, "--json").stdout)["points"]
    assert [point["done"] for point in told] == view["n_done"].to_numpy().ravel().tolist()
    (code,) = json.loads(run(DATA, "status", store.name, "--provenance", "--json").stdout)["codes"]
    assert (code["realizations"], code["chunks"], code["versions"]["ensemble"]) == (24, 8, "0.1.0")
    assert (code["first"] is None) == (number == 1)


@pytest.mark.parametrize("number", FORMATS)
def test_an_older_store_grows(number: int, tmp_path: Path, address: str) -> None:
    shutil.copytree(DATA / f"format-{number}.zarr", tmp_path / "a.zarr")
    text = (DATA / f"format-{number}.toml").read_text()
    (tmp_path / "toy_model.py").write_text((SUPPORT / "toy_model.py").read_text())
    (tmp_path / "a.toml").write_text(text.replace("../toy_model.py", "toy_model.py").replace("[2, 3]", "[2, 3, 4]"))
    sweep = Sweep.read(tmp_path / "a.toml")
    before = ensemble.open(tmp_path / "a.zarr").load()
    summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address)
    assert summary.computed + summary.failed - int((before["status"] == 2).sum()) == 12
    after = ensemble.open(tmp_path / "a.zarr").sel(size=[2, 3]).load()
    for name in ("walk", "final", "status", "exception"):
        assert np.array_equal(after[name], before[name], equal_nan=name in ("walk", "final"))
    assert Layout.read(tmp_path / "a.zarr").axes["size"] == (2, 3, 4)
    with xr.open_zarr(tmp_path / "a.zarr") as grown:
        assert grown.attrs["ensemble_format"] == FORMAT
        assert (grown["attempts"].sel(size=4) == 1).all()
        assert (grown["attempts"].sel(size=[2, 3]) == (number > 1)).all()
        assert (grown["landed"].notnull() == (grown["attempts"] > 0)).all()
    blocks = {zarr.open_array(str(tmp_path / "a.zarr" / name), mode="r").chunks for name in LEDGER_ARRAYS}
    assert blocks == {zarr.open_array(str(DATA / f"format-{number}.zarr" / "status"), mode="r").chunks}


@pytest.mark.parametrize("made", [(), ("attempts",), ("attempts", "landed")])
def test_a_driver_that_dies_while_it_brings_a_store_up_to_date_does_no_harm(
    made: tuple[str, ...], tmp_path: Path
) -> None:
    """Some arrays are there that the store has not committed to: readers see the old store, drivers go on."""
    store = tmp_path / "a.zarr"
    shutil.copytree(DATA / "format-1.zarr", store)
    before = contents(store)
    for name in made:
        shutil.copytree(DATA / "format-2.zarr" / name, store / name, ignore=shutil.ignore_patterns("c"))
    (store / "landed" / "c").mkdir(parents=True, exist_ok=True)
    with xr.open_zarr(store) as dataset:
        assert not {"attempts", "landed", "digest"} & set(dataset.variables)
    assert contents(store) == before
    assert not Ledger.reading(store).landed.any()
    with Ledger.writing(store, Sweep.read(DATA / "format-1.toml"), chunk=4):
        pass
    assert contents(store) == before
    with xr.open_zarr(store) as dataset:
        assert dataset["attempts"].shape == dataset["landed"].shape == dataset["status"].shape
        assert dataset["landed"].isnull().all()
        assert dataset.attrs["ensemble_format"] == FORMAT
