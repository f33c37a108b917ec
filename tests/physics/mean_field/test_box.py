"""Sides of boxes against their densities, and against nearest neighbours found in a tree."""

import math

import numpy as np
import pytest
from scipy.spatial import KDTree

from ensemble.models.mean_field.kernels.box import BOXES, nearest, side
from tests.support.reference.localized import images


@pytest.mark.parametrize(
    ("box", "points", "dimension", "density"),
    [
        ("paper", 10, 2, 2.14),
        ("paper", 100, 2, 1.23),
        ("paper", 1000, 2, 1.066),
        ("paper", 1000, 3, 1.37),
        ("paper", 10_000, 3, 1.15),
        ("density", 10, 2, 1.0),
        ("density", 1000, 3, 1.0),
        ("neighbour", 1000, 2, 0.25),
        ("neighbour", 1000, 3, 0.170),
    ],
)
def test_densities(box: str, points: int, dimension: int, density: float) -> None:
    """Reference: densities by an independent implementation, to as many digits as it tells."""
    assert points / side(box, points, dimension) ** dimension == pytest.approx(density, rel=5e-3)


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("dimension", [2, 3])
def test_two_points_have_room(box: str, dimension: int) -> None:
    assert side(box, 2, dimension) > 0


@pytest.mark.parametrize(("dimension", "scatter"), [(2, math.sqrt(4 / math.pi - 1)), (3, 0.363)])
def test_nearest_neighbours_are_one_apart(dimension: int, scatter: float) -> None:
    """Reference: 40,000 points in SciPy's periodic tree; the mean within four standard errors.

    Distances scatter as those of a Poisson process. Two points are often each other's neighbours, so that no more than
    half of the distances are independent.
    """
    points = 40_000
    length = side("neighbour", points, dimension)
    position = length * np.random.default_rng(dimension).random((points, dimension))
    distance = np.ravel(KDTree(position, boxsize=np.full(dimension, length)).query(position, k=[2])[0])
    assert distance.std() == pytest.approx(scatter, rel=0.03)
    assert distance.mean() == pytest.approx(1.0, abs=4 * scatter / math.sqrt(points / 2))


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("points", [2, 3, 200])
def test_nearest(points: int, dimension: int) -> None:
    """Reference: SciPy's periodic tree."""
    position = np.random.default_rng(points).random((points, dimension))
    expected = np.ravel(KDTree(position, boxsize=np.ones(dimension)).query(position, k=[2])[0])
    np.testing.assert_allclose(nearest(images(position, 1.0)), expected, rtol=1e-13)
