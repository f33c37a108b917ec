"""The compiled average against the plain loop over pairs, and the physics that every result obeys."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels import average_concurrence, reduced_density_matrix
from ensemble.physics import concurrence
from tests.support.reference.exact_pair import exact_pair_concurrence
from tests.support.reference.pair_loop import average_of_pairs, pair_concurrences
from tests.support.reference.random_ising import IsingInstance, random_instance

WORST_ROUNDING = 1e-8
"""Of pairs of an almost pure and a mixed site: rounding enters by its square root. Hypothesis finds them."""

TIMES = np.concatenate([[0.0], np.logspace(-3, 4, 71)])

instances = st.builds(
    random_instance,
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 6),
    rate=st.sampled_from([0.0, 1e-6, 1e-2, 1.0]),
    occupation=st.sampled_from([0.0, 0.3]),
)


def average(instance: IsingInstance, t: NDArray[np.float64] = TIMES) -> NDArray[np.float64]:
    return average_concurrence(instance.coupling, instance.rate, instance.theta, t, occupation=instance.occupation)


@pytest.mark.parametrize("occupation", [0.0, 0.3, 100.0])
@pytest.mark.parametrize("rate", [0.0, 1e-6, 1e-2, 1.0])
@pytest.mark.parametrize("n", [2, 3, 7])
def test_plain_loop_over_pairs(n: int, rate: float, occupation: float) -> None:
    """Reference: reduced_density_matrix and concurrence for each pair, in NumPy."""
    for seed in range(3):
        instance = random_instance(seed, n, rate=rate, occupation=occupation)
        np.testing.assert_allclose(average(instance), average_of_pairs(instance, TIMES), rtol=0, atol=1e-13)


def test_sites_with_and_without_phonons() -> None:
    """Reference: the plain loop. One realization may mix sites at f = 0, at f > 0 and without any rate."""
    instance = random_instance(5, 6, rate=0.3, occupation=0.5)
    mixed = replace(
        instance, occupation=instance.occupation * [0, 1, 0, 1, 1, 0], rate=instance.rate * [1, 1, 0, 0, 1, 1]
    )
    found = average(mixed)
    assert found.max() > 0.01
    np.testing.assert_allclose(found, average_of_pairs(mixed, TIMES), rtol=0, atol=1e-13)


def test_twenty_sites() -> None:
    """Reference: the plain loop, at a size where most pairs are separable."""
    instance = random_instance(6, 20, rate=1e-3)
    t = np.logspace(-2, 2, 5)
    np.testing.assert_allclose(average(instance, t), average_of_pairs(instance, t), rtol=0, atol=1e-13)


def test_bits_do_not_depend_on_the_other_times() -> None:
    """Nor on their order: each time has its bits in whatever block it lies."""
    instance = random_instance(7, 6, rate=0.01)
    whole = average(instance)
    assert np.array_equal(whole[5::7], average(instance, TIMES[5::7]))
    assert np.array_equal(whole[::-1], average(instance, TIMES[::-1]))


@pytest.mark.parametrize("seed", [41, 47, 53, 60])
def test_late_tails_keep_their_digits(seed: int) -> None:
    """Reference: 50-digit arithmetic. In nearly relaxed pairs small populations carry what is left of C.

    They matter by their square roots, down to where they are rounding on the scale of the trace.
    """
    instance = random_instance(seed, 4, rate=0.3)
    t = np.array([10.0, 15.0, 20.0, 30.0])
    expected = [exact_pair_concurrence(instance, 0, 1, time) for time in t]
    found = concurrence(reduced_density_matrix(instance, (0, 1), t))
    assert np.count_nonzero((found > 0.0) & (found < 1e-6)) >= 2
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("occupation", [0.0, 0.2])
def test_exact_arithmetic(occupation: float) -> None:
    """Reference: 50-digit arithmetic, for all pairs of three sites."""
    instance = random_instance(3, 3, rate=0.05, occupation=occupation)
    t = np.array([0.05, 0.3, 1.0])
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = [sum(exact_pair_concurrence(instance, *pair, time) for pair in pairs) / 3 for time in t]
    assert max(expected) > 0.01
    np.testing.assert_allclose(average(instance, t), expected, rtol=0, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(instance=instances)
def test_bounds(instance: IsingInstance) -> None:
    """C(0) = 0, 0 <= C_ij <= 1, and monogamy: Σ_j C_ij² <= 1 for every site."""
    pairs = pair_concurrences(instance, TIMES)
    assert np.all(pairs[:, :, 0] == 0.0)
    assert np.all((pairs >= 0.0) & (pairs <= 1.0 + 1e-14))
    assert np.all(np.sum(pairs**2, axis=1) <= 1.0 + 1e-13)


@settings(max_examples=40, deadline=None)
@given(instance=instances, data=st.data())
def test_numbering_of_sites(instance: IsingInstance, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(instance.size))))
    renumbered = IsingInstance(
        coupling=instance.coupling[np.ix_(order, order)],
        rate=instance.rate[order],
        frequency=instance.frequency[order],
        theta=instance.theta[order],
        phi=instance.phi[order],
        occupation=instance.occupation[order],
    )
    np.testing.assert_allclose(average(instance), average(renumbered), rtol=0, atol=WORST_ROUNDING)


@settings(max_examples=40, deadline=None)
@given(instance=instances, log_factor=st.floats(-6.0, 6.0))
def test_energy_only_sets_the_scale_of_time(instance: IsingInstance, log_factor: float) -> None:
    """Couplings and rates times a factor, times divided by it: the same C."""
    factor = 10.0**log_factor
    scaled = replace(instance, coupling=factor * instance.coupling, rate=factor * instance.rate)
    t = np.logspace(-3, 1, 20)
    np.testing.assert_allclose(average(scaled, t / factor), average(instance, t), rtol=0, atol=WORST_ROUNDING)


@settings(max_examples=20, deadline=None)
@given(instance=instances)
def test_dissipation_disentangles(instance: IsingInstance) -> None:
    """t -> ∞: nothing is left when every site is damped."""
    damped = replace(instance, rate=instance.rate + 0.01)
    assert np.all(average(damped, np.array([1e5, 1e9])) == 0.0)


def test_input_must_fit_together() -> None:
    J, Y, t = np.zeros((3, 3)), np.zeros(3), np.zeros(1)
    for bad in [(J[:2], Y, Y, t), (J, Y[:2], Y, t), (J, Y, Y[:2], t)]:
        with pytest.raises(ValueError, match="must match"):
            average_concurrence(*bad)
    with pytest.raises(ValueError, match="finite"):
        average_concurrence(J, Y + np.nan, Y, t)
    for wrong in ([np.nan], [-1.0], t[None]):
        with pytest.raises(ValueError, match="times must be a sequence of finite numbers"):
            average_concurrence(J, Y, Y, wrong)
