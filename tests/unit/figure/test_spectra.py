"""Figures over other coordinates than the time, of quantities of means, of differences, over names and truths."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from distributed import Client
from matplotlib.figure import Figure
from numpy.typing import NDArray

import ensemble
from ensemble.errors import EnsembleError, FigureError
from ensemble.plot.figure import Declaration, Result, compute, evaluate, publish
from ensemble.plot.figure.check import check
from ensemble.plot.figure.curve_panel import draw_curves
from ensemble.plot.figure.draw import draw
from ensemble.plot.figure.parts import Panel
from ensemble.plot.figure.value_panel import draw_values
from ensemble.run import Watch
from tests.support.spectra import LINES, Lines

SWEEP = f"""
model = "{LINES}"
observables = ["line", "beside", "place", "square", "signal"]
realizations = 5
seed = 1
axes.shape = ["gauss"]
store.chunk = 5
"""

FIGURE = """
title = "Lines"

[sweeps.lines]
file = "lines.toml"
axes = { spread = [0.5, 1.5], mirrored = [false, true] }
quick = { realizations = 30, axes = { shape = ["slope", "gauss", "lorentz"] } }

[curves.line]
sweep = "lines"
observable = "line"
select = { mirrored = false, shape = ["gauss", "slope"] }

[curves.signal]
sweep = "lines"
observable = "signal"

[curves.ratio]
sweep = "lines"
observable = "ratio"

[curves.changed]
sweep = "lines"
observable = "line"
minus = { shape = "gauss" }

[curves.contrast]
sweep = "lines"
observable = "contrast"

[curves.excess]
sweep = "lines"
observable = "contrast"
minus = { shape = "gauss", mirrored = false }

[curves.place]
sweep = "lines"
observable = "place"
minus = { mirrored = true }

[fits.contrast]
of = "contrast"
law = "mean"

[fits.excess]
of = "excess"
law = "mean"

[fits.place]
of = "place"
law = "mean"

[[panels]]
curves = ["line", "changed"]
show = { mirrored = false }
colour = "shape"
marks = [-1.0, 1.5]
xlim = [-3.0, 3.0]

[[panels]]
curves = ["ratio"]
show = { shape = "gauss" }

[[panels]]
curves = ["signal"]

[[panels]]
values = ["contrast", "excess"]
parameter = "mean"
over = "shape"

[[panels]]
values = ["contrast"]
parameter = "mean"
over = "mirrored"
show = { shape = "gauss" }

[[published]]
claim = "slopes differ more than lines"
of = "contrast"
parameter = "mean"
select = { shape = "slope", mirrored = false }
statistic = "ratio"
to = { shape = "gauss" }
above = 0.5

[[published]]
claim = "places are the same whatever is mirrored"
of = "place"
parameter = "mean"
select = { mirrored = false, shape = "gauss" }
value = 0.0
"""

Array = NDArray[np.float64]


def written(folder: Path, figure: str = FIGURE) -> Path:
    (folder / "lines.toml").write_text(SWEEP)
    (folder / "fig_lines.toml").write_text(figure)
    return folder / "fig_lines.toml"


@pytest.fixture(scope="module")
def declaration(tmp_path_factory: pytest.TempPathFactory) -> Declaration:
    return Declaration.read(written(tmp_path_factory.mktemp("lines")))


@pytest.fixture(scope="module")
def stores(declaration: Declaration, cluster: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines-computed")
    compute(declaration, "quick", folder, lambda: cluster, watch=Watch())
    return folder


@pytest.fixture(scope="module")
def result(declaration: Declaration, stores: Path) -> Result:
    return evaluate(declaration, "quick", stores)


def rows(stores: Path, name: str, **point: Any) -> Array:
    """An observable of all realizations at a point."""
    return np.asarray(ensemble.open(stores / "lines.zarr")[name].sel(point).to_numpy())


def one_left_out(function: Any, *measured: Array) -> tuple[Array, Array]:
    """A function of means, and its error by a jackknife over single realizations."""
    n = len(measured[0])
    kept = [np.arange(n) != place for place in range(n)]
    without = np.array([function(*(each[some].mean(axis=0) for each in measured)) for some in kept])
    error = np.sqrt((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    return function(*(each.mean(axis=0) for each in measured)), error


def contrast(line: Array, beside: Array) -> Any:
    return Lines.functions_of_means["contrast"].value(None, line, beside)


def agree(result: Result, curve: str, point: dict[str, Any], expected: tuple[Array, Array]) -> None:
    member = result.families[curve].at(point)
    assert member is not None
    assert member.count == 30
    np.testing.assert_allclose(member.curve.value, expected[0], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(member.curve.error, expected[1], rtol=1e-8, atol=1e-13)


def test_curves_over_a_frequency(result: Result, stores: Path) -> None:
    family = result.families["line"]
    assert family.dim == "frequency"
    assert family.x.tolist() == np.linspace(-4, 4, 9).tolist()
    assert [(each.point["spread"], each.point["shape"]) for each in family] == [
        (spread, shape) for spread in (0.5, 1.5) for shape in ("gauss", "slope")
    ]
    point: dict[str, Any] = {"spread": 1.5, "shape": "slope", "mirrored": False}
    agree(result, "line", point, one_left_out(lambda line: line, rows(stores, "line", **point)))


@pytest.mark.parametrize("shape", ["slope", "gauss", "lorentz"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_curves_of_quantities_of_means(shape: str, mirrored: bool, result: Result, stores: Path) -> None:
    point: dict[str, Any] = {"spread": 0.5, "shape": shape, "mirrored": mirrored}
    line, beside = (rows(stores, name, **point) for name in ("line", "beside"))
    agree(result, "contrast", point, one_left_out(contrast, line, beside))
    agree(result, "ratio", point, one_left_out(lambda f, g: g / f, line, beside))
    assert result.labels["ratio"] == {"long_name": "ratio of the lines", "units": "1"}
    assert result.families["ratio"].dim == "frequency"
    assert result.families["contrast"].dim == ""


def test_differences_are_paired(result: Result, stores: Path) -> None:
    """Of curves, of numbers, of quantities of means; the reference drops out, also one of two axes."""
    changed = result.families["changed"]
    assert {each.point["shape"] for each in changed} == {"lorentz", "slope"}
    here: dict[str, Any] = {"spread": 1.5, "shape": "lorentz", "mirrored": True}
    there = {**here, "shape": "gauss"}
    line, other = (rows(stores, "line", **point) for point in (here, there))
    agree(result, "changed", here, one_left_out(lambda f, g: f - g, line, other))
    member = changed.at(here)
    assert member is not None
    apart = np.hypot(*(each.std(axis=0, ddof=1) / np.sqrt(30) for each in (line, other)))
    assert member.curve.error[4] < 0.7 * apart[4]  # as if they shared no disorder

    excess = result.families["excess"]
    assert len(excess.members) == 2 * (3 * 2 - 1)
    there = {"spread": 1.5, "shape": "gauss", "mirrored": False}
    four = [rows(stores, name, **point) for point in (here, there) for name in ("line", "beside")]
    agree(result, "excess", here, one_left_out(lambda a, b, c, d: contrast(a, b) - contrast(c, d), *four))
    assert result.labels["excess"]["long_name"].endswith(", less that at shape = gauss, mirrored = False")
    assert {(each.curve.value.item(), each.curve.error.item()) for each in result.families["place"]} == {(0.0, 0.0)}


def test_claims_about_quantities_of_means(result: Result, stores: Path) -> None:
    slope, same = result.compared[:2], result.compared[2:]
    assert [each.where for each in slope] == ["spread = 0.5", "spread = 1.5"]
    for each, spread in zip(slope, (0.5, 1.5), strict=True):
        values = [
            contrast(*(rows(stores, name, spread=spread, shape=shape, mirrored=False).mean(axis=0) for name in NAMES))
            for shape in ("slope", "gauss")
        ]
        assert each.value == pytest.approx(values[0] / values[1], rel=1e-12)
        assert each.verdict == "holds"
    assert [each.verdict for each in same] == ["agrees", "agrees"]


NAMES = ("line", "beside")


def test_files(declaration: Declaration, stores: Path, result: Result) -> None:
    """Drawn without a warning; curves of both coordinates and both kinds of axes come back from netCDF."""
    _, files = publish(declaration, "quick", stores)
    assert [path.suffix for path in files] == [".png", ".pdf", ".nc", ".csv", ".csv"]
    with xr.open_dataset(files[2], engine="scipy") as found:
        assert found["frequency"].attrs == {"long_name": "frequency offset", "units": "GHz"}
        assert found["t"].attrs["units"] == "ns"
        assert found["changed"].dims == ("spread", "shape", "mirrored", "frequency")
        assert found["signal"].dims == ("spread", "shape", "mirrored", "t")
        assert found["contrast"].dims == ("spread", "shape", "mirrored")
        found = found.assign_coords(shape=found["shape"].astype(str), mirrored=found["mirrored"].astype(bool))
        for name, family in result.families.items():
            for each in family:
                np.testing.assert_array_equal(found[name].sel(each.point), each.curve.value)
    with files[3].open() as file:
        row = next(row for row in csv.DictReader(file) if row["part"] == "excess" and row["shape"] == "slope")
    assert (row["mirrored"], row["law"]) == ("False", "mean")


def axes_of(panel: Panel, result: Result) -> Any:
    axes = Figure().subplots()
    draw_curves(axes, panel, result)
    return axes


def test_a_frequency_is_drawn_on_linear_axes_with_its_name(result: Result) -> None:
    axes = axes_of(Panel(curves=("line",)), result)
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("frequency offset (GHz)", "mean intensity of the line (V)")
    assert len(axes.lines) == 4
    assert all(line.get_xdata().tolist() == np.linspace(-4, 4, 9).tolist() for line in axes.lines)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["spread = 0.5", "spread = 1.5", "shape = gauss", "shape = slope"]
    log = axes_of(Panel(curves=("line",), xscale="log", yscale="log", show={"shape": "gauss"}), result)
    assert (log.get_xscale(), log.get_yscale()) == ("log", "log")
    assert log.lines[0].get_xdata().tolist() == [1.0, 2.0, 3.0, 4.0]


def test_the_time_is_drawn_on_logarithmic_axes_unless_the_panel_says_otherwise(result: Result) -> None:
    usual = axes_of(Panel(curves=("signal",), show={"mirrored": True}), result)
    assert (usual.get_xscale(), usual.get_yscale(), usual.get_xlabel()) == ("log", "log", "t (ns)")
    assert usual.lines[0].get_xdata().tolist() == [0.5, 1.0, 2.0]
    linear = axes_of(Panel(curves=("signal",), xscale="linear", yscale="linear"), result)
    assert (linear.get_xscale(), linear.get_yscale()) == ("linear", "linear")
    assert linear.lines[0].get_xdata().tolist() == [0.0, 0.5, 1.0, 2.0]


def test_marks_and_limits(
    declaration: Declaration, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments: Any, **options: Any) -> None:
        drawn.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    panel = replace(declaration.panels[0], ylim=(-2.0, 2.0))
    draw(replace(result, declaration=replace(declaration, panels=(panel,))), [tmp_path / "a.png"])
    axes = drawn[0].axes[0]
    marks = [line.get_xdata() for line in axes.lines[-2:]]
    assert marks == [[-1.0, -1.0], [1.5, 1.5]]
    assert (axes.get_xlim(), axes.get_ylim()) == ((-3.0, 3.0), (-2.0, 2.0))


def test_values_over_names(result: Result) -> None:
    axes = Figure().subplots()
    panel = Panel(values=("contrast",), parameter="mean", over="shape", show={"mirrored": False})
    draw_values(axes, panel, result)
    assert [text.get_text() for text in axes.get_xticklabels()] == ["gauss", "lorentz", "slope"]
    by_shape = {each.point["shape"]: each for each in result.fitted["contrast"] if each.point["spread"] == 0.5}
    expected = [by_shape[shape].fit.values["mean"] for shape in ("gauss", "lorentz", "slope")]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), list(enumerate(expected)))


def test_a_number_is_drawn_with_its_unit(result: Result) -> None:
    axes = Figure().subplots()
    draw_values(axes, Panel(values=("place",), parameter="mean", over="shape"), result)
    assert " ".join(axes.get_ylabel().split()) == "mean place of the line, less that at mirrored = True (GHz)"


@pytest.mark.parametrize(("show", "inside"), [({}, False), ({"mirrored": False}, True)])
def test_a_long_legend_stands_beside_the_points(show: dict[str, Any], inside: bool, result: Result) -> None:
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    draw_values(axes, Panel(values=("contrast",), parameter="mean", over="shape", show=show), result)
    found = axes.get_legend()
    figure.draw_without_rendering()
    assert found is not None
    assert len(found.get_texts()) == (2 if inside else 4)
    assert (found.get_window_extent().x1 <= axes.get_window_extent().x1) == inside


WRONG = {
    "no such quantity": ('"contrast"\n\n', '"contarst"\n\n', "got 'contarst': did you mean 'contrast'?"),
    "no such observable in the sweep": (
        '"beside", ',
        "",
        r"\[curves.ratio\] of fig_lines: ratio is made of means of its sweep, which must have beside among its "
        "observables: they are line, place, square, signal",
    ),
    "two coordinates": ('observable = "ratio"', 'observable = "table"', "table is a function of frequency, t"),
    "a fit of a frequency": (
        'of = "contrast"\nlaw = "mean"',
        'of = "ratio"\nlaw = "plateau"',
        "a fit needs .* a function of t or a number: ratio is a function of frequency",
    ),
    "the mean of a curve": ('of = "excess"\nlaw', 'of = "line"\nlaw', "line is a function of frequency"),
    "a law of a number": (
        'of = "contrast"\nlaw = "mean"',
        'of = "contrast"\nlaw = "peak"',
        "law must suit .* got peak for a number",
    ),
    "a plateau in a frequency": (
        'observable = "ratio"',
        'observable = "ratio"\nrelative_to = { mirrored = true }',
        "relative_to divides by a plateau, so ratio must be a function of t",
    ),
    "less and over": (
        'minus = { shape = "gauss" }',
        'minus = { shape = "gauss" }\nrelative_to = { mirrored = true }',
        "must have one of minus and relative_to, but it has both",
    ),
    "less what is not there": (
        'minus = { shape = "gauss" }',
        'minus = { shape = "box" }',
        r"\[curves.changed\] of fig_lines: minus must be a point of the sweep, got shape = 'box': it has 'slope', 'ga",
    ),
    "less another axis": ("minus = { mirrored = true }", "minus = { mirorred = true }", "did you mean 'mirrored'?"),
    "less what is not selected": (
        'minus = { shape = "gauss" }',
        'minus = { shape = "gauss" }\nselect = { shape = "slope" }',
        "needs the point with shape = gauss to be subtracted",
    ),
    "nothing but the reference": (
        'minus = { shape = "gauss" }',
        'minus = { shape = "gauss" }\nselect = { shape = "gauss" }',
        "a difference needs points other than its reference, shape = gauss",
    ),
    "per a name": (
        'observable = "ratio"',
        'observable = "ratio"\nper = "shape"',
        r"\[curves.ratio\] of fig_lines needs shape to be a number, but it has 'slope'",
    ),
    "a clock of truths": (
        'curves = ["signal"]',
        'curves = ["signal"]\nclock = { mirrored = 1 }',
        "panel 3 of fig_lines needs mirrored to be a number, but it has False",
    ),
    "a trend over names": (
        'statistic = "ratio"\nto = { shape = "gauss" }',
        'statistic = "trend"\nover = "shape"',
        "needs shape to be a number",
    ),
    "one over a name": (
        'over = "shape"',
        'over = "shape"\ninverse = true',
        "panel 4 of fig_lines needs shape to be a number",
    ),
    "a claim about a curve": (
        'of = "place"\nparameter = "mean"',
        'of = "line"',
        r"\[curves.line\] of fig_lines must be a number, for it is drawn or claimed as it is, but it is a function of",
    ),
    "a claim about no point": (
        'mirrored = false, shape = "gauss" }\nvalue',
        'mirrored = false, shape = "gaus" }\nvalue',
        "published 'places .* its point must be a point of the sweep, got shape = 'gaus': it has 'slope', 'gauss', 'l",
    ),
    "a curve that is a number": (
        'curves = ["signal"]',
        'curves = ["contrast"]',
        "panel 3 of fig_lines needs functions of a coordinate, but contrast is a number: fit its mean",
    ),
    "two kinds of curves": (
        'curves = ["signal"]',
        'curves = ["signal", "line"]',
        "needs functions of the same coordinate, but signal is one of t, line is one of frequency",
    ),
}


def seen(path: Path, stores: Path | None) -> None:
    """A declaration is read and checked, and evaluated where there are stores."""
    declared = Declaration.read(path)
    check(declared, "quick")
    if stores:
        evaluate(declared, "quick", stores)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_in_a_sentence(case: str, stores: Path, tmp_path: Path) -> None:
    """Before anything is computed, where that is possible; the rest before anything is fitted."""
    old, new, told = WRONG[case]
    assert (old in FIGURE) != (old in SWEEP)
    path = written(tmp_path, FIGURE.replace(old, new, 1))
    (tmp_path / "lines.toml").write_text(SWEEP.replace(old, new, 1))
    late = case in ("less what is not selected", "nothing but the reference")
    with pytest.raises(EnsembleError, match=told) as refused:
        seen(path, stores if late else None)
    assert isinstance(refused.value, FigureError)
    assert "\n" not in str(refused.value)


def test_a_number_needs_no_fit(declaration: Declaration, tmp_path: Path) -> None:
    """A claim or a panel that names a curve means its value."""
    without = FIGURE.replace('[fits.contrast]\nof = "contrast"\nlaw = "mean"\n', "")
    assert without != FIGURE
    assert Declaration.read(written(tmp_path, without)).fits == declaration.fits
    silent = without.replace('values = ["contrast"]\nparameter = "mean"', 'values = ["contrast"]')
    assert silent != without
    assert Declaration.read(written(tmp_path, silent)).panels == declaration.panels
