"""The gap ratio against its averages over levels that are independent and over random matrices, and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ensemble.physics.level_statistics import gap_ratio


def within_five_errors(ratios: list[float], expected: float) -> bool:
    error = np.std(ratios) / math.sqrt(len(ratios))
    return bool(abs(np.mean(ratios) - expected) < 5 * error < 0.015)


def test_independent_levels() -> None:
    """Reference: 2 ln 2 - 1, exact for exponential gaps."""
    rng = np.random.default_rng(1)
    assert within_five_errors([gap_ratio(rng.exponential(size=200).cumsum()) for _ in range(400)], 2 * math.log(2) - 1)


@pytest.mark.parametrize(
    ("size", "count", "middle", "expected"),
    [(3, 20_000, slice(None), 4 - 2 * math.sqrt(3)), (120, 300, slice(30, 90), 0.5307)],
)
def test_random_matrices(size: int, count: int, middle: slice, expected: float) -> None:
    """Reference: 4 - 2 √3, exact for real symmetric 3 x 3 matrices; 0.5307 in the middle of large ones."""
    matrices = np.random.default_rng(2).standard_normal((count, size, size))
    spectra = np.linalg.eigvalsh(matrices + matrices.swapaxes(1, 2))
    assert within_five_errors([gap_ratio(levels) for levels in spectra[:, middle]], expected)


@pytest.mark.parametrize(
    ("levels", "ratio"),
    [
        ([0.0, 1.0, 2.0, 3.0, 4.0], 1.0),
        ([4.0, 0.0, 1.0], 1 / 3),
        ([0.0, 1.0, 3.0, 3.0], 0.25),
        ([0.0, 2.0, 2.0], 0.0),
        ([1.0, 1.0, 1.0], 0.0),
        ([1.0, 1.0, 1.0, 2.0, 3.0], 1 / 3),
    ],
)
def test_by_hand(levels: list[float], ratio: float) -> None:
    """A ladder; any order; two levels that coincide; three."""
    assert gap_ratio(np.array(levels)) == pytest.approx(ratio, abs=1e-15)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_levels(count: int) -> None:
    assert math.isnan(gap_ratio(np.arange(float(count))))


@given(
    levels=st.lists(st.integers(-(10**6), 10**6), min_size=3, max_size=30),
    scale=st.sampled_from([0.5, 2.0, 1024.0]),
    shift=st.integers(-1000, 1000),
)
def test_neither_unit_nor_zero_matter(levels: list[int], scale: float, shift: int) -> None:
    ratio = gap_ratio(np.array(levels, dtype=float))
    assert 0.0 <= ratio <= 1.0
    assert gap_ratio(scale * np.array(levels, dtype=float)) == ratio
    assert gap_ratio(shift - np.array(levels, dtype=float)) == pytest.approx(ratio, abs=1e-14)
