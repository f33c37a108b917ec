"""Spectra that span more decades than a double has digits, against mpmath with twice as many digits."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ensemble.models.mean_field.kernels.laplacian import factor, nonzero_rates
from tests.support.reference.exact_spectrum import eigenvalues, laplacian, relative_errors

Array = NDArray[np.float64]


def drawn(seed: int, n: int, decades: float, missing: float = 0.0) -> tuple[Array, Array]:
    """Symmetric weights and a null vector, log-uniform; some weights are zero."""
    rng = np.random.default_rng(seed)
    weights = np.triu(10.0 ** (-decades * rng.random((n, n))) * (rng.random((n, n)) >= missing), 1)
    return weights + weights.T, 10.0 ** rng.uniform(-decades / 6, decades / 6, n)


def jumps(weights: Array, null: Array) -> Array:
    """a_ji = w_ij v_j / v_i."""
    return weights * null[:, np.newaxis] / null


@pytest.mark.parametrize("decades", [0.1, 5.0, 30.0, 120.0])
@pytest.mark.parametrize("missing", [0.0, 0.6])
@pytest.mark.parametrize("seed", [1, 2])
def test_rates(decades: float, missing: float, seed: int) -> None:
    """Reference: mpmath; each rate is right to 1e-13, also where most weights are zero."""
    weights, null = drawn(seed, 20, decades, missing)
    exact = eigenvalues(lambda: laplacian(weights, null), int(2 * decades) + 50)
    found = nonzero_rates(jumps(weights, null))
    assert abs(exact[0]) < 1e-40 * exact[1]
    assert relative_errors(found, exact[1:]).max() < 1e-13
    assert decades < 100 or found[-1] / found[0] > 1e30


@pytest.mark.parametrize("parts", [2, 3])
def test_parts_that_nothing_connects(parts: int) -> None:
    """Each has a zero of its own; one of them is left out, the others are exactly zero. Reference: mpmath, by parts."""
    blocks = [drawn(seed, 8, 20.0) for seed in range(parts)]
    weights = np.zeros((8 * parts, 8 * parts))
    exact = []
    for k, (block, own) in enumerate(blocks):
        weights[8 * k : 8 * k + 8, 8 * k : 8 * k + 8] = block
        exact += eigenvalues(lambda block=block, own=own: laplacian(block, own), 80)[1:]  # type: ignore[misc]
    mixed = np.random.default_rng(0).permutation(8 * parts)
    null = np.concatenate([own for _, own in blocks])
    found = nonzero_rates(jumps(weights[np.ix_(mixed, mixed)], null[mixed]))
    assert found[: parts - 1].tolist() == [0.0] * (parts - 1)
    assert relative_errors(found[parts - 1 :], sorted(exact)).max() < 1e-13


def test_nothing_at_all() -> None:
    assert nonzero_rates(np.zeros((5, 5))).tolist() == [0.0] * 4


@given(st.floats(1e-200, 1e100), st.floats(1e-40, 1e40))
def test_two(weight: float, ratio: float) -> None:
    """W (v₁ / v₂ + v₂ / v₁)."""
    found = nonzero_rates(np.array([[0.0, weight * ratio], [weight / ratio, 0.0]]))
    assert found.tolist() == pytest.approx([weight * (ratio + 1 / ratio)], rel=1e-14)


def test_all_alike() -> None:
    """Weights 1 between n points: n - 1 rates n."""
    np.testing.assert_allclose(nonzero_rates(np.ones((40, 40))), 40.0, rtol=1e-13)


def test_a_chain() -> None:
    """Of n points with weights 1: 4 sin²(π k / 2n)."""
    n = 50
    weights = np.eye(n, k=1) + np.eye(n, k=-1)
    expected = [4 * math.sin(math.pi * k / (2 * n)) ** 2 for k in range(1, n)]
    np.testing.assert_allclose(nonzero_rates(weights), expected, rtol=1e-13)


@pytest.mark.parametrize("decades", [1.0, 30.0])
def test_the_factor(decades: float) -> None:
    """G Gᵀ is M, each element to a part in 1e14 of the root of both diagonal ones; v is orthogonal to all columns,
    and the largest are first."""
    weights, null = drawn(3, 60, decades)
    g = factor(jumps(weights, null))
    assert g.shape == (60, 59)
    with mpmath.workdps(30):
        matrix = np.array(laplacian(weights, null).tolist(), dtype=np.float64)
    scale = np.sqrt(matrix.diagonal())
    np.testing.assert_allclose(
        (g / scale[:, None]) @ (g / scale[:, None]).T, matrix / scale / scale[:, None], atol=1e-14
    )
    assert np.abs(null @ g).max() < 1e-13 * (np.abs(null) @ np.abs(g)).max()
    largest = np.abs(g).max(axis=0)
    assert np.all(largest[1:] <= largest[:-1] * (1 + 1e-14))


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_order_does_not_matter(seed: int) -> None:
    """Points in another order have the same rates, to 1e-13."""
    weights, null = drawn(seed, 25, 30.0)
    order = np.random.default_rng(seed).permutation(25)
    expected = nonzero_rates(jumps(weights, null))
    mixed = jumps(weights[np.ix_(order, order)], null[order])
    np.testing.assert_allclose(nonzero_rates(mixed), expected, rtol=1e-13)


def test_the_diagonal_is_not_read_and_input_is_kept() -> None:
    plain = jumps(*drawn(4, 10, 3.0))
    marked = plain + np.diag(np.full(10, np.nan))
    assert np.array_equal(nonzero_rates(marked), nonzero_rates(plain))
    assert np.array_equal(marked, plain + np.diag(np.full(10, np.nan)), equal_nan=True)
