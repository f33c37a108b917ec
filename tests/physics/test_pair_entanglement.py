"""Chosen pairs: their values, and that nothing but a pair itself decides on its bits."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels import average_concurrence, pair_entanglement, reduced_density_matrix
from ensemble.physics import negativity
from tests.support.reference.pair_loop import pair_concurrences
from tests.support.reference.random_ising import IsingInstance, random_instance

Array = NDArray[np.float64]

TIMES = np.concatenate([[0.0], np.logspace(-3, 4, 71)])
MEASURES: tuple[Literal["concurrence", "negativity"], ...] = ("concurrence", "negativity")


def entanglement(instance: IsingInstance, t: Array = TIMES, **choice: Any) -> Array:
    return pair_entanglement(
        instance.coupling, instance.rate, instance.theta, t, occupation=instance.occupation, **choice
    )


def all_pairs(n: int) -> Array:
    return np.array(list(combinations(range(n), 2)))


def instances(n: int) -> Iterator[IsingInstance]:
    """Without relaxation, at T = 0, and at T > 0."""
    for seed, (rate, occupation) in enumerate([(0.0, 0.0), (0.03, 0.0), (0.03, 0.5)]):
        yield random_instance(seed, n, rate=rate, occupation=occupation)


def test_all_pairs_row_after_row() -> None:
    """Reference: the plain loop over pairs; its rows in the order (0, 1), (0, 2), ..., and their sum by N."""
    for instance in instances(5):
        i, j = all_pairs(5).T
        expected = pair_concurrences(instance, TIMES)[i, j]
        found = entanglement(instance)
        assert found.shape == (10, 72)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
        average = average_concurrence(
            instance.coupling, instance.rate, instance.theta, TIMES, occupation=instance.occupation
        )
        np.testing.assert_allclose(average, expected.sum(axis=0) / 5, rtol=0, atol=1e-13)


def test_negativity() -> None:
    """Reference: `negativity` of the density matrices in NumPy."""
    for instance in instances(6):
        found = entanglement(instance, measure="negativity")
        assert found.max() > 0.01
        for row, pair in zip(found, all_pairs(6), strict=True):
            rho = reduced_density_matrix(instance, pair, TIMES, occupation=instance.occupation)
            np.testing.assert_allclose(row, negativity(rho), rtol=0, atol=1e-13)


@pytest.mark.parametrize("measure", MEASURES)
def test_chosen_pairs_are_rows_of_all_pairs(measure: str) -> None:
    """Bit for bit: in any order, repeated, alone, and of sites that no other chosen pair has."""
    rng = np.random.default_rng(1)
    for instance in instances(12):
        pairs, everything = all_pairs(12), entanglement(instance, measure=measure)
        rows = rng.integers(0, len(pairs), 100)
        assert np.array_equal(entanglement(instance, pairs=pairs[rows], measure=measure), everything[rows])
        for row in (0, 17, 65):
            assert np.array_equal(entanglement(instance, pairs=[pairs[row]], measure=measure)[0], everything[row])


@pytest.mark.parametrize("measure", MEASURES)
def test_order_of_the_two_sites(measure: str) -> None:
    """(b, a) is (a, b) up to the rounding of a sum of two phases."""
    for instance in instances(8):
        pairs = all_pairs(8)
        found = entanglement(instance, pairs=pairs[:, ::-1], measure=measure)
        np.testing.assert_allclose(found, entanglement(instance, measure=measure), rtol=0, atol=1e-14)


def test_no_pairs() -> None:
    instance = random_instance(0, 3)
    nothing: list[Any] = [[], (), np.empty((0, 2))]
    for pairs in nothing:
        assert entanglement(instance, pairs=pairs).shape == (0, 72)
    assert entanglement(instance, np.empty(0)).shape == (3, 0)
    assert entanglement(random_instance(0, 1)).shape == (0, 72)


@pytest.mark.parametrize(
    "pairs", [[(0, 3)], [(-1, 0)], [(1, 1)], [(0, 1, 2)], [0, 1], (0, 1), [[(0, 1)]], [(0.0, 1.5)], [(True, False)]]
)
def test_pairs_must_be_pairs(pairs: Any) -> None:
    with pytest.raises(ValueError, match="pairs must be two different site numbers from 0 to 2 each"):
        entanglement(random_instance(0, 3), pairs=pairs)


def test_measure_must_be_known() -> None:
    with pytest.raises(ValueError, match="measure must be 'concurrence' or 'negativity', got 'tangle'"):
        entanglement(random_instance(0, 3), measure="tangle")


def test_nothing_runs_backwards() -> None:
    instance = random_instance(0, 3)
    below = np.array([0.1, 0.1, -0.1])
    for bad in (replace(instance, rate=below), replace(instance, occupation=below)):
        with pytest.raises(ValueError, match="negative"):
            entanglement(bad)
    with pytest.raises(ValueError, match="negative"):
        entanglement(instance, np.array([0.0, -1.0]))


@pytest.mark.parametrize("measure", MEASURES)
def test_bits_do_not_depend_on_threads(measure: str) -> None:
    """Four threads at once, which the kernels let run side by side, and one after the other."""
    jobs = [*instances(20)] * 4
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda job: entanglement(job, measure=measure), jobs))
    for found, job in zip(together, jobs[:3] * 4, strict=True):
        assert np.array_equal(found, entanglement(job, measure=measure))
