"""Spectra of many lines with complex weights, broadened by a Gaussian decay in time.

    f(ω) = Re Σ_l c_l K(ν_l - ω),   K(x) = (1/π) ∫_0^∞ exp(i x t - σ² t² / 2) dt = w_F(x / (σ √2)) / (σ √(2π))

with the Faddeeva function w_F. The real part of K is a Gaussian of area 1. The imaginary part is Dawson's integral. It
falls only as 1/x, so a line with a complex weight contributes at all frequencies.

K is smooth on the scale of σ. So each weight is distributed over the nearest nodes of a fine uniform grid by Lagrange
interpolation of K. On that grid the sum is one convolution. Then f is interpolated at the frequencies of `grid`. This
costs a few operations per line, instead of one K for each line and each ω, and is exact to rounding.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

from ensemble.physics.compiled import compiled

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

NODES = 12
"""Number of nodes that a line is distributed over; even."""

NODES_PER_WIDTH = 16
"""Nodes per σ. At 8 the error of the Lagrange interpolation is 1e-11 of K; it falls with the twelfth power."""

_SCALE = tuple((-1) ** (NODES - 1 - k) / (math.factorial(k) * math.factorial(NODES - 1 - k)) for k in range(NODES))


def gaussian_spectrum(frequency: Array, weight: Array | ComplexArray, width: float, grid: Array) -> Array:
    """Return the spectrum f(ω), shape (..., grid), for the frequencies ω in `grid`, in any order.

    `frequency` is ν (lines,), and `weight` is c (..., lines), for one or several spectra of the same lines. One call
    for several spectra is faster than several calls. `width` is σ, positive, in the unit of the frequencies. f has the
    unit of c over the unit of σ. If the weights are real, only the real part of K enters.
    """
    step = width / NODES_PER_WIDTH
    ends = np.concatenate([frequency, grid])
    lowest = ends.min() - NODES * step
    size = int((ends.max() - lowest) / step) + NODES
    weights = weight.reshape(math.prod(weight.shape[:-1]), len(frequency))
    spectra = _convolved(_on_nodes(frequency, weights.real, lowest, step, size), _gaussian, width)
    if np.iscomplexobj(weights):
        spectra += _convolved(_on_nodes(frequency, weights.imag, lowest, step, size), _dispersive, width)
    values = np.empty((len(grid), len(weights)))
    _interpolate(spectra, grid, lowest, step, values)
    return values.T.reshape(*weight.shape[:-1], len(grid))


def _gaussian(x: Array) -> Array:
    """Re w_F(x)."""
    return np.exp(-(x**2))


def _dispersive(x: Array) -> Array:
    """Im w_F(x)."""
    return 2 / math.sqrt(math.pi) * special.dawsn(x)


def _on_nodes(frequency: Array, weights: Array, lowest: float, step: float, size: int) -> Array:
    """Distribute the weights (spectra, lines) over nodes that start at `lowest`: shape (nodes, spectra)."""
    nodes = np.zeros((size, len(weights)))
    _deposit(frequency, np.ascontiguousarray(weights.T), lowest, step, nodes)
    return nodes


def _convolved(nodes: Array, kernel: Callable[[Array], Array], width: float) -> Array:
    """Return Σ_j nodes_j k(m - j) for every node m. The kernel of width 1/√2 is stretched to the width σ."""
    size = len(nodes)
    period = fft.next_fast_len(2 * size - 1, real=True)
    distance = np.arange(period)
    distance[size:] -= period
    shape = kernel(distance / (NODES_PER_WIDTH * math.sqrt(2.0))) / (width * math.sqrt(2 * math.pi))
    result: Array = fft.irfft(fft.rfft(nodes, period, axis=0) * fft.rfft(shape)[:, None], period, axis=0)[:size]
    return result


@compiled
def _deposit(frequency: Array, weights: Array, lowest: float, step: float, nodes: Array) -> None:
    """Add the weights (lines, spectra) to the nodes (nodes, spectra) around each line."""
    share = np.empty(NODES)
    for line in range(frequency.size):
        first = _fill_shares((frequency[line] - lowest) / step, share)
        for k in range(NODES):
            for spectrum in range(weights.shape[1]):
                nodes[first + k, spectrum] += share[k] * weights[line, spectrum]


@compiled
def _interpolate(nodes: Array, grid: Array, lowest: float, step: float, values: Array) -> None:
    """Interpolate the nodes (nodes, spectra) at each frequency of the grid, into `values` (grid, spectra)."""
    share = np.empty(NODES)
    values[:] = 0.0
    for point in range(grid.size):
        first = _fill_shares((grid[point] - lowest) / step, share)
        for k in range(NODES):
            for spectrum in range(nodes.shape[1]):
                values[point, spectrum] += share[k] * nodes[first + k, spectrum]


@compiled
def _fill_shares(point: float, share: Array) -> int:
    """Fill the Lagrange weights of the nodes around `point`, in units of the node distance; return the first node."""
    first = math.floor(point) - (NODES // 2 - 1)
    below, above = 1.0, 1.0
    for k in range(NODES):
        share[k] = below * _SCALE[k]
        below *= point - (first + k)
    for k in range(NODES - 1, -1, -1):
        share[k] *= above
        above *= point - (first + k)
    return first
