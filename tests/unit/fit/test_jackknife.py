"""Errors from blocks against those from all realizations, and of ratios on common disorder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ensemble.errors import FitError
from ensemble.fit import Estimate
from tests.support.ensembles import T, blocks, noise


@given(st.lists(st.integers(1, 9), min_size=2, max_size=12), st.integers(0, 99))
def test_the_mean_and_its_error_for_any_sizes_of_blocks(sizes: list[int], seed: int) -> None:
    means = np.random.default_rng(seed).standard_normal((len(sizes), 3)) + 1e6
    found = Estimate.of_blocks(means, sizes)
    n, m = sum(sizes), np.array(sizes)
    mean = np.average(means, axis=0, weights=m)
    np.testing.assert_allclose(found.value, mean, rtol=1e-14)
    expected = np.sqrt(np.mean((means - mean) ** 2 * (m / (n - m))[:, None], axis=0))
    np.testing.assert_allclose(found.error, expected, rtol=1e-6)
    np.testing.assert_allclose(np.diag(found.covariance), found.error**2, rtol=1e-12)


def test_blocks_of_one_give_the_standard_error() -> None:
    x = np.random.default_rng(1).standard_normal((40, 5))
    np.testing.assert_allclose(blocks(x, 40).error, x.std(axis=0, ddof=1) / np.sqrt(40), rtol=1e-12)


def test_the_error_of_blocks_of_uneven_sizes_is_unbiased() -> None:
    rng, cut = np.random.default_rng(2), [3, 10, 30, 31]
    found = []
    for _ in range(2000):
        rows = np.split(rng.standard_normal(sum(cut)), np.cumsum(cut)[:-1])
        found.append(Estimate.of_blocks([each.mean() for each in rows], cut).error ** 2)
    assert np.mean(found) * sum(cut) == pytest.approx(1, abs=0.1)


def test_empty_blocks_are_left_out() -> None:
    found = Estimate.of_blocks([[1.0], [np.nan], [3.0]], [1, 0, 1])
    assert found.value.tolist() == [2]
    assert found.error.tolist() == pytest.approx([1])


def test_a_derived_quantity_has_the_error_of_its_linear_part() -> None:
    curve = blocks(noise(np.random.default_rng(3), T, 1000, 0.3, 1.0))
    np.testing.assert_allclose(curve.derived(np.log).error, curve.error / curve.value, rtol=0.01)


def test_common_disorder_cancels_in_a_ratio() -> None:
    rng = np.random.default_rng(4)
    shared, other = noise(rng, T, 1000, 0.6, 1.0), noise(rng, T, 1000, 0.6, 1.0)
    own = noise(rng, T, 1000, 0.1, 1.0)
    paired, unpaired = blocks(shared * own).over(blocks(shared)), blocks(other * own).over(blocks(shared))
    assert (paired.error < 0.4 * unpaired.error).all()


def test_common_disorder_cancels_in_a_difference_and_in_any_function() -> None:
    rng = np.random.default_rng(5)
    shared, own = noise(rng, T, 1000, 0.6, 1.0), noise(rng, T, 1000, 0.1, 1.0)
    one, other = blocks(shared * own), blocks(shared)
    np.testing.assert_allclose(one.less(other).value, one.value - other.value, rtol=1e-15)
    np.testing.assert_allclose(one.less(other).error, blocks(shared * own - shared).error, rtol=1e-8)
    assert (one.less(other).error < 0.4 * one.error).all()
    joint = Estimate.joint(lambda x, y: x / y, [one, other])
    np.testing.assert_array_equal(joint.value, one.over(other).value)
    np.testing.assert_array_equal(joint.error, one.over(other).error)
    number = Estimate.joint(lambda x, y: float(x[0] - y[0]), [one, other])  # not vectorised
    assert (number.value, number.error) == (one.less(other)[0].value, one.less(other)[0].error)


def test_a_complex_mean_has_the_error_of_the_distance_in_the_plane() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal((2, 30, 4))
    found = Estimate.of_blocks(x + 1j * y, np.ones(30, int))
    np.testing.assert_allclose(found.value, x.mean(axis=0) + 1j * y.mean(axis=0), rtol=1e-12)
    squared = (x.var(axis=0, ddof=1) + y.var(axis=0, ddof=1)) / 30
    np.testing.assert_allclose(found.error, np.sqrt(squared), rtol=1e-12)
    phase = Estimate.joint(np.angle, [found])
    assert phase.value.dtype == np.float64


@pytest.mark.parametrize(
    ("means", "sizes", "said"),
    [
        ([[1.0]], [5], "two blocks"),
        ([[1.0], [2.0]], [5, 0], "two blocks"),
        ([[1.0], [2.0]], [5], "one row for each block"),
        ([[1.0], [2.0]], [5, -1], "numbers of realizations"),
    ],
)
def test_impossible_blocks(means: list[list[float]], sizes: list[int], said: str) -> None:
    with pytest.raises(FitError, match=said):
        Estimate.of_blocks(means, sizes)


def test_a_ratio_of_other_blocks_is_refused() -> None:
    one = Estimate.of_blocks([1.0, 2.0], [3, 3])
    with pytest.raises(FitError, match="same blocks"):
        one.over(Estimate.of_blocks([1.0, 2.0], [3, 2]))
    with pytest.raises(FitError, match="a difference on common disorder needs the same blocks"):
        one.less(Estimate.of_blocks([1.0, 2.0, 3.0], [3, 3, 3]))
    with pytest.raises(FitError, match="a function of several quantities needs the same blocks"):
        Estimate.joint(max, [one, Estimate.of_blocks([1.0, 2.0], [3, 2])])
