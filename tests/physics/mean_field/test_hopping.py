"""Rates of hopping electrons: Miller and Abrahams' rates one by one, mpmath, and derivatives of the rate equation."""

import math

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.errors import ConvergenceError
from ensemble.models.mean_field.kernels import hopping
from tests.support.reference.exact_spectrum import eigenvalues, exact, laplacian, relative_errors
from tests.support.reference.localized import Glass

Array = NDArray[np.float64]

LENGTH = 0.1


def solved(
    seed: int, n: int, temperature: float, box: str = "paper", length: float = LENGTH
) -> tuple[Glass, Array, Array, Array]:
    """A glass, its energies, jumps and null vector."""
    glass = Glass.of_electrons(seed, n, temperature, box)
    energy = glass.solved().x
    jumps = hopping.jumps(energy, glass.distance, length, temperature)
    return glass, energy, jumps, hopping.null_vector(energy, temperature)


def weights(jumps: Array) -> Array:
    """w, of which the squares are a_ij a_ji."""
    return np.sqrt(jumps * jumps.T)


def interaction(glass: Glass) -> Array:
    """V, of which the coupling is -1/2."""
    return -2 * glass.coupling


def equilibrium(energy: Array, distance: Array, temperature: float) -> Array:
    """(n, n), how many hop from i to j: n_i (1 - n_j) exp(-r / ξ) (N(|E_i - E_j|) + Θ(E_i - E_j)), pair by pair."""
    found = np.zeros_like(distance)
    for i, Ei in enumerate(energy.tolist()):
        for j, Ej in enumerate(energy.tolist()):
            if i != j:
                full, empty = 1 / (math.exp(Ei / temperature) + 1), 1 / (math.exp(-Ej / temperature) + 1)
                phonons = 1 / math.expm1(abs(Ei - Ej) / temperature)
                found[i, j] = full * empty * math.exp(-distance[i, j] / LENGTH) * (phonons + (Ei > Ej))
    return found


@pytest.mark.parametrize("temperature", [0.05, 0.3, 5.0])
def test_detailed_balance(temperature: float) -> None:
    """Reference: hops counted pair by pair. As many go as come, and they are a_ji v_i² / 4 of the package."""
    glass, energy, jumps, null = solved(1, 30, temperature)
    hops = equilibrium(energy, glass.distance, temperature)
    np.testing.assert_allclose(hops, hops.T, rtol=1e-12)
    np.testing.assert_allclose(jumps * null**2 / 4, hops, rtol=1e-12)
    half = energy / (2 * temperature)
    closed = np.exp(-glass.distance / LENGTH) / (8 * np.cosh(half) * np.cosh(half[:, None]))
    apart = ~np.eye(30, dtype=bool)
    gap = np.abs(half - half[:, None])[apart]
    np.testing.assert_allclose((closed[apart] / np.sinh(gap)), hops[apart], rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_the_plain_matrix(temperature: float) -> None:
    """Reference: NumPy's eigenvalues of A_ij = γ_ij / (n_j (1 - n_j)). Its columns sum to zero: charge is kept."""
    glass, energy, jumps, _ = solved(2, 40, temperature)
    shared = 1 / (4 * np.cosh(energy / (2 * temperature)) ** 2)
    plain = equilibrium(energy, glass.distance, temperature) / shared
    plain -= np.diag(plain.sum(axis=0))
    scale = np.abs(plain).max()
    assert np.abs(plain @ shared).max() < 1e-14 * scale
    found = np.linalg.eigvals(plain)
    assert np.abs(found.imag).max() < 1e-12 * scale
    lowest, *others = np.sort(-found.real)
    assert abs(lowest) < 1e-13 * scale
    np.testing.assert_allclose(hopping.rates(jumps), others, rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize(
    ("box", "temperature", "length", "decades"),
    [("paper", 0.1, 0.1, 4), ("neighbour", 0.1, 0.1, 8), ("neighbour", 0.02, 0.1, 14), ("neighbour", 0.02, 0.05, 20)],
)
def test_rates(box: str, temperature: float, length: float, decades: float) -> None:
    """Reference: mpmath. Each rate is right to 1e-13, though the smallest may be 1e-20 of the largest."""
    _, _, jumps, null = solved(3, 24, temperature, box, length)
    exact_rates = eigenvalues(lambda: laplacian(weights(jumps), null), 120)
    found = hopping.rates(jumps)
    assert relative_errors(found, exact_rates[1:]).max() < 1e-13
    assert found[-1] / found[0] > 10.0**decades


def test_quick_rates() -> None:
    """They are as good where rates are not too small, and are off by rounding errors of the largest."""
    _, _, jumps, _ = solved(4, 150, 0.1)
    precise, quick = hopping.rates(jumps), hopping.quick_rates(jumps)
    np.testing.assert_allclose(quick, precise, rtol=0, atol=1e-13 * precise[-1])
    large = precise > 1e-4 * precise[-1]
    np.testing.assert_allclose(quick[large], precise[large], rtol=1e-9)


def exact_weights_and_null(energy: Array, distance: Array, T: float) -> tuple[list[list[mpmath.mpf]], list[mpmath.mpf]]:
    E = [mpmath.mpf(each) / (2 * mpmath.mpf(T)) for each in energy.tolist()]
    r = exact(distance / LENGTH)
    w = [
        [mpmath.exp(-r[i, j]) / (2 * mpmath.sinh(abs(E[i] - E[j]))) if i != j else mpmath.mpf(0) for j in range(len(E))]
        for i in range(len(E))
    ]
    return w, [1 / mpmath.cosh(each) for each in E]


@pytest.mark.parametrize("temperature", [0.01, 0.1, 100.0])
def test_jumps(temperature: float) -> None:
    """Reference: mpmath. The difference of two energies is as they have it, and no factor overflows."""
    glass, energy, jumps, null = solved(5, 12, temperature, "neighbour")
    with mpmath.workdps(60):
        w, v = exact_weights_and_null(energy, glass.distance, temperature)
        np.testing.assert_allclose(null, [float(each) for each in v], rtol=1e-13)
        expected = [[float(w[i][j] * v[j] / v[i]) for i in range(12)] for j in range(12)]
        np.testing.assert_allclose(jumps, expected, rtol=1e-10)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_whole_matrix(temperature: float) -> None:
    """Reference: derivatives, by an imaginary step, of all hops while the energies follow the electrons.

    dn_i/dt = Σ_j (γ_ji - γ_ij), E_i = local_i + Σ_j V_ij (n_j - 1/2). The matrix is
    -L (1 / (n (1 - n)) + V / T) with the Laplacian L of hops at rest, and its eigenvalues by NumPy are the rates.
    """
    n, step = 30, 1e-30
    glass, energy, jumps, null = solved(6, n, temperature)
    rest, V = 1 / (np.exp(energy / temperature) + 1), interaction(glass)
    local = energy - V @ (rest - 0.5)
    factor = np.exp(-glass.distance / LENGTH) * ~np.eye(n, dtype=bool)

    def speed(electrons: NDArray[np.complex128]) -> NDArray[np.complex128]:
        level = local + V @ (electrons - 0.5)
        gap = level[:, None] - level + np.eye(n)
        downhill = gap.real > 0
        phonons = 1 / np.expm1(np.where(downhill, gap, -gap) / temperature)
        hops = electrons[:, None] * (1 - electrons) * factor * (phonons + downhill)
        moved: NDArray[np.complex128] = hops.sum(axis=0) - hops.sum(axis=1)
        return moved

    derivative = np.array([speed(rest + step * 1j * unit).imag / step for unit in np.eye(n)]).T
    hops = equilibrium(energy, glass.distance, temperature)
    laplace = np.diag(hops.sum(axis=1)) - hops
    expected = -laplace @ (np.diag(4 * np.cosh(energy / (2 * temperature)) ** 2) + V / temperature)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(derivative, expected, rtol=0, atol=1e-12 * scale)
    assert np.abs(speed(rest.astype(complex))).max() < 1e-14
    eigenvalues = np.linalg.eigvals(derivative)
    assert np.abs(eigenvalues.imag).max() < 1e-11 * scale
    found = hopping.coupled_rates(jumps, null, V, temperature)
    np.testing.assert_allclose(found, np.sort(-eigenvalues.real)[1:], rtol=0, atol=1e-11 * scale)
    alone = hopping.rates(jumps)
    assert np.abs(np.log(found / alone)).max() > 0.01


@pytest.mark.parametrize(("box", "temperature"), [("paper", 0.1), ("neighbour", 0.05)])
def test_coupled_rates(box: str, temperature: float) -> None:
    """Reference: mpmath, Lᵀ M L with S = L Lᵀ. Each rate is right to 1e-12."""
    glass, _, jumps, null = solved(7, 20, temperature, box)

    def matrix() -> mpmath.matrix:
        v, V = [mpmath.mpf(each) for each in null.tolist()], exact(interaction(glass))
        stiffness = mpmath.eye(20)
        for i in range(20):
            for j in range(20):
                stiffness[i, j] += v[i] * V[i, j] * v[j] / (4 * mpmath.mpf(temperature))
        root = mpmath.cholesky(stiffness)
        return root.T * laplacian(weights(jumps), null) * root

    found = hopping.coupled_rates(jumps, null, interaction(glass), temperature)
    assert relative_errors(found, eigenvalues(matrix, 100)[1:]).max() < 1e-12


def test_without_interaction() -> None:
    _, _, jumps, null = solved(8, 40, 0.1)
    found = hopping.coupled_rates(jumps, null, np.zeros((40, 40)), 0.1)
    np.testing.assert_allclose(found, hopping.rates(jumps), rtol=1e-13)


def test_two() -> None:
    """Reference: the one rate exp(-r / ξ) (c₁ / c₂ + c₂ / c₁) / (2 sinh) with hyperbolic cosines c."""
    energy, distance = np.array([0.3, -0.1]), np.array([[0.0, 0.5], [0.5, 0.0]])
    found = hopping.rates(hopping.jumps(energy, distance, LENGTH, 0.1))
    ratio = math.cosh(1.5) / math.cosh(0.5)
    assert found.tolist() == pytest.approx([math.exp(-5) * (ratio + 1 / ratio) / (2 * math.sinh(2))], rel=1e-13)


def test_a_deep_level_relaxes_as_fast_as_it_hops() -> None:
    """At 1e-3 of the energies: a hole far below fills at exp(-r / ξ), whatever else is exponentially slow."""
    energy, distance = np.array([-0.6, -0.3]), np.array([[0.0, 0.5], [0.5, 0.0]])
    found = hopping.rates(hopping.jumps(energy, distance, LENGTH, 1e-3))
    assert found.tolist() == pytest.approx([math.exp(-5)], rel=1e-12)


def test_equal_energies() -> None:
    """Phonons of no energy have no finite rate."""
    distance = np.array([[0.0, 100.0], [100.0, 0.0]])
    for length in (0.1, 1.0):
        with pytest.raises(ConvergenceError, match="two are the same"):
            hopping.jumps(np.array([0.2, 0.2]), distance, length, 0.1)


@pytest.mark.parametrize("far", [40.0, 800.0, 3000.0, 1e9])
def test_a_close_pair(far: float) -> None:
    """No double holds its occupations. Both sites relax as fast as they hop, and are no way for all others."""
    near, between = np.array([0.3, -0.4, 0.1]), np.array([[0.0, 0.5, 0.4], [0.5, 0.0, 0.6], [0.4, 0.6, 0.0]])
    energy = np.array([*near, far, -far - 0.1])
    distance = np.full((5, 5), 0.3)
    distance[:3, :3] = between
    distance[3:, 3:] = [[0.0, 0.01], [0.01, 0.0]]
    found = hopping.rates(hopping.jumps(energy, distance, LENGTH, 1.0))
    hole, electron = (
        sum(math.exp(-3) * math.exp(sign * E / 2) / (2 * math.cosh(E / 2)) for E in near) for sign in (-1, 1)
    )
    expected = [*hopping.rates(hopping.jumps(near, between, LENGTH, 1.0)), hole, electron]
    np.testing.assert_allclose(found, sorted(expected), rtol=1e-13)
    with_fields = hopping.coupled_rates(
        hopping.jumps(energy, distance, LENGTH, 1.0), hopping.null_vector(energy, 1.0), 0.1 * (1 - np.eye(5)), 1.0
    )
    assert np.isfinite(with_fields).all()


def test_energies_that_are_no_minimum() -> None:
    """Two sites that attract each other, both half full."""
    energy, distance = np.array([1e-3, -1e-3]), np.array([[0.0, 1.0], [1.0, 0.0]])
    jumps, null = hopping.jumps(energy, distance, LENGTH, 0.1), hopping.null_vector(energy, 0.1)
    with pytest.raises(ConvergenceError, match="minimum of the free energy"):
        hopping.coupled_rates(jumps, null, np.array([[0.0, -1.0], [-1.0, 0.0]]), 0.1)
