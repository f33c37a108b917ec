"""Both mean-field glasses: their disorder, the values that they refuse, and what must hold of every sample."""

import itertools
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from ensemble import Sweep, run_sweep
from ensemble.errors import ParameterError, SweepError
from ensemble.models import catalog
from ensemble.models.mean_field import ElectronGlass, MeanFieldTLSGlass
from ensemble.models.mean_field.disorder import SiteDraw, TLSDraw
from ensemble.models.mean_field.glass import MeanFieldGlass
from ensemble.models.mean_field.kernels.self_consistent import SWEEPS
from ensemble.models.mean_field.sample import ElectronSample
from ensemble.realization.random_streams import random_stream
from tests.support.conformance import bits
from tests.support.reference.localized import images

Array = NDArray[np.float64]
Glass = MeanFieldTLSGlass | ElectronGlass

NAMES: dict[str, type[MeanFieldTLSGlass] | type[ElectronGlass]] = {
    "tls_glass_mean_field": MeanFieldTLSGlass,
    "electron_glass": ElectronGlass,
}
BOTH = pytest.mark.parametrize("kind", NAMES.values(), ids=NAMES)


def drawn(model: Glass, seed: int = 0) -> Any:
    return model.draw(np.random.default_rng(seed))


def test_what_the_framework_reads() -> None:
    for name, kind in NAMES.items():
        assert catalog.find(name) is kind
        assert issubclass(kind, MeanFieldGlass)
        assert kind.axes == ("N", "W", "J", "T")
        assert kind.draw_fields == ("N",)
        assert {field.name for field in fields(kind)} == set(kind.rules)
    assert set(MeanFieldTLSGlass.observables) - set(ElectronGlass.observables) == {
        "mean_log_factor",
        "median_log_factor",
        "averaged_relaxation",
    }
    requested = {name for name, observable in ElectronGlass.observables.items() if observable.on_request}
    assert requested == {
        *("rates", "coupled_rates", "bare_histogram", "bare_mean_log_rate"),
        *("error", "mean_error", "slow_error", "slow_error_median", "slow_error_largest"),
        *("shift", "slow_shift", "largest_shift"),
    }


def test_defaults() -> None:
    """The values of the paper, in its box."""
    for glass in (MeanFieldTLSGlass(N=1000), ElectronGlass(N=1000)):
        assert (glass.W, glass.J, glass.T, glass.box) == (1.0, 1.0, 0.1, "paper")
    glass = MeanFieldTLSGlass(N=1000)
    assert (glass.c, glass.amplitude_min, glass.amplitude_max) == (0.5, 1e-7, 1e-1)
    assert (glass.t[0], glass.t[-1], len(glass.t)) == (1.0, 1e17, 69)
    assert ElectronGlass(N=10).length == 0.1


def test_models_are_values() -> None:
    """Equal and hashable whatever types their values came in."""
    one = ElectronGlass(N=np.int64(8), W=1, T=np.float64(0.1), precise=np.bool_(True), t=np.array([0, 1]))  # type: ignore[arg-type]
    other = ElectronGlass(N=8, W=1.0, T=0.1, t=(0.0, 1.0))
    assert one == other
    assert hash(one) == hash(other)
    assert (type(one.N), type(one.W), type(one.precise)) == (int, float, bool)


@BOTH
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        *[({"N": N}, f"N must be an integer from 2 to 50000, got {N!r}") for N in (1, 50_001, 2.0, True, "4")],
        *[({name: -1.0}, f"{name} must not be negative, got -1.0") for name in ("W", "J")],
        *[({name: 1e60}, f"{name} must be from 1e-50 to 1e+50, got 1e+60") for name in ("W", "J", "T")],
        *[({name: 0.0}, f"{name} must be positive, got 0.0") for name in ("T", "gap_width", "tolerance")],
        ({"T": 1e-300}, "T must be from 1e-50 to 1e+50, got 1e-300"),
        ({"W": float("nan")}, "W must be a finite number, got nan"),
        ({"box": "cube"}, 'box must be "paper" or "density" or "neighbour", got \'cube\''),
        ({"tolerance": 0.1}, "tolerance must be from 1e-14 to 1e-3, got 0.1: nothing would be solved"),
        ({"tolerance": 1e-20}, "tolerance must be from 1e-14 to 1e-3, got 1e-20"),
        *[({name: 0}, f"{name} must be an integer from 1 to ") for name in ("energy_bins", "gap_bins", "rate_bins")],
        ({"ranks": 0}, "ranks must be an integer from 1 to 50000, got 0"),
        ({"modes": -1}, "modes must be an integer from 0 to 50000, got -1"),
        ({"slowest": 2.0, "fastest": 2.0}, "fastest must be above slowest, got 2 and 2"),
        ({"fastest": 400.0}, "fastest must be from -300 to 300, got 400.0"),
        ({"gap_window": (0.5, 0.1)}, "gap_window must be strictly increasing and not negative, got (0.5, 0.1)"),
        ({"gap_window": (-0.5, 0.1)}, "gap_window must be strictly increasing and not negative, got (-0.5, 0.1)"),
        ({"gap_window": (0.1, 0.2, 0.3)}, "gap_window must be two numbers, from and to, got (0.1, 0.2, 0.3)"),
        ({"rate_window": (1.0,)}, "rate_window must be two numbers, from and to, got (1.0,)"),
        ({"rate_window": (1.0, 1.0)}, "rate_window must be strictly increasing, got (1.0, 1.0)"),
        ({"quantile": (0.5, 1.5)}, "quantile must lie between 0 and 1, got (0.5, 1.5)"),
        ({"quantile": ()}, "quantile must be a sequence of finite numbers, got ()"),
        ({"t": (-1.0, 1.0)}, "t must be strictly increasing and not negative, got (-1.0, 1.0)"),
    ],
)
def test_refused_values(kind: type[Any], change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        kind(**({"N": 4} | change))
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        (MeanFieldTLSGlass, {"c": 0.0}, "c must be positive, got 0.0"),
        (
            MeanFieldTLSGlass,
            {"amplitude_min": 0.1},
            "amplitude_max must be above amplitude_min, got 0.1 and 0.1",
        ),
        (MeanFieldTLSGlass, {"amplitude_max": 1e200}, "amplitude_max must be from 1e-50 to 1e+50, got 1e+200"),
        (MeanFieldTLSGlass, {"time_window": (-1.0, 1.0)}, "time_window must be strictly increasing and not negative"),
        (ElectronGlass, {"length": 0.0}, "length must be positive, got 0.0"),
        (ElectronGlass, {"precise": 1}, "precise must be true or false, got 1"),
        (ElectronGlass, {"W": 0, "J": 0}, "W or J must be positive, got 0 for both: all energies would be the same"),
    ],
)
def test_refused_values_of_one(kind: type[Any], change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        kind(**({"N": 4} | change))
    assert str(caught.value).startswith(sentence)


def test_refused_values_of_a_sweep() -> None:
    table: dict[str, Any] = {"model": "electron_glass", "realizations": 1, "seed": 1, "axes": {"N": [4]}}
    with pytest.raises(SweepError, match=r"N must be an integer from 2 to 50000, got 1"):
        Sweep.from_table({**table, "axes": {"N": [1]}})
    with pytest.raises(SweepError, match=r"mode, a dimension of rates, must not be empty: set the parameter"):
        Sweep.from_table({**table, "observables": ["rates"], "parameters": {"modes": 0}})
    assert "mode" not in Sweep.from_table({**table, "parameters": {"modes": 0}}).coords


def test_draws_are_the_documented_sequences_of_variates() -> None:
    """Growing a store adds realizations to those of an earlier version: the order of variates must not change."""
    rng, draw = np.random.default_rng(3), drawn(MeanFieldTLSGlass(N=5), seed=3)
    for found, expected in (
        (draw.position, rng.random((5, 3))),
        (draw.local, rng.standard_normal(5)),
        (draw.exponent, rng.random(5)),
        (draw.start, 2 * rng.random(5) - 1),
        (draw.key, rng.integers(2**64, size=2, dtype=np.uint64)),
    ):
        assert np.array_equal(found, expected)
    pairs = np.random.Generator(np.random.Philox(key=draw.key)).standard_normal(10)
    assert np.array_equal(draw.pairs.standard_normal(10), pairs)
    assert np.array_equal(draw.pairs.standard_normal(10), pairs)
    rng, draw = np.random.default_rng(3), drawn(ElectronGlass(N=5), seed=3)
    for found, expected in (
        (draw.position, rng.random((5, 2))),
        (draw.local, rng.random(5) - 0.5),
        (draw.start, 2 * rng.random(5) - 1),
    ):
        assert np.array_equal(found, expected)


def test_disorder_is_what_it_is_said_to_be() -> None:
    """Standard normal numbers, uniform ones, and pairs of different samples that know nothing of one another."""
    samples: list[TLSDraw] = [drawn(MeanFieldTLSGlass(N=50), seed) for seed in range(400)]
    local, exponent = (np.array([getattr(each, name) for each in samples]) for name in ("local", "exponent"))
    pairs = np.array([each.pairs.standard_normal(100) for each in samples])
    for normal in (local, pairs):
        assert normal.mean() == pytest.approx(0.0, abs=4 / np.sqrt(normal.size))
        assert normal.var() == pytest.approx(1.0, abs=4 * np.sqrt(2 / normal.size))
    assert abs(np.corrcoef(pairs)[np.triu_indices(400, 1)]).max() < 0.6
    sites: list[SiteDraw] = [drawn(ElectronGlass(N=50), seed) for seed in range(400)]
    for values, low, high in (
        (exponent, 0.0, 1.0),
        (np.array([each.position for each in samples]), 0.0, 1.0),
        (np.array([each.start for each in samples]), -1.0, 1.0),
        (np.array([each.position for each in sites]), 0.0, 1.0),
        (np.array([each.local for each in sites]), -0.5, 0.5),
        (np.array([each.start for each in sites]), -1.0, 1.0),
    ):
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high >= values.max() > high - 0.01 * (high - low)
        assert values.mean() == pytest.approx((low + high) / 2, abs=4 * (high - low) / np.sqrt(12 * values.size))


@BOTH
def test_all_points_of_one_size_have_the_same_disorder(kind: type[Any]) -> None:
    """W, J, T, boxes and ways to count are compared realization by realization."""
    expected = bits(drawn(kind(N=20)))
    for change in ({"W": 10.0}, {"J": 0.0}, {"T": 3.0}, {"box": "density"}, {"gap_bins": 7}, {"t": (1.0,)}):
        assert bits(drawn(kind(N=20, **change))) == expected
    assert bits(drawn(kind(N=21))) != expected


def together(model: Glass, draw: Any) -> str:
    """The bits of all that is measured."""
    measured = model.measure(draw)
    return repr([bits(np.asarray(measured[name])) for name in sorted(type(model).observables)])


def test_a_quarter_is_half_the_interaction() -> None:
    half, quarter = MeanFieldTLSGlass(N=60, J=0.7), MeanFieldTLSGlass(N=60, J=1.4, c=0.25)
    assert together(half, drawn(half)) == together(quarter, drawn(quarter))
    assert together(half, drawn(half)) != together(replace(quarter, c=0.5), drawn(quarter))


def test_units_of_energy() -> None:
    """All energies twice as large, to the last bit: rates of two-level systems are eight times as large."""
    model = MeanFieldTLSGlass(N=60, amplitude_min=1e-4)
    draw = drawn(model)
    names = ("W", "J", "T", "amplitude_min", "amplitude_max", "energy_range", "gap_range", "gap_width")
    twice = replace(model, **{name: 2 * getattr(model, name) for name in names})
    one, two = model.measure(draw), twice.measure(replace(draw, start=2 * draw.start))
    for name, factor in (("median_energy", 2), ("rates", 8), ("dos", 0.5), ("gap_density", 0.5), ("mean_error", 1)):
        np.testing.assert_allclose(two[name], factor * np.asarray(one[name]), rtol=1e-10, err_msg=name)
    assert np.array_equal(np.asarray(two["rates"]), 8 * np.asarray(one["rates"]), equal_nan=True)


def test_electrons_hop_at_rates_that_have_no_unit_of_energy() -> None:
    model = ElectronGlass(N=60)
    draw = drawn(model)
    names = ("W", "J", "T", "energy_range", "gap_range", "gap_width")
    twice = replace(model, **{name: 2 * getattr(model, name) for name in names})
    one, two = model.measure(draw), twice.measure(replace(draw, start=2 * draw.start))
    assert np.array_equal(np.asarray(two["energy_quantiles"]), 2 * np.asarray(one["energy_quantiles"]))
    for name in ("rates", "coupled_rates", "electrons", "rate_histogram"):
        assert np.array_equal(np.asarray(two[name]), np.asarray(one[name]), equal_nan=True), name


@BOTH
@pytest.mark.parametrize("N", [2, 3, 40])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"J": 0.0},
        {"W": 0.0},
        {"J": 1e-50, "W": 1e-50},
        {"T": 1e6},
        {"T": 1e-6},
        {"W": 1e6},
        {"T": 1e-6, "W": 1e6},
        {"slowest": 100.0, "fastest": 101.0},
        {"quantile": (0.0, 1.0)},
        {"t": (0.0, 1e100)},
    ],
    ids=repr,
)
def test_everything_can_be_measured_at_every_point(change: dict[str, Any], N: int, kind: type[Any]) -> None:
    """Also where there are fewer sites than modes and ranks; nothing warns, and only what must be is missing."""
    model = kind(N=N, modes=5, ranks=6, **change)
    found = model.measure(drawn(model, 1))
    coords = model.coords()
    rates = N if kind is MeanFieldTLSGlass else N - 1
    kept = rates - int(np.asarray(found["lost_rates"]))
    for name, observable in kind.observables.items():
        values = np.asarray(found[name])
        assert values.shape == tuple(len(coords[dim]) for dim in observable.dims), name
        missing = np.isnan(values)
        if name in ("rates", "coupled_rates"):
            assert missing.sum() == max(0, 5 - rates), name
        elif kept == rates:
            expected = max(0, 6 - rates) if name == "error" else 0
            assert missing.sum() == expected, name
    relaxation = np.asarray(found["relaxation"])
    assert (np.diff(relaxation) <= 0).all()
    if model.t[0] == 0:
        assert relaxation[0] == 1
    assert (np.diff(np.asarray(found["rates"])[: min(5, rates)]) >= 0).all()


@BOTH
def test_without_interaction_the_disorder_is_all(kind: type[Any]) -> None:
    """The first sweep finds the solution, the second that it is one; all is spread like local energies."""
    model = kind(N=200, J=0.0, W=2.0)
    draw = drawn(model)
    found = model.measure(draw)
    assert found["sweeps"] == 2
    assert found["residual"] == 0
    local = np.abs(2.0 * draw.local)
    if kind is MeanFieldTLSGlass:
        local = np.hypot(local, 1e-7 * 1e6**draw.exponent)
    assert found["median_energy"] == pytest.approx(np.median(local), rel=1e-14)
    np.testing.assert_allclose(found["coupled_rates"], found["rates"], rtol=1e-12)
    assert found["largest_shift"] < 1e-12


def test_two_level_systems_are_never_slower_than_the_temperature_lets_them() -> None:
    """λ >= 2 a T Δ0², with equality where there is no energy."""
    for W, J in ((1.0, 1.0), (0.0, 0.0)):
        model = MeanFieldTLSGlass(N=300, W=W, J=J, modes=300)
        draw = drawn(model)
        bound = np.sort(2 * model.T * (1e-7 * 1e6**draw.exponent) ** 2)
        rates = np.asarray(model.measure(draw)["rates"])
        assert (rates >= bound * (1 - 1e-12)).all()
    np.testing.assert_allclose(rates, bound, rtol=0.1)


def test_no_sample_of_electrons_is_without_rates() -> None:
    """Two sites of ten are so close at times that the energies of both are thousands of temperatures."""
    model = ElectronGlass(N=10, T=0.01, quantile=(1.0,), modes=9)
    far = 0
    for seed in range(200):
        found = model.measure(drawn(model, seed))
        far += float(np.asarray(found["energy_quantiles"])[0]) > 700 * model.T
        assert found["lost_rates"] == np.count_nonzero(np.asarray(found["rates"]) == 0)
    assert far > 2


@pytest.mark.parametrize("apart", [0.05, 4e-3])
def test_close_pairs_of_electrons_have_rates_too(apart: float) -> None:
    """Reference: the matrix of hops in mpmath, with all the digits that its exponents need."""
    model = ElectronGlass(N=6, T=0.05, length=0.3, modes=5)
    draw = drawn(model, 4)
    position = np.vstack([draw.position[:5], draw.position[4] + [apart, 0.0]])
    close = SiteDraw(position, draw.local, draw.start)
    energy = ElectronSample(model, close).energy
    assert (np.abs(energy).max() > 1000 * model.T) == (apart < 0.01)
    expected = exact_rates(energy, images(position, model.side), model.length, model.T)
    found = model.measure(close)
    assert found["lost_rates"] == 0
    np.testing.assert_allclose(found["rates"], expected, rtol=1e-9)
    quick = replace(model, precise=False).measure(close)
    np.testing.assert_allclose(np.asarray(quick["rates"])[-2:], expected[-2:], rtol=1e-9)


def exact_rates(energy: Array, distance: Array, length: float, T: float) -> Array:
    """-exp(-r / ξ) / (2 sinh(ΔE / 2T)) and what conserves charge, with as many digits as the exponents need."""
    n = len(energy)
    with mpmath.workdps(60 + int(np.abs(energy).max() / T)):
        half = [mpmath.mpf(float(e)) / (2 * mpmath.mpf(T)) for e in energy]
        matrix = mpmath.zeros(n)
        for i, j in itertools.permutations(range(n), 2):
            hop = mpmath.exp(-mpmath.mpf(float(distance[i, j])) / mpmath.mpf(length))
            hop /= 2 * mpmath.sinh(abs(half[i] - half[j]))
            matrix[i, j] -= hop
            matrix[i, i] += hop * mpmath.cosh(half[i]) / mpmath.cosh(half[j])
        found = mpmath.eigsy(matrix, eigvals_only=True)
        return np.array([float(rate) for rate in sorted(found)[1:]])


def pair_at_its_critical_point(seed: int) -> float:
    """The temperature at which the first realization of two equal sites begins to order: K = 2T, and K = J / 2r."""
    model = ElectronGlass(N=2, W=0.0)
    distance = model.measure(model.draw(random_stream(seed, model, 0)))["neighbour_distance"]
    return float(1 / (4 * np.asarray(distance)))


def test_a_sample_that_does_not_converge_is_a_failure_and_never_a_number(tmp_path: Path, address: str) -> None:
    """Where two sites begin to order, averages come near to zero like the root of the sweeps; others are untouched."""
    critical = pair_at_its_critical_point(1)
    sweep = Sweep.from_table(
        {
            "model": "electron_glass",
            "realizations": 3,
            "seed": 1,
            "observables": ["median_energy", "dos", "sweeps"],
            "axes": {"N": [2], "W": [0.0], "J": [1.0], "T": [critical, 10 * critical]},
        }
    )
    summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address)
    assert (summary.computed, summary.failed) == (5, 1)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        there = dataset.sel(T=critical).squeeze().load()
        assert dataset.status.sel(T=10 * critical).to_numpy().ravel().tolist() == [1, 1, 1]
    assert there.status.to_numpy().tolist() == [2, 1, 1]
    assert re.search(
        rf"averages must change by 1e-09 at most after {SWEEPS} sweeps, but they change by \S+: "
        r"raise the tolerance or the temperature\n",
        str(there.exception[0].item()),
    )
    for name in ("median_energy", "dos"):
        missing = there[name].isnull().any([dim for dim in there[name].dims if dim != "realization"])
        assert missing.to_numpy().tolist() == [True, False, False], name
    assert there.sweeps.to_numpy()[1:].min() > 0
