"""Coherences of single sites against QuTiP, against density matrices, and where a line of algebra gives them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels import reduced_density_matrix, site_coherences
from tests.support.reference import qutip_solution
from tests.support.reference.random_ising import IsingInstance, random_instance

Array = NDArray[np.float64]


def coherences(instance: IsingInstance, t: Array) -> Array:
    return site_coherences(instance.coupling, instance.rate, instance.theta, t, occupation=instance.occupation)


@pytest.mark.parametrize("occupation", [0.0, 0.8])
@pytest.mark.parametrize("n", [3, 4, 5])
def test_qutip(n: int, occupation: float) -> None:
    """Reference: QuTiP's mesolve, in the frame without frequencies; they only turn the coherence."""
    instance = random_instance(n, n, rate=0.3, occupation=occupation)
    t = np.linspace(0.0, 2.0, 6)
    states = qutip_solution.solve(instance, t, lab=False)
    expected = np.array([[abs(state.ptrace(i).full()[0, 1]) for state in states] for i in range(n)])
    np.testing.assert_allclose(coherences(instance, t), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("occupation", [0.0, 1e-3, 2.0, 1e6])
@pytest.mark.parametrize("rate", [0.0, 1e-4, 1.0])
def test_density_matrices(rate: float, occupation: float) -> None:
    """Reference: reduced_density_matrix of each site, in NumPy."""
    instance = random_instance(31, 7, rate=rate, occupation=occupation)
    t = np.concatenate([[0.0], np.logspace(-3, 4, 50)])
    found = coherences(instance, t)
    for i in range(7):
        rho = reduced_density_matrix(instance, (i,), t, occupation=instance.occupation)
        np.testing.assert_allclose(found[i], np.abs(rho[:, 0, 1]), rtol=0, atol=1e-15)


@pytest.mark.parametrize("occupation", [0.0, 0.3, 1e4])
def test_sites_alone(occupation: float) -> None:
    """Reference: sin(θ)/2 exp(-2 Y (1 + 2 f) t) without couplings."""
    instance = random_instance(32, 6, coupling=0.0, occupation=occupation)
    t = np.linspace(0.0, 5.0, 40)
    damping = 2.0 * instance.rate * (1.0 + 2.0 * instance.occupation)
    expected = 0.5 * np.sin(instance.theta)[:, None] * np.exp(-np.outer(damping, t))
    np.testing.assert_allclose(coherences(instance, t), expected, rtol=0, atol=2e-16)


def test_two_undamped_sites() -> None:
    """Reference: sin(θ1)/2 sqrt(cos² 4Jt + cos² θ2 sin² 4Jt), the partner's states turn it either way."""
    instance = random_instance(33, 2, rate=0.0)
    t = np.linspace(0.0, 3.0, 40)
    turn = 4.0 * instance.coupling[0, 1] * t
    for i in (0, 1):
        partner = np.cos(instance.theta[1 - i])
        expected = 0.5 * np.sin(instance.theta[i]) * np.hypot(np.cos(turn), partner * np.sin(turn))
        np.testing.assert_allclose(coherences(instance, t)[i], expected, rtol=0, atol=5e-16)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 6),
    rate=st.sampled_from([0.0, 1e-6, 1.0]),
    occupation=st.sampled_from([0.0, 0.3, 1e8]),
)
def test_bounds(seed: int, n: int, rate: float, occupation: float) -> None:
    """sin(θ)/2 at first, never more than what damping leaves of it, and no more than sqrt(ρ↑ ρ↓)."""
    instance = random_instance(seed, n, rate=rate, occupation=occupation)
    t = np.concatenate([[0.0], np.logspace(-3, 9, 40)])
    found = coherences(instance, t)
    start = 0.5 * np.sin(instance.theta)[:, None]
    damping = 2.0 * instance.rate * (1.0 + 2.0 * instance.occupation)
    np.testing.assert_allclose(found[:, :1], start, rtol=1e-14)
    assert np.all((found >= 0.0) & (found <= start * np.exp(-np.outer(damping, t)) * (1.0 + 1e-13) + 1e-299))
    for i in range(n):
        rho = reduced_density_matrix(instance, (i,), t, occupation=instance.occupation)
        assert np.all(found[i] ** 2 <= (rho[:, 0, 0] * rho[:, 1, 1]).real * (1.0 + 1e-13) + 1e-30)


def test_poles_and_order_of_times() -> None:
    """A site without a superposition has none later; each time has its bits in whatever block it lies."""
    instance = random_instance(34, 4, occupation=0.2)
    poles = replace(instance, theta=np.array([0.0, np.pi, np.pi / 2, 1.0]))
    t = np.logspace(-3, 2, 70)
    whole = coherences(poles, t)
    assert np.all(whole[:2] < 1e-16)
    assert np.array_equal(whole[:, ::-3], coherences(poles, t[::-3]))
