"""Negativity against QuTiP, against NumPy's eigenvalues, in known states, and next to the concurrence."""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ensemble.physics import CONCURRENCE_FLOOR, concurrence, negativity

ComplexArray = NDArray[np.complex128]

BELL = np.array([1.0, 0.0, 0.0, 1.0]) / np.sqrt(2.0)


def random_state(rng: np.random.Generator, rank: int) -> ComplexArray:
    factor = rng.normal(size=(4, rank)) + 1j * rng.normal(size=(4, rank))
    factor /= np.linalg.norm(factor)
    return np.asarray(factor @ factor.conj().T)


def transposed(rho: ComplexArray) -> ComplexArray:
    """The partial transpose, of the second qubit."""
    return rho.reshape(2, 2, 2, 2).transpose(0, 3, 2, 1).reshape(4, 4)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_random_states_of_every_rank(rank: int) -> None:
    """Reference: minus the lowest eigenvalue by NumPy, and half of what QuTiP's trace norm exceeds 1 by."""
    rng = np.random.default_rng(rank)
    states = np.array([random_state(rng, rank) for _ in range(200)])
    found = negativity(states)
    assert found.max() > 0.1
    lowest = np.array([np.linalg.eigvalsh(transposed(rho))[0] for rho in states])
    np.testing.assert_allclose(found, np.maximum(0.0, -lowest), rtol=0, atol=2e-15)
    for value, rho in zip(found[:50], states[:50], strict=True):
        peer = qutip.partial_transpose(qutip.Qobj(rho, dims=[[2, 2], [2, 2]]), [0, 1])
        assert abs(value - (peer.norm("tr") - 1.0) / 2.0) < 1e-14


@pytest.mark.parametrize("p", [0.0, 0.2, 1 / 3 - 1e-9, 1 / 3 + 1e-9, 0.4, 0.9, 1.0])
def test_werner_states(p: float) -> None:
    """Reference: p |Bell><Bell| + (1 - p) 1/4 has (3p - 1) / 4, or nothing."""
    rho = p * np.outer(BELL, BELL) + (1 - p) * np.eye(4) / 4
    assert abs(float(negativity(rho)) - max(0.0, (3 * p - 1) / 4)) < 1e-15


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-6, 0.1, np.pi / 4])
def test_pure_states(angle: float) -> None:
    """Reference: cos(a) |↑↑> + sin(a) |↓↓> has sin(2a) / 2; a Bell state 1/2."""
    psi = np.array([np.cos(angle), 0.0, 0.0, np.sin(angle)])
    assert abs(float(negativity(np.outer(psi, psi))) - np.sin(2 * angle) / 2) < 1e-15


def test_product_states_have_exactly_none() -> None:
    """Pure and mixed, also where their trace misses 1 by what is still taken for a state."""
    rng = np.random.default_rng(7)
    for rank in (1, 2):
        for excess in (0.0, 1e-12, -1e-9, 9e-7):
            one, other = (rng.normal(size=(2, rank)) + 1j * rng.normal(size=(2, rank)) for _ in range(2))
            rho = np.kron(one @ one.conj().T, other @ other.conj().T)
            assert negativity((1.0 + excess) * rho / np.trace(rho)) == 0.0


def test_no_small_difference_of_the_trace() -> None:
    """Reference: a state times a factor has its negativity times that factor."""
    rng = np.random.default_rng(8)
    for rank in (1, 2, 3):
        rho = random_state(rng, rank)
        assert abs(float(negativity(rho * (1.0 + 5e-7))) - float(negativity(rho)) * (1.0 + 5e-7)) < 1e-15


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rank=st.integers(1, 4), mixing=st.floats(0.0, 1.0))
def test_positive_together_with_the_concurrence(seed: int, rank: int, mixing: float) -> None:
    """Two qubits have one if and only if they have the other, and sqrt((1 - C)² + C²) - (1 - C) <= 2 N <= C.

    The lower bound goes like C² / 2: below C = 1e-6 the negativity may lie under the floor.
    """
    rho = (1.0 - mixing) * random_state(np.random.default_rng(seed), rank) + mixing * np.eye(4) / 4.0
    C, N = float(concurrence(rho)), float(negativity(rho))
    assert 2.0 * N < C + 1e-14
    assert np.hypot(1.0 - C, C) - (1.0 - C) < 2.0 * (N + CONCURRENCE_FLOOR)
    if N > 0.0:
        assert C > 0.0
    if C > 1e-6:
        assert N > 0.0
