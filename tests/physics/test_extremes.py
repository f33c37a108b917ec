"""Density matrices stay density matrices where numbers are as large, as small or as equal as they get."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from ensemble.models.tls_glass.kernels import (
    average_concurrence,
    pair_entanglement,
    reduced_density_matrix,
    site_coherences,
)
from ensemble.physics import concurrence, negativity
from tests.support.reference.exact_pair import exact_pair, exact_pair_concurrence
from tests.support.reference.random_ising import IsingInstance, random_instance

TIMES = np.concatenate([[0.0], np.logspace(-3, 9, 49)])
LATE = np.array([0.0, 1.0, 1e9, 1e13, 3e13, 1e14, 1e15, 1e16, 1e22, 1e200, 1e300])
MEASURES: tuple[Literal["concurrence", "negativity"], ...] = ("concurrence", "negativity")
PAIRS = [(i, j) for i in range(4) for j in range(i + 1, 4)]


def assert_states(instance: IsingInstance) -> None:
    """Hermitian, normalized, positive to rounding, and C(t) finite, at all times up to 1e9."""
    for sites in ((0, 1), (0, 1, 2)):
        rho = reduced_density_matrix(instance, sites, TIMES, occupation=instance.occupation)
        assert np.array_equal(rho, rho.conj().swapaxes(1, 2))
        np.testing.assert_allclose(np.trace(rho, axis1=1, axis2=2), 1.0, rtol=0, atol=1e-14)
        assert np.linalg.eigvalsh(rho).min() > -1e-14
    average = average_concurrence(
        instance.coupling, instance.rate, instance.theta, TIMES, occupation=instance.occupation
    )
    assert average[0] == 0.0
    assert np.all((average >= 0.0) & (average <= 1.0))


@pytest.mark.parametrize("occupation", [0.0, 1e-300, 1e-6, 1.0, 1e4, 1e10])
@pytest.mark.parametrize("rate", [0.0, 1e-300, 1e-6, 1.0, 1e6])
@pytest.mark.parametrize("coupling", [0.0, 1e-180, 1e-6, 1.0, 1e3])
def test_scales(coupling: float, rate: float, occupation: float) -> None:
    assert_states(random_instance(11, 4, coupling=coupling, rate=rate, occupation=occupation))


@pytest.mark.parametrize("occupation", [0.0, 2.0, 1e10])
def test_coinciding_couplings_and_rates(occupation: float) -> None:
    """Reference: 50-digit arithmetic. Θ = g, where both eigenvalues of a site meet as 1/f -> 0, is among them."""
    instance = random_instance(12, 4, rate=0.5, occupation=occupation)
    n = instance.size
    equal = replace(
        instance,
        coupling=np.full((n, n), 0.25) - 0.25 * np.eye(n),
        rate=np.full(n, 0.5 / (1 + 2 * occupation)),
        phi=np.zeros(n),
        occupation=np.full(n, occupation),
    )
    assert_states(equal)
    t = np.array([1e-3, 0.1, 1.0, 5.0])
    found = reduced_density_matrix(equal, (0, 1), t, occupation=occupation)
    expected = [np.array(exact_pair(equal, 0, 1, time).tolist(), dtype=complex) for time in t]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


def test_entanglement_next_to_a_hot_site() -> None:
    """Reference: 50-digit arithmetic. Two undamped sites, and a third with Θ = g as above at f = 1e10."""
    instance = replace(
        random_instance(16, 3),
        coupling=np.array([[0.0, 1.0, 0.25], [1.0, 0.0, 0.25], [0.25, 0.25, 0.0]]),
        rate=np.array([0.0, 0.0, 0.5 / (1 + 2e10)]),
        occupation=np.full(3, 1e10),
    )
    t = np.array([0.01, 0.1, 0.3])
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = [sum(exact_pair_concurrence(instance, *pair, time) for pair in pairs) / 3 for time in t]
    assert min(expected) > 1e-3
    average = average_concurrence(instance.coupling, instance.rate, instance.theta, t, occupation=instance.occupation)
    np.testing.assert_allclose(average, expected, rtol=0, atol=2e-15)


@pytest.mark.parametrize("occupation", [0.0, 2.0])
def test_poles_of_the_bloch_sphere(occupation: float) -> None:
    instance = random_instance(13, 4, occupation=occupation)
    assert_states(replace(instance, theta=np.array([0.0, np.pi, np.pi / 2, 1e-9])))
    assert_states(replace(instance, theta=np.array([np.pi, np.pi, 0.0, np.pi])))


def test_undamped_sites_among_damped_ones() -> None:
    instance = random_instance(14, 4, rate=10.0)
    assert_states(replace(instance, rate=instance.rate * [0.0, 1.0, 1e-12, 1.0]))


@pytest.mark.parametrize("occupation", [0.0, 0.5])
def test_everything_relaxes_and_disentangles(occupation: float) -> None:
    """t -> ∞ with dissipation: every pair is in the bath's product state and C is exactly 0."""
    instance = random_instance(15, 4, rate=1.0, occupation=occupation)
    rho = reduced_density_matrix(instance, (0, 1), [1e5], occupation=instance.occupation)[0]
    down = instance.occupation / (1 + 2 * instance.occupation)
    expected = np.kron(np.diag([1 - down[0], down[0]]), np.diag([1 - down[1], down[1]]))
    np.testing.assert_allclose(rho, expected, rtol=0, atol=1e-15)
    average = average_concurrence(
        instance.coupling, instance.rate, instance.theta, [1.0, 1e5], occupation=instance.occupation
    )
    assert average[1] == 0.0


@pytest.mark.parametrize("occupation", [0.0, 1e-17, 1.0, 1e4])
@pytest.mark.parametrize("rate", [0.0, 1e-300, 1e-12, 1.0])
@pytest.mark.parametrize("coupling", [0.0, 1e-180, 1e-6, 1.0, 1e3])
def test_phases_of_any_size(coupling: float, rate: float, occupation: float) -> None:
    """Reference: the plain loop. Phases up to 1e303 are those of the rounded product, in every kernel the same."""
    instance = random_instance(17, 4, coupling=coupling, rate=rate, occupation=occupation)
    arguments = (instance.coupling, instance.rate, instance.theta, LATE)
    states = [reduced_density_matrix(instance, pair, LATE, occupation=instance.occupation) for pair in PAIRS]
    found = pair_entanglement(*arguments, occupation=instance.occupation)
    assert np.all(np.isfinite(found))
    np.testing.assert_allclose(found, [concurrence(rho) for rho in states], rtol=0, atol=1e-11)
    found = pair_entanglement(*arguments, occupation=instance.occupation, measure="negativity")
    np.testing.assert_allclose(found, [negativity(rho) for rho in states], rtol=0, atol=1e-14)
    found = site_coherences(*arguments, occupation=instance.occupation)
    alone = [reduced_density_matrix(instance, (i,), LATE, occupation=instance.occupation) for i in range(4)]
    np.testing.assert_allclose(found, [np.abs(rho[:, 0, 1]) for rho in alone], rtol=0, atol=1e-15)


@pytest.mark.parametrize("occupation", [0.0, 1e-3, 2.0])
@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200])
def test_units(scale: float, occupation: float) -> None:
    """Couplings and rates times a factor, times divided by it: the same, where squares of them are 0 or infinite."""
    instance = random_instance(18, 4, rate=0.1, occupation=occupation)
    scaled = replace(instance, coupling=scale * instance.coupling, rate=scale * instance.rate)
    t = np.logspace(-3, 2, 40)
    for sites in ((0, 1), (0, 2, 3)):
        expected = reduced_density_matrix(instance, sites, t, occupation=instance.occupation)
        found = reduced_density_matrix(scaled, sites, t / scale, occupation=instance.occupation)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    rows = [
        pair_entanglement(each.coupling, each.rate, each.theta, times, occupation=each.occupation)
        for each, times in ((instance, t), (scaled, t / scale))
    ]
    np.testing.assert_allclose(rows[1], rows[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("occupation", [0.0, 2.0])
@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_pairs_that_cannot_be_entangled(rate: float, occupation: float) -> None:
    """A site at a pole of its Bloch sphere, and sites without couplings, are in no entangled pair at any time."""
    instance = random_instance(19, 4, rate=rate, occupation=occupation)
    poles = replace(instance, theta=np.array([0.0, np.pi, 1.0, 2.0]))
    free = replace(instance, coupling=np.zeros((4, 4)))
    for each, never in ((poles, slice(0, 5)), (free, slice(0, 6))):
        for measure in MEASURES:
            rows = pair_entanglement(
                each.coupling, each.rate, each.theta, TIMES, occupation=each.occupation, measure=measure
            )
            assert np.all(rows[never] == 0.0)
            assert each is free or rows[5].max() > 0.01


@pytest.mark.parametrize("occupation", [0.0, 0.5, 1e8])
def test_equal_rates(occupation: float) -> None:
    """Reference: the plain loop, for sites of which only the couplings and angles differ."""
    instance = random_instance(20, 4, rate=0.05)
    equal = replace(instance, rate=np.full(4, 0.05 / (1 + 2 * occupation)), occupation=np.full(4, occupation))
    assert_states(equal)
    rows = pair_entanglement(equal.coupling, equal.rate, equal.theta, TIMES, occupation=occupation)
    assert rows.max() > 0.01
    states = [reduced_density_matrix(equal, pair, TIMES, occupation=occupation) for pair in PAIRS]
    np.testing.assert_allclose(rows, [concurrence(rho) for rho in states], rtol=0, atol=1e-12)
