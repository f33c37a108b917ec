"""Bubbles on lines and in boxes where one sees which sites are near, and what is no table of distances."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.physics import nearest_bubbles
from ensemble.physics.disorder import minimum_image_distances


def on_a_line(*position: float) -> NDArray[np.float64]:
    x = np.array(position)
    return np.asarray(np.abs(x[:, None] - x), dtype=float)


def test_a_line() -> None:
    found = nearest_bubbles(on_a_line(0.0, 1.0, 3.0, 7.0, 15.0, 31.0))
    assert found.tolist() == [[0, 1, 2], [1, 0, 2], [2, 1, 0], [3, 2, 1], [4, 3, 2], [5, 4, 3]]


def test_ties_go_to_the_lower_number() -> None:
    assert nearest_bubbles(np.ones((7, 7)))[3].tolist() == [3, 0, 1]


@pytest.mark.parametrize("n", [2, 3])
def test_two_or_three_sites_are_alone(n: int) -> None:
    assert nearest_bubbles(on_a_line(*range(n))).tolist() == [[i] for i in range(n)]


@pytest.mark.parametrize("n", [4, 5, 8, 9])
def test_random_points(n: int) -> None:
    """Reference: a sort of pairs (distance, number). The diagonal does not matter, the first bubbles are the first."""
    distance = minimum_image_distances(np.random.default_rng(n).random((n, 3)), 1.0)
    found = nearest_bubbles(distance)
    assert found.shape == (n, n // 2)
    for i, bubble in enumerate(found):
        others = sorted((distance[i, j], j) for j in range(n) if j != i)
        assert bubble.tolist() == [i, *(j for _, j in others[: n // 2 - 1])]
    np.fill_diagonal(distance, np.inf)
    assert np.array_equal(nearest_bubbles(distance), found)
    assert np.array_equal(nearest_bubbles(distance, 3), found[:3])
    assert nearest_bubbles(distance, 0).shape == (0, n // 2)


def test_what_is_no_table_of_distances() -> None:
    for bad in (np.zeros((2, 3)), np.zeros((1, 1)), np.zeros(4), 1.0):
        with pytest.raises(ValueError, match=r"shape \(N, N\)"):
            nearest_bubbles(bad)
    with pytest.raises(ValueError, match="NaN"):
        nearest_bubbles(np.full((3, 3), np.nan))
    for count in (-1, 5):
        with pytest.raises(ValueError, match="count must be from 0 to 4"):
            nearest_bubbles(np.zeros((4, 4)), count)
