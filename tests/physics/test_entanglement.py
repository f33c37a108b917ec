"""Concurrence against 50-digit arithmetic, known states, invariances, and input that is no state."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ensemble.physics import CONCURRENCE_FLOOR, concurrence, negativity
from tests.support.reference import exact_concurrence as exact

Measure = Callable[[object], NDArray[np.float64]]

MEASURES = pytest.mark.parametrize("measure", [concurrence, negativity])

BELL = np.array([1.0, 0.0, 0.0, 1.0]) / np.sqrt(2.0)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_random_states_of_every_rank(rank: int) -> None:
    """Reference: singular values with 50 digits."""
    rng = np.random.default_rng(rank)
    factors = [exact.random_factor(rng, rank) for _ in range(40)]
    expected = [float(exact.exact_concurrence(x)) for x in factors]
    found = concurrence([exact.rounded_state(x) for x in factors])
    assert rank == 4 or max(expected) > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("value", [0.5, 1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("rank", [2, 3, 4])
def test_small_concurrence_of_mixed_states(rank: int, value: float) -> None:
    """Reference: mixtures of Bell states in random local bases have C = 2 p_max - 1; checked with 50 digits."""
    rng = np.random.default_rng(rank)
    largest = (1 + mpmath.mpf(value)) / 2
    for _ in range(10):
        factor = exact.bell_mixture(rng, [largest, *[(1 - largest) / (rank - 1)] * (rank - 1)])
        assert abs(exact.exact_concurrence(factor) - mpmath.mpf(value)) < mpmath.mpf(10) ** -30
        assert abs(float(concurrence(exact.rounded_state(factor))) - value) < 1e-13


@pytest.mark.parametrize("value", [1.0, 1e-3, 1e-6, 1e-9, 1e-12])
def test_small_concurrence_of_pure_states(value: float) -> None:
    """Reference: cos(a) |00> + sin(a) |11> in random local bases has C = sin(2a)."""
    rng = np.random.default_rng(5)
    angle = mpmath.asin(mpmath.mpf(value)) / 2
    for _ in range(20):
        factor = exact.in_random_local_bases(rng, mpmath.matrix([[mpmath.cos(angle)], [0], [0], [mpmath.sin(angle)]]))
        assert abs(float(concurrence(exact.rounded_state(factor))) - value) < 1e-13


def test_square_roots_of_eigenvalues_lose_half_the_digits() -> None:
    """What the singular values are for: QuTiP takes square roots of the eigenvalues of ρ (σy ⊗ σy) ρ* (σy ⊗ σy).

    For mixtures of two and three Bell states, with the eigenvalue 0 among them, it is off by 1e-8 at C = 1e-6, by 1 %,
    and returns 0 at C = 1e-9 and 1e-12, where ours is off by less than 1e-15. Of pure states, C = 1e-6 comes out with
    an error of 6e-7. Full rank, without small eigenvalues, is easy for both.
    """
    rng = np.random.default_rng(9)
    for value in (1e-6, 1e-9, 1e-12):
        largest = (1 + mpmath.mpf(value)) / 2
        ours, theirs = [], []
        for rank in (2, 3) * 5:
            rho = exact.rounded_state(exact.bell_mixture(rng, [largest, *[(1 - largest) / (rank - 1)] * (rank - 1)]))
            ours.append(abs(float(concurrence(rho)) - value))
            theirs.append(abs(qutip.concurrence(qutip.Qobj(rho, dims=[[2, 2], [2, 2]])) - value))
        assert max(ours) < 1e-13
        assert max(theirs) > max(ours)


@pytest.mark.parametrize("p", [0.0, 0.2, 1 / 3 - 1e-9, 1 / 3 + 1e-9, 0.4, 0.9, 1.0])
def test_werner_states(p: float) -> None:
    """Reference: p |Bell><Bell| + (1 - p) 1/4 has C = max(0, (3p - 1) / 2)."""
    rho = p * np.outer(BELL, BELL) + (1 - p) * np.eye(4) / 4
    assert abs(float(concurrence(rho)) - max(0.0, (3 * p - 1) / 2)) < 1e-15


def test_states_with_an_x_of_elements() -> None:
    """Reference: C = 2 max(0, |ρ14| - sqrt(ρ22 ρ33), |ρ23| - sqrt(ρ11 ρ44)), down to populations of 1e-18."""
    rng = np.random.default_rng(6)
    for small in (1.0, 1e-6, 1e-12, 1e-18):
        for _ in range(100):
            a, b, c, d = rng.random(4) * [small, 1.0, small, 1.0]
            rho = np.diag(np.array([a, b, c, d]) / (a + b + c + d)).astype(complex)
            outer = np.sqrt(rho[0, 0] * rho[3, 3]).real * rng.random()
            inner = np.sqrt(rho[1, 1] * rho[2, 2]).real * rng.random()
            rho[0, 3] = outer * np.exp(2j * np.pi * rng.random())
            rho[1, 2] = inner * np.exp(2j * np.pi * rng.random())
            rho[3, 0], rho[2, 1] = rho[0, 3].conj(), rho[1, 2].conj()
            bounds = np.sqrt(rho[1, 1] * rho[2, 2]).real, np.sqrt(rho[0, 0] * rho[3, 3]).real
            expected = 2 * max(0.0, outer - bounds[0], inner - bounds[1])
            assert abs(float(concurrence(rho)) - expected) < 2e-15 + CONCURRENCE_FLOOR * (expected < 2e-14)


def test_product_states_have_exactly_none() -> None:
    """Pure and mixed products: values below the floor are returned as 0."""
    rng = np.random.default_rng(7)
    for rank in (1, 2):
        for _ in range(100):
            one, other = (random_qubit(rng, rank) for _ in range(2))
            assert concurrence(np.kron(one, other)) == 0.0


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rank=st.integers(1, 4))
def test_local_rotations_change_nothing(seed: int, rank: int) -> None:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(4, rank)) + 1j * rng.normal(size=(4, rank))
    factor /= np.linalg.norm(factor)
    one, other = (np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))[0] for _ in range(2))
    rotated = np.kron(one, other) @ factor
    before, after = concurrence([factor @ factor.conj().T, rotated @ rotated.conj().T])
    assert 0.0 <= before <= 1.0 + 1e-14
    assert abs(before - after) < 1e-12


@MEASURES
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,), (2, 0)])
def test_stacks_keep_their_shape(shape: tuple[int, ...], measure: Measure) -> None:
    found = measure(np.broadcast_to(np.outer(BELL, BELL), (*shape, 4, 4)))
    assert found.shape == shape
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, np.full(shape, 0.5 if measure is negativity else 1.0), rtol=1e-15)


@MEASURES
def test_stack_equals_single_states(measure: Measure) -> None:
    """The same bits, whatever the states are that a state is computed with; of 4000, so that no last bit hides."""
    rng = np.random.default_rng(8)
    factors = rng.normal(size=(2, 4000, 4, 4)) * rng.choice([1.0, 1e-3, 0.0], size=(4000, 1, 4))
    factor = (factors[0] + 1j * factors[1]) * rng.choice([1.0, 1e-4], size=(4000, 4, 1))
    factor[:, :, 0] += 1e-3
    states = factor @ factor.conj().swapaxes(1, 2)
    states /= np.trace(states, axis1=1, axis2=2)[:, None, None]
    found, order = measure(states), rng.permutation(4000)
    assert np.count_nonzero(found) > 2000
    assert np.array_equal(found, [float(measure(rho)) for rho in states])
    assert np.array_equal(found[order], measure(states[order]))


def test_rounding_is_cut_off() -> None:
    """A negative eigenvalue and an off-diagonal element of the size of rounding do not count."""
    rho = np.diag([1.0, -1e-16, 1e-17, 0.0]).astype(complex)
    rho[1, 2] = rho[2, 1] = 1e-10
    assert concurrence(rho) == 0.0


@pytest.mark.parametrize(
    ("rho", "sentence"),
    [
        (np.eye(3) / 3, "shape"),
        (np.eye(4)[0], "shape"),
        (np.full((4, 4), np.nan), "finite"),
        (np.eye(4) / 4 + 1e-3j * np.eye(4), "hermitian"),
        (np.eye(4) / 4 + np.eye(4, k=1) * 1e-3, "hermitian"),
        (np.eye(4), "trace 1"),
        (np.diag([0.7, 0.4, -0.1, 0.0]), "positive"),
        (np.eye(4) / 4 + np.fliplr(np.eye(4)), "positive"),
    ],
)
@MEASURES
def test_what_is_not_a_state_is_refused(rho: NDArray[np.complex128], sentence: str, measure: Measure) -> None:
    with pytest.raises(ValueError, match=sentence):
        measure(rho)
    if rho.shape == (4, 4):
        with pytest.raises(ValueError, match=sentence):
            measure([np.eye(4) / 4, rho])


def random_qubit(rng: np.random.Generator, rank: int) -> NDArray[np.complex128]:
    factor = rng.normal(size=(2, rank)) + 1j * rng.normal(size=(2, rank))
    factor /= np.linalg.norm(factor)
    return np.asarray(factor @ factor.conj().T)
