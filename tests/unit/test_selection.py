"""Some points of a store: the same numbers as among all points, nothing else read, one sentence where it is wrong."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from distributed import Client

from ensemble import Sweep, run_sweep
from ensemble.errors import ReductionError
from ensemble.reduce import average, block_means, histogram, rare_realizations, statistics
from ensemble.store.select import parse_selection
from tests.support.toy_model import TOY

REDUCTIONS: dict[str, Callable[..., xr.Dataset]] = {
    "average": average,
    "audited average": lambda store, **how: average(store, audited=True, **how),
    "blocks": lambda store, **how: block_means(store, "walk", blocks=3, **how),
    "statistics": lambda store, **how: statistics(store, "walk", **how),
    "histogram": lambda store, **how: histogram(store, "walk", [1.0], bins=[-9.0, 0.0, 9.0], **how),
    "audit": lambda store, **how: rare_realizations(store, "walk", **how),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """Two sweeps in one store whose grid is their product: half of its points are empty."""
    path = tmp_path_factory.mktemp("selection") / "a.zarr"
    table: dict[str, Any] = {
        "model": TOY,
        "seed": 1,
        "realizations": 12,
        "axes": {"size": [4, 2], "drift": [1.0, 0.5], "unless": ["no", "never"]},
        "store": {"chunk": 5},
    }
    run_sweep(Sweep.from_table(table), path, cluster=address)
    run_sweep(
        Sweep.from_table({**table, "axes": {**table["axes"], "size": [3], "drift": [0.0]}}), path, cluster=address
    )
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize(
    ("select", "labels"),
    [
        ({"size": 4}, {"size": [4]}),
        ({"size": [4, 2, 4], "drift": 1}, {"size": [2, 4], "drift": [1.0]}),
        ({"drift": [0, 1.0], "unless": "never"}, {"drift": [0.0, 1.0], "unless": ["never"]}),
        ({"size": np.array([3, 2]), "drift": np.float64(0.5)}, {"size": [2, 3], "drift": [0.5]}),
        ({}, {}),
    ],
)
def test_selected_points_are_those_of_the_whole(
    name: str, select: Any, labels: dict[str, list[Any]], store: Path, cluster: Client
) -> None:
    found = REDUCTIONS[name](store, select=select)
    xr.testing.assert_identical(found, REDUCTIONS[name](store).sel(labels))
    xr.testing.assert_identical(found, REDUCTIONS[name](store, select=select, client=cluster))
    for axis, values in labels.items():
        assert found[axis].to_numpy().tolist() == values


def test_values_may_come_from_a_result(store: Path) -> None:
    sizes: Any = average(store)["size"][1:]
    assert average(store, select={"size": sizes})["size"].to_numpy().tolist() == [3, 4]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_only_selected_points_are_read(name: str, store: Path, tmp_path: Path) -> None:
    """All other points have been destroyed; and of those without realizations nothing is read either."""
    shutil.copytree(store, tmp_path / "a.zarr")
    size, drift = (zarr.open_array(str(store / axis), mode="r")[:] for axis in ("size", "drift"))
    at = f"{np.flatnonzero(size == 2)[0]}/{np.flatnonzero(drift == 0.5)[0]}"
    for chunk in (tmp_path / "a.zarr").glob("walk/c/*/*/*/*/*"):
        if f"walk/c/{at}/" not in str(chunk):
            chunk.write_bytes(b"destroyed")
    found = REDUCTIONS[name](tmp_path / "a.zarr", select={"size": 2, "drift": 0.5})
    xr.testing.assert_identical(found, REDUCTIONS[name](store, select={"size": 2, "drift": 0.5}))
    with pytest.raises(Exception, match=r"[Zz]std|checksum"):
        REDUCTIONS[name](tmp_path / "a.zarr")
    empty = REDUCTIONS[name](tmp_path / "a.zarr", select={"size": 3, "drift": [0.5, 1.0]})
    assert not empty["count"].any()


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize(
    ("select", "told"),
    [
        ({"sise": 4}, "points must be selected by axes that STORE has, got 'sise': did you mean 'size'?"),
        ({"t": 1.0}, "points must be selected by axes that STORE has, got 't': it has size, drift, unless"),
        ({"size": 5}, "size must be one of the values that STORE has, got 5: it has 2, 3, 4"),
        ({"size": [2, 4.0]}, "size must be one of the values that STORE has, got 4.0: it has 2, 3, 4"),
        ({"size": True}, "size must be one of the values that STORE has, got True: it has 2, 3, 4"),
        ({"size": "four"}, "size must be one of the values that STORE has, got 'four': it has 2, 3, 4"),
        ({"drift": 0.5000001}, "drift must be one of the values that STORE has, got 0.5000001: it has 0.0, 0.5, 1.0"),
        ({"drift": float("nan")}, "drift must be one of the values that STORE has, got nan: it has 0.0, 0.5, 1.0"),
        ({"unless": None}, "unless must be one of the values that STORE has, got None: it has 'never', 'no'"),
        ({"size": []}, "size must be selected by at least one value of STORE, but its list is empty: it has 2, 3, 4"),
    ],
)
def test_what_cannot_be_selected(name: str, select: Any, told: str, store: Path) -> None:
    with pytest.raises(ReductionError) as refused:
        REDUCTIONS[name](store, select=select)
    assert str(refused.value) == told.replace("STORE", str(store))


def test_audited_averages_are_averages_and_audits(store: Path) -> None:
    found = average(store, audited=True)
    plain = average(store)
    xr.testing.assert_identical(found[list(plain)], plain)
    for name in ("walk", "final"):
        weights = rare_realizations(store, name)
        for each in ("half", "heaviest", "heaviest_index", "handful"):
            xr.testing.assert_identical(found[f"{name}_{each}"], weights[each].rename(f"{name}_{each}"))
    assert len(found) == len(plain) + 8


def test_text_becomes_the_type_of_the_axis(store: Path) -> None:
    given = ["size=4, 2", "drift=1", "drift = 5e-1", "unless=no"]
    assert parse_selection(store, given) == {"size": [4, 2], "drift": [1.0, 0.5], "unless": ["no"]}
    assert parse_selection(store, []) == {}
    assert parse_selection(store, ["size=4.0", "shape=4"]) == {
        "size": ["4.0"],
        "shape": ["4"],
    }  # reductions refuse these


@pytest.mark.parametrize("text", ["size", "size=", "=4", "size=4,,2", ""])
def test_text_that_is_no_selection(text: str, store: Path) -> None:
    with pytest.raises(ReductionError) as refused:
        parse_selection(store, ["size=4", text])
    assert str(refused.value) == f"--select must be an axis with values, such as unless=no, got {text!r}"
