"""One site that absorbs and emits phonons: the solution of its equation, at many times at once.

The solution of `dissipative_ising.site_factors` in real numbers and without a branch on the time. With
g = 2 Y (1 + 2 f), q² = g² - Θ² - 4i Y Θ and μ = q - g + i Θ,

    up   = (u - a) z e^{Re μ t} + a z* e^{-(2 g + Re μ) t},          z = e^{-iΘt + i Im μ t}
    down = b z e^{Re μ t} + (d - b) z* e^{-(2 g + Re μ) t}

for |q| t >= 1/2. At earlier times both exponentials may be nearly equal; there the series are used of

    up = u E + a' S,   down = d E + b' S,   E = e^{-gt} cosh qt,   S = e^{-gt} sinh(qt) / q.

`ThermalWeights` has a as up_fast, b as down_slow, a' as up_drive and b' as down_drive.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels.site_solution import ThermalWeights, thermal_weights
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import HUGE, LANES, any_cosine_sine, cosine_sine, decay, fma, multiply

Array = NDArray[np.float64]

_COSH = tuple(1.0 / math.factorial(2 * n) for n in range(8))
_SINH = tuple(1.0 / math.factorial(2 * n + 1) for n in range(8))
"""Coefficients of the series of cosh and sinh, as many as |q| t < 1/2 needs."""


@compiled
def series_ends(constants: ThermalWeights, t: Array) -> int:
    """Return the number of times, which must ascend, for which the series is used."""
    size = abs(constants.q)
    count = 0
    while count < t.size and size * t[count] < 0.5:
        count += 1
    return count


@compiled
def warm_elements(
    Y: float, f: float, u: float, d: float, field: float, t: Array, phase: Array, scratch: Array, elements: Array
) -> None:
    """Fill elements (4 T,) with ↑ and ↓ of the site at the times t; phase (2 T,) is cos and sin of Θ t.

    Rows of numbers follow one another: real parts at all times, then imaginary parts.
    """
    constants = thermal_weights(Y, f, u, d, field)
    a, b = constants.up_fast, constants.down_slow
    early = series_ends(constants, t)
    up, down = elements[: 2 * LANES], elements[2 * LANES :]
    if early < LANES:
        _fill_exponentials(constants, t, phase, scratch)
        _fill_sum(scratch, u - a, a, up)
        _fill_sum(scratch, b, d - b, down)
    if early > 0:
        _fill_series(constants, t, early, u, constants.up_drive, up)
        _fill_series(constants, t, early, d, constants.down_drive, down)


@compiled
def multiply_warm_trace(
    Y: float, f: float, u: float, d: float, field: float, t: Array, phase: Array, scratch: Array, product: Array
) -> None:
    """Multiply product (2 T,) by up + down of the site; scratch is (6 T,)."""
    constants = thermal_weights(Y, f, u, d, field)
    a, b = constants.up_fast, constants.down_slow
    early = series_ends(constants, t)
    trace = scratch[4 * LANES :]
    if early < LANES:
        _fill_exponentials(constants, t, phase, scratch)
        _fill_sum(scratch, (u - a) + b, a + (d - b), trace)
    if early > 0:
        _fill_series(constants, t, early, u + d, constants.up_drive + constants.down_drive, trace)
    for k in range(LANES):
        product[k], product[LANES + k] = multiply(product[k], product[LANES + k], trace[k], trace[LANES + k])


@compiled
def _fill_series(constants: ThermalWeights, t: Array, early: int, start: float, drive: complex, out: Array) -> None:
    """Fill start E + drive S at the early times; later entries of `out` are not changed."""
    q_real, q_imaginary, g = constants.q.real, constants.q.imag, constants.g
    for k in range(LANES):
        x, y = q_real * t[k], q_imaginary * t[k]
        real, imaginary = (x - y) * (x + y), 2.0 * x * y
        c, c_rest = _step(_COSH[7], 0.0, real, imaginary, _COSH[6])
        c, c_rest = _step(c, c_rest, real, imaginary, _COSH[5])
        c, c_rest = _step(c, c_rest, real, imaginary, _COSH[4])
        c, c_rest = _step(c, c_rest, real, imaginary, _COSH[3])
        c, c_rest = _step(c, c_rest, real, imaginary, _COSH[2])
        c, c_rest = _step(c, c_rest, real, imaginary, _COSH[1])
        c, c_rest = _step(c, c_rest, real, imaginary, _COSH[0])
        s, s_rest = _step(_SINH[7], 0.0, real, imaginary, _SINH[6])
        s, s_rest = _step(s, s_rest, real, imaginary, _SINH[5])
        s, s_rest = _step(s, s_rest, real, imaginary, _SINH[4])
        s, s_rest = _step(s, s_rest, real, imaginary, _SINH[3])
        s, s_rest = _step(s, s_rest, real, imaginary, _SINH[2])
        s, s_rest = _step(s, s_rest, real, imaginary, _SINH[1])
        s, s_rest = _step(s, s_rest, real, imaginary, _SINH[0])
        envelope, later, later_rest = decay(g * t[k]), out[k], out[LANES + k]
        s, s_rest = multiply(drive.real, drive.imag, t[k] * s, t[k] * s_rest)
        out[k] = envelope * fma(start, c, s) if k < early else later
        out[LANES + k] = envelope * fma(start, c_rest, s_rest) if k < early else later_rest


@compiled
def _step(real: float, imaginary: float, x: float, y: float, term: float) -> tuple[float, float]:
    """Do one step of Horner's rule."""
    product, rest = multiply(real, imaginary, x, y)
    return product + term, rest


@compiled
def _fill_exponentials(constants: ThermalWeights, t: Array, phase: Array, out: Array) -> None:
    """Fill z e^{Re μ t} and z* e^{-(2 g + Re μ) t}, (4 T,)."""
    turn, slow, fast = constants.mu.imag, -constants.mu.real, 2.0 * constants.g + constants.mu.real
    if abs(turn) * t[-1] < HUGE:
        for k in range(LANES):
            out[k], out[LANES + k] = cosine_sine(turn * t[k])
    else:
        for k in range(LANES):
            out[k], out[LANES + k] = any_cosine_sine(turn * t[k])
    for k in range(LANES):
        real, imaginary = multiply(phase[k], -phase[LANES + k], out[k], out[LANES + k])
        kept, lost = decay(slow * t[k]), decay(fast * t[k])
        out[k], out[LANES + k] = real * kept, imaginary * kept
        out[2 * LANES + k], out[3 * LANES + k] = real * lost, -imaginary * lost


@compiled
def _fill_sum(exponentials: Array, slow: complex, fast: complex, out: Array) -> None:
    """Fill the sum of both exponentials with their weights."""
    for k in range(LANES):
        x, y = exponentials[k], exponentials[LANES + k]
        v, w = exponentials[2 * LANES + k], exponentials[3 * LANES + k]
        out[k] = fma(slow.real, x, fma(-slow.imag, y, fma(fast.real, v, -(fast.imag * w))))
        out[LANES + k] = fma(slow.real, y, fma(slow.imag, x, fma(fast.real, w, fast.imag * v)))
