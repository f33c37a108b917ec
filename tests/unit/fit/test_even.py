"""Lines in which all points weigh the same: against np.polyfit, their errors against the scatter of many lines."""

import numpy as np
import pytest

from ensemble.errors import FitError
from ensemble.fit import double_exponential, exponential_in_size
from ensemble.fit.unweighted import Line

N = np.array([4.0, 5.0, 6.0, 8.0, 10.0])
PLATEAUS = 1.3 * np.exp(-0.4 * N) * np.array([1.05, 0.97, 1.0, 0.9, 1.1])
ERRORS = PLATEAUS * np.array([0.001, 0.002, 0.01, 0.03, 0.05])


def test_a_line_is_that_of_polyfit() -> None:
    rng = np.random.default_rng(1)
    x, y, error = np.sort(rng.uniform(1, 9, 7)), rng.standard_normal(7), rng.uniform(0.1, 2.0, 7)
    line = Line(x, y, error)
    slope, intercept = np.polyfit(x, y, 1)
    assert [line.slope, line.intercept] == pytest.approx([slope, intercept], rel=1e-10)
    np.testing.assert_allclose(line.residuals, (y - intercept - slope * x) / error, rtol=1e-9)
    slopes, intercepts = np.polyfit(x, (y + error * rng.standard_normal((40_000, 7))).T, 1)
    assert line.slope_error == pytest.approx(slopes.std(), rel=0.02)
    assert line.intercept_error == pytest.approx(intercepts.std(), rel=0.02)


def test_plateaus_in_which_all_sizes_weigh_the_same() -> None:
    fit = exponential_in_size(N, PLATEAUS, ERRORS, unweighted=True)
    slope, intercept = np.polyfit(N, np.log(PLATEAUS), 1)
    assert fit.law == "A exp(-alpha N)"
    assert fit.values == pytest.approx({"A": np.exp(intercept), "alpha": -slope}, rel=1e-10)
    samples = PLATEAUS + ERRORS * np.random.default_rng(2).standard_normal((40_000, 5))
    slopes, intercepts = np.polyfit(N, np.log(samples).T, 1)
    assert fit.errors["alpha"] == pytest.approx(slopes.std(), rel=0.02)
    assert fit.errors["A"] == pytest.approx(np.exp(intercepts).std(), rel=0.02)
    residuals = (np.log(PLATEAUS) - intercept - slope * N) / (ERRORS / PLATEAUS)
    np.testing.assert_allclose(fit.residuals, residuals, rtol=1e-9)
    assert fit.chi2 == pytest.approx(np.sum(residuals**2))
    assert (fit.window.first, fit.window.last, fit.window.points, fit.degrees) == (4, 10, 5, 3)
    assert np.isnan(fit.probability)
    assert fit.warnings == ()


def test_the_weighted_fit_is_another_where_the_law_is_not_exact() -> None:
    weighted, even = (exponential_in_size(N, PLATEAUS, ERRORS, unweighted=even) for even in (False, True))
    assert abs(weighted.values["alpha"] - even.values["alpha"]) > 3 * weighted.errors["alpha"]


def test_double_exponential_in_which_all_sizes_weigh_the_same() -> None:
    sizes = np.arange(2.0, 6.0)
    values = np.exp(-0.13 * 2 ** (1.01 * sizes)) * np.array([1.02, 0.99, 1.01, 0.97])
    errors = 0.01 * values
    fit = double_exponential(sizes, values, errors, unweighted=True)
    b, log_a = np.polyfit(sizes, np.log2(-np.log(values)), 1)
    assert fit.values == pytest.approx({"a": 2**log_a, "b": b}, rel=1e-10)
    samples = values + errors * np.random.default_rng(3).standard_normal((40_000, 4))
    slopes, intercepts = np.polyfit(sizes, np.log2(-np.log(samples)).T, 1)
    assert fit.errors["b"] == pytest.approx(slopes.std(), rel=0.02)
    assert fit.errors["a"] == pytest.approx((2**intercepts).std(), rel=0.02)


def test_values_that_the_law_cannot_have_are_left_out() -> None:
    fit = exponential_in_size([*N, 12, 14], [*PLATEAUS, 0.0, np.nan], [*ERRORS, 1e-3, 1e-3], unweighted=True)
    assert fit.values == pytest.approx(exponential_in_size(N, PLATEAUS, ERRORS, unweighted=True).values, rel=1e-12)
    assert fit.warnings == ("2 values are left out, which the law cannot have",)


def test_too_few_values() -> None:
    fit = exponential_in_size(N[:2], PLATEAUS[:2], ERRORS[:2], unweighted=True)
    assert fit.warnings == ("the range is too short: 2 points cannot tell 2 parameters",)
    assert np.isnan([*fit.values.values(), *fit.errors.values(), fit.chi2]).all()
    nothing = exponential_in_size(N, -PLATEAUS, ERRORS, unweighted=True)
    assert nothing.window.points == 0
    assert np.isnan(nothing.values["alpha"])


def test_a_point_may_be_exact() -> None:
    fit = exponential_in_size(N, PLATEAUS, 0 * ERRORS, unweighted=True)
    assert fit.errors == {"A": 0, "alpha": 0}
    assert fit.chi2 == np.inf


def test_impossible_input() -> None:
    with pytest.raises(FitError, match="every point needs a value and an error"):
        exponential_in_size(N, PLATEAUS[1:], ERRORS, unweighted=True)
    with pytest.raises(FitError, match="points must differ from each other"):
        exponential_in_size([4, 4, 5, 6, 8], PLATEAUS, ERRORS, unweighted=True)
