"""Axes that vary together: paths through the grid, their points, stores that have nothing beside them."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.errors import SweepError
from ensemble.plot.store_plot import plot
from ensemble.reduce import functions_of_means
from ensemble.run import Watch, count_done
from ensemble.run.plan import plan
from ensemble.store import Ledger
from ensemble.verify import verify
from tests.support import SUPPORT
from tests.support.command import run
from tests.support.contents import contents
from tests.support.toy_model import TOY

Toy = Callable[..., Sweep]

SWEEP = f"""
model = "{TOY}"
realizations = 12
seed = 1
zipped_axes = [["drift", "seconds"]]
store.chunk = 5
[axes]
size = [2, 3]
drift = [1.0, 0.5, 2.0]
seconds = [0.001, 0.0, 0.002]
"""

CIRCLE = """
from dataclasses import dataclass

from ensemble import Model, Observable, FunctionOfMeans


@dataclass(frozen=True)
class Circle(Model):
    W: float
    J: float
    observables = {"x": Observable("x", dims=())}
    functions_of_means = {"twice": FunctionOfMeans("twice x", ("x",), lambda model, x: 2 * x)}
    draw_fields = ()

    def __post_init__(self):
        if abs(self.W**2 + self.J**2 - 2) > 1e-9:
            raise ValueError("W and J must lie on a circle")

    def draw(self, rng):
        return rng.random()

    def measure(self, x):
        return {"x": self.W * x}
"""
"""A model that has no points off a path."""

PATH = [(size, *pair) for size in (2, 3) for pair in ((1.0, 0.001), (0.5, 0.0), (2.0, 0.002))]
SORTED = sorted(PATH)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "path.toml").write_text(SWEEP)
    return tmp_path


@pytest.fixture
def made(folder: Path, address: str) -> Path:
    """A folder whose sweep has been run."""
    done = run(folder, "run", "path.toml", "--cluster", address)
    assert done.returncode == 0, done.stderr
    assert "72 realizations computed" in done.stdout
    return folder


def values(sweep: Sweep) -> list[tuple[Any, ...]]:
    return [tuple(value for _, value in point.values) for point in sweep.points]


def test_points_go_value_by_value_and_everything_else_is_a_product(folder: Path) -> None:
    sweep = Sweep.read(folder / "path.toml")
    assert values(sweep) == PATH
    assert list(sweep.axes) == [name for name, _ in sweep.points[0].values] == ["size", "drift", "seconds"]
    assert sweep.points[1].model.seconds == 0.0  # type: ignore[attr-defined]


def test_lists_may_hold_any_axes_in_any_order(toy: Toy) -> None:
    axes = {"size": [2, 3], "drift": [0.0, 1.0, 2.0], "seconds": [0.0, 0.1], "raises_below": [-3.0, -2.0, -1.0]}
    sweep = toy(axes=axes, zipped_axes=[["raises_below", "drift"], ["size", "seconds"]])
    product = set(values(toy(axes=axes)))
    wanted = itertools.product(zip((2, 3), (0.0, 0.1), strict=True), ((0.0, -3.0), (1.0, -2.0), (2.0, -1.0)))
    found = [(point.model.size, point.model.seconds, point.model.drift, point.model.raises_below)  # type: ignore[attr-defined]
             for point in sweep.points]  # fmt: skip
    assert found == [(*one, *other) for one, other in wanted]
    assert set(values(sweep)) < product
    assert values(toy(axes=axes, zipped_axes=[])) == values(toy(axes=axes))


@pytest.mark.parametrize(
    ("together", "told"),
    [
        ("drift", 'zipped_axes must be a list of lists of axes, such as [["W", "T"]], got \'drift\''),
        (["size"], "zipped_axes must be a list of lists of axes, such as [[\"W\", \"T\"]], got ['size']"),
        ([["drift"]], "zipped_axes must name at least two axes in each of its lists, got ['drift']"),
        ([["drift", "sice"]], "zipped_axes must name axes of the sweep, got 'sice': did you mean 'size'?"),
        ([["drift", "seconds"]], "zipped_axes must name axes of the sweep, got 'seconds': they are size, drift"),
        ([["drift", 3]], "zipped_axes must name axes of the sweep, got 3: they are size, drift"),
        ([["drift", "drift"]], "zipped_axes must name an axis once, but drift is there twice"),
        ([["size", "drift"], ["drift", "size"]], "zipped_axes must name an axis once, but drift is there twice"),
    ],
)  # fmt: skip
def test_lists_that_cannot_be_used(together: object, told: str, toy: Toy) -> None:
    with pytest.raises(SweepError) as refusal:
        toy(zipped_axes=together)
    assert str(refusal.value) == told


def test_lists_of_axes_with_different_lengths(toy: Toy) -> None:
    with pytest.raises(SweepError) as refusal:
        toy(axes={"size": [2, 3, 4], "drift": [0.0, 0.5]}, zipped_axes=[["size", "drift"]])
    told = "axes that vary together must have equally many values, but size has 3 and drift has 2"
    assert str(refusal.value) == told


@pytest.mark.slow
def test_a_finished_run_is_complete_and_says_nothing_of_the_rest_of_the_grid(made: Path) -> None:
    again = run(made, "run", "path.toml", "--cluster", "tcp://127.0.0.1:1")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("everything is there: ")
    told = json.loads(run(made, "status", "path.zarr", "--json").stdout)["points"]
    assert [tuple(each["point"].values()) for each in told] == PATH
    assert all((each["done"], each["wanted"], each["core_seconds_left"]) == (12, 12, 0) for each in told)
    assert "72 realizations done, 0 failed, 72 wanted, at 6 points\n" in run(made, "status", "path.zarr").stdout
    plan = json.loads(run(made, "plan", "path.toml", "--json").stdout)
    assert plan["missing"] == 0
    assert [tuple(each["point"].values()) for each in plan["points"]] == PATH
    with xr.open_zarr(made / "path.zarr") as raw:
        asked = json.loads(raw.attrs["asked"])
    assert asked["zipped_axes"] == [["drift", "seconds"]]
    assert asked["axes"]["seconds"] == [0.001, 0.0, 0.002]


@pytest.mark.slow
def test_what_reads_the_store_tells_of_the_path_alone(made: Path) -> None:
    rows = json.loads(run(made, "average", "path.zarr", "--json", "-o", "means.nc").stdout)["points"]
    assert [tuple(row["point"].values()) for row in rows] == SORTED
    table = run(made, "average", "path.zarr", "--observable", "walk", "-o", "means.csv").stdout.splitlines()
    assert len([line for line in table if line.split()[:1] in (["2"], ["3"])]) == 6
    assert len((made / "means.csv").read_text().splitlines()) == 1 + 6 * 4
    fitted = json.loads(run(made, "fit", "path.zarr", "--observable", "walk", "--law", "plateau", "--json").stdout)
    assert [tuple(row["point"].values()) for row in fitted["fits"]] == SORTED
    assert fitted["missing"] == []
    verified = run(made, "verify", "path.zarr", "--fraction", "0.1", "--model", str(SUPPORT / "toy_model.py"))
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.startswith("all well: ")
    with ensemble.open(made / "path.zarr") as opened:
        assert opened.n_done.sum().item() == 72
        assert opened.n_done.sel(size=2, drift=2.0, seconds=0.0).item() == 0
        point = opened.walk.sel(size=3, drift=0.5, seconds=0.0)
        assert np.isfinite(point).all()


@pytest.mark.slow
def test_a_law_along_one_of_them_has_all_pairs(made: Path) -> None:
    arguments = ("fit", "path.zarr", "--observable", "final", "--law", "mean", "--json")
    for axis in ("drift", "size"):
        done = run(
            made,
            *arguments,
            "--across",
            f"{axis}:extrapolate",
            "--select",
            "drift=1,2",
            "--select",
            "seconds=0.001,0.002",
        )
        assert done.returncode == 0, done.stderr
        points = [row["point"] for row in json.loads(done.stdout)["across"]]
        assert points == (
            [{"size": 2}, {"size": 3}]
            if axis == "drift"
            else [{"drift": 1.0, "seconds": 0.001}, {"drift": 2.0, "seconds": 0.002}]
        )


@pytest.mark.slow
def test_the_store_grows_along_the_path_and_then_to_the_whole_grid(made: Path, address: str) -> None:
    """A longer path leaves what was there; the product fills the holes, as if it had been asked for at once."""
    before = Ledger.reading(made / "path.zarr").landed.sum(axis=-1)
    longer = SWEEP.replace("[1.0, 0.5, 2.0]", "[1.0, 0.5, 2.0, 4.0]").replace("0.002]", "0.002, 0.003]")
    (made / "path.toml").write_text(longer)
    assert "24 realizations computed" in run(made, "run", "path.toml", "--cluster", address).stdout
    ledger = Ledger.reading(made / "path.zarr")
    assert (ledger.landed.sum(axis=-1)[:2, :3, :3] == before).all()
    assert ledger.status.sum() == 8 * 12
    (made / "path.toml").write_text(longer.replace('zipped_axes = [["drift", "seconds"]]\n', ""))
    assert "288 realizations computed" in run(made, "run", "path.toml", "--cluster", address).stdout
    assert "at 32 points" in run(made, "status", "path.zarr").stdout
    run_sweep(made / "path.toml", made / "product.zarr", cluster=address)
    assert contents(made / "path.zarr") == contents(made / "product.zarr")
    (made / "path.toml").write_text(longer)
    assert run(made, "run", "path.toml", "--cluster", address).stdout.startswith("everything is there: ")


def test_a_path_elsewhere_is_another_part_of_the_grid(made: Path, address: str) -> None:
    """The status wants what was asked last; what was there before stays and is told."""
    (made / "path.toml").write_text(SWEEP.replace("[0.001, 0.0, 0.002]", "[0.002, 0.001, 0.0]"))
    sweep = Sweep.read(made / "path.toml")
    assert count_done(sweep, made / "path.zarr").left == 72
    assert plan(sweep, made / "path.zarr", 2).missing == 72
    run_sweep(sweep, made / "path.zarr", cluster=address)
    told = json.loads(run(made, "status", "path.zarr", "--json").stdout)["points"]
    assert [each["wanted"] for each in told if tuple(each["point"].values()) in PATH] == [0] * 6
    assert [each["wanted"] for each in told if tuple(each["point"].values()) in values(sweep)] == [12] * 6


def test_an_interrupted_run_goes_on(folder: Path, address: str) -> None:
    sweep, store = Sweep.read(folder / "path.toml"), folder / "path.zarr"
    axes = {"size": [2], "drift": [1.0, 0.5], "seconds": [0.001, 0.0]}
    table = {"model": TOY, "realizations": 7, "seed": 1, "store": {"chunk": 5}, "zipped_axes": [["drift", "seconds"]]}
    part = Sweep.from_table({**table, "axes": axes})
    run_sweep(part, store, cluster=address)
    assert run_sweep(sweep, store, cluster=address, watch=Watch()).found == 14
    run_sweep(sweep, folder / "once.zarr", cluster=address)
    assert contents(store) == contents(folder / "once.zarr")


def test_a_stop_rule_judges_the_points_of_the_path(folder: Path, address: str) -> None:
    rule = '[stop]\nobservable = "final"\nlaw = "mean"\nabsolute = 10.0\nmin = 8\n'
    (folder / "path.toml").write_text(SWEEP + rule)
    done = run(folder, "run", "path.toml", "--cluster", address)
    assert "48 realizations computed" in done.stdout
    assert "6 of 6 points exact enough" in done.stdout
    assert "6 of 6 points are as exact" in run(folder, "status", "path.zarr").stdout


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ({"drift": 0.5}, "the reference drift = 0.5 must name all axes that vary together, but seconds is missing"),
        ({"drift": 0.5, "seconds": 0.002}, "the reference drift = 0.5, seconds = 0.002 is no point of the sweep"),
    ],
)
def test_a_stop_rule_whose_reference_is_off_the_path(reference: dict[str, float], told: str, folder: Path) -> None:
    rule = '[stop]\nobservable = "walk"\nlaw = "stretched"\nrelative = 0.1\nmin = 8\n'
    listed = ", ".join(f"{axis} = {value}" for axis, value in reference.items())
    (folder / "path.toml").write_text(SWEEP + rule + f"reference = {{ {listed} }}\n")
    done = run(folder, "run", "path.toml")
    assert done.returncode == 2
    assert told in done.stderr


def test_a_plot_has_a_colour_for_each_pair_and_no_empty_panels(made: Path, tmp_path: Path, drawn: list[Figure]) -> None:
    plot(ensemble.average(made / "path.zarr"), tmp_path / "a.png")
    panels = drawn[0].axes
    titles = [f"drift = {drift:g}, seconds = {seconds:g}" for _, drift, seconds in SORTED[:3]]
    assert [panel.get_title() for panel in panels] == titles
    assert all(len(panel.lines) == 2 for panel in panels)
    plot(ensemble.average(made / "path.zarr").transpose("drift", "seconds", "size", ...), tmp_path / "b.png")
    assert [panel.get_title() for panel in drawn[1].axes] == ["size = 2", "size = 3"]
    assert [line.get_label() for line in drawn[1].axes[0].lines] == ["0.5, 0", "1, 0.001", "2, 0.002"]
    assert drawn[1].legends[0].get_title().get_text() == "drift, seconds"
    assert run(made, "plot", "path.zarr").returncode == 0


def test_a_model_may_refuse_what_is_off_the_path(tmp_path: Path, address: str) -> None:
    (tmp_path / "circle.py").write_text(CIRCLE)
    pairs = [(1.0, 1.0), (1.4, 0.2), (0.2, 1.4)]
    axes = {"W": [W for W, _ in pairs], "J": [J for _, J in pairs]}
    table = {"model": "circle.py:Circle", "realizations": 20, "seed": 1, "axes": axes}
    with pytest.raises(SweepError, match=r"Circle refuses W=1\.0, J=0\.2: W and J must lie on"):
        Sweep.from_table(table, folder=tmp_path)
    sweep, store = Sweep.from_table({**table, "zipped_axes": [["W", "J"]]}, folder=tmp_path), tmp_path / "a.zarr"
    assert run_sweep(sweep, store, cluster=address).computed == 60
    verdict = verify(store, cluster=address, fraction=1.0, model=sweep.model)
    assert verdict.well
    assert verdict.recomputed.count == 60
    x, twice = ensemble.average(store).x, functions_of_means(store, "twice", model=sweep.model).twice
    for W, J in pairs:
        assert twice.sel(W=W, J=J).item() == pytest.approx(2 * x.sel(W=W, J=J).item())
    assert twice.notnull().sum() == 3
