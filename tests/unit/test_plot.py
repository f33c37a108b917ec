"""Figures: the right lines in the right panels, on axes that suit the data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ensemble.errors import StoreError
from ensemble.plot.store_plot import plot


def averages(mean: Any, times: Any) -> xr.Dataset:
    """Averages over two sizes and three drifts, the same at all of them up to a factor."""
    sizes, drifts = [2, 5], [0.0, 0.5, 1.0]
    values = np.multiply.outer(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.asarray(mean))
    dims = ("size", "drift", "t")
    return xr.Dataset(
        {
            "count": (("size", "drift"), np.full((2, 3), 7)),
            "walk": (dims, values, {"long_name": "mean position", "units": "m"}),
            "walk_error": (dims, np.abs(values) * 0.1, {}),
        },
        coords={"size": sizes, "drift": drifts, "t": ("t", times, {"long_name": "time", "units": "s"})},
    )


def test_colours_are_the_first_axis_and_columns_the_second(tmp_path: Path, drawn: list[Figure]) -> None:
    data = averages([0.0, -1.0, 2.0], [0.0, 1.0, 2.0])
    assert plot(data, tmp_path / "a.png").stat().st_size > 10_000
    panels = drawn[0].axes
    assert [panel.get_title() for panel in panels] == ["drift = 0", "drift = 0.5", "drift = 1"]
    for column, panel in enumerate(panels):
        assert [line.get_label() for line in panel.lines] == ["2", "5"]
        for row, line in enumerate(panel.lines):
            np.testing.assert_array_equal(line.get_ydata(), data["walk"].to_numpy()[row, column])
        assert (panel.get_xscale(), panel.get_yscale()) == ("linear", "linear")
    assert panels[0].get_ylabel() == "mean position (m)"
    assert panels[1].get_xlabel() == "time (s)"
    assert drawn[0].legends[0].get_title().get_text() == "size"


def test_bands_are_one_standard_error(tmp_path: Path, drawn: list[Figure]) -> None:
    data = averages([0.0, -1.0, 2.0], [0.0, 1.0, 2.0])
    plot(data, tmp_path / "a.png")
    band = np.asarray(drawn[0].axes[0].collections[0].get_paths()[0].vertices)
    mean, error = data["walk"].to_numpy()[0, 0], data["walk_error"].to_numpy()[0, 0]
    assert band[:, 1].min() == pytest.approx((mean - error).min())
    assert band[:, 1].max() == pytest.approx((mean + error).max())


def test_decades_get_logarithmic_axes_and_a_bottom_above_the_noise(tmp_path: Path, drawn: list[Figure]) -> None:
    times = np.geomspace(1e-3, 1e3, 7)
    plot(averages([1e-3, 1e-2, 1e-1, 1e-3, 1e-6, 1e-12, 0.0], times), tmp_path / "a.png")
    panel = drawn[0].axes[0]
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
    bottom, top = panel.get_ylim()
    assert 0.6 < top < 1.5
    assert 1e-6 < bottom < 1e-5


@pytest.mark.parametrize(
    ("dim", "x", "scale"),
    [
        ("t", np.linspace(0.0, 100.0, 201), "log"),
        ("frequency", np.linspace(0.0, 100.0, 201), "linear"),
        ("frequency", np.linspace(-100.0, 100.0, 401), "linear"),
        ("frequency", np.geomspace(1e-3, 1e3, 7), "log"),
        ("t", np.array([-5.0, 0.1, 1.0, 100.0]), "linear"),
    ],
)
def test_an_axis_is_logarithmic_where_that_shows_all_of_it(
    dim: str, x: NDArray[np.float64], scale: str, tmp_path: Path, drawn: list[Figure]
) -> None:
    """Nothing negative is lost, and an even grid of anything but t stays even."""
    plot(averages(1.0 + np.cos(x), x).rename({"t": dim} if dim != "t" else {}), tmp_path / "a.png")
    panel = drawn[0].axes[0]
    assert panel.get_xscale() == scale
    np.testing.assert_array_equal(panel.lines[0].get_xdata(), x)


def test_names_and_truths_are_axes_too(tmp_path: Path, drawn: list[Figure]) -> None:
    data = averages([0.0, -1.0, 2.0], [0.0, 1.0, 2.0]).isel(drift=slice(2)).rename(size="shape", drift="mirrored")
    plot(data.assign_coords(shape=["gauss", "slope"], mirrored=[False, True]), tmp_path / "a.png")
    assert [panel.get_title() for panel in drawn[0].axes] == ["mirrored = False", "mirrored = True"]
    assert [line.get_label() for line in drawn[0].axes[0].lines] == ["gauss", "slope"]
    for column, panel in enumerate(drawn[0].axes):
        np.testing.assert_array_equal(panel.lines[1].get_ydata(), data["walk"].to_numpy()[1, column])


def test_observables_over_several_coordinates_have_axes_of_their_own(tmp_path: Path, drawn: list[Figure]) -> None:
    data = averages([0.0, -1.0, 2.0], [0.0, 1.0, 2.0])
    label = {"long_name": "frequency offset", "units": "GHz"}
    other = averages([1.0, 2.0], [-1.0, 1.0]).rename(t="frequency", walk="line", walk_error="line_error")
    other["frequency"].attrs.update(label)
    plot(data.merge(other.drop_vars("count")), tmp_path / "a.png")
    panels = drawn[0].axes
    assert [panel.get_xlabel() for panel in panels] == ["time (s)"] * 3 + ["frequency offset (GHz)"] * 3
    assert [panel.lines[0].get_xdata().tolist() for panel in panels[::3]] == [[0.0, 1.0, 2.0], [-1.0, 1.0]]  # type: ignore[union-attr]


def test_points_without_realizations_are_left_out(tmp_path: Path, drawn: list[Figure]) -> None:
    data = averages([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])
    data["walk"][1, 0] = np.nan
    plot(data, tmp_path / "a.png")
    assert [line.get_label() for line in drawn[0].axes[0].lines] == ["2"]


def test_complex_averages_are_left_out_and_padded_ones_end_early(tmp_path: Path, drawn: list[Figure]) -> None:
    data = averages([0.1, 10.0, 1000.0], [0.0, 1.0, 2.0])
    data["wave"] = data["walk"] * 1j
    data["wave_error"] = data["walk_error"]
    data["lost"], data["lost_error"] = data["walk"] * np.nan, data["walk_error"] * np.nan
    data["lost"].attrs["long_name"] = "lost"
    data["walk"][0, :, 2] = data["walk_error"][0, :, 2] = np.nan
    plot(data, tmp_path / "a.png")
    first, second = drawn[0].axes[:3], drawn[0].axes[3:]
    assert [len(panel.lines) for panel in (*first, *second)] == [2, 2, 2, 0, 0, 0]
    assert first[0].get_yscale() == "log"
    assert second[0].get_ylabel() == "lost (m)"


def test_a_single_axis_has_one_panel(tmp_path: Path, drawn: list[Figure]) -> None:
    plot(averages([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]).isel(drift=0, drop=True), tmp_path / "a.svg")
    assert len(drawn[0].axes) == 1
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    data = averages([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]).isel(t=0, drop=True)
    with pytest.raises(StoreError, match="a figure needs an observable over one coordinate"):
        plot(data, tmp_path / "a.png")
