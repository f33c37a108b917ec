"""Product states by how many spins are up, against plain Kronecker products and counted bits."""

import math

import numpy as np
import pytest

from ensemble.models.driven_spins.kernels.sectors import Sectors
from tests.support.reference import dense_spins

SIZES = [1, 2, 3, 6, 12]


@pytest.mark.parametrize("n", SIZES)
def test_order(n: int) -> None:
    """Reference: Python's sort of all patterns by their number of ones, then by value."""
    sectors = Sectors.of(n)
    assert len(sectors) == 2**n
    assert sectors.spins == n
    assert sectors.patterns.tolist() == sorted(range(2**n), key=lambda pattern: (pattern.bit_count(), pattern))
    assert [part.stop - part.start for part in sectors.parts] == [math.comb(n, up) for up in range(n + 1)]
    assert (sectors.parts[0].start, sectors.parts[-1].stop) == (0, 2**n)
    for up, part in enumerate(sectors.parts):
        assert {pattern.bit_count() for pattern in sectors.patterns[part].tolist()} == {up}


@pytest.mark.parametrize("n", SIZES)
def test_magnetization(n: int) -> None:
    sectors = Sectors.of(n)
    assert set(np.unique(sectors.values)) == {-0.5, 0.5}
    for up, part in enumerate(sectors.parts):
        assert set(sectors.magnetization[part]) == {up - n / 2}


@pytest.mark.parametrize("n", SIZES)
def test_flipped_is_an_involution(n: int) -> None:
    """It turns over one spin and no other, and leads to a neighbouring sector."""
    sectors = Sectors.of(n)
    for i in range(n):
        there = sectors.flipped[:, i]
        assert np.array_equal(there[there], np.arange(2**n))
        assert np.array_equal(sectors.values[there] != sectors.values, np.arange(n) == np.full((2**n, 1), i))
        assert np.array_equal(sectors.magnetization[there] - sectors.magnetization, -2 * sectors.values[:, i])


def test_operators() -> None:
    """Reference: S_i^z and 2 S_i^x = S_i^+ + S_i^- as Kronecker products."""
    n = 4
    sectors = Sectors.of(n)
    order = np.ix_(sectors.patterns, sectors.patterns)
    for i, (z, up) in enumerate(zip(dense_spins.along_z(n), dense_spins.raising(n), strict=True)):
        assert np.array_equal(np.diag(sectors.values[:, i]), z[order])
        turned = np.zeros((2**n, 2**n))
        turned[sectors.flipped[:, i], np.arange(2**n)] = 1.0
        assert np.array_equal(turned, (up + up.T)[order])


def test_steps() -> None:
    sectors = Sectors.of(3)
    assert list(sectors.steps) == [
        (slice(1, 4), slice(0, 1)),
        (slice(4, 7), slice(1, 4)),
        (slice(7, 8), slice(4, 7)),
    ]


def test_made_once() -> None:
    assert Sectors.of(5) is Sectors.of(5)
