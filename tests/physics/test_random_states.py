"""Random states against exact averages over the sphere and against the published fit, within five errors."""

import math

import numpy as np
import pytest
import qutip

from ensemble.physics import (
    concurrence,
    haar_states,
    pair_concurrences,
    pair_states,
    random_pair_concurrences,
    random_state_concurrence,
    random_states,
)

A, A_ERROR, B = 0.127, 0.003, 1.009
"""The published fit <C> = exp(-a 2^(bN)), from 1e7 states."""


def rng() -> np.random.Generator:
    return np.random.default_rng(2021)


def test_states_are_normalized_and_isotropic() -> None:
    """Reference: the average of |ψ><ψ| is the identity over 2^N; a component has <|A|^4> = 2 / (M (M + 1))."""
    states = haar_states(rng(), 3, 40_000)
    assert states.shape == (40_000, 8)
    np.testing.assert_allclose(np.sum(np.abs(states) ** 2, axis=1), 1.0, rtol=1e-14)
    average = states.T @ states.conj() / len(states)
    np.testing.assert_allclose(average, np.eye(8) / 8, rtol=0, atol=5 / 8 / math.sqrt(len(states)))
    fourth = np.abs(states) ** 4
    assert abs(fourth.mean() - 2 / 72) < 5 * fourth.mean(axis=1).std() / math.sqrt(len(states))


def test_two_spins() -> None:
    """Reference: <C> = 3π/16, since the density of C is 3 C sqrt(1 - C²); <C²> = 2/5. Every pure pair is entangled."""
    c = random_state_concurrence(rng(), 2, 40_000)
    assert np.all((c > 0.0) & (c <= 1.0))
    assert abs(c.mean() - 3 * math.pi / 16) < 5 * c.std() / math.sqrt(c.size)
    assert abs(np.mean(c**2) - 2 / 5) < 5 * np.std(c**2) / math.sqrt(c.size)


@pytest.mark.parametrize("n", [3, 4, 7])
def test_mean_purity(n: int) -> None:
    """Reference: Lubkin, <Tr ρ_A²> = (d_A + d_B) / (d_A d_B + 1), for pairs."""
    rho = pair_states(haar_states(rng(), n, 4_000))
    purity = np.sum(np.abs(rho) ** 2, axis=(2, 3)).mean(axis=1)
    a, b = 4, 2 ** (n - 2)
    assert abs(purity.mean() - (a + b) / (a * b + 1)) < 5 * purity.std() / math.sqrt(purity.size)


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_the_published_fit(n: int) -> None:
    """-ln <C> / 2^(bN) is the published a, within twice its error: the fit has no prefactor, and <C> is the mean
    over states and pairs, separable ones included."""
    c = random_state_concurrence(rng(), n, 20_000)
    mean, error = c.mean(), c.std() / math.sqrt(c.size)
    scale = 2 ** (B * n)
    assert abs(-math.log(mean) / scale - A) < 2 * A_ERROR + 5 * error / mean / scale


@pytest.mark.parametrize("n", [2, 3, 5])
def test_pairs_against_qutip(n: int) -> None:
    """Reference: QuTiP's partial trace and concurrence."""
    states = haar_states(rng(), n, 5)
    rho = pair_states(states)
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    assert rho.shape == (5, len(pairs), 4, 4)
    for psi, found in zip(states, rho, strict=True):
        ket = qutip.Qobj(psi[:, None], dims=[[2] * n, [1] * n])
        for pair, one in zip(pairs, found, strict=True):
            expected = ket.ptrace(pair)
            np.testing.assert_allclose(one, expected.full(), rtol=0, atol=1e-15)
            assert abs(float(concurrence(one)) - qutip.concurrence(expected)) < 1e-7
    np.testing.assert_allclose(pair_concurrences(states), concurrence(rho), rtol=0, atol=1e-15)


def test_batches_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = random_pair_concurrences(rng(), 4, 10)
    assert whole.shape == (10, 6)
    assert np.array_equal(whole, pair_concurrences(haar_states(rng(), 4, 10)))
    monkeypatch.setattr(random_states, "BATCH_BYTES", 3 * 16 * 2**4)
    assert np.array_equal(whole, random_pair_concurrences(rng(), 4, 10))
    assert np.array_equal(whole.mean(axis=1), random_state_concurrence(rng(), 4, 10))
    assert random_state_concurrence(rng(), 4, 0).shape == (0,)


@pytest.mark.parametrize("shape", [(8,), (3, 6), (3, 2), (2, 4, 4)])
def test_shapes_that_are_no_states(shape: tuple[int, ...]) -> None:
    for function in (pair_states, pair_concurrences):
        with pytest.raises(ValueError, match=r"shape \(count, 2\*\*N\)"):
            function(np.ones(shape, dtype=np.complex128))
