"""The glass: its constants, its disorder, its physics, and the values that it refuses."""

from dataclasses import fields, replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensemble.errors import ParameterError
from ensemble.models.model import Observable
from ensemble.models.tls_glass import TLSDraw, TLSGlass
from tests.support.reference.pair_loop import average_of_pairs
from tests.support.reference.random_ising import IsingInstance

SEEDS = st.integers(0, 2**32 - 1)


def drawn(model: TLSGlass, seed: int = 0) -> TLSDraw:
    return model.draw(np.random.default_rng(seed))


def test_defaults() -> None:
    """The values of the paper's Sec. IV A."""
    model = TLSGlass(N=8, epsilon=1, eta=100_000)
    assert (model.delta_bar, model.n_delta, model.L0, model.W, model.gamma) == (0.1, 2.0, 1.0, 1.0, 1.0)
    assert (model.density, model.v_L, model.v_T, model.temperature) == (2.0, 5.0, 5.0, 0.0)
    assert (model.dipoles, model.convention, model.angles) == ("gaussian", "published", "sphere")
    assert (model.d, model.power) == (3, 3.0)
    assert len(model.t) == 91
    np.testing.assert_allclose(model.t, np.logspace(-3, 6, 91), rtol=1e-11)
    assert isinstance(model.eta, float)
    assert isinstance(model.epsilon, float)


def test_what_the_framework_reads() -> None:
    assert TLSGlass.axes == ("N", "epsilon", "eta")
    assert TLSGlass.draw_fields == ("N",)
    usual = [name for name, observable in TLSGlass.observables.items() if not observable.on_request]
    assert usual == ["concurrence"]
    assert TLSGlass.observables["concurrence"] == Observable("concurrence per two-level system", dims=("t",))
    names = [field.name for field in fields(TLSGlass)]
    assert names[:4] == ["N", "epsilon", "eta", "delta_bar"]
    assert names[-1] == "t"
    units = {field.name: field.metadata["units"] for field in fields(TLSGlass)}
    assert units["t"] == "hbar/W"
    assert units["W"] == "eV"
    assert all(field.metadata["long_name"] for field in fields(TLSGlass))
    model = TLSGlass(N=2, epsilon=0.0, eta=1.0, t=np.array([0.0, 1.0]))  # type: ignore[arg-type]
    assert np.array_equal(model.coords()["t"], [0.0, 1.0])


def test_models_are_values() -> None:
    """Equal and hashable whatever sequence the times came in."""
    one = TLSGlass(N=np.int64(8), epsilon=0, eta=np.float64(1e5), d=np.int32(3), t=[1, 2])  # type: ignore[arg-type]
    other = TLSGlass(N=8, epsilon=0.0, eta=1e5, t=(1.0, 2.0))
    assert one == other
    assert hash(one) == hash(other)
    assert type(one.N) is type(one.d) is int
    assert type(TLSGlass(N=8, epsilon=0.0, eta=1.0, dipoles=np.str_("elastic")).dipoles) is str
    assert type(one.eta) is float
    assert one.t == (1.0, 2.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"N": 1}, "N must be an integer of at least 2, got 1"),
        ({"N": 8.0}, "N must be an integer"),
        ({"N": True}, "N must be an integer"),
        ({"N": "8"}, "N must be an integer"),
        ({"epsilon": -1e-6}, "epsilon must not be negative, got -1e-06"),
        ({"epsilon": float("nan")}, "epsilon must be a finite number, got nan"),
        ({"eta": float("inf")}, "eta must be a finite number, got inf"),
        ({"eta": "1e5"}, "eta must be a finite number, got '1e5'"),
        ({"eta": 1j}, "eta must be a finite number"),
        ({"n_delta": -1.0}, "n_delta must not be negative"),
        ({"temperature": -1.0}, "temperature must not be negative"),
        ({"temperature": None}, "temperature must be a finite number"),
        *[({name: 0.0}, f"{name} must be positive, got 0.0") for name in ("delta_bar", "L0", "W", "gamma")],
        *[({name: -1.0}, f"{name} must be positive, got -1.0") for name in ("density", "v_L", "v_T")],
        ({"dipoles": "tensor"}, 'dipoles must be "gaussian" or "elastic", got \'tensor\''),
        ({"dipoles": 3}, 'dipoles must be "gaussian" or "elastic", got 3'),
        ({"convention": ""}, 'convention must be "published" or "preprint", got \'\''),
        ({"angles": None}, 'angles must be "sphere" or "uniform", got None'),
        *[({"d": d}, f"d must be an integer from 1 to 3, got {d!r}") for d in (0, 4, 2.0, True, "3")],
        ({"power": -3.0}, "power must not be negative, got -3.0"),
        ({"power": float("inf")}, "power must be a finite number, got inf"),
        ({"dipoles": "elastic", "convention": "preprint"}, 'dipoles must be "gaussian" in the preprint\'s convention'),
        ({"dipoles": "elastic", "d": 2}, "d must be 3 for elastic dipoles, which are tensors in space, got 2: take"),
        ({"t": ()}, "t must be a sequence of finite numbers"),
        ({"t": 1.0}, "t must be a sequence of finite numbers"),
        ({"t": "soon"}, "t must be a sequence of finite numbers"),
        ({"t": [[0.0, 1.0]]}, "t must be a sequence of finite numbers"),
        ({"t": [0.0, float("inf")]}, "t must be a sequence of finite numbers"),
        ({"t": [-1.0, 1.0]}, "t must be strictly increasing and not negative"),
        ({"t": [0.0, 1.0, 1.0]}, "t must be strictly increasing and not negative"),
    ],
)
def test_refused_values(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        TLSGlass(**({"N": 8, "epsilon": 0.0, "eta": 1e5} | change))
    assert str(caught.value).startswith(sentence)


def test_other_kinds_of_real_numbers() -> None:
    assert TLSGlass(N=2, epsilon=Fraction(1, 2), eta=1).epsilon == 0.5  # type: ignore[arg-type]


def test_draw_is_the_documented_sequence_of_variates() -> None:
    """Growing a store adds realizations to those of an earlier version: the order of variates must not change."""
    n = 5
    rng = np.random.default_rng(3)
    draw = drawn(TLSGlass(N=n, epsilon=0.0, eta=1.0), seed=3)
    assert np.array_equal(draw.splitting, rng.random(n))
    assert np.array_equal(draw.tunnelling, rng.random(n) - 0.5)
    assert np.array_equal(draw.position, rng.random((n, 3)))
    assert np.array_equal(draw.dipole, rng.standard_normal(n * (n - 1) // 2))
    assert np.array_equal(draw.dipole_trace, rng.standard_normal(n) ** 2)
    assert np.array_equal(draw.polar, rng.random(n))
    assert np.array_equal(draw.phi, 2 * np.pi * rng.random(n))
    assert np.array_equal(draw.dipole_T, rng.standard_normal(n * (n - 1) // 2))
    assert np.array_equal(draw.dipole_trace_T, rng.standard_normal(n) ** 2)
    assert np.array_equal(draw.dipole_tensor, rng.standard_normal((n, 6)))


def test_only_draw_fields_change_the_draw() -> None:
    """Every other parameter sees the same numbers, so that points can be compared realization by realization."""
    model = TLSGlass(N=6, epsilon=0.0, eta=1e5)
    words: dict[str, Any] = {"dipoles": "elastic", "convention": "preprint", "angles": "uniform", "d": 1, "t": (1.0,)}
    reference = drawn(model)
    for name in {field.name for field in fields(TLSGlass)} - set(TLSGlass.draw_fields):
        number = 3 if isinstance(getattr(model, name), int) else 2.5
        other = drawn(replace(model, **{name: words.get(name, number)}))
        for field in fields(TLSDraw):
            assert np.array_equal(getattr(other, field.name), getattr(reference, field.name)), name


def test_interaction_and_dissipation_are_comparable() -> None:
    """Sec. IV A: at eta = 1e5 and epsilon = 1 typical couplings and rates are of order 1."""
    model = TLSGlass(N=60, epsilon=1.0, eta=1e5)
    disorder = model.scale(drawn(model))
    nearest = np.abs(disorder.coupling).max(axis=1)
    assert 0.3 < np.median(nearest) < 30.0
    assert 0.3 < np.median(disorder.rate) < 30.0


def test_occupation_is_the_bose_function() -> None:
    """Reference: 1 / (exp(hν / kT) - 1) with k = 8.617333e-5 eV/K; no warning from 1e-300 K to 1e300 K."""
    disorder = SimpleNamespace(frequency=np.array([0.1, 1.0]), rate=np.zeros(2))
    model = TLSGlass(N=2, epsilon=1.0, eta=1.0, W=0.5)
    assert np.all(model.occupation(disorder) == 0.0)
    x = 0.5 * disorder.frequency / (8.617333262e-5 * 300.0)
    np.testing.assert_allclose(replace(model, temperature=300.0).occupation(disorder), 1 / np.expm1(x), rtol=1e-8)
    assert np.all(replace(model, temperature=1e-300).occupation(disorder) == 0.0)
    hot = replace(model, temperature=1e12).occupation(disorder)
    np.testing.assert_allclose(hot, 8.617333262e-5 * 1e12 / (0.5 * disorder.frequency), rtol=1e-7)
    assert np.all(np.isfinite(replace(model, temperature=1e300).occupation(disorder)))


@pytest.mark.parametrize("temperature", [0.0, 3000.0])
@pytest.mark.parametrize("epsilon", [0.0, 1e-6, 1.0])
def test_measure_is_the_average_over_pairs(epsilon: float, temperature: float) -> None:
    """Reference: the plain loop over pairs."""
    model = TLSGlass(N=6, epsilon=epsilon, eta=1e5, temperature=temperature, t=tuple(np.logspace(-3, 2, 40)))
    draw = drawn(model, seed=4)
    disorder = model.scale(draw)
    instance = IsingInstance(
        disorder.coupling,
        disorder.rate,
        disorder.frequency,
        disorder.theta,
        disorder.phi,
        model.occupation(disorder),
    )
    found = model.measure(draw)["concurrence"]
    assert found.shape == (40,)
    assert found.max() > 0.01
    np.testing.assert_allclose(found, average_of_pairs(instance, np.asarray(model.t)), rtol=0, atol=1e-13)
    assert np.array_equal(found, model.evolve(disorder)["concurrence"])


def test_evolve_takes_any_object_with_arrays() -> None:
    """Reference: two sites alone, C(t) = sin θ1 sin θ2 |sin 4 J t| / 2, with a number of sites other than N."""
    model = TLSGlass(N=9, epsilon=0.0, eta=1.0, t=(0.0, 0.1, 0.7))
    pair = SimpleNamespace(coupling=np.array([[0.0, 0.4], [0.4, 0.0]]), rate=np.zeros(2), theta=np.array([1.0, 2.0]))
    expected = np.sin(1.0) * np.sin(2.0) * np.abs(np.sin(1.6 * np.array(model.t))) / 2
    np.testing.assert_allclose(model.evolve(pair)["concurrence"], expected, rtol=0, atol=1e-14)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, N=st.integers(2, 8), log_ratio=st.floats(-4.0, 4.0))
def test_eta_only_sets_the_scale_of_time(seed: int, N: int, log_ratio: float) -> None:
    """Fig. 6(b): without dissipation C(t; eta) = C(t eta / 1e5; 1e5) for the same disorder."""
    ratio = 10.0**log_ratio
    t = np.logspace(-3, 1, 20)
    reference = TLSGlass(N=N, epsilon=0.0, eta=1e5, t=tuple(t))
    rescaled = TLSGlass(N=N, epsilon=0.0, eta=1e5 * ratio, t=tuple(t / ratio))
    one = reference.measure(drawn(reference, seed))["concurrence"]
    other = rescaled.measure(drawn(rescaled, seed))["concurrence"]
    # the largest couplings, of pairs that are drawn on top of each other, turn the rounding of t into a phase
    fastest = np.abs(reference.scale(drawn(reference, seed)).coupling).max() * t[-1]
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-8 + 1e-13 * fastest)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, N=st.integers(2, 8), temperature=st.sampled_from([0.0, 1e3]))
def test_dissipation_ends_all_entanglement(seed: int, N: int, temperature: float) -> None:
    model = TLSGlass(N=N, epsilon=1.0, eta=1e5, temperature=temperature, t=(0.0, 1.0, 1e30))
    concurrence = model.measure(drawn(model, seed))["concurrence"]
    assert concurrence[0] == 0.0
    assert concurrence[2] == 0.0
    assert np.all((concurrence >= 0.0) & (concurrence <= 1.0))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_same_disorder_same_bits(seed: int) -> None:
    model = TLSGlass(N=5, epsilon=1e-4, eta=1e5)
    draw = drawn(model, seed)
    first = model.measure(draw)["concurrence"]
    assert np.array_equal(first, model.measure(draw)["concurrence"])
    assert np.array_equal(first, model.measure(drawn(model, seed))["concurrence"])
