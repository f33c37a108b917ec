"""What a figure leaves: pictures, curves, fits and claims, with the numbers of the result."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
import xarray as xr
from matplotlib import image
from matplotlib.figure import Figure

from ensemble.errors import FigureError
from ensemble.plot.figure import Declaration, Result, evaluate, publish, summary
from ensemble.plot.figure.curve_panel import draw_curves
from ensemble.plot.figure.draw import draw
from ensemble.plot.figure.parts import Panel
from ensemble.plot.figure.series import written as letters
from tests.support.declared import FIGURE, written
from tests.support.once import made_once

NAMES = ["fig_glass.png", "fig_glass.pdf", "fig_glass.nc", "fig_glass_fits.csv", "fig_glass_published.csv"]


@pytest.fixture(scope="module")
def files(declaration: Declaration, stores: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All that the figure leaves; warnings are errors while it is drawn."""

    def make(folder: Path) -> None:
        shutil.copytree(stores, folder, dirs_exist_ok=True)
        assert publish(declaration, "quick", folder)[1] == [folder / "quick" / name for name in NAMES]

    folder = made_once(tmp_path_factory, "published", make) / "quick"
    return [folder / name for name in NAMES]


def test_the_files_of_a_figure_lie_at_its_scale(files: list[Path]) -> None:
    folder = files[0].parent
    assert sorted([*folder.glob("fig_*"), *folder.glob(".*")]) == sorted(files)


def test_pictures(files: list[Path]) -> None:
    """Six panels of every kind in three rows."""
    pixels = image.imread(files[0])
    assert pixels.shape[0] > 1500
    assert pixels.shape[1] > 1500
    assert len(np.unique(pixels[::4, ::4].reshape(-1, pixels.shape[-1]), axis=0)) > 100
    assert files[1].read_bytes().startswith(b"%PDF")
    assert files[1].stat().st_size > 10_000


def test_curves_open_in_plain_xarray(files: list[Path], result: Result) -> None:
    with xr.open_dataset(files[2], engine="scipy") as found:
        assert found.attrs == {"title": "A small glass, and a walk", "scale": "quick"}
        assert set(found.data_vars) == {f"{name}{end}" for name in result.families for end in ("", "_error")}
        for name, family in result.families.items():
            assert found[name].attrs == dict(result.labels[name])
            assert (
                found[f"{name}_error"].attrs["long_name"] == f"standard error of the {result.labels[name]['long_name']}"
            )
            for each in family:
                np.testing.assert_array_equal(found[name].sel(each.point), each.curve.value)
                np.testing.assert_array_equal(found[f"{name}_error"].sel(each.point), each.curve.error)
        assert found["final"].dims == ("size", "drift")
        assert bool(found["alone"].sel(N=5).isnull().all())  # it was not selected


def test_fits_are_read_by_pandas_in_full_precision(files: list[Path], result: Result) -> None:
    rows = pd.read_csv(files[3], dtype=str, keep_default_na=False)
    every = [(name, each, key) for name, fits in result.fitted.items() for each in fits for key in each.fit.values]
    assert len(rows) == len(every)
    for (name, each, key), (_, row) in zip(every, rows.iterrows(), strict=True):
        assert (row["figure"], row["part"], row["law"], row["parameter"]) == ("fig_glass", name, each.fit.law, key)
        assert {axis: row[axis] for axis in each.point} == {axis: str(value) for axis, value in each.point.items()}
        assert int(row["count"]) == each.count
        numbers = [float(row[column]) for column in ("value", "error", "moves", "chi2", "window_first")]
        fit = each.fit
        by_hand = [fit.values[key], fit.errors[key], fit.sensitivity(key), fit.chi2, fit.window.first]
        np.testing.assert_array_equal(numbers, by_hand)


def test_claims_are_read_by_pandas_and_by_people(files: list[Path], result: Result) -> None:
    rows = pd.read_csv(files[4], dtype=str, keep_default_na=False)
    assert rows["claim"].tolist() == [each.claim for each in result.compared]
    np.testing.assert_array_equal(rows["value"].astype(float), [each.value for each in result.compared])
    np.testing.assert_array_equal(rows["error"].astype(float), [each.error for each in result.compared])
    assert rows["verdict"].tolist() == [each.verdict for each in result.compared]
    lines = summary(files[0].parent).read_text(encoding="utf-8").splitlines()
    assert lines[:2] == [
        "| figure | published | at | says | here | n | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    assert len(lines) == 2 + len(rows)
    assert all(line.count("|") == 8 for line in lines)
    assert lines[-1] == "| fig_glass | ratio (24) | preset = PMMA | below 1 | 3.63858e-06 | 0 | holds |"


def test_the_table_of_claims_has_those_of_all_figures(files: list[Path], tmp_path: Path) -> None:
    assert len(summary(tmp_path).read_text().splitlines()) == 2
    for name in ("a", "b"):
        (tmp_path / f"{name}_published.csv").write_bytes(files[4].read_bytes())
    assert len(summary(tmp_path).read_text().splitlines()) == 2 + 2 * 8


def test_what_is_empty_is_left_out(tmp_path: Path) -> None:
    """Derived quantities alone have no curves, claims alone no picture."""
    text = 'title = "Materials"\n' + FIGURE[FIGURE.index("[derived") : FIGURE.index("[[panels]]")]
    _, files = publish(Declaration.read(written(tmp_path, text)), "quick", tmp_path)
    assert [file.name for file in files] == ["fig_glass_fits.csv"]


@pytest.mark.slow
def test_curves_without_values_above_zero_are_drawn(result: Result, tmp_path: Path) -> None:
    """One curve of several, or all, on logarithmic axes; laws without a result, on a clock or not."""
    family = result.families["C"]
    nothing = replace(family.members[0].curve, value=0 * family.members[0].curve.value)
    for members in (
        (replace(family.members[0], curve=nothing), *family.members[1:]),
        tuple(replace(each, curve=nothing) for each in family.members),
    ):
        families = {**result.families, "C": replace(family, members=members)}
        draw(replace(result, families=families), [tmp_path / "a.png"])
        assert (tmp_path / "a.png").stat().st_size > 10_000


def test_laws_run_on_the_clock_of_their_panel(result: Result, tmp_path: Path) -> None:
    """A law that is drawn on its curve lies on it, whatever the clock."""
    drawn = {}
    for unit in (1e5, 1e4):
        axes = Figure().subplots()
        draw_curves(axes, Panel(curves=("C",), fits=("plateau",), show={"N": 4}, clock={"eta": unit}), result)
        drawn[unit] = [np.asarray(line.get_xdata(), dtype=float) for line in axes.lines]
    assert len(drawn[1e5]) == 2 + 2 * 2  # two curves, two laws within and beyond their windows
    for one, other in zip(drawn[1e5], drawn[1e4], strict=True):
        np.testing.assert_allclose(10 * one, other, rtol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('quantity = "ratio"', 'quantity = "ration"', "needs a derived quantity, got 'ration': did you mean 'ratio'?"),
        (", W = [1e-3, 1e-2, 1.0] }", " }", r"must be along two parameters, got \['delta_bar'\]"),
        ('x_spread = "spread"', 'x_spread = "spraed"', "got 'spraed': did you mean 'spread'?"),
    ],
)
def test_what_cannot_be_drawn_is_refused(old: str, new: str, told: str, result: Result, tmp_path: Path) -> None:
    assert old in FIGURE
    declared = Declaration.read(written(tmp_path, FIGURE.replace(old, new, 1)))
    with pytest.raises(FigureError, match=told):
        draw(replace(result, declaration=declared), [tmp_path / "a.png"])


def test_a_map_of_one_decade_far_from_one_is_drawn(tmp_path: Path) -> None:
    """Where the quantity is nowhere 1 there is no line to draw."""
    text = 'title = "Materials"\n' + FIGURE[FIGURE.index("[derived") : FIGURE.index("[[panels]]")]
    panel = FIGURE[FIGURE.index("[[panels]]\nmap") : FIGURE.index("[[published]]")]
    panel = panel.replace("start = 1e-8, stop = 1.0", "start = 1e-8, stop = 1e-7")
    declared = Declaration.read(written(tmp_path, text + panel))
    draw(evaluate(declared, "quick", tmp_path), [tmp_path / "a.png"])
    assert (tmp_path / "a.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("name", "shown"),
    [("A exp(-alpha N)", "A exp(-α N)"), ("a t^-beta", "a t^-β"), ("delta_bar", "Δ̄"), ("metal, theta", "metal, theta")],
)
def test_names_are_written_with_the_letters_of_the_paper(name: str, shown: str) -> None:
    assert letters(name) == shown
