"""Sweeps of the glass: every axis grows without touching what was there, and pairs its disorder."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import ensemble
from ensemble import Sweep, run_sweep

SMALL: dict[str, Any] = {"N": [3, 4], "epsilon": [0.0, 1e-2], "eta": [1e5]}


def sweep(realizations: int = 6, **axes: list[float]) -> Sweep:
    return Sweep.from_table(
        {
            "model": "tls_glass",
            "realizations": realizations,
            "seed": 5,
            "axes": {**SMALL, **axes},
            "time": {"start": 1e-3, "stop": 10.0, "num": 9, "spacing": "log"},
            "store": {"chunk": 4},
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [{"N": [3, 4, 7]}, {"epsilon": [1e-6, 0.0, 1e-2]}, {"eta": [1e5, 1e3]}, {"realizations": 11}]
)
def test_every_axis_grows(more: dict[str, Any], tmp_path: Path, address: str) -> None:
    store = tmp_path / "a.zarr"
    run_sweep(sweep(), store, cluster=address)
    with xr.open_zarr(store) as dataset:
        before = dataset.load()
    summary = run_sweep(sweep(**more), store, cluster=address)
    assert summary.found == 24
    assert summary.left == 0
    with xr.open_zarr(store) as dataset:
        assert dataset["concurrence"].dims == ("N", "epsilon", "eta", "realization", "t")
        for name in ("concurrence", "status"):
            kept = dataset[name].sel({dim: before[dim] for dim in before[name].dims})
            assert kept.to_numpy().tobytes() == before[name].to_numpy().tobytes()
    run_sweep(sweep(**more), tmp_path / "fresh.zarr", cluster=address)
    grown, fresh = (ensemble.open(path)["concurrence"].load() for path in (store, tmp_path / "fresh.zarr"))
    xr.testing.assert_equal(grown, fresh)


def test_eta_is_a_clock_without_dissipation_realization_by_realization(tmp_path: Path, address: str) -> None:
    """The disorder is common, so C(t; 10 eta) = C(10 t; eta) holds for each realization, to the rounding of 4 J t."""
    run_sweep(sweep(eta=[1e4, 1e5]), tmp_path / "a.zarr", cluster=address)
    store = ensemble.open(tmp_path / "a.zarr").sel(epsilon=0.0)
    slow = store["concurrence"].sel(eta=1e4).isel(t=slice(2, None)).to_numpy()
    fast = store["concurrence"].sel(eta=1e5).isel(t=slice(0, -2)).to_numpy()
    assert slow.max() > 0.1
    np.testing.assert_allclose(slow, fast, rtol=0, atol=1e-9)
