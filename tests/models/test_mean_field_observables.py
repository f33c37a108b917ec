"""Every observable of both glasses against its definition: loops over pairs, plain matrices, plain NumPy and SciPy."""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate

from ensemble.models.mean_field import ElectronGlass, MeanFieldTLSGlass
from ensemble.models.mean_field.disorder import SiteDraw, TLSDraw

Array = NDArray[np.float64]

BALL = {2: math.pi, 3: 4 * math.pi / 3}
SIDES: Mapping[str, Callable[[int, int], float]] = {
    "paper": lambda n, d: n ** (1 / d) - 1,
    "density": lambda n, d: n ** (1 / d),
    "neighbour": lambda n, d: n ** (1 / d) / integrate.quad(lambda r: math.exp(-BALL[d] * r**d), 0, 10)[0],
}
"""At density 1, exp(-V(r)) is the probability that nothing is nearer than r."""
SHARED: dict[str, Any] = {
    "energy_range": 3.0,
    "energy_bins": 15,
    "gap_range": 2.0,
    "gap_bins": 8,
    "rate_bins": 12,
    "modes": 10,
    "ranks": 4,
    "quantile": (0.0, 0.3, 1.0),
    "tolerance": 1e-13,
}
TLS = [
    MeanFieldTLSGlass(N=24, amplitude_min=3e-2, slowest=-3.0, fastest=0.0, t=(0.0, 1.0, 30.0, 1e3), **SHARED, **others)
    for others in (
        {"T": 0.5, "J": 0.05, "gap_width": 0.3},
        {"T": 2.0, "W": 3.0, "J": 0.2, "c": 0.25, "box": "density"},
        {"T": 0.3, "box": "neighbour", "gap_width": 0.2},
        {"T": 1.0, "W": 0.0, "J": 0.1, "amplitude_max": 0.5},
    )
]
ELECTRONS = [
    ElectronGlass(N=17, slowest=-2.0, fastest=2.0, t=(0.0, 0.01, 1.0, 100.0), **SHARED, **others)
    for others in (
        {"T": 0.5, "length": 0.5},
        {"T": 1.0, "length": 0.5, "W": 3.0, "J": 0.5, "box": "density", "precise": False},
        {"T": 0.3, "length": 1.0, "box": "neighbour"},
        {"T": 2.0, "length": 0.3, "W": 0.0, "J": 2.0},
    )
]


def distances(position: Array, side: float) -> Array:
    """Of the nearest images, pair by pair."""
    n, d = position.shape
    found = np.zeros((n, n))
    for i, j in itertools.combinations(range(n), 2):
        images = itertools.product((-1, 0, 1), repeat=d)
        found[i, j] = found[j, i] = min(math.dist(side * position[i], side * (position[j] + image)) for image in images)
    return found


def solved(local: Array, coupling: Array, T: float, start: Array) -> Array:
    """x = local + K tanh(x / 2T), one after the other."""
    m = np.tanh(start / (2 * T))
    for _ in range(3000):
        for i in range(len(m)):
            m[i] = np.tanh((local[i] + coupling[i] @ m) / (2 * T))
    return np.asarray(local + coupling @ m)


def shared(model: MeanFieldTLSGlass | ElectronGlass, energy: Array, rates: Array, coupled: Array) -> dict[str, Any]:
    """What both glasses measure, from their energies and rates."""
    size, logs, n = np.abs(energy), np.log10(rates), len(rates)
    dos, edges = np.histogram(energy, bins=15, range=(-3.0, 3.0))
    gap, _ = np.histogram(energy, bins=16, range=(-2.0, 2.0))
    histogram, places = np.histogram(logs, bins=12, range=(model.slowest, model.fastest))
    low, high = (sum(a * model.gap_width <= e < b * model.gap_width for e in size) for a, b in ((0, 1), (2, 3)))
    error, shift = np.abs(coupled - rates) / coupled, np.log(coupled) - np.log(rates)
    tenth = round(n / 10)
    return {
        "dos": dos / len(energy) / np.diff(edges),
        "gap": (gap[8:] + gap[7::-1]) / 2 / len(energy) / 0.25,
        "gap_density": low / len(energy) / (2 * model.gap_width),
        "shoulder_density": high / len(energy) / (2 * model.gap_width),
        "median_energy": np.median(size),
        "energy_quantiles": np.quantile(size, [0.0, 0.3, 1.0]),
        "rate_histogram": histogram / n / np.diff(places),
        "mean_log_rate": logs.mean(),
        "rate_quantiles": np.quantile(logs, [0.0, 0.3, 1.0]),
        "relaxation": [np.mean([math.exp(-rate * t) for rate in rates]) for t in model.t],
        "lost_rates": 0,
        "rates": rates[:10],
        "coupled_rates": coupled[:10],
        "error": [error[[4 * rank // n == part for rank in range(n)]].mean() for part in range(4)],
        "mean_error": error.mean(),
        "slow_error": error[:tenth].mean(),
        "slow_error_median": np.median(error[:tenth]),
        "slow_error_largest": error[:tenth].max(),
        "shift": shift.mean(),
        "slow_shift": shift[:tenth].mean(),
        "largest_shift": np.abs(shift).max(),
    }


def check(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """All observables but those that tell how the solution was found."""
    assert set(found) - set(expected) == {"sweeps", "residual"}
    assert found["residual"] < 1e-12
    assert 1 < found["sweeps"] < 3000
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-11, err_msg=name)


def check_counts(expected: Mapping[str, Any]) -> None:
    """There is something to compare: energies and rates in bins, and rates that the interaction changes."""
    assert np.count_nonzero(expected["dos"]) > 3
    assert np.count_nonzero(expected["gap"]) > 2
    assert np.count_nonzero(expected["rate_histogram"]) > 2
    assert expected["mean_error"] > 1e-3


def dipoles(model: MeanFieldTLSGlass, draw: TLSDraw) -> Array:
    """c J g / r³."""
    r = distances(draw.position, SIDES[model.box](model.N, 3))
    numbers, coupling = iter(draw.pairs.standard_normal(model.N * (model.N - 1) // 2)), np.zeros((model.N, model.N))
    for i, j in itertools.combinations(range(model.N), 2):
        coupling[i, j] = coupling[j, i] = model.c * model.J * next(numbers) / r[i, j] ** 3
    return coupling


@pytest.mark.parametrize("model", TLS, ids=lambda model: f"T={model.T:g}")
def test_two_level_systems(model: MeanFieldTLSGlass) -> None:
    """Reference: the matrix B_ij = -λ_i δ_ij + f_ij of small deviations, and quadrature over the amplitudes."""
    draw = model.draw(np.random.default_rng(3))
    T, coupling = model.T, dipoles(model, draw)
    x = solved(model.W * draw.local, coupling, T, draw.start)
    amplitude = model.amplitude_min * (model.amplitude_max / model.amplitude_min) ** draw.exponent
    energy = np.sign(x) * np.sqrt(x**2 + amplitude**2)
    factor = np.array([e / math.tanh(e / (2 * T)) for e in energy])
    alone = amplitude**2 * factor
    bose = 1 / np.expm1(np.abs(energy) / T)
    matrix = -np.diag(alone)
    for i, j in itertools.permutations(range(model.N), 2):
        slope = 2 * amplitude[i] ** 2 * x[i] * bose[i] * (bose[i] + 1) * math.tanh(np.abs(energy[i]) / (2 * T)) / T
        matrix[i, j] = np.sign(x[i]) * slope * coupling[i, j]
    coupled = -np.linalg.eigvals(matrix)
    assert np.abs(coupled.imag).max() < 1e-12
    span = math.log(model.amplitude_max / model.amplitude_min)

    def averaged(t: float) -> float:
        def decay(exponent: float) -> float:
            return float(np.mean(np.exp(-((model.amplitude_min * math.exp(exponent * span)) ** 2) * factor * t)))

        return float(integrate.quad(decay, 0, 1, epsabs=1e-12, epsrel=1e-12, limit=400)[0])

    expected = {
        **shared(model, energy, np.sort(alone), np.sort(coupled.real)),
        "mean_log_factor": np.log10(factor).mean(),
        "median_log_factor": np.median(np.log10(factor)),
        "averaged_relaxation": [averaged(t) for t in model.t],
    }
    check_counts(expected)
    check(model.measure(draw), expected)


def hops(E: Array, r: Array, length: float, T: float) -> Array:
    """γ_ij in equilibrium, from i to j: occupations, tunnelling, and phonons, which are absorbed on the way up."""
    n = 1 / (np.exp(E / T) + 1)
    found = np.zeros_like(r)
    for i, j in itertools.permutations(range(len(E)), 2):
        phonons = 1 / math.expm1(abs(E[i] - E[j]) / T) + (1 if E[i] > E[j] else 0)
        found[i, j] = n[i] * (1 - n[j]) * math.exp(-r[i, j] / length) * phonons
    return found


def relaxing(flow: Array, stiffness: Array) -> Array:
    """All but the smallest of the rates of d δn / dt = L stiffness δn, where L moves one electron at a time."""
    np.testing.assert_allclose(flow, flow.T, rtol=1e-9)  # detailed balance
    rates = -np.linalg.eigvals((flow - np.diag(flow.sum(axis=0))) @ stiffness)
    assert np.abs(rates.imag).max() < 1e-9
    ordered = np.sort(rates.real)
    assert abs(ordered[0]) < 1e-12 * ordered[-1]
    return np.asarray(ordered[1:])


@pytest.mark.parametrize("model", ELECTRONS, ids=lambda model: f"T={model.T:g}")
def test_electrons(model: ElectronGlass) -> None:
    """Reference: γ_ij = n_i (1 - n_j) exp(-r / ξ) (N + Θ), and what an electron moved does to all energies."""
    draw = model.draw(np.random.default_rng(3))
    T, r = model.T, distances(draw.position, SIDES[model.box](model.N, 2))
    near = np.where(np.eye(model.N, dtype=bool), np.inf, r)
    energy = solved(model.W * draw.local, -model.J / 2 / near, T, draw.start)
    n = 1 / (np.exp(energy / T) + 1)
    flow, own = hops(energy, r, model.length, T), np.diag(1 / (n * (1 - n)))
    bare = np.exp(-near / model.length)
    bare_logs = np.log10(np.linalg.eigvalsh(np.diag(bare.sum(axis=0)) - bare)[1:])
    counts, edges = np.histogram(bare_logs, bins=12, range=(model.slowest, model.fastest))
    expected = {
        **shared(model, energy, relaxing(flow, own), relaxing(flow, own + model.J / near / T)),
        "electrons": n.sum() - model.N / 2,
        "neighbour_distance": np.mean([min(r[i, j] for j in range(model.N) if j != i) for i in range(model.N)]),
        "bare_histogram": counts / (model.N - 1) / np.diff(edges),
        "bare_mean_log_rate": bare_logs.mean(),
    }
    check_counts(expected)
    check(model.measure(draw), expected)


def test_what_is_outside_of_the_grids_counts_but_in_no_bin() -> None:
    for model in (TLS[0], ELECTRONS[0]):
        other: Any = type(model)(**{**vars(model), "slowest": 100.0, "fastest": 101.0, "energy_range": 0.05})
        found = other.measure(other.draw(np.random.default_rng(3)))
        assert not np.any(found["rate_histogram"])
        inside = np.sum(found["dos"]) * 0.1 / 15
        assert 0 <= inside < 0.5
        assert np.isfinite(found["mean_log_rate"])


def test_rates_that_no_double_can_hold_are_lost_and_leave_the_others_alone() -> None:
    """Of 17 sites all but two are so far from one another that nothing hops; a rate that is lost does not relax."""
    model = ElectronGlass(N=17, J=0.0, length=1e-4, T=1.0, t=(1e9,), modes=17)
    draw = model.draw(np.random.default_rng(3))
    close = SiteDraw(np.vstack([draw.position[:16], draw.position[15] + 1e-4]), draw.local, draw.start)
    found = model.measure(close)
    rates = np.asarray(found["rates"])
    assert found["lost_rates"] == np.count_nonzero(~(rates[:16] > 0)) == 15
    assert found["mean_log_rate"] == pytest.approx(math.log10(rates[15]), rel=1e-12)
    assert found["relaxation"] == pytest.approx([15 / 16])
    assert np.isfinite(found["shift"])
    alone = model.measure(draw)
    assert alone["lost_rates"] == 16
    for name in ("mean_log_rate", "shift", "mean_error", "slow_error_median"):
        assert np.isnan(alone[name]), name
    assert not np.any(alone["rate_histogram"])
