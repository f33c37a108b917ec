"""Entropy and purity of bubbles against QuTiP, the state vector and plain NumPy, and the physics that they obey."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from ensemble.models.tls_glass.kernels import ENTROPY_FLOOR, bubble_entropy, bubble_purity, entropy, purity
from ensemble.physics.one_blas_thread import one_blas_thread
from tests.support.reference import bubble_matrices, qutip_solution
from tests.support.reference.random_ising import IsingInstance, random_instance

Array = NDArray[np.float64]

TIMES = np.concatenate([[0.0], np.logspace(-3, 4, 29)])

instances = st.builds(
    random_instance,
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 6),
    rate=st.sampled_from([0.0, 1e-6, 1e-2, 1.0]),
    occupation=st.sampled_from([0.0, 0.3]),
)


def halves(n: int) -> NDArray[np.int64]:
    """floor(n / 2) sites that follow each other on a ring, from each site on."""
    return (np.arange(n)[:, None] + np.arange(n // 2)) % n


def entropy_of(instance: IsingInstance, bubbles: NDArray[np.int64], t: Array = TIMES) -> Array:
    return bubble_entropy(instance, bubbles, t, occupation=instance.occupation)


def purity_of(instance: IsingInstance, bubbles: NDArray[np.int64], t: Array = TIMES) -> Array:
    return bubble_purity(instance, bubbles, t, occupation=instance.occupation)


def sized(instance: IsingInstance) -> tuple[Array, Array]:
    """Entropy and purity at all times up to 1e9, checked to be numbers between their bounds."""
    t = np.concatenate([[0.0], np.logspace(-3, 9, 25)])
    bubbles = halves(instance.size)
    k = bubbles.shape[1]
    s, p = entropy_of(instance, bubbles, t), purity_of(instance, bubbles, t)
    assert np.all(s[:, 0] == 0.0)
    np.testing.assert_allclose(p[:, 0], 1.0, rtol=0, atol=1e-14)
    assert np.all((s >= 0.0) & (s <= k * np.log(2.0) + 1e-12))
    assert np.all((p >= 2.0**-k - 1e-14) & (p <= 1.0 + 1e-14))
    assert np.all(-np.log(p) <= s + 1e-12)  # the Rényi-2 entropy is a lower bound
    return s, p


@pytest.mark.parametrize("occupation", [0.0, 0.8])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_qutip(n: int, occupation: float) -> None:
    """Reference: QuTiP's mesolve, its partial trace, entropy and purity, of every bubble."""
    instance = random_instance(n, n, rate=0.3, occupation=occupation)
    t = np.linspace(0.0, 2.0, 4)
    bubbles = halves(n)
    states = qutip_solution.solve(instance, t, lab=False)
    reduced = [[state.ptrace(sorted(bubble.tolist())) for state in states] for bubble in bubbles]
    expected = [[qutip.entropy_vn(rho) for rho in row] for row in reduced]
    np.testing.assert_allclose(entropy_of(instance, bubbles, t), expected, rtol=0, atol=1e-8)
    expected = [[rho.purity() for rho in row] for row in reduced]
    np.testing.assert_allclose(purity_of(instance, bubbles, t), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("n", [7, 8])
def test_state_vector(n: int) -> None:
    """Reference: the Schmidt decomposition of all 2^n amplitudes, without dissipation."""
    instance = random_instance(n, n, rate=0.0)
    t = np.linspace(0.0, 5.0, 11)
    bubbles = halves(n)
    expected = bubble_matrices.pure_entropies(instance, bubbles, t)
    assert expected.max() > 1.3
    np.testing.assert_allclose(entropy_of(instance, bubbles, t), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("occupation", [0.0, 0.3, 100.0])
@pytest.mark.parametrize("rate", [0.0, 1e-6, 1e-2, 1.0])
@pytest.mark.parametrize("n", [2, 3, 7])
def test_plain_matrices(n: int, rate: float, occupation: float) -> None:
    """Reference: reduced_density_matrix in NumPy, its spectrum and the squares of its elements."""
    instance = random_instance(n, n, rate=rate, occupation=occupation)
    bubbles = halves(n)
    expected = bubble_matrices.entropies(instance, bubbles, TIMES)
    np.testing.assert_allclose(entropy_of(instance, bubbles), expected, rtol=0, atol=1e-12)
    expected = bubble_matrices.purities(instance, bubbles, TIMES)
    np.testing.assert_allclose(purity_of(instance, bubbles), expected, rtol=0, atol=1e-14)


def test_sites_with_and_without_phonons() -> None:
    """Reference: plain NumPy. One realization may mix sites at f = 0, at f > 0 and without any rate."""
    instance = random_instance(5, 6, rate=0.3, occupation=0.5)
    mixed = replace(
        instance, occupation=instance.occupation * [0, 1, 0, 1, 1, 0], rate=instance.rate * [1, 1, 0, 0, 1, 1]
    )
    bubbles = np.array([[0, 1, 2], [3, 4, 5], [5, 1, 3]])
    expected = bubble_matrices.entropies(mixed, bubbles, TIMES)
    np.testing.assert_allclose(entropy_of(mixed, bubbles), expected, rtol=0, atol=1e-12)
    expected = bubble_matrices.purities(mixed, bubbles, TIMES)
    np.testing.assert_allclose(purity_of(mixed, bubbles), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("occupation", [0.0, 0.4])
def test_coherences_that_are_lost_one_after_the_other(occupation: float) -> None:
    """Reference: plain NumPy on the whole matrix, which rates over nine decades divide into ever more blocks."""
    instance = random_instance(4, 10, occupation=occupation)
    spread = replace(instance, rate=instance.rate * 10.0 ** np.random.default_rng(4).permutation(np.arange(-7.0, 3.0)))
    bubbles, t = halves(10)[::3], np.logspace(-3, 8, 12)
    s, p = entropy_of(spread, bubbles, t), purity_of(spread, bubbles, t)
    assert s.max() > 1.5
    np.testing.assert_allclose(s, bubble_matrices.entropies(spread, bubbles, t), rtol=0, atol=1e-12)
    np.testing.assert_allclose(p, bubble_matrices.purities(spread, bubbles, t), rtol=0, atol=1e-14)


@pytest.mark.parametrize("sizes", [(1, 8), (4, 5), (2, 7), (9, 0)])
def test_both_sides_of_a_pure_state(sizes: tuple[int, int]) -> None:
    """S_A = S_B without dissipation, for any cut; the whole system has none."""
    instance = random_instance(9, 9, rate=0.0)
    order = np.random.default_rng(9).permutation(9)
    one, other = order[None, : sizes[0]], order[None, sizes[0] :]
    t = np.logspace(-3, 3, 5)
    found, squares = entropy_of(instance, one, t), purity_of(instance, one, t)
    if sizes[1]:
        assert found.max() > 0.3
        np.testing.assert_allclose(found, entropy_of(instance, other, t), rtol=0, atol=1e-12)
        np.testing.assert_allclose(squares, purity_of(instance, other, t), rtol=0, atol=1e-14)
    else:
        assert np.all(found == 0.0)
        np.testing.assert_allclose(squares, 1.0, rtol=0, atol=1e-13)


def test_two_sites_alone() -> None:
    """Reference: the spectrum (1 ± sqrt(1 - C²)) / 2 with C = sin θ1 sin θ2 |sin 4 J t|, without dissipation."""
    instance = random_instance(0, 2, rate=0.0)
    c = np.prod(np.sin(instance.theta)) * np.abs(np.sin(4 * instance.coupling[0, 1] * TIMES))
    smaller = c**2 / (2.0 * (1.0 + np.sqrt(1.0 - c**2)))
    expected = bubble_matrices.entropy_of(np.stack([smaller, 1.0 - smaller], axis=-1))
    np.testing.assert_allclose(entropy_of(instance, halves(2)), [expected, expected], rtol=0, atol=2e-12)


@settings(max_examples=30, deadline=None)
@given(instance=instances)
def test_bounds(instance: IsingInstance) -> None:
    """S = 0 at t = 0; 0 <= S <= k ln 2; 2^-k <= Tr ρ² <= 1; -ln Tr ρ² <= S."""
    sized(instance)


@settings(max_examples=30, deadline=None)
@given(instance=instances, data=st.data())
def test_numbering_of_sites(instance: IsingInstance, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(instance.size))))
    new_number = np.argsort(order)
    renumbered = IsingInstance(
        coupling=instance.coupling[np.ix_(order, order)],
        rate=instance.rate[order],
        frequency=instance.frequency[order],
        theta=instance.theta[order],
        phi=instance.phi[order],
        occupation=instance.occupation[order],
    )
    t = TIMES[TIMES <= 10.0]
    bubbles = halves(instance.size)
    expected = entropy_of(instance, bubbles, t)
    np.testing.assert_allclose(entropy_of(renumbered, new_number[bubbles], t), expected, rtol=0, atol=1e-11)
    expected = purity_of(instance, bubbles, t)
    np.testing.assert_allclose(purity_of(renumbered, new_number[bubbles], t), expected, rtol=0, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(instance=instances, seed=st.integers(0, 100))
def test_azimuths_and_frequencies_are_local(instance: IsingInstance, seed: int) -> None:
    rng = np.random.default_rng(seed)
    turned = replace(instance, phi=rng.random(instance.size), frequency=rng.random(instance.size))
    bubbles = halves(instance.size)
    assert np.array_equal(entropy_of(turned, bubbles), entropy_of(instance, bubbles))
    assert np.array_equal(purity_of(turned, bubbles), purity_of(instance, bubbles))


def test_everything_relaxes_to_the_ground_state() -> None:
    """t -> ∞ at T = 0 with every site damped: a pure product state, exactly."""
    instance = random_instance(2, 7, rate=1.0)
    late = np.array([1e4, 1e9])
    assert np.all(entropy_of(instance, halves(7), late) == 0.0)
    np.testing.assert_allclose(purity_of(instance, halves(7), late), 1.0, rtol=0, atol=1e-15)


def test_everything_relaxes_to_the_bath() -> None:
    """t -> ∞ at T > 0: the entropies and purities of the sites' thermal states."""
    instance = random_instance(2, 6, rate=1.0, occupation=0.7)
    down = instance.occupation / (1.0 + 2.0 * instance.occupation)
    each = bubble_matrices.entropy_of(np.stack([down, 1.0 - down], axis=-1))
    bubbles = halves(6)
    late = np.array([1e4])
    expected = each[bubbles].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(entropy_of(instance, bubbles, late), expected, rtol=0, atol=1e-13)
    expected = np.prod((down**2 + (1.0 - down) ** 2)[bubbles], axis=1, keepdims=True)
    np.testing.assert_allclose(purity_of(instance, bubbles, late), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("occupation", [0.0, 1e-300, 1e-6, 1.0, 1e10])
@pytest.mark.parametrize("rate", [0.0, 1e-300, 1e-6, 1.0, 1e6])
@pytest.mark.parametrize("coupling", [0.0, 1e-180, 1.0, 1e3])
def test_scales(coupling: float, rate: float, occupation: float) -> None:
    s, _ = sized(random_instance(11, 5, coupling=coupling, rate=rate, occupation=occupation))
    if coupling == rate == 0.0:
        assert np.all(s == 0.0)


@pytest.mark.parametrize("occupation", [0.0, 2.0])
def test_coinciding_numbers_and_poles(occupation: float) -> None:
    instance = random_instance(12, 6, occupation=occupation)
    sized(replace(instance, coupling=np.full((6, 6), 0.25), rate=np.full(6, 0.5 / (1 + 2 * occupation))))
    sized(replace(instance, theta=np.array([0.0, np.pi, np.pi / 2, 1e-9, np.pi, 0.0])))
    sized(replace(instance, rate=instance.rate * [0.0, 1.0, 1e-12, 1.0, 0.0, 1e12]))


@pytest.mark.parametrize("occupation", [0.0, 0.3])
def test_blocks_of_times_change_no_bit(monkeypatch: pytest.MonkeyPatch, occupation: float) -> None:
    """Nor do the times and bubbles that are asked for with them, nor the order of a bubble's sites."""
    instance = random_instance(7, 12, rate=0.01, occupation=occupation)
    bubbles = halves(12)[:4]
    t = np.concatenate([[0.0], np.logspace(-2, 3, 70)])
    s, p = entropy_of(instance, bubbles, t), purity_of(instance, bubbles, t)
    assert np.array_equal(s[1:2, 3::7], entropy_of(instance, bubbles[1:2, ::-1], t[3::7]))
    assert np.array_equal(p[1:2, 3::7], purity_of(instance, bubbles[1:2, ::-1], t[3::7]))
    monkeypatch.setattr(entropy, "MATRIX_BYTES", 5 * 16 * 4**6)
    monkeypatch.setattr(purity, "BLOCK", 5)
    assert np.array_equal(s, entropy_of(instance, bubbles, t))
    assert np.array_equal(p, purity_of(instance, bubbles, t))


def test_threads_of_the_linear_algebra_change_no_bit() -> None:
    """256 x 256 matrices, where the spectra of one and of two threads do differ; the limit goes as it came."""
    instance = random_instance(8, 16, rate=0.01)
    bubbles, t = halves(16)[:1], np.array([0.3, 3.0])
    with threadpool_limits(limits=1, user_api="blas"):
        expected = entropy_of(instance, bubbles, t)
    with threadpool_limits(limits=2, user_api="blas"):
        before = threadpool_info()
        found = entropy_of(instance, bubbles, t)
        with one_blas_thread, one_blas_thread:
            assert {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"} == {1}
        assert threadpool_info() == before
    assert np.array_equal(found, expected)


def test_small_entropies_are_exactly_none() -> None:
    """A floor that is above the rounding of a pure state with eight sites on either side."""
    instance = random_instance(3, 16, rate=0.0)
    assert ENTROPY_FLOOR == 1e-12
    assert entropy_of(instance, halves(16)[:2], np.zeros(1)).tolist() == [[0.0], [0.0]]


def test_no_bubbles_and_no_times() -> None:
    instance = random_instance(3, 4)
    for function in (entropy_of, purity_of):
        assert function(instance, halves(4)[:0], TIMES).shape == (0, len(TIMES))
        assert function(instance, halves(4), np.zeros(0)).shape == (4, 0)


@pytest.mark.parametrize("function", [bubble_entropy, bubble_purity])
def test_input_must_make_sense(function: Callable[..., Array]) -> None:
    instance = random_instance(3, 4)
    bad: Any
    for bad in ([0, 1], [[0.0, 1.0]], np.zeros((2, 0), dtype=int)):
        with pytest.raises(ValueError, match="bubbles must be an array"):
            function(instance, bad, [0.0])
    for bad in ([[0, 4]], [[-1, 0]]):
        with pytest.raises(ValueError, match="site numbers from 0 to 3"):
            function(instance, bad, [0.0])
    with pytest.raises(ValueError, match="different"):
        function(instance, [[0, 1], [2, 2]], [0.0])
    for times in ([np.nan], [-1.0], [[0.0]]):
        with pytest.raises(ValueError, match="times must be"):
            function(instance, [[0, 1]], times)
    with pytest.raises(ValueError, match="must match"):
        function(replace(instance, theta=np.zeros(3)), [[0, 1]], [0.0])
    with pytest.raises(ValueError, match="finite"):
        function(replace(instance, rate=np.full(4, np.nan)), [[0, 1]], [0.0])
    with pytest.raises(ValueError, match="must not be negative"):
        function(instance, [[0, 1]], [0.0], occupation=-0.1)


def test_a_bubble_that_is_too_large_for_matrices() -> None:
    with pytest.raises(ValueError, match="at most 12 sites, got 13"):
        bubble_entropy(random_instance(0, 14), [range(13)], [0.0])
