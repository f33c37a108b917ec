"""Driven spins: their constants, their disorder, the values that they refuse, and what must hold of every state."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import constants

from ensemble import Sweep, run_sweep
from ensemble.errors import ConvergenceError, ParameterError, SweepError
from ensemble.models import catalog
from ensemble.models.driven_spins import DrivenSpins, SpinDisorder, SpinDraw
from ensemble.models.driven_spins.kernels.bath import Bath

TEMPERATURES = pytest.mark.parametrize("temperature", [1.2, 12.0])
DYNAMICS = pytest.mark.parametrize("dynamics", ["nonsecular", "hilbert"])
TABLE = {1.2: {"T_1": 160.0, "T_star": 80.0, "T_0": 1.6}, 12.0: {"T_1": 1.6, "T_star": 0.16, "T_0": 0.16}}


def spins(temperature: Any = 1.2, N: Any = 4, **others: Any) -> DrivenSpins:
    return DrivenSpins(N=N, temperature=temperature, **others)


def drawn(model: DrivenSpins, seed: int = 0) -> SpinDraw:
    return model.draw(np.random.default_rng(seed))


def test_defaults() -> None:
    """The values of the paper: 93.9 GHz, 5 MHz, 0.75 MHz, 0.628 MHz, and microwaves at 93.8988 GHz."""
    model = spins()
    assert (model.larmor, model.spread, model.coupling, model.drive, model.microwave) == (93.9, 5.0, 0.75, 0.628, -1.2)
    assert model.larmor + model.microwave * 1e-3 == pytest.approx(93.8988, abs=1e-12)
    assert model.dynamics == "nonsecular"
    assert len(model.frequency) == 401
    np.testing.assert_allclose(model.frequency, np.linspace(-10, 10, 401), rtol=0, atol=1e-12)


def test_what_the_framework_reads() -> None:
    assert catalog.find("driven_spins") is DrivenSpins
    assert DrivenSpins.axes == ("N", "temperature", "drive", "dynamics")
    assert DrivenSpins.draw_fields == ("N",)
    usual = [name for name, observable in DrivenSpins.observables.items() if not observable.on_request]
    assert usual == [
        "spectrum",
        "lineshape",
        "ansatz_spectrum",
        "ansatz_lineshape",
        "mean_polarization",
        "polarization_variance",
        "misfit",
        "square_misfit",
        "inverse_temperature",
        "field",
        "matvecs",
    ]
    assert all(observable.long_name for observable in DrivenSpins.observables.values())
    labels = {field.name: field.metadata for field in fields(DrivenSpins)}
    assert all(label["long_name"] for label in labels.values())
    units = {name: label["units"] for name, label in labels.items() if label["units"] != "1"}
    assert units == {
        "temperature": "K",
        **dict.fromkeys(("drive", "microwave", "spread", "coupling", "width", "frequency"), "MHz"),
        "larmor": "GHz",
        **dict.fromkeys(("T_1", "T_star", "T_0"), "us"),
    }


def test_models_are_values() -> None:
    """Equal and hashable whatever types their values came in."""
    one = spins(np.float64(12), np.int64(4), drive=0, frequency=np.array([0, 1]), spins=np.int32(3))
    other = spins(12.0, 4, drive=0.0, frequency=(0.0, 1.0), spins=3)
    assert one == other
    assert hash(one) == hash(other)
    assert type(one.N) is type(one.spins) is int
    assert type(one.drive) is type(one.temperature) is float
    assert one.frequency == (0.0, 1.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        *[({"N": N}, f"N must be an integer from 2 to 12, got {N!r}") for N in (1, 13, 2.0, True, "4", None)],
        ({"temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"temperature": float("nan")}, "temperature must be a finite number, got nan"),
        (
            {"temperature": 4.0},
            "T_1 must be given at 4 K, for Table I has no times but at 1.2 and 12 K: set T_1, T_star, T_0, "
            "or take one of the presets 1.2K and 12K",
        ),
        ({"temperature": 4.0, "T_1": 10.0}, "T_star must be given at 4 K"),
        ({"temperature": 4.0, "T_1": 10.0, "T_star": 1.0}, "T_0 must be given at 4 K"),
        ({"drive": -0.1}, "drive must not be negative, got -0.1"),
        ({"dynamics": "secular"}, 'dynamics must be "nonsecular" or "hilbert", got \'secular\''),
        ({"dynamics": 1}, 'dynamics must be "nonsecular" or "hilbert", got 1'),
        ({"microwave": float("inf")}, "microwave must be a finite number, got inf"),
        ({"larmor": 0.0}, "larmor must be positive, got 0.0"),
        *[({name: -1.0}, f"{name} must not be negative, got -1.0") for name in ("spread", "coupling", "T_1", "T_0")],
        ({"width": 0.0}, "width must be positive, got 0.0"),
        ({"width": 1e-6}, "width must be at least 0.001 MHz, got 1e-06: it would fill the memory"),
        ({"tolerance": 0.0}, "tolerance must be positive, got 0.0"),
        ({"tolerance": 0.01}, "tolerance must be at most 0.001, got 0.01: nothing would be solved"),
        ({"kept": 0}, "kept must be an integer from 1 to 12, got 0"),
        ({"ranks": 100}, "ranks must be a power of two, as the number of eigenstates is, got 100"),
        ({"ranks": 0}, "ranks must be an integer from 1 to 4096, got 0"),
        ({"ranks": 8192}, "ranks must be an integer from 1 to 4096, got 8192"),
        ({"bins": 0}, "bins must be an integer from 1 to 1000, got 0"),
        ({"spins": 13}, "spins must be an integer from 0 to 12, got 13"),
        ({"frequency": [0.0, 0.0]}, "frequency must be strictly increasing, got [0.0, 0.0]"),
        ({"frequency": [1.0, -1.0]}, "frequency must be strictly increasing, got [1.0, -1.0]"),
        ({"frequency": ()}, "frequency must be a sequence of finite numbers, got ()"),
        ({"frequency": 1.0}, "frequency must be a sequence of finite numbers, got 1.0"),
    ],
)
def test_refused_values(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        DrivenSpins(**({"N": 4, "temperature": 1.2} | change))
    assert str(caught.value).startswith(sentence)


def test_refused_values_of_a_sweep() -> None:
    with pytest.raises(SweepError, match=r"N must be an integer from 2 to 12, got 13"):
        Sweep.from_table(
            {"model": "driven_spins", "realizations": 1, "seed": 1, "axes": {"N": [13], "temperature": [1.2]}}
        )


@pytest.mark.parametrize(("temperature", "gap", "P0"), [(1.2, 3.7554077, 0.9542874), (12.0, 0.3755408, 0.1855943)])
def test_gap_and_polarization_of_the_field(temperature: float, gap: float, P0: float) -> None:
    """Published numbers; β ω_e = h ν / k T with the constants of SciPy; spins point down."""
    model = spins(temperature)
    assert model.gap == pytest.approx(gap, abs=5e-8)
    assert model.gap == pytest.approx(constants.h * 93.9e9 / (constants.k * temperature), rel=1e-15)
    assert model.equilibrium == pytest.approx(-P0, abs=5e-8)
    assert {name: derived.value(model) for name, derived in DrivenSpins.functions_of_parameters.items()} == {
        "gap": model.gap,
        "equilibrium": model.equilibrium,
    }


@pytest.mark.parametrize("temperature", TABLE)
def test_times_of_the_table(temperature: float) -> None:
    """A preset has them, and they hold at its temperature without one."""
    times = TABLE[temperature]
    name = f"{temperature:g}K"
    assert DrivenSpins.presets[name] == {"temperature": temperature, **times}
    model = DrivenSpins.with_preset(name, N=4)
    assert model.temperature == temperature
    assert model.bath == spins(temperature).bath == Bath.of(**times, gap=model.gap)
    assert set(DrivenSpins.presets) == {"1.2K", "12K"}


@pytest.mark.parametrize("temperature", [1e-300, 5e-324])
def test_no_temperature_is_too_low(temperature: float) -> None:
    """All spins point down, and none is ever raised."""
    model = DrivenSpins.with_preset("1.2K", N=2, temperature=temperature)
    assert model.equilibrium == -1.0
    assert (model.bath.down, model.bath.up) == (1 / 160, 0.0)


def test_one_time_alone_may_differ() -> None:
    usual, slow = spins(12.0).bath, spins(12.0, T_1=100.0).bath
    assert (slow.local, slow.diagonal) == (usual.local, usual.diagonal)
    assert slow.down + slow.up == pytest.approx(0.01, rel=1e-15)
    assert slow == Bath.of(T_1=100.0, T_star=0.16, T_0=0.16, gap=spins(12.0).gap)


def test_a_preset_lends_its_times_to_other_temperatures() -> None:
    model = DrivenSpins.with_preset("12K", N=4, temperature=4.0)
    assert model.bath == Bath.of(**TABLE[12.0], gap=model.gap)
    assert model.gap == pytest.approx(3 * spins(12.0).gap, rel=1e-15)


def test_draw_is_the_documented_sequence_of_variates() -> None:
    """Growing a store adds realizations to those of an earlier version: the order of variates must not change."""
    rng = np.random.default_rng(3)
    draw = drawn(spins(N=5), seed=3)
    assert np.array_equal(draw.place, rng.random(5) - 0.5)
    assert np.array_equal(draw.number, rng.standard_normal(10))


def test_scale() -> None:
    """Reference: Δ uniform on a width, U of variance U² / N, pair by pair in a plain loop."""
    model = spins(N=5, spread=3.0, coupling=0.5)
    draw = drawn(model)
    disorder = model.scale(draw)
    assert np.array_equal(disorder.detuning, 3.0 * draw.place)
    expected, numbers = np.zeros((5, 5)), iter(draw.number)
    for i in range(5):
        for j in range(i + 1, 5):
            expected[i, j] = expected[j, i] = next(numbers) * 0.5 / 5**0.5
    np.testing.assert_allclose(disorder.coupling, expected, rtol=1e-15, atol=0)
    many = [model.scale(drawn(model, seed)) for seed in range(2000)]
    pairs = np.array([each.coupling[np.triu_indices(5, k=1)] for each in many])
    assert pairs.var() == pytest.approx(0.5**2 / 5, rel=0.03)
    places = np.array([each.detuning for each in many])
    assert (places.min(), places.max()) == pytest.approx((-1.5, 1.5), abs=2e-3)


def test_all_points_of_one_size_have_the_same_disorder() -> None:
    """Both dynamics, all temperatures and all drives are compared realization by realization."""
    expected = drawn(spins())
    for other in (spins(12.0), spins(dynamics="hilbert"), spins(drive=0.0), spins(spread=1.0, coupling=0.1)):
        assert np.array_equal(drawn(other).place, expected.place)
        assert np.array_equal(drawn(other).number, expected.number)


REFERENCE = {
    (1.2, "nonsecular"): ([-0.035526, -0.135636], 0.011289, -2.990292, 0.25653750, 0.066820),
    (1.2, "hilbert"): ([-0.046814, -0.129225], 0.009257, -3.602348, None, None),
    (12.0, "nonsecular"): ([-0.060623, -0.106528], 0.004203, -6.912815, 0.25487241, 0.066130),
    (12.0, "hilbert"): ([-0.071376, -0.096836], 0.002355, -11.961424, None, None),
}
PAIR = SpinDisorder(np.array([-1.7, 0.4]), np.array([[0.0, 0.5], [0.5, 0.0]]))


@pytest.mark.parametrize(("temperature", "dynamics"), REFERENCE)
def test_two_spins(temperature: float, dynamics: str) -> None:
    """Reference: the numbers of an independent implementation."""
    polarization, inverse_temperature, field, purity, entropy = REFERENCE[temperature, dynamics]
    found = spins(temperature, N=2, dynamics=dynamics, spins=2).evolve(PAIR)
    assert found["polarization"] == pytest.approx(polarization, abs=2e-6)
    assert found["inverse_temperature"] == pytest.approx(inverse_temperature, abs=2e-6)
    assert found["field"] == pytest.approx(field, abs=2e-6)
    if purity is not None:
        assert found["purity"] == pytest.approx(purity, abs=2e-6)
        assert found["mean_entropy"] == pytest.approx(entropy, abs=2e-6)


@TEMPERATURES
@DYNAMICS
@pytest.mark.parametrize("N", [2, 4, 5])
def test_without_a_drive_all_spins_have_the_polarization_of_the_field(
    N: int, dynamics: str, temperature: float
) -> None:
    """f = P0 f_+ at every frequency, and all spins alike; the ansatz agrees."""
    model = spins(temperature, N, dynamics=dynamics, drive=0.0, frequency=np.linspace(-5, 5, 41), spins=N)
    found = model.measure(drawn(model, N))
    assert found["polarization"] == pytest.approx(np.full(N, model.equilibrium), abs=1e-13)
    for name in ("", "ansatz_"):
        lineshape = np.asarray(found[f"{name}lineshape"])
        assert lineshape.max() > 0.05
        np.testing.assert_allclose(found[f"{name}spectrum"], model.equilibrium * lineshape, rtol=0, atol=1e-12)
    assert found["misfit"] < 1e-12
    assert found["inverse_temperature"] == pytest.approx(0.0, abs=1e-12)


@TEMPERATURES
@DYNAMICS
def test_the_spectra_add_up(dynamics: str, temperature: float) -> None:
    """∫ f = the mean polarization and ∫ f_+ = 1 on a grid that is wide against tails that fall like 1 / ω²."""
    grid = np.arange(-300.0, 300.0, 0.05)
    model = spins(temperature, 4, dynamics=dynamics, frequency=grid)
    found = model.measure(drawn(model, 3))
    for name in ("", "ansatz_"):
        atol = 1e-11 if name or dynamics == "hilbert" else 2e-4
        assert np.sum(found[f"{name}spectrum"]) * 0.05 == pytest.approx(found["mean_polarization"], abs=atol)
        assert np.sum(found[f"{name}lineshape"]) * 0.05 == pytest.approx(1.0, abs=atol)


@pytest.mark.parametrize("N", [2, 4, 7])
def test_shapes(N: int) -> None:
    """The same at every N: what a small system does not have is missing, and what it has is not."""
    model = spins(12.0, N, spins=5, ranks=16, bins=8, frequency=(-1.0, 0.0, 2.0))
    coords, found = model.coords(), model.measure(drawn(model))
    assert set(found) == set(DrivenSpins.observables)
    for name, observable in DrivenSpins.observables.items():
        values = np.asarray(found[name])
        assert values.shape == tuple(len(coords[dim]) for dim in observable.dims), name
        missing = N < 5 if observable.dims == ("spin",) else N == 2 and name == "gap_ratio"
        assert np.isnan(values).any() == missing, name
    polarization = np.asarray(found["polarization"])
    assert np.array_equal(np.isnan(polarization), np.arange(5) >= N)
    assert np.array_equal(np.asarray(found["detuning"])[: min(N, 5)], model.scale(drawn(model)).detuning[:5])
    assert coords["spin"].tolist() == [0, 1, 2, 3, 4]
    assert (coords["rank"][0], coords["rank"][-1]) == (1 / 32, 31 / 32)
    assert (coords["sz"][0], coords["sz"][-1]) == (-0.5 + 1 / 16, 0.5 - 1 / 16)
    assert coords["frequency"].tolist() == [-1.0, 0.0, 2.0]


@DYNAMICS
def test_units_are_megahertz(dynamics: str) -> None:
    """All frequencies ten times as large and all times ten times as short: nothing changes but the unit of β_s."""
    model = spins(12.0, 3, dynamics=dynamics, spins=3, frequency=np.linspace(-5, 5, 21))
    changed: dict[str, Any] = {
        name: 10 * getattr(model, name) for name in ("drive", "microwave", "spread", "coupling", "width")
    }
    times: dict[str, Any] = {name: value / 10 for name, value in TABLE[12.0].items()}
    other = replace(model, **changed, **times, frequency=tuple(10 * f for f in model.frequency))
    one, two = model.measure(drawn(model)), other.measure(drawn(model))
    np.testing.assert_allclose(two["polarization"], one["polarization"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(two["spectrum"], np.asarray(one["spectrum"]) / 10, rtol=0, atol=1e-9)
    assert two["inverse_temperature"] == pytest.approx(one["inverse_temperature"] / 10, rel=1e-6)
    assert two["field"] == pytest.approx(one["field"] * 10, rel=1e-6)


def test_a_tolerance_that_cannot_be_met() -> None:
    model = spins(N=3, tolerance=1e-30)
    measured = model.measure(drawn(model))
    with pytest.raises(ConvergenceError, match="must be found to 1e-30"):
        measured["mean_polarization"]
    assert replace(model, dynamics="hilbert").measure(drawn(model))["matvecs"] == 0


@pytest.mark.slow
def test_a_state_that_was_not_found_is_a_failure_and_never_a_number(tmp_path: Path, address: str) -> None:
    """The other dynamics, which has no tolerance to meet, is untouched."""
    sweep = Sweep.from_table(
        {
            "model": "driven_spins",
            "realizations": 2,
            "seed": 1,
            "observables": ["mean_polarization", "misfit", "polarization"],
            "axes": {"N": [3], "temperature": [1.2], "dynamics": ["nonsecular", "hilbert"]},
            "parameters": {"tolerance": 1e-30},
        }
    )
    summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address)
    assert (summary.computed, summary.failed) == (2, 2)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        failed, well = (dataset.sel(dynamics=name).squeeze().load() for name in ("nonsecular", "hilbert"))
    assert failed["status"].to_numpy().tolist() == [2, 2]
    assert well["status"].to_numpy().tolist() == [1, 1]
    for text in failed["exception"].to_numpy():
        assert re.match(
            r"ConvergenceError: the stationary state must be found to 1e-30, but the residual is \S+ after \d+ "
            r"applications of the master equation: allow a larger tolerance\n",
            text,
        )
    for name in ("mean_polarization", "misfit", "polarization"):
        assert failed[name].isnull().all()
    assert well["misfit"].notnull().all()


@pytest.mark.parametrize("microwave", [-1.2, -15.0, 9.0, 15.0])
def test_no_number_is_told_beyond_the_frequencies(microwave: float) -> None:
    """What is asked at the microwaves, and beside them, is nan where the spectrum does not reach."""
    spins = DrivenSpins(N=4, temperature=12.0, microwave=microwave)
    means = -np.linspace(0.5, 1.0, len(spins.frequency)), np.ones(len(spins.frequency))
    for name in ("theta_at_microwave", "contrast", "hole"):
        found = spins.functions_of_means[name].value(spins, *means)
        assert np.isfinite(found) == (abs(microwave) <= 10)
