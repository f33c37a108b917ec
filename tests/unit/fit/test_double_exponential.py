"""exp(-a 2^(b N)) from its own values, and from random states."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ensemble.errors import FitError
from ensemble.fit import double_exponential
from ensemble.physics import random_state_concurrence

N = np.arange(2.0, 7.0)
LAW = np.exp(-0.127 * 2 ** (1.009 * N))


@given(st.floats(0.02, 0.5), st.floats(0.3, 1.1))
def test_exact_values(a: float, b: float) -> None:
    values = np.exp(-a * 2 ** (b * N))
    fit = double_exponential(N, values, 0.01 * values)
    assert fit.values["a"] == pytest.approx(a, rel=1e-8)
    assert fit.values["b"] == pytest.approx(b, rel=1e-8)
    assert fit.chi2 == pytest.approx(0, abs=1e-12)
    assert fit.warnings == ()
    assert {(each.window.first, each.window.last) for each in fit.moved} == {(3, 6), (4, 6), (2, 5), (2, 4)}


def test_errors_are_those_of_a_straight_line() -> None:
    """Reference: the covariance of a weighted straight line through log2(-ln value), true for small errors."""
    errors = np.array([3e-4, 2e-4, 1e-4, 1e-5, 2e-7])
    fit = double_exponential(N, LAW, errors)
    sigma = errors / (LAW * -np.log(LAW) * np.log(2))
    columns = np.stack([np.ones(5), N], axis=1) / sigma[:, None]
    covariance = np.linalg.inv(columns.T @ columns)
    assert fit.errors["b"] == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-4)
    assert fit.errors["a"] == pytest.approx(0.127 * np.log(2) * np.sqrt(covariance[0, 0]), rel=1e-4)


@pytest.mark.parametrize("wrong", [0.0, -1e-9, 1.0, 1.5])
def test_values_that_the_law_does_not_have_are_left_out(wrong: float) -> None:
    fit = double_exponential([*N, 7], [*LAW, wrong], [*0.01 * LAW, 1e-6])
    assert "1 values are not between 0 and 1, as the law is" in fit.warnings
    assert fit.values["b"] == pytest.approx(1.009, rel=1e-8)
    assert (fit.window.last, fit.window.points) == (6, 5)


def test_too_few_values() -> None:
    fit = double_exponential([2, 3, 4], [0.5, 0.3, 0.0], [0.01, 0.01, 0.0])
    assert any("too short" in said for said in fit.warnings)
    assert np.isnan(fit.values["b"])


def test_impossible_input() -> None:
    with pytest.raises(FitError, match="a value and an error"):
        double_exponential(N, LAW[1:], LAW)
    with pytest.raises(FitError, match="positive and differ"):
        double_exponential([2, 2, 3, 4, 5], LAW, LAW)


def test_another_law_is_told() -> None:
    fit = double_exponential(N, np.exp(-0.8 * N), 0.01 * np.exp(-0.8 * N))
    assert any("does not describe" in said for said in fit.warnings)
    assert any("b depends on the range" in said for said in fit.warnings)


def test_random_states() -> None:
    """The published a and b come out where each N weighs alike; the points follow the law only to a few percent."""
    samples = [random_state_concurrence(np.random.default_rng(n), n, 20_000) for n in range(2, 7)]
    means = np.array([each.mean() for each in samples])
    errors = np.array([each.std() / np.sqrt(each.size) for each in samples])
    alike = double_exponential(N, means, 0.01 * means * -np.log(means))
    assert alike.values["a"] == pytest.approx(0.127, abs=2 * 0.003)
    assert alike.values["b"] == pytest.approx(1.009, abs=2 * 0.006)
    weighted = double_exponential(N, means, errors)
    assert weighted.values["b"] == pytest.approx(1.03, abs=0.01)
    assert any("does not describe" in said for said in weighted.warnings)
