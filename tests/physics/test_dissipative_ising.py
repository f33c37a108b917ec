"""The closed form against QuTiP, against the sparse Liouvillian, and in cases that a line of algebra solves."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import qutip

from ensemble.models.tls_glass.kernels import reduced_density_matrix
from ensemble.physics import concurrence
from tests.support.reference import qutip_solution
from tests.support.reference.random_ising import random_instance
from tests.support.reference.sparse_liouvillian import integrate_master_equation, partial_trace

FRAMES: tuple[Literal["rotating", "lab"], ...] = ("rotating", "lab")


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("occupation", [0.0, 0.8])
@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_qutip(n: int, occupation: float, frame: Literal["rotating", "lab"]) -> None:
    """Reference: QuTiP's mesolve; every pair (two of them from N = 5 on) and one triple, and the concurrence."""
    instance = random_instance(n, n, rate=0.3, occupation=occupation)
    t = np.linspace(0.0, 2.0, 6)
    states = qutip_solution.solve(instance, t, lab=frame == "lab")
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)] if n < 5 else [(0, 1), (2, 4)]
    for sites in [*pairs, (0, 1, 2)]:
        found = reduced_density_matrix(instance, sites, t, occupation=instance.occupation, frame=frame)
        expected = np.array([state.ptrace(sites).full() for state in states])
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
        if len(sites) == 2:
            qutips = [qutip.concurrence(state.ptrace(sites)) for state in states]
            np.testing.assert_allclose(concurrence(found)[1:], qutips[1:], rtol=0, atol=1e-8)


@pytest.mark.parametrize("occupation", [0.0, 0.4])
def test_liouvillian_of_six_sites(occupation: float) -> None:
    """Reference: the exponential of the 4^6-dimensional generator of Eq. (15), with the local frequencies."""
    instance = random_instance(6, 6, rate=0.2, occupation=occupation)
    t = np.array([0.0, 0.1, 0.6, 1.5])
    rho = integrate_master_equation(instance, t, occupation=instance.occupation, frame="lab")
    for sites in [(0, 1), (1, 4), (2, 3, 5), (3,), (0, 1, 2, 3, 4, 5)]:
        expected = partial_trace(rho, sites)
        found = reduced_density_matrix(instance, sites, t, occupation=instance.occupation, frame="lab")
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
        if len(sites) == 2:
            np.testing.assert_allclose(concurrence(found), concurrence(expected), rtol=0, atol=1e-10)


def test_two_sites_alone() -> None:
    """Reference: C_12(t) = sin θ1 sin θ2 |sin 4 J t| without dissipation."""
    t = np.concatenate([[0.0], np.logspace(-4, 2, 200)])
    for seed in range(20):
        instance = random_instance(seed, 2, rate=0.0)
        found = concurrence(reduced_density_matrix(instance, (0, 1), t))
        expected = np.prod(np.sin(instance.theta)) * np.abs(np.sin(4 * instance.coupling[0, 1] * t))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("occupation", [0.0, 1e-3, 0.7, 50.0])
def test_one_site_relaxes_to_the_bath(occupation: float) -> None:
    """Reference: rate equations; ↓ decays at 4 Y (1 + f), ↑ at 4 Y f, the coherence at half their sum."""
    instance = random_instance(3, 1, rate=1.0)
    t = np.linspace(0.0, 3.0, 31)
    down_rate = 4 * instance.rate[0] * (1 + occupation)
    up_rate = 4 * instance.rate[0] * occupation
    final = up_rate / (up_rate + down_rate)
    start = np.sin(instance.theta[0] / 2) ** 2
    expected = final + (start - final) * np.exp(-(up_rate + down_rate) * t)
    rho = reduced_density_matrix(instance, (0,), t, occupation=occupation)
    np.testing.assert_allclose(rho[:, 1, 1], expected, rtol=1e-13)
    np.testing.assert_allclose(rho[:, 0, 0], 1 - expected, rtol=1e-13)
    size = np.sin(instance.theta[0]) / 2 * np.exp(-(up_rate + down_rate) / 2 * t)
    np.testing.assert_allclose(rho[:, 0, 1], size * np.exp(-1j * instance.phi[0]), rtol=1e-13)


def test_order_of_sites() -> None:
    """Exchanging two kept sites exchanges their bits."""
    instance = random_instance(1, 4, occupation=0.2)
    t = np.array([0.3, 2.0])
    one = reduced_density_matrix(instance, (2, 0), t, occupation=instance.occupation)
    other = reduced_density_matrix(instance, (0, 2), t, occupation=instance.occupation)
    swap = [0, 2, 1, 3]
    np.testing.assert_allclose(one[:, swap][:, :, swap], other, rtol=0, atol=1e-15)


def test_tracing_one_more_site_out() -> None:
    """The density matrix of three sites contains those of its pairs."""
    instance = random_instance(2, 5, occupation=0.2)
    t = np.array([0.1, 1.0])
    three = reduced_density_matrix(instance, (1, 3, 4), t, occupation=instance.occupation)
    pair = reduced_density_matrix(instance, (1, 4), t, occupation=instance.occupation)
    np.testing.assert_allclose(partial_trace(three, (0, 2)), pair, rtol=0, atol=1e-15)


def test_local_phases_do_not_entangle() -> None:
    """Rotations about S^z, by azimuths or frequencies, change no concurrence."""
    instance = random_instance(4, 3, rate=0.1)
    turned = replace(instance, phi=np.linspace(0.0, 6.0, 3))
    t = np.logspace(-2, 2, 30)
    expected = concurrence(reduced_density_matrix(instance, (0, 2), t))
    assert expected.max() > 0.01
    for frame in FRAMES:
        found = concurrence(reduced_density_matrix(turned, (0, 2), t, frame=frame))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("sites", [(), (0, 0), (0, 3), (-1, 0), ((0, 1),)])
def test_sites_must_be_different_and_there(sites: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="sites must be"):
        reduced_density_matrix(random_instance(0, 3), sites, [0.0])


def test_frame_must_be_known() -> None:
    with pytest.raises(ValueError, match="frame must be"):
        reduced_density_matrix(random_instance(0, 3), (0, 1), [0.0], frame="moving")  # type: ignore[arg-type]
