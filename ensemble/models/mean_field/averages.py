"""Functions of averages over the disorder: slopes, gap depth, logarithmic relaxation.

Straight lines are fitted without weights, in windows that are parameters. Their errors come from the disorder. If a bin
in a window is empty, or if a window has fewer than two bins, the result is nan.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ensemble.models.mean_field.kernels.tunnelling import logarithmic_relaxation
from ensemble.models.model import FunctionOfMeans

if TYPE_CHECKING:
    from ensemble.models.mean_field.glass import MeanFieldGlass
    from ensemble.models.mean_field.tls import MeanFieldTLSGlass

Array = NDArray[np.float64]

_LN10 = float(np.log(10))


def _inside(x: Array, window: tuple[float, ...]) -> NDArray[np.bool_]:
    return (x > window[0]) & (x < window[1])


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Return the slope of the straight line through points and its value at 0; nan for too few or infinite points."""
    if len(x) < 2 or not np.isfinite(y).all():
        return float("nan"), float("nan")
    value, slope = np.polynomial.polynomial.polyfit(x, y, 1)
    return float(slope), float(value)


def _gap(model: "MeanFieldGlass", gap: Array) -> tuple[Array, Array]:
    """Return the energies in the fit window, and the density of states there."""
    depth = model.coords()["depth"]
    chosen = _inside(depth, model.gap_window)
    return depth[chosen], gap[chosen]


def _gap_depth(_: "MeanFieldGlass", gap: Array, shoulder: Array) -> Array:
    return np.divide(gap, shoulder)


def _gap_slope(model: "MeanFieldGlass", gap: Array) -> float:
    return _line(*_gap(model, gap))[0]


def _gap_power(model: "MeanFieldGlass", gap: Array) -> float:
    return _line(*np.log(_gap(model, gap)))[0]


def _inverse_gap(model: "MeanFieldGlass", gap: Array) -> tuple[float, float]:
    depth, density = _gap(model, gap)
    return _line(np.log(depth), 1 / density)


def _inverse_gap_slope(model: "MeanFieldGlass", gap: Array) -> float:
    return -_inverse_gap(model, gap)[0]


def _inverse_gap_at_one(model: "MeanFieldGlass", gap: Array) -> float:
    return _inverse_gap(model, gap)[1]


def _rate_density(model: "MeanFieldGlass", histogram: Array) -> Array:
    found: Array = histogram / (model.coords()["rate"] * _LN10)
    return found


def _rate_slope(model: "MeanFieldGlass", histogram: Array) -> float:
    log_rate = np.log10(model.coords()["rate"])
    chosen = _inside(log_rate, model.rate_window)
    return _line(log_rate[chosen], np.log10(histogram[chosen]))[0] - 1


def _plateau(model: "MeanFieldGlass", histogram: Array) -> float:
    chosen = _inside(np.log10(model.coords()["rate"]), model.rate_window)
    return float(histogram[chosen].mean()) if chosen.any() else float("nan")


def _relaxation_slope(model: "MeanFieldTLSGlass", relaxation: Array) -> float:
    t = np.asarray(model.t)
    chosen = _inside(t, model.time_window)
    return _line(np.log(t[chosen]), relaxation[chosen])[0]


def _logarithm(model: "MeanFieldTLSGlass", mean_log_factor: Array) -> Array:
    t = np.asarray(model.t)
    slowest = model.amplitude_min**2 * 10.0 ** float(mean_log_factor)
    span = 2 * float(np.log(model.amplitude_max / model.amplitude_min))
    return np.where(t > 0, logarithmic_relaxation(t, slowest, span), np.nan)


def _from_logarithm(model: "MeanFieldTLSGlass", relaxation: Array, mean_log_factor: Array) -> float:
    apart = np.abs(relaxation - _logarithm(model, mean_log_factor))[_inside(np.asarray(model.t), model.time_window)]
    return float(apart.max()) if len(apart) else float("nan")


def _from_average(_: "MeanFieldTLSGlass", relaxation: Array, averaged: Array) -> float:
    return float(np.abs(relaxation - averaged).max())


BOTH: Mapping[str, FunctionOfMeans] = {
    "gap_depth": FunctionOfMeans(
        "density of states in the gap over that beside it", ("gap_density", "shoulder_density"), _gap_depth
    ),
    "gap_slope": FunctionOfMeans("slope of the density of states with abs(E)", ("gap",), _gap_slope),
    "gap_power": FunctionOfMeans("power of abs(E) that the density of states follows", ("gap",), _gap_power),
    "rate_density": FunctionOfMeans("density p of rates", ("rate_histogram",), _rate_density, dims=("rate",)),
    "rate_slope": FunctionOfMeans("power of λ that p follows", ("rate_histogram",), _rate_slope),
    "plateau": FunctionOfMeans("density of log10 λ in its window", ("rate_histogram",), _plateau),
}

TLS: Mapping[str, FunctionOfMeans] = {
    **BOTH,
    "inverse_gap_slope": FunctionOfMeans("B of 1/g = A - B ln abs(E)", ("gap",), _inverse_gap_slope),
    "inverse_gap_at_one": FunctionOfMeans("A of 1/g = A - B ln abs(E)", ("gap",), _inverse_gap_at_one),
    "relaxation_slope": FunctionOfMeans("slope of S with ln t", ("relaxation",), _relaxation_slope),
    "logarithm": FunctionOfMeans("relaxation S, as a logarithm", ("mean_log_factor",), _logarithm, dims=("t",)),
    "from_logarithm": FunctionOfMeans(
        "largest distance of S from the logarithm", ("relaxation", "mean_log_factor"), _from_logarithm
    ),
    "from_average": FunctionOfMeans(
        "largest distance of S from its average over amplitudes", ("relaxation", "averaged_relaxation"), _from_average
    ),
}
