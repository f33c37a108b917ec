"""Reduced data as files: what is read back is what was written, in the formats' own terms."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ensemble import Sweep, average, run_sweep
from ensemble.errors import ReductionError, StoreError
from ensemble.reduce import block_means, histogram, rare_realizations, statistics
from ensemble.reduce.export import write

Toy = Callable[..., Sweep]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """All observables of the toy, one axis of texts, a seed that takes more than 32 bits."""
    from tests.support.toy_model import TOY

    path = tmp_path_factory.mktemp("export") / "a.zarr"
    table = {
        "model": TOY,
        "seed": 2**40,
        "realizations": 12,
        "observables": ["walk", "final", "paths", "wave"],
        "axes": {"size": [3, 2], "unless": ["", "höher"]},
        "parameters": {"walkers": [0, 2]},
    }
    run_sweep(Sweep.from_table(table), path, cluster=address)
    return path


def test_netcdf_holds_what_was_reduced(store: Path, tmp_path: Path) -> None:
    for result in (
        average(store),
        rare_realizations(store, "walk"),
        block_means(store, "walk", blocks=3),
        histogram(store, "walk", 3.0, bins=4),
        statistics(store, "paths"),
    ):
        write(result, tmp_path / "a.nc")
        with xr.open_dataset(tmp_path / "a.nc", engine="scipy") as found:
            for name, values in result.data_vars.items():
                parts = ("",) if values.dtype.kind != "c" else ("_real", "_imag")
                for part in parts:
                    expected = values if not part else values.real if part == "_real" else values.imag
                    np.testing.assert_array_equal(found[f"{name}{part}"], expected)
                    assert found[f"{name}{part}"].dims == values.dims
                    assert found[f"{name}{part}"].attrs["units"] == values.attrs["units"]
            for name in result.coords:
                np.testing.assert_array_equal(found[name], result[name])
            assert found.attrs["seed"] == str(2**40)
            assert found.attrs["sweep"] == result.attrs["sweep"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_wide_integers_become_floats(store: Path, tmp_path: Path) -> None:
    wide = average(store, observables=["final"])
    wide["count"] = wide["count"] + 2**40
    write(wide, tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine="scipy") as found:
        assert found["count"].dtype == np.float64
        np.testing.assert_array_equal(found["count"], 12 + 2**40)


def test_csv_is_one_table(store: Path, tmp_path: Path) -> None:
    """A row for each point and time, every number to the last bit; an older file is replaced."""
    averages = average(store, observables=["walk"])
    (tmp_path / "a.csv").write_text("older\n" * 1000)
    write(averages, tmp_path / "a.csv")
    header, *lines = (tmp_path / "a.csv").read_text().splitlines()
    assert header == "size,unless,t,count,walk,walk_error,walk_late,walk_late_error"
    assert len(lines) == 2 * 2 * 4
    first = lines[5].split(",")
    assert first[:4] == ["2", "höher", "1.0", "12"]
    assert float(first[4]) == averages["walk"].to_numpy()[0, 1, 1]
    write(average(store, observables=["wave"]), tmp_path / "w.csv")
    assert "wave_real,wave_imag" in (tmp_path / "w.csv").read_text().partition("\n")[0]


def test_what_cannot_be_written(store: Path, tmp_path: Path) -> None:
    averages = average(store, observables=["walk"])
    with pytest.raises(ReductionError, match=r"must end in .nc \(netCDF\) or .csv"):
        write(averages, tmp_path / "a.xlsx")
    with pytest.raises(ReductionError, match="must be in a folder that is there"):
        write(averages, tmp_path / "missing" / "a.nc")
    (tmp_path / "folder.nc").mkdir()
    with pytest.raises(StoreError, match="could not be written: Is a directory"):
        write(averages, tmp_path / "folder.nc")
    blocks = block_means(store, "walk", blocks=2).assign(other=("quantity", [1.0]))
    with pytest.raises(ReductionError, match="a CSV file is one table, but walk is not a function of quantity"):
        write(blocks, tmp_path / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.nc"]
