"""Elastic dipoles against quadrature of the paper's integrals, against real space, and against elasticity theory."""

from itertools import product
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ensemble.models.tls_glass.kernels import elastic_dipole

Array = NDArray[np.float64]

SEEDS = st.integers(0, 2**32 - 1)
SPEEDS = st.floats(0.5, 10.0)
Z = np.array([0.0, 0.0, 1.0])
D = np.eye(3)


def two(n: Array) -> Array:
    """C^{ac} written out."""
    return D - 3.0 * np.outer(n, n)


def four(n: Array) -> Array:
    """K^{abcd} written out, term by term."""
    pairs = ("ab,cd", "ac,bd", "ad,bc")
    mixed = ("ab,c,d", "cd,a,b", "ac,b,d", "ad,b,c", "bc,a,d", "bd,a,c")
    K: Array = sum(np.einsum(f"{each}->abcd", D, D) for each in pairs)
    K -= 3 * sum(np.einsum(f"{each}->abcd", D, n, n) for each in mixed)
    K += 15 * np.einsum("a,b,c,d->abcd", n, n, n, n)
    return K


def random_pair(seed: int) -> tuple[Array, Array, Array]:
    """Two symmetric tensors and a unit vector."""
    rng = np.random.default_rng(seed)
    first, second = elastic_dipole.tensors(rng.standard_normal((2, 6)))
    n = rng.standard_normal(3)
    return first, second, n / np.linalg.norm(n)


def closed_forms(zeta: float) -> dict[str, float]:
    """Eqs. (A18), with xxzz in the place of the printed xzzz."""
    s, c, z = np.sin(zeta), np.cos(zeta), zeta
    xyxy = -(3 * z * c + (z**2 - 3) * s) / z**5
    return {
        "xyxy": xyxy,
        "xxxx": 3 * xyxy,
        "xxzz": -(z * (z**2 - 12) * c - (5 * z**2 - 12) * s) / z**5,
        "zzzz": (4 * z * (z**2 - 6) * c + (z**4 - 12 * z**2 + 24) * s) / z**5,
        "xzzz": 0.0,
        "xx": (-z * c + s) / z**3,
        "zz": (2 * z * c + (z**2 - 2) * s) / z**3,
        "xz": 0.0,
    }


COEFFICIENTS = {"xyxy": (3, -1), "xxxx": (9, -3), "xxzz": (-12, 5), "zzzz": (24, -12), "xzzz": (0, 0)}
"""C_0 and C_2 of Eq. (A19), read off the sines of (A18)."""


def angular_integral(indices: str, zeta: Array) -> Array:
    """Eqs. (A16) and (A17) on a product grid, exact to rounding up to ζ = 200; the real part, the other one is 0."""
    cosine, weight = np.polynomial.legendre.leggauss(200)
    azimuth = 2 * np.pi * np.arange(16) / 16
    u, phi = np.meshgrid(cosine, azimuth, indexing="ij")
    q = {"x": np.sqrt(1 - u**2) * np.cos(phi), "y": np.sqrt(1 - u**2) * np.sin(phi), "z": u}
    product_of_q = np.prod([q[index] for index in indices], axis=0).mean(axis=1)
    result: Array = np.cos(np.outer(zeta, cosine)) @ (weight / 2 * product_of_q)
    return result


def test_angular_integrals_by_quadrature() -> None:
    """Eq. (A18); what it calls xzzz is xxzz."""
    for zeta in (0.3, 1.0, 4.0, 11.0):
        for indices, expected in closed_forms(zeta).items():
            assert angular_integral(indices, np.array([zeta]))[0] == pytest.approx(expected, abs=1e-12), indices


def test_tables_are_the_tensors() -> None:
    """C_0^{ac} = δ - 3nn and C_0^{abcd} + 2 C_2^{abcd} = K for n along z."""
    for indices, (C_0, C_2) in COEFFICIENTS.items():
        assert four(Z)[tuple("xyz".index(index) for index in indices)] == C_0 + 2 * C_2, indices
    assert np.array_equal(two(Z), np.diag([1.0, 1.0, -2.0]))


@pytest.mark.parametrize("indices", ["xyxy", "xxxx", "xxzz", "zzzz", "xzzz", "xx", "zz", "xz"])
def test_radial_integrals_by_quadrature(indices: str) -> None:
    """∫ ζ² I^{abcd} dζ = π/4 (C_0 + 2 C_2) and ∫ ζ² I^{ac} dζ = π/2 C_0^{ac}, from (A16) and (A17) themselves.

    The waves are cut off by exp(-(aζ)²/2), which adds a term c a² and others of order exp(-1/2a²).
    """
    node, weight = np.polynomial.legendre.leggauss(400)
    zeta = 90.0 * (1 + node)
    integrand = 90.0 * weight * zeta**2 * angular_integral(indices, zeta)
    coarse, fine = (np.sum(integrand * np.exp(-((a * zeta) ** 2) / 2)) for a in (0.1, 0.05))
    place = tuple("xyz".index(index) for index in indices)
    expected = np.pi / 4 * four(Z)[place] if len(indices) == 4 else np.pi / 2 * two(Z)[place]
    assert (4 * fine - coarse) / 3 == pytest.approx(expected, abs=1e-9)


def test_tensors_are_derivatives_in_real_space() -> None:
    """C / r³ = -∂∂(1/r) and K / r³ = -∂∂∂∂ r, by differences with 50 digits."""
    x = [mp.mpf("0.7"), mp.mpf("-0.4"), mp.mpf("1.1")]
    r = float(mp.norm(x))
    n = np.array([float(each) for each in x]) / r
    with mp.workdps(50):
        for a, c in product(range(3), repeat=2):
            found = derivative(lambda *y: 1 / mp.norm(y), x, (a, c))
            assert two(n)[a, c] == pytest.approx(-(r**3) * found, abs=1e-12)
        for a, b, c, d in product(range(3), repeat=4):
            found = derivative(lambda *y: mp.norm(y), x, (a, b, c, d))
            assert four(n)[a, b, c, d] == pytest.approx(-(r**3) * found, abs=1e-12)


def derivative(function: Any, x: list[Any], axes: tuple[int, ...]) -> float:
    return float(mp.diff(function, tuple(x), tuple(axes.count(axis) for axis in range(3))))


def test_energy_of_two_force_dipoles_by_elasticity_theory() -> None:
    """Reference: the displacement of a point force (Kelvin), in terms of shear modulus and Poisson's ratio."""
    rho, v_L, v_T = 2.2, 5.8, 3.8
    first, second, _ = random_pair(5)
    x = [mp.mpf("0.9"), mp.mpf("0.3"), mp.mpf("-0.6")]
    mu, poisson = rho * v_T**2, (v_L**2 - 2 * v_T**2) / (2 * (v_L**2 - v_T**2))

    def kelvin(b: int, d: int) -> Any:
        def component(*y: Any) -> Any:
            r = mp.norm(y)
            return ((3 - 4 * poisson) * (b == d) + y[b] * y[d] / r**2) / (16 * mp.pi * mu * (1 - poisson) * r)

        return component

    energy = 0.0
    with mp.workdps(40):
        for a, b, c, d in product(range(3), repeat=4):
            energy += first[a, b] * second[c, d] * derivative(kelvin(b, d), x, (a, c))
    r = float(mp.norm(x))
    n = np.array([float(each) for each in x]) / r
    found = elastic_dipole.contraction(first, second, n, v_L, v_T)
    v = elastic_dipole.average_speed(v_L, v_T)
    assert found / (8 * np.pi * rho * v**2 * r**3) == pytest.approx(energy, rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS, v_L=SPEEDS, v_T=SPEEDS)
def test_contraction_is_the_sum_over_indices(seed: int, v_L: float, v_T: float) -> None:
    """Eq. (A27) with C and K written out; with equal speeds only the first term is left."""
    first, second, n = random_pair(seed)
    v = (3 / (1 / v_L**3 + 2 / v_T**3)) ** (1 / 3)
    expected = -2 / v_T**2 * np.einsum("ac,bd,ab,cd->", two(n), D, first, second)
    assert elastic_dipole.contraction(first, second, n, v_T, v_T) == pytest.approx(v_T**2 * expected, abs=1e-13)
    expected += (1 / v_T**2 - 1 / v_L**2) * np.einsum("abcd,ab,cd->", four(n), first, second)
    size = 1 + v**2 / min(v_L, v_T) ** 2
    assert elastic_dipole.contraction(first, second, n, v_L, v_T) == pytest.approx(v**2 * expected, abs=1e-12 * size)


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS, v_L=SPEEDS, v_T=SPEEDS)
def test_symmetries(seed: int, v_L: float, v_T: float) -> None:
    """The same for the other order, the other sign of the direction, and for everything rotated together."""
    first, second, n = random_pair(seed)
    reference = elastic_dipole.contraction(first, second, n, v_L, v_T)
    assert elastic_dipole.contraction(second, first, n, v_L, v_T) == reference
    assert elastic_dipole.contraction(first, second, -n, v_L, v_T) == reference
    R = Rotation.random(random_state=seed).as_matrix()
    rotated = elastic_dipole.contraction(R @ first @ R.T, R @ second @ R.T, R @ n, v_L, v_T)
    assert rotated == pytest.approx(reference, abs=1e-12 * (1 + 1 / min(v_L / v_T, 1.0) ** 2))


def test_centres_of_dilatation_do_not_interact() -> None:
    """A known result for isotropic solids: D_ij = 0 for two tensors δ^{ab}."""
    assert elastic_dipole.contraction(D, D, random_pair(1)[2], 5.8, 3.8) == pytest.approx(0.0, abs=1e-14)


def test_pairs_are_vectorised() -> None:
    pairs = [random_pair(seed) for seed in range(12)]
    first, second, n = (np.array(each).reshape(3, 4, *each[0].shape) for each in zip(*pairs, strict=True))
    found = elastic_dipole.contraction(first, second, n, 6.2, 3.8)
    expected = [elastic_dipole.contraction(*pair, 6.2, 3.8) for pair in pairs]
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-12)


def test_law_of_the_tensors() -> None:
    """Mean zero, E[D^{ab} D^{cd}] = (δδ + δδ) / 12, hence E[Tr(D²)] = 1; bounds of five standard errors."""
    count = 100_000
    tensors = elastic_dipole.tensors(np.random.default_rng(8).standard_normal((count, 6)))
    assert np.array_equal(tensors, tensors.transpose(0, 2, 1))
    expected = (np.einsum("ac,bd->abcd", D, D) + np.einsum("ad,bc->abcd", D, D)) / 12
    found = np.einsum("iab,icd->abcd", tensors, tensors) / count
    assert np.abs(found - expected).max() < 5 * np.sqrt(2) / 6 / np.sqrt(count)
    assert np.abs(tensors.mean(axis=0)).max() < 5 * np.sqrt(1 / 6 / count)
    trace = elastic_dipole.trace_of_square(tensors)
    np.testing.assert_allclose(trace, np.trace(tensors @ tensors, axis1=1, axis2=2), rtol=1e-13)
    assert abs(trace.mean() - 1.0) < 5 * np.sqrt(1 / 3 / count)  # a chi-square of six degrees of freedom, over 6


@pytest.mark.parametrize(("v_L", "v_T", "spread"), [(5.0, 5.0, 0.913), (5.8, 3.8, 1.02), (3.2, 1.6, 1.23)])
def test_spread_over_tensors_and_directions(v_L: float, v_T: float, spread: float) -> None:
    """Zero mean and standard deviation of order 1, as the paper has it: sqrt(5/6) for equal speeds, SiO2, PMMA."""
    count = 100_000
    rng = np.random.default_rng(9)
    first, second = elastic_dipole.tensors(rng.standard_normal((2 * count, 6))).reshape(2, count, 3, 3)
    n = rng.standard_normal((count, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    found = elastic_dipole.contraction(first, second, n, v_L, v_T)
    assert abs(found.mean()) < 5 * spread / np.sqrt(count)
    assert found.std() == pytest.approx(spread, rel=0.02)


@settings(max_examples=100, deadline=None)
@given(v=SPEEDS, other=SPEEDS)
def test_average_speed(v: float, other: float) -> None:
    """Eq. (A9), and to the last bit the speed itself where there is but one."""
    assert elastic_dipole.average_speed(v, v) == v
    expected = ((v**-3 + 2 * other**-3) / 3) ** (-1 / 3)
    assert elastic_dipole.average_speed(v, other) == pytest.approx(expected, rel=1e-13)
