"""Quantities of means against NumPy and a jackknife by hand on all trajectories; one sentence for what is wrong."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

import ensemble
from ensemble import Sweep, reduce, run_sweep
from ensemble.errors import ModelNotNamed, ReductionError
from ensemble.fit import Estimate
from ensemble.reduce import block_means, reading
from tests.support import SUPPORT
from tests.support.spectra import LINES, WRONG, Lines, compute
from tests.support.toy_model import TOY

functions_of_means = functools.partial(reduce.functions_of_means, model=SUPPORT / "spectra.py")

POINTS = [(spread, shape) for spread in (0.5, 1.5) for shape in ("gauss", "slope")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """Two spreads and two shapes, some realizations failed."""
    return compute(tmp_path_factory.mktemp("quantities") / "a.zarr", address)


def rows(store: Path, name: str, spread: float, shape: str) -> NDArray[Any]:
    """All that the realizations of a point that are done have of an observable."""
    point = ensemble.open(store).sel(spread=spread, shape=shape)
    return np.asarray(point[name].to_numpy()[point["status"].to_numpy() == 1])


def by_hand(store: Path, name: str, spread: float, shape: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The quantity of the means over all realizations, and its jackknife error with each of them left out once."""
    kind, model = Lines.functions_of_means[name], Lines(spread=spread, shape=shape, raises_below=-1.0)
    measured = [rows(store, each, spread, shape) for each in kind.of]
    n = len(measured[0])
    value = np.asarray(kind.value(model, *(each.mean(axis=0) for each in measured)))
    kept = [np.arange(n) != left_out for left_out in range(n)]
    without = np.array([kind.value(model, *(each[some].mean(axis=0) for each in measured)) for some in kept])
    return value, np.sqrt((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0))


@pytest.mark.drift
@pytest.mark.parametrize("name", ["ratio", "contrast", "variance", "scaled", "phase", "powers", "table"])
def test_values_and_errors_are_those_made_by_hand(name: str, store: Path) -> None:
    """Numbers, curves over a coordinate of the store or one that it has not, of real and of complex means."""
    found = functions_of_means(store, name)
    kind = Lines.functions_of_means[name]
    assert found[name].dims == found[f"{name}_error"].dims == ("spread", "shape", *kind.dims)
    for spread, shape in POINTS:
        value, error = by_hand(store, name, spread, shape)
        point = found.sel(spread=spread, shape=shape)
        assert 10 < point["count"] == len(rows(store, "place", spread, shape)) < 24
        np.testing.assert_allclose(point[name], value, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(point[f"{name}_error"], error, rtol=1e-7, atol=1e-12)


def test_the_variance_of_the_place_is_that_of_the_model(address: str, tmp_path: Path) -> None:
    """It is spread², with an error of spread² sqrt(2 / n); the model that `value` gets is that of the point."""
    compute(tmp_path / "a.zarr", address, realizations=400, parameters={}, observables=["place", "square"])
    for name, expected in (("variance", 2.25), ("scaled", 1.0)):
        point = functions_of_means(tmp_path / "a.zarr", name).sel(spread=1.5, shape="gauss")
        assert point[f"{name}_error"] == pytest.approx(expected * np.sqrt(2 / 400), rel=0.25)
        assert abs(point[name] - expected) < 4 * point[f"{name}_error"]


def test_errors_know_what_the_means_have_in_common(store: Path) -> None:
    """The place is a part of its own square: taken for independent, their errors would be other ones."""
    blocks = block_means(store, ["place", "square"], blocks=8).sel(spread=0.5, shape="gauss")
    place, square = (Estimate.of_blocks(blocks[name], blocks["block_size"]) for name in ("place", "square"))
    joint = Estimate.joint(lambda p, s: s - p**2, [place, square])
    found = functions_of_means(store, "variance", blocks=8).sel(spread=0.5, shape="gauss")
    assert [found["variance"].item(), found["variance_error"].item()] == [joint.value.item(), joint.error.item()]


def test_what_cannot_be_told_is_nan(store: Path) -> None:
    found = functions_of_means(store, "zero")
    assert found["zero"].sel(shape="gauss").isnull().all()
    assert found["zero_error"].sel(shape="gauss").isnull().all()
    for spread in (0.5, 1.5):
        value, error = by_hand(store, "zero", spread, "slope")
        point = found.sel(spread=spread, shape="slope")
        np.testing.assert_allclose([point["zero"], point["zero_error"]], [value, error], rtol=1e-7)


def test_labels_and_coordinates(store: Path) -> None:
    found = functions_of_means(store, "ratio")
    assert found["ratio"].attrs == {"long_name": "ratio of the lines", "units": "1"}
    assert found["ratio_error"].attrs["long_name"] == "standard error of the ratio of the lines"
    assert found["frequency"].attrs == {"long_name": "frequency offset", "units": "GHz"}
    assert found["frequency"].to_numpy().tolist() == np.linspace(-4, 4, 9).tolist()
    assert functions_of_means(store, "powers")["power"].attrs == {"long_name": "power", "units": "1"}
    assert set(functions_of_means(store, "variance").variables) == {
        "variance",
        "variance_error",
        "count",
        "spread",
        "shape",
    }
    with xr.open_zarr(store) as raw:
        assert raw["frequency"].attrs == {"long_name": "frequency offset", "units": "GHz"}


def test_the_same_bits_for_any_workers(store: Path, cluster: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RUN_BYTES", 1)
    xr.testing.assert_identical(functions_of_means(store, "ratio"), functions_of_means(store, "ratio", client=cluster))


def test_some_points_and_the_first_realizations(store: Path) -> None:
    found = functions_of_means(store, "variance", select={"shape": "slope"}, realizations=12)
    assert found["shape"].to_numpy().tolist() == ["slope"]
    places = ensemble.open(store)["place"].sel(spread=0.5, shape="slope").to_numpy()[:12]
    assert found["count"].sel(spread=0.5, shape="slope") == np.isfinite(places).sum() < 12
    np.testing.assert_allclose(found["variance"].sel(spread=0.5, shape="slope"), np.nanvar(places), rtol=1e-12)


def test_one_realization_has_no_error_and_none_has_no_value(store: Path, address: str, tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    compute(path, address, axes={"spread": [0.5], "shape": ["gauss"]}, parameters={}, realizations=5)
    compute(path, address, axes={"spread": [1.5], "shape": ["slope"]}, parameters={}, realizations=1)
    found = functions_of_means(path, "ratio")
    assert found["count"].to_numpy().tolist() == [[5, 0], [0, 1]]
    one = found.sel(spread=1.5, shape="slope")
    line, beside = (rows(path, name, 1.5, "slope")[0] for name in ("line", "beside"))
    np.testing.assert_array_equal(one["ratio"], beside / line)
    assert one["ratio_error"].isnull().all()
    assert found["ratio"].sel(spread=0.5, shape="slope").isnull().all()
    assert found["ratio_error"].sel(spread=0.5, shape="gauss").notnull().all()


def test_observables_together_have_the_blocks_that_each_has_alone(store: Path) -> None:
    together = block_means(store, ["line", "place", "wave", "line"], blocks=7)
    for name in ("line", "place", "wave"):
        alone = block_means(store, name, blocks=7)
        xr.testing.assert_identical(together[name], alone[name])
        xr.testing.assert_identical(together["block_size"], alone["block_size"])
        xr.testing.assert_identical(together["count"], alone["count"])


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """The store of a model whose quantities of means are all wrong."""
    path = tmp_path_factory.mktemp("wrong") / "a.zarr"
    asked: dict[str, Any] = {"model": WRONG, "seed": 1, "realizations": 3, "axes": {"spread": [0.5, 1.5]}}
    run_sweep(Sweep.from_table(asked), path, cluster=address)
    return path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mnay", "the quantity must be one that Wrong makes of means, got 'mnay': did you mean 'many'?"),
        ("nowhere", "'wavelength', a dimension of nowhere, must be a list in coords() of Wrong"),
        ("moving", "place_grid, a dimension of moving, must be the same at every point of a store"),
        (
            "broken",
            "broken of Wrong at spread = 0.5 must follow from the means of place, but its function raised "
            "IndexError: list index out of range; let it return nan where it cannot be told",
        ),
        (
            "askew",
            "askew of Wrong at spread = 0.5 must be an array over frequency, (3,), and real, got float64 of shape (2,)",
        ),
        ("many", "at spread = 0.5 must be one number and real, got float64 of shape (3,)"),
        ("complex", "at spread = 0.5 must be one number and real, got complex128 of shape ()"),
    ],
)
def test_what_is_no_quantity_of_means(name: str, told: str, wrong: Path) -> None:
    with pytest.raises(ReductionError) as refused:
        functions_of_means(wrong, name)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_the_store_lacks(address: str, tmp_path: Path) -> None:
    compute(tmp_path / "a.zarr", address, realizations=2, observables=["line"], parameters={})
    with pytest.raises(ReductionError, match=r"contrast is made of the means of line and beside, but .* has no beside"):
        functions_of_means(tmp_path / "a.zarr", "contrast")


def test_a_model_that_makes_nothing_of_means(toy: Callable[..., Sweep], address: str, tmp_path: Path) -> None:
    run_sweep(toy(realizations=2), tmp_path / "a.zarr", cluster=address)
    with pytest.raises(ReductionError, match="ToyModel makes of means, got 'walk': it has none"):
        functions_of_means(tmp_path / "a.zarr", "walk", model=TOY)


def test_the_model_is_named_by_the_user(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file, with or without the class, or as the class itself; a file beside the store is not looked for."""
    away = tmp_path / "a.zarr"
    shutil.copytree(store, away)
    file = Path(LINES.rpartition(":")[0])
    shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotNamed, match=r"name its file with model, such as model=spectra.py:Lines"):
        reduce.functions_of_means(away, "variance")
    expected, told = functions_of_means(away, "variance"), list[str]()
    for model in (file.name, f"{file.name}:Lines", Path(file.name), LINES, Lines):
        xr.testing.assert_identical(reduce.functions_of_means(away, "variance", model=model, say=told.append), expected)
    assert told == [f"importing {each}, the model of {away}" for each in [tmp_path / file.name] * 3 + [file]]
