"""Curves on clocks of their own: the same curve ten times slower, and one that is not."""

import numpy as np
import pytest

from ensemble.errors import FitError
from ensemble.fit import Estimate
from ensemble.fit.collapse import collapse
from tests.support.ensembles import Array, blocks, bump, noise

T = np.geomspace(1e-2, 1e3, 41)
"""Eight times a decade."""
ROWS = 3 * bump(T, 1.0) * noise(np.random.default_rng(1), T, 200, 0.3, 1.0)


def later(rows: Array, steps: int) -> Array:
    """The same trajectories some steps of the grid later; nothing before."""
    return np.concatenate([np.zeros((len(rows), steps)), rows[:, : len(T) - steps]], axis=1)


def test_the_same_curve_on_another_clock() -> None:
    fit = collapse(T, blocks(later(ROWS, 8)), blocks(ROWS), speed=0.1)
    assert fit.values["deviation"] < 1e-12
    assert fit.errors["deviation"] < 1e-12
    assert [fit.window.first, fit.window.last, fit.window.points] == pytest.approx([0.1, 1e3, 33])
    faster = collapse(T, blocks(ROWS), blocks(later(ROWS, 8)), speed=10.0)
    assert faster.values["deviation"] < 1e-12
    assert [faster.window.first, faster.window.last] == pytest.approx([1e-2, 100])


def test_the_deviation_is_the_largest_in_units_of_the_highest() -> None:
    """Against plain NumPy, with the error of the paired difference where it is largest."""
    other = 3 * bump(T, 12.0) * noise(np.random.default_rng(2), T, 200, 0.3, 1.0)
    fit = collapse(T, blocks(other, 200), blocks(ROWS, 200), speed=0.1)
    gap = other[:, 8:] - ROWS[:, : len(T) - 8]
    worst = int(np.argmax(np.abs(gap.mean(axis=0))))
    top = ROWS.mean(axis=0).max()
    assert fit.values["deviation"] == pytest.approx(abs(gap.mean(axis=0)[worst]) / top, rel=1e-12)
    assert fit.errors["deviation"] == pytest.approx(gap[:, worst].std(ddof=1) / np.sqrt(200) / top, rel=1e-9)
    assert collapse(T, blocks(ROWS), blocks(ROWS), speed=10.0).values["deviation"] > 0.5


def test_only_times_on_the_grid_are_compared() -> None:
    t = np.array([0.0, 1.0, 2.0, 3.0, 6.0])
    curve = Estimate.of_blocks(np.outer([0.9, 1.1], [7.0, 1.0, 2.0, 3.0, 4.0]), [5, 5])
    fit = collapse(t, curve, curve, speed=2.0)
    assert (fit.window.first, fit.window.last, fit.window.points) == (1, 3, 2)
    assert fit.residuals.tolist() == pytest.approx([-1 / 7, -1 / 7])
    with pytest.raises(FitError, match=r"times that are 1.5 times others must be on the grid of times"):
        collapse(t[:3], curve[:3], curve[:3], speed=1.5)


def test_impossible_input() -> None:
    with pytest.raises(FitError, match="the same blocks of realizations"):
        collapse(T, blocks(ROWS), blocks(ROWS[:100], 20), speed=0.1)
    with pytest.raises(FitError, match="one value for each time"):
        collapse(T[1:], blocks(ROWS), blocks(ROWS), speed=0.1)
    with pytest.raises(FitError, match="only a law that is a curve can be drawn, got 'collapse'"):
        collapse(T, blocks(ROWS), blocks(ROWS), speed=10.0).curve(T)
