"""What is made of averages over both glasses: against NumPy on averages of real samples, and known laws."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from ensemble.models.mean_field import ElectronGlass, MeanFieldTLSGlass
from tests.support import samples

Array = NDArray[np.float64]
Glass = MeanFieldTLSGlass | ElectronGlass

TLS = MeanFieldTLSGlass(
    N=150, box="density", gap_bins=25, rate_bins=45, time_window=(1e3, 1e9), rate_window=(-11.0, -4.5)
)
ELECTRONS = ElectronGlass(N=60, gap_bins=25, rate_bins=60, gap_window=(0.3, 0.8), rate_window=(-4.0, -1.0))
REALIZATIONS = 60
BOTH = pytest.mark.parametrize("model", [TLS, ELECTRONS], ids=["two-level systems", "electrons"])


def rows(model: Glass) -> Mapping[str, Array]:
    """All that averages are made of."""
    names = {name for quantity in type(model).functions_of_means.values() for name in quantity.of}
    return samples.measured(model, REALIZATIONS, *sorted(names))


def mean(model: Glass, name: str) -> Array:
    return np.asarray(rows(model)[name].mean(axis=0))


def value(model: Glass, name: str) -> Any:
    return samples.made(model, name, rows(model))


def gap(model: Glass) -> tuple[Array, Array]:
    """The window, by hand."""
    width = model.gap_range / model.gap_bins
    depth = np.array([width * (place + 0.5) for place in range(model.gap_bins)])
    inside = (depth > model.gap_window[0]) & (depth < model.gap_window[1])
    return depth[inside], mean(model, "gap")[inside]


def histogram(model: Glass) -> tuple[Array, Array]:
    """log10 of rates in their window and its density, by hand."""
    edges = np.linspace(model.slowest, model.fastest, model.rate_bins + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    inside = (middle > model.rate_window[0]) & (middle < model.rate_window[1])
    return middle[inside], mean(model, "rate_histogram")[inside]


@BOTH
def test_the_gap(model: Glass) -> None:
    E, g = gap(model)
    assert len(E) > 8
    depth = mean(model, "gap_density") / mean(model, "shoulder_density")
    assert value(model, "gap_depth") == pytest.approx(float(depth), rel=1e-12)
    assert value(model, "gap_slope") == pytest.approx(np.polyfit(E, g, 1)[0], rel=1e-9)
    assert value(model, "gap_power") == pytest.approx(np.polyfit(np.log(E), np.log(g), 1)[0], rel=1e-9)


def test_the_inverse_of_the_gap() -> None:
    E, g = gap(TLS)
    slope, at_one = np.polyfit(np.log(E), 1 / g, 1)
    assert value(TLS, "inverse_gap_slope") == pytest.approx(-slope, rel=1e-9)
    assert value(TLS, "inverse_gap_at_one") == pytest.approx(at_one, rel=1e-9)


@BOTH
def test_the_distribution_of_rates(model: Glass) -> None:
    """p of log10 λ is a histogram; what p of λ is follows from dλ = λ ln 10 d log10 λ."""
    where, density = histogram(model)
    assert len(where) > 8
    assert value(model, "plateau") == pytest.approx(density.mean(), rel=1e-12)
    p = density / (10.0**where * np.log(10))
    assert value(model, "rate_slope") == pytest.approx(np.polyfit(where, np.log10(p), 1)[0], rel=1e-9)
    inside = (model.coords()["rate"] > 10 ** model.rate_window[0]) & (
        model.coords()["rate"] < 10 ** model.rate_window[1]
    )
    np.testing.assert_allclose(np.asarray(value(model, "rate_density"))[inside], p, rtol=1e-9)


def test_the_relaxation() -> None:
    """S, and the logarithm -(γ + ln(λ t)) / 2 ln R that follows from the smallest of rates λ of the mean logarithm."""
    t, S = np.asarray(TLS.t), mean(TLS, "relaxation")
    inside = (t > 1e3) & (t < 1e9)
    assert value(TLS, "relaxation_slope") == pytest.approx(np.polyfit(np.log(t[inside]), S[inside], 1)[0], rel=1e-9)
    slowest = 1e-14 * 10 ** mean(TLS, "mean_log_factor")
    line = -(np.euler_gamma + np.log(slowest * t)) / (2 * np.log(1e6))
    np.testing.assert_allclose(value(TLS, "logarithm"), line, rtol=1e-9, atol=1e-12)
    assert value(TLS, "from_logarithm") == pytest.approx(np.abs(S - line)[inside].max(), rel=1e-9)
    averaged = mean(TLS, "averaged_relaxation")
    assert value(TLS, "from_average") == pytest.approx(np.abs(S - averaged).max(), rel=1e-9)


def called(model: Glass, name: str, *means: Any) -> Any:
    """As the framework calls it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            type(model).functions_of_means[name].value(model, *(np.asarray(each, dtype=np.float64) for each in means))
        )


@BOTH
def test_known_gaps(model: Glass) -> None:
    """A line, a power and a logarithm have their own numbers, whatever is outside of the window."""
    E = model.coords()["depth"]
    low, high = model.gap_window
    outside = ~((low < E) & (high > E))
    for name, law, expected in (
        ("gap_slope", 0.1 + 0.4 * E, 0.4),
        ("gap_power", 0.3 * E**0.18, 0.18),
        ("inverse_gap_slope", 1 / (17.2 - 4.0 * np.log(E)), 4.0),
        ("inverse_gap_at_one", 1 / (17.2 - 4.0 * np.log(E)), 17.2),
    ):
        if name in type(model).functions_of_means:
            assert called(model, name, np.where(outside, 0.0, law)) == pytest.approx(expected, rel=1e-9), name


def test_a_known_relaxation() -> None:
    """The exact integral for equal energies is a logarithm between its two rates, with a slope of 1 / 2 ln R."""
    model = MeanFieldTLSGlass(N=2, t=tuple(np.geomspace(1.0, 1e15, 200)))
    t, span = np.asarray(model.t), 2 * np.log(1e6)
    S = (special.exp1(3e-14 * t) - special.exp1(3e-2 * t)) / span
    assert called(model, "relaxation_slope", S) == pytest.approx(-1 / span, abs=3e-5)
    assert called(model, "from_logarithm", S, np.log10(3.0)) < 1e-3
    assert called(model, "from_logarithm", S, np.log10(4.0)) == pytest.approx(np.log(4 / 3) / span, rel=0.15)


@BOTH
def test_a_law_of_rates(model: Glass) -> None:
    """p = λ^(s - 1), so that the density of log10 λ is λ^s."""
    rate = model.coords()["rate"]
    for power in (-0.2, 0.0, 0.5):
        assert called(model, "rate_slope", 0.01 * rate**power) == pytest.approx(power - 1, rel=1e-9)


@BOTH
def test_what_cannot_be_told_is_nan(model: Glass) -> None:
    """Empty bins, windows in which there are fewer than two, and a time at which there is no logarithm."""
    empty, rates = np.zeros(model.gap_bins), np.zeros(model.rate_bins)
    lines = {name for name, made_of in type(model).functions_of_means.items() if made_of.of == ("gap",)} - {"gap_slope"}
    assert all(np.isnan(called(model, name, empty)) for name in lines)
    assert called(model, "gap_slope", empty) == 0.0
    assert np.isnan(called(model, "rate_slope", rates))
    assert np.isnan(called(model, "gap_depth", 0.0, 0.0))
    away = type(model)(**{**vars(model), "gap_window": (50.0, 60.0), "rate_window": (-299.0, -298.0)})
    for name, means in (("gap_slope", empty + 1), ("gap_power", empty + 1), ("rate_slope", rates + 1)):
        assert np.isnan(called(away, name, means)), name
    assert np.isnan(called(away, "plateau", rates + 1))


def test_times_of_zero_and_beyond() -> None:
    """S(0) = 1, the logarithm is not there, and a window that no time lies in tells nothing."""
    model = MeanFieldTLSGlass(N=2, t=(0.0, 1.0, 10.0), time_window=(0.0, 20.0))
    S = np.array([1.0, 0.8, 0.7])
    assert called(model, "relaxation_slope", S) == pytest.approx(-0.1 / np.log(10))
    assert np.isnan(called(model, "logarithm", 0.5)).tolist() == [True, False, False]
    assert np.isfinite(called(model, "from_logarithm", S, 0.5))
    away = MeanFieldTLSGlass(N=2, t=(0.0, 1.0, 10.0))
    assert np.isnan(called(away, "relaxation_slope", S))
    assert np.isnan(called(away, "from_logarithm", S, 0.5))
