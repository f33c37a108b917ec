"""From a draw to couplings and rates: every convention in SI units, and what each option does to the same numbers."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ensemble.models.tls_glass import TLSDraw, TLSGlass

Array = NDArray[np.float64]

SEEDS = st.integers(0, 2**32 - 1)
OTHER: dict[str, Any] = {
    "N": 5,
    "epsilon": 0.5,
    "eta": 3e4,
    "delta_bar": 0.2,
    "n_delta": 3.0,
    "L0": 2.0,
    "W": 0.5,
    "gamma": 0.7,
    "density": 2.2,
    "v_L": 5.8,
    "v_T": 3.8,
}
"""No parameter at its default."""


def drawn(model: TLSGlass, seed: int = 0) -> TLSDraw:
    return model.draw(np.random.default_rng(seed))


def tensor(numbers: Array) -> Array:
    """xx, yy, zz with variance 1/6 and xy, xz, yz with variance 1/12."""
    xx, yy, zz, xy, xz, yz = numbers / np.sqrt([6, 6, 6, 12, 12, 12])
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def elastic(first: Array, second: Array, n: Array, v_L: float, v_T: float, v: float) -> float:
    """Eq. (A27), index by index."""
    total = 0.0
    D = np.eye(3)
    for a, b, c, d in product(range(3), repeat=4):
        C = D[a, c] - 3 * n[a] * n[c]
        K = D[a, b] * D[c, d] + D[a, c] * D[b, d] + D[a, d] * D[b, c] + 15 * n[a] * n[b] * n[c] * n[d]
        K -= 3 * (D[a, b] * n[c] * n[d] + D[a, c] * n[b] * n[d] + D[a, d] * n[b] * n[c])
        K -= 3 * (D[c, d] * n[a] * n[b] + D[b, d] * n[a] * n[c] + D[b, c] * n[a] * n[d])
        total += (-2 * C * D[b, d] / v_T**2 + K * (1 / v_T**2 - 1 / v_L**2)) * first[a, b] * second[c, d]
    return v**2 * total


def in_si_units(model: TLSGlass, draw: TLSDraw) -> tuple[Array, Array]:
    """J_ij in J and Y_i in 1/s by a plain loop, each convention with the prefactors of its own text."""
    e, hbar = 1.602176634e-19, 1.054571817e-34
    W, rho, v_L, v_T = model.W * e, 1e3 * model.density, 1e3 * model.v_L, 1e3 * model.v_T
    gamma, v = model.gamma * W, (3 / (1 / v_L**3 + 2 / v_T**3)) ** (1 / 3)
    side = 1e-9 * model.L0 * model.N ** (1 / model.d)
    eps, Delta = W * draw.splitting, model.delta_bar * W * 10 ** (model.n_delta * draw.tunnelling)
    energy = 2 * np.sqrt(eps**2 + Delta**2)
    J, Y = np.zeros((model.N, model.N)), np.zeros(model.N)
    pair = 0
    for i in range(model.N):
        relaxation = model.epsilon * Delta[i] ** 2 * gamma**2 * energy[i] / (rho * hbar**4)
        if model.convention == "preprint":
            both = draw.dipole_trace[i] / v_L**5 + draw.dipole_trace_T[i] / v_T**5
            Y[i] = relaxation * both / (30 * np.pi)
        else:
            trace = np.sum(tensor(draw.dipole_tensor[i]) ** 2) if model.dipoles == "elastic" else draw.dipole_trace[i]
            Y[i] = relaxation * trace / (12 * np.pi * v**5)
        for j in range(i + 1, model.N):
            step = side * (draw.position[i] - draw.position[j])[: model.d]
            step = np.array([min((x - side, x, x + side), key=abs) for x in step])
            r = np.sqrt(np.sum(step**2))
            decay = 1e27 * (1e-9 / r) ** model.power
            strength = model.eta * gamma**2 * eps[i] * eps[j] / (energy[i] * energy[j]) * decay / rho
            if model.convention == "preprint":
                J[i, j] = -strength / (8 * np.pi) * (draw.dipole[pair] / v_L**2 + draw.dipole_T[pair] / v_T**2)
            elif model.dipoles == "elastic":
                D_i, D_j = tensor(draw.dipole_tensor[i]), tensor(draw.dipole_tensor[j])
                J[i, j] = strength * elastic(D_i, D_j, step / r, v_L, v_T, v) / (4 * np.pi * v**2)
            else:
                J[i, j] = strength * draw.dipole[pair] / (4 * np.pi * v**2)
            pair += 1
    return J + J.T, Y


@pytest.mark.parametrize("equal_speeds", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dipoles": "elastic"},
        {"convention": "preprint"},
        {"d": 1},
        {"d": 2},
        {"power": 6.0},
        {"power": 0.0},
        {"d": 1, "power": 1.5, "convention": "preprint"},
        {"power": 6.0, "dipoles": "elastic"},
    ],
    ids=str,
)
def test_couplings_and_rates_in_si_units(options: dict[str, Any], equal_speeds: bool) -> None:
    """Reference: Eqs. (11), (21), (22), (A27) and the preprint's (7), (8), with the constants of nature written out."""
    e, hbar = 1.602176634e-19, 1.054571817e-34
    model = TLSGlass(**OTHER | options | ({"v_L": 4.0, "v_T": 4.0} if equal_speeds else {}))
    draw = drawn(model)
    disorder = model.scale(draw)
    J, Y = in_si_units(model, draw)
    W = model.W * e
    np.testing.assert_allclose(disorder.coupling, J / W, rtol=1e-9, atol=1e-12 * np.abs(J / W).max())
    np.testing.assert_allclose(disorder.rate, hbar * Y / W, rtol=1e-8)
    assert np.array_equal(disorder.coupling, disorder.coupling.T)
    assert np.all(np.diag(disorder.coupling) == 0.0)
    tunnelling = 0.2 * 10 ** (3.0 * draw.tunnelling)
    np.testing.assert_allclose(disorder.frequency, 2 * np.hypot(draw.splitting, tunnelling), rtol=1e-12)
    assert disorder.position.shape == (model.N, model.d)
    assert model.side == pytest.approx(2.0 * 5 ** (1 / model.d), rel=1e-14)
    np.testing.assert_allclose(disorder.position, model.side * draw.position[:, : model.d], rtol=1e-12)


def test_defaults_know_nothing_of_the_options() -> None:
    """Only v_L = v_T = v enters the published Gaussian convention, to the last bit, for any v."""
    model = TLSGlass(**OTHER | {"v_L": 4.137, "v_T": 4.137})
    draw = drawn(model)
    disorder = model.scale(draw)
    blank = replace(draw, dipole_T=np.nan * draw.dipole_T, dipole_trace_T=np.nan * draw.dipole_trace_T)
    blank = replace(blank, dipole_tensor=np.nan * draw.dipole_tensor)
    assert np.array_equal(model.scale(blank).coupling, disorder.coupling)
    assert np.array_equal(model.scale(blank).rate, disorder.rate)
    faster = replace(model, v_L=2 * 4.137, v_T=2 * 4.137).scale(draw)
    np.testing.assert_allclose(faster.coupling, disorder.coupling / 4, rtol=1e-14)
    np.testing.assert_allclose(faster.rate, disorder.rate / 32, rtol=1e-14)


@pytest.mark.parametrize("power", [1.0, 3.0, 6.0])
def test_power_leaves_the_coupling_at_one_nanometre_alone(power: float) -> None:
    """Two sites on a line of 2 L0: with L0 chosen for a distance of 1 nm every power gives the same J."""
    model = TLSGlass(N=2, epsilon=0.0, eta=1e5, d=1, power=power)
    draw = drawn(model)
    separation = abs(draw.position[0, 0] - draw.position[1, 0])
    unit = replace(model, L0=float(1.0 / min(separation, 1 - separation) / 2))
    reference = replace(unit, power=3.0).scale(draw).coupling
    np.testing.assert_allclose(unit.scale(draw).coupling, reference, rtol=1e-13)
    far = replace(unit, L0=2 * unit.L0).scale(draw).coupling
    np.testing.assert_allclose(far, reference / 2**power, rtol=1e-13)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, dipoles=st.sampled_from(["gaussian", "elastic"]), d=st.sampled_from([1, 2, 3]))
def test_scaling_with_length(seed: int, dipoles: str, d: int) -> None:
    """J goes like 1/L0³ in any dimension and for any dipoles: the preprint's R = 10³ is a factor 10⁹ on J."""
    model = TLSGlass(N=6, epsilon=1.0, eta=1.0, L0=10.0, dipoles=dipoles, d=3 if dipoles == "elastic" else d)
    draw = drawn(model, seed)
    shrunk = replace(model, L0=0.01).scale(draw)
    np.testing.assert_allclose(shrunk.coupling, 1e9 * model.scale(draw).coupling, rtol=1e-8)
    assert np.array_equal(shrunk.rate, model.scale(draw).rate)


@pytest.mark.parametrize("v_T", [5.0, 3.0])
def test_elastic_dipoles_are_as_strong_as_gaussian_ones(v_T: float) -> None:
    """Typical couplings and rates agree within a factor of 3; couplings have both signs."""
    gaussian = TLSGlass(N=40, epsilon=1.0, eta=1e5, v_T=v_T)
    draws = [drawn(gaussian, seed) for seed in range(10)]
    J, Y = [], []
    for model in (gaussian, replace(gaussian, dipoles="elastic")):
        disorders = [model.scale(draw) for draw in draws]
        J.append(np.concatenate([disorder.coupling[np.triu_indices(40, 1)] for disorder in disorders]))
        Y.append(np.concatenate([disorder.rate for disorder in disorders]))
    assert 1 / 3 < np.median(np.abs(J[1])) / np.median(np.abs(J[0])) < 3.0
    assert 1 / 3 < np.median(Y[1]) / np.median(Y[0]) < 3.0
    assert abs(np.mean(np.sign(J[1]))) < 0.1


def test_laws_of_the_initial_angles() -> None:
    """cos θ uniform by default, θ / π on request, from the same numbers and in the same order."""
    haar = TLSGlass(N=60, epsilon=0.0, eta=1.0)
    draws = [drawn(haar, seed) for seed in range(300)]
    sphere, stretched = (
        np.concatenate([model.scale(draw).theta for draw in draws]) for model in (haar, replace(haar, angles="uniform"))
    )
    assert np.all(np.diff(stretched[np.argsort(sphere)]) >= 0.0)
    bound = 5 / np.sqrt(sphere.size)
    for x in (np.cos(sphere) / 2 + 0.5, stretched / np.pi):  # both uniform on (0, 1)
        assert abs(x.mean() - 1 / 2) < bound * np.sqrt(1 / 12)
        assert abs(x.var() - 1 / 12) < bound * np.sqrt(1 / 80 - 1 / 144)
    # <sin θ> with its standard deviation, which sets the size of the concurrence of two sites: π/4 and 2/π
    assert abs(np.sin(sphere).mean() - np.pi / 4) < bound * np.sqrt(2 / 3 - (np.pi / 4) ** 2)
    assert abs(np.sin(stretched).mean() - 2 / np.pi) < bound * np.sqrt(1 / 2 - (2 / np.pi) ** 2)


def test_only_the_angles_change_with_their_law() -> None:
    model = TLSGlass(N=7, epsilon=1.0, eta=1e5)
    draw = drawn(model)
    one, other = model.scale(draw), replace(model, angles="uniform").scale(draw)
    assert not np.array_equal(one.theta, other.theta)
    for name in ("coupling", "rate", "frequency", "phi", "position"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


@settings(max_examples=20, deadline=None)
@given(
    seed=SEEDS,
    options=st.sampled_from(
        [
            {"dipoles": "elastic", "v_T": 3.0},
            {"convention": "preprint", "v_T": 3.0},
            {"angles": "uniform", "d": 1, "power": 6.0},
            {"d": 2, "temperature": 300.0},
        ]
    ),
)
def test_every_option_can_be_measured(seed: int, options: dict[str, Any]) -> None:
    model = TLSGlass(N=5, epsilon=1e-3, eta=1e5, t=(0.0, 0.1, 10.0, 1e30), **options)
    concurrence = model.measure(drawn(model, seed))["concurrence"]
    assert concurrence[0] == 0.0
    assert concurrence[-1] == 0.0
    assert np.all((concurrence >= 0.0) & (concurrence <= 2.0))
