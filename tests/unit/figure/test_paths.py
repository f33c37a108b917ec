"""Figures of sweeps whose axes vary together: curves, differences, legends, lines through pairs, laws along them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client
from matplotlib.figure import Figure

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.errors import EnsembleError
from ensemble.plot.figure import Declaration, Result, compute, evaluate, publish
from ensemble.plot.figure.check import check
from ensemble.plot.figure.curve_panel import draw_curves
from ensemble.plot.figure.parts import Panel
from ensemble.plot.figure.save import fit_rows
from ensemble.plot.figure.value_panel import draw_values
from ensemble.run import Watch
from tests.support.clusters import address_of
from tests.support.toy_model import TOY

SWEEP = f"""
model = "{TOY}"
observables = ["walk", "final"]
realizations = 5
seed = 1
zipped_axes = [["size", "drift"]]
axes.size = [2]
axes.drift = [0.0]
store.chunk = 5
"""
"""What a figure asks for takes the place of its axes, and of those together."""

FIGURE = """
title = "Walks along a path"

[sweeps.path]
file = "walk.toml"
axes = { drift = [8.0, 1.0, 2.0], seconds = [0.0, 0.001, 0.002] }
zipped_axes = [["drift", "seconds"]]
quick = { realizations = 20, axes = { size = [2, 3] } }
paper = { realizations = 30, axes = { size = [2, 3], raises_below = [-2.0, -1.0] }, zipped_axes = [
    ["seconds", "drift"], ["size", "raises_below"],
] }

[curves.walk]
sweep = "path"
observable = "walk"

[curves.changed]
sweep = "path"
observable = "walk"
minus = { drift = 1.0, seconds = 0.001 }

[curves.final]
sweep = "path"
observable = "final"

[fits.sign]
of = "final"
law = "mean"

[fits.late]
of = "walk"
law = "plateau"

[laws.limit]
of = "sign"
parameter = "mean"
law = "extrapolate"
over = "drift"

[[panels]]
curves = ["walk", "changed"]

[[panels]]
values = ["sign"]
parameter = "mean"
over = "drift"
laws = ["limit"]

[[published]]
claim = "the walk drifts"
of = "sign"
select = { drift = 8.0, seconds = 0.0 }
parameter = "mean"
above = 0.0
"""

PAIRS = [(1.0, 0.001), (2.0, 0.002), (8.0, 0.0)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cluster: Client) -> Path:
    """A figure and its stores; somebody else has asked for points off its path."""
    folder = tmp_path_factory.mktemp("paths")
    (folder / "walk.toml").write_text(SWEEP)
    (folder / "fig.toml").write_text(FIGURE)
    compute(Declaration.read(folder / "fig.toml"), "quick", folder, lambda: cluster, watch=Watch())
    base = {"model": TOY, "observables": ["walk", "final"], "realizations": 30, "seed": 1}
    axes = {"size": [2], "drift": [1.0, 3.0], "seconds": [0.0]}
    run_sweep(Sweep.from_table({**base, "axes": axes}), folder / "walk.zarr", cluster=address_of(cluster))
    one = {**base, "realizations": 1, "axes": {"size": [3], "drift": [2.0], "seconds": [0.0]}}
    run_sweep(Sweep.from_table(one), folder / "walk.zarr", cluster=address_of(cluster))
    return folder


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return evaluate(Declaration.read(folder / "fig.toml"), "quick", folder)


def drawn(draw: Any, panel: Panel, result: Result) -> Any:
    axes = Figure().subplots()
    draw(axes, panel, result)
    return axes


def labels(axes: Any) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in axes.get_legend().get_texts()]


def test_each_scale_has_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "walk.toml").write_text(SWEEP)
    (tmp_path / "fig.toml").write_text(FIGURE)
    declaration = Declaration.read(tmp_path / "fig.toml")
    quick, paper = (declaration.sweeps["path"].at(scale) for scale in ("quick", "paper"))
    assert [dict(point.values) for point in quick.points] == [
        {"size": size, "drift": drift, "seconds": seconds}
        for size in (2, 3)
        for drift, seconds in ((8.0, 0.0), (1.0, 0.001), (2.0, 0.002))
    ]
    assert [(dict(point.values)["size"], dict(point.values)["raises_below"]) for point in paper.points] == [
        *[(2, -2.0)] * 3,
        *[(3, -1.0)] * 3,
    ]
    (tmp_path / "same.toml").write_text(quick.text)
    assert Sweep.read(tmp_path / "same.toml").points == quick.points


def test_curves_are_those_of_the_path(result: Result) -> None:
    points = [{"size": size, "drift": drift, "seconds": seconds} for size in (2, 3) for drift, seconds in PAIRS]
    for name in ("walk", "final"):
        assert [each.point for each in result.families[name]] == points
        assert all(each.count == 20 for each in result.families[name])
    assert not any("one realization has no error" in line for line in result.warnings)


def test_a_difference_along_the_path_has_paired_errors(result: Result, folder: Path) -> None:
    assert [each.point["drift"] for each in result.families["changed"]] == [2.0, 8.0] * 2
    with ensemble.open(folder / "walk.zarr") as walks:
        for each in result.families["changed"]:
            rows = [
                walks.walk.sel(size=each.point["size"], drift=drift, seconds=seconds).isel(realization=slice(20))
                for drift, seconds in ((each.point["drift"], each.point["seconds"]), (1.0, 0.001))
            ]
            paired = rows[0].to_numpy() - rows[1].to_numpy()
            np.testing.assert_allclose(each.curve.value, paired.mean(axis=0), atol=1e-12)
            np.testing.assert_allclose(each.curve.error, 0.0, atol=1e-12)  # on the same disorder they only drift apart


@pytest.mark.parametrize(
    ("colour", "told"),
    [
        ("", ["drift = 1, seconds = 0.001", "drift = 2, seconds = 0.002", "drift = 8, seconds = 0"]),
        ("seconds", ["seconds = 0, drift = 8", "seconds = 0.001, drift = 1", "seconds = 0.002, drift = 2"]),
    ],
)
def test_a_legend_has_an_entry_for_each_pair(colour: str, told: list[str], result: Result) -> None:
    alone = drawn(draw_curves, Panel(curves=("walk",), show={"size": 2}, colour=colour), result)
    assert labels(alone) == told
    both = drawn(draw_curves, Panel(curves=("walk",), colour=colour or "drift"), result)
    assert labels(both) == [*told, "size = 2", "size = 3"]
    assert len({line.get_color() for line in both.lines}) == 3


def test_by_default_the_first_axis_is_told_by_colour_and_pairs_by_style(result: Result) -> None:
    by_size = drawn(draw_curves, Panel(curves=("walk",)), result)
    pairs = ["drift = 1, seconds = 0.001", "drift = 2, seconds = 0.002", "drift = 8, seconds = 0"]
    assert labels(by_size) == ["size = 2", "size = 3", *pairs]
    assert len({line.get_color() for line in by_size.lines}) == 2


def test_values_are_one_series_through_the_pairs(result: Result) -> None:
    for over in ("drift", "seconds"):
        axes = drawn(draw_values, Panel(values=("sign",), parameter="mean", over=over, show={"size": 2}), result)
        (series,) = axes.containers
        places = np.sort(series[0].get_xdata())
        assert places.tolist() == sorted(pair[over == "seconds"] for pair in PAIRS)
        assert axes.get_legend() is None
    several = drawn(draw_values, Panel(values=("sign",), parameter="mean", over="drift"), result)
    assert labels(several) == ["size = 2", "size = 3"]
    by_size = drawn(draw_values, Panel(values=("sign",), parameter="mean", over="size"), result)
    assert labels(by_size) == ["drift = 1, seconds = 0.001", "drift = 2, seconds = 0.002", "drift = 8, seconds = 0"]


def test_a_law_along_one_of_them_goes_through_the_pairs(result: Result, folder: Path) -> None:
    assert [each.point for each in result.fitted["limit"]] == [{"size": 2}, {"size": 3}]
    assert all(each.fit.window.points == 3 for each in result.fitted["limit"])
    with_law = drawn(draw_values, result.declaration.panels[1], result)
    assert len(with_law.containers) == 2
    assert sum("drift → ∞" in label for label in labels(with_law)) == 2
    _, files = publish(result.declaration, "quick", folder)
    assert all(file.stat().st_size for file in files)
    assert len([row for row in fit_rows(result) if row["part"] == "sign"]) == 6
    (row,) = {each.verdict for each in result.compared}
    assert row == "holds"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("minus = { drift = 1.0, seconds = 0.001 }", "minus = { drift = 1.0 }",
         "drift = 1 must name all axes that vary together, but seconds is missing"),
        ("minus = { drift = 1.0, seconds = 0.001 }", "minus = { drift = 1.0, seconds = 0.0 }",
         "minus must be a point of the sweep, got drift = 1, seconds = 0: these do not go together"),
        ("select = { drift = 8.0, seconds = 0.0 }", "select = { drift = 8.0, seconds = 0.001 }",
         "its point must be a point of the sweep, got drift = 8, seconds = 0.001: these do not go together"),
        ('over = "drift"\n\n[[panels]]', 'over = "speed"\n\n[[panels]]', "must name axes that are there, got 'speed'"),
        ('[["drift", "seconds"]]', '[["drift", "size"]]',
         "walk.toml at the scale quick: axes that vary together must have equally many values, "
         "but drift has 3 and size has 2"),
        ('[["drift", "seconds"]]', "true", "walk.toml at the scale quick: zipped_axes must be a list of lists of axes"),
    ],
)  # fmt: skip
def test_what_leads_off_the_path_is_refused_before_anything_starts(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    assert old in FIGURE
    (tmp_path / "walk.toml").write_text(SWEEP)
    (tmp_path / "fig.toml").write_text(FIGURE.replace(old, new, 1))
    with pytest.raises(EnsembleError) as refusal:
        check(Declaration.read(tmp_path / "fig.toml"), "quick")
    assert told in str(refusal.value)
