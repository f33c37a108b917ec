"""Functions of averages over the disorder: the polarization of spins that resonate at a frequency, and its shape.

    Θ(ω) = <f(ω)> / <f_+(ω)> / |P0|

is -1 without a drive. With a spin temperature Θ(ω) is a line that is steep at the microwave frequency and crosses zero
at h, the field of the spin temperature. Independent spins are saturated at ω_MW and cold elsewhere: Θ has a hole. So
the contrast

    G = Θ(ω_MW) - Θ(ω_MW - 2 MHz)

is negative for a spin temperature and positive for a hole. Θ is a ratio of averages: at one frequency few realizations
have a line, so the average of their ratios does not exist.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ensemble.models.model import FunctionOfMeans

if TYPE_CHECKING:
    from ensemble.models.driven_spins.model import DrivenSpins

Array = NDArray[np.float64]

_ASIDE = 2.0
"""Distance in MHz below the microwave frequency, on the flank of a hole."""
_LEAST = 0.01
"""Fraction of the maximum of the line shape below which hardly a spin resonates; Θ is nan there."""


def _theta(model: "DrivenSpins", spectrum: Array, lineshape: Array) -> Array:
    theta = spectrum / lineshape / abs(model.equilibrium)
    return np.where(lineshape > _LEAST * lineshape.max(), theta, np.nan)


def _at(model: "DrivenSpins", curve: Array, frequency: float) -> float:
    """Interpolate a curve at one frequency; nan outside the grid."""
    return float(np.interp(frequency, model.frequency, curve, left=np.nan, right=np.nan))


def _theta_at_microwave(model: "DrivenSpins", spectrum: Array, lineshape: Array) -> float:
    return _at(model, _theta(model, spectrum, lineshape), model.microwave)


def _contrast(model: "DrivenSpins", spectrum: Array, lineshape: Array) -> float:
    theta = _theta(model, spectrum, lineshape)
    return _at(model, theta, model.microwave) - _at(model, theta, model.microwave - _ASIDE)


def _deviation(_: "DrivenSpins", spectrum: Array, ansatz: Array) -> float:
    return float(np.abs(spectrum - ansatz).max() / np.abs(spectrum).max())


def _hole(model: "DrivenSpins", spectrum: Array, ansatz: Array) -> float:
    return _at(model, spectrum, model.microwave) / _at(model, ansatz, model.microwave)


def _explained(_: "DrivenSpins", square_misfit: Array, variance: Array) -> float:
    return float(1 - square_misfit / variance)


def _zero(model: "DrivenSpins", spectrum: Array, lineshape: Array) -> float:
    grid, theta = np.asarray(model.frequency), _theta(model, spectrum, lineshape)
    before, after = theta[:-1], theta[1:]
    turns = np.flatnonzero((before * after <= 0) & (before != after))
    if not len(turns):
        return float("nan")
    zeros = grid[turns] - (before * np.diff(grid) / (after - before))[turns]
    return float(zeros[np.argmin(np.abs(zeros - model.microwave))])


_TRUE = ("spectrum", "lineshape")
_ANSATZ = ("ansatz_spectrum", "ansatz_lineshape")
_BOTH = ("spectrum", "ansatz_spectrum")

OF_MEANS: Mapping[str, FunctionOfMeans] = {
    "theta": FunctionOfMeans("polarization against frequency", _TRUE, _theta, dims=("frequency",)),
    "ansatz_theta": FunctionOfMeans("polarization against frequency, ansatz", _ANSATZ, _theta, dims=("frequency",)),
    "theta_at_microwave": FunctionOfMeans("polarization of the spins in resonance", _TRUE, _theta_at_microwave),
    "contrast": FunctionOfMeans("polarization in resonance less that aside", _TRUE, _contrast),
    "ansatz_contrast": FunctionOfMeans("polarization in resonance less that aside, ansatz", _ANSATZ, _contrast),
    "zero": FunctionOfMeans("zero of the spectrum next to the microwaves", _TRUE, _zero, units="MHz"),
    "deviation": FunctionOfMeans("largest distance of the spectrum from the ansatz, over its peak", _BOTH, _deviation),
    "hole": FunctionOfMeans("spectrum over that of the ansatz, in resonance", _BOTH, _hole),
    "explained": FunctionOfMeans(
        "part of the variance of the spins' polarizations that the ansatz explains",
        ("square_misfit", "polarization_variance"),
        _explained,
    ),
}
