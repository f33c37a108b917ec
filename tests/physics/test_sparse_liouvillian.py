"""The integrated master equation against QuTiP, its steps against each other, and what it refuses."""

import numpy as np
import pytest

from tests.support.reference import qutip_solution
from tests.support.reference.random_ising import random_instance
from tests.support.reference.sparse_liouvillian import (
    initial_state,
    integrate_master_equation,
    liouvillian,
    partial_trace,
)


@pytest.mark.parametrize("lab", [False, True])
@pytest.mark.parametrize("occupation", [0.0, 0.8])
def test_qutip(occupation: float, lab: bool) -> None:
    """Reference: mesolve with the same jump operators, in both frames, at times that are not evenly spaced."""
    instance = random_instance(4, 4, rate=0.3, occupation=occupation)
    t = np.array([0.0, 0.05, 0.5, 2.0])
    states = qutip_solution.solve(instance, t, lab=lab)
    frame = "lab" if lab else "rotating"
    found = integrate_master_equation(instance, t, occupation=instance.occupation, frame=frame)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, [state.full() for state in states], rtol=0, atol=1e-9)
    expected = [state.ptrace([1, 3]).full() for state in states]
    np.testing.assert_allclose(partial_trace(found, (1, 3)), expected, rtol=0, atol=1e-9)


def test_times_in_between_change_nothing() -> None:
    instance = random_instance(1, 3, occupation=0.1)
    t = np.linspace(0.0, 3.0, 7)
    found = integrate_master_equation(instance, t)
    np.testing.assert_allclose(integrate_master_equation(instance, t[3::3]), found[3::3], rtol=0, atol=1e-14)


def test_the_generator_keeps_the_trace() -> None:
    instance = random_instance(2, 3, occupation=0.4)
    generator = liouvillian(instance, occupation=instance.occupation, frame="lab")
    trace = np.eye(8).reshape(-1)
    np.testing.assert_allclose(trace @ generator, 0.0, rtol=0, atol=1e-14)


def test_the_initial_state_is_pure() -> None:
    rho = initial_state(random_instance(3, 5))
    np.testing.assert_allclose(rho @ rho, rho, rtol=0, atol=1e-15)
    assert np.trace(rho) == pytest.approx(1.0, abs=1e-15)


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="from 1 to 8 sites, got 9"):
        integrate_master_equation(random_instance(0, 9), [1.0])
    instance = random_instance(0, 2)
    with pytest.raises(ValueError, match="times must be increasing"):
        integrate_master_equation(instance, [1.0, 1.0])
    with pytest.raises(ValueError, match="not negative"):
        integrate_master_equation(instance, [-1.0, 1.0])
    with pytest.raises(ValueError, match="frame must be"):
        integrate_master_equation(instance, [1.0], frame="moving")  # type: ignore[arg-type]
