"""Densities on a grid, by hand."""

import numpy as np
import pytest

from ensemble.models.mean_field.kernels.histogram import density, middles, within


def test_middles() -> None:
    assert middles(-1.0, 2.0, 3).tolist() == [-0.5, 0.5, 1.5]


def test_density() -> None:
    """Four of six values lie inside, one of them on the outer edge; -inf and nan count, but nowhere."""
    values = np.array([-np.inf, np.nan, 0.1, 0.2, 0.6, 1.0])
    assert density(values, 0.0, 1.0, 2).tolist() == pytest.approx([2 / 6 / 0.5, 2 / 6 / 0.5])


def test_a_density_integrates_to_the_part_inside() -> None:
    values = np.random.default_rng(0).standard_normal(10_000)
    assert density(values, -1.0, 1.0, 40).mean() * 2 == pytest.approx(np.mean(np.abs(values) <= 1))


def test_within() -> None:
    """On both sides of zero; the inner edge belongs to it."""
    values = np.array([-0.25, -0.1, 0.0, 0.1, 0.2])
    assert within(values, 0.0, 0.1) == pytest.approx(1 / 5 / 0.2)
    assert within(values, 0.1, 0.25) == pytest.approx(3 / 5 / 0.3)
