"""Elementary functions for innermost loops: they vectorise, and return the same bits on every machine.

Library functions for sine and exponential are called for one number at a time, and their last bit depends on the
library and the processor. The functions here are short chains of fused multiply-adds, which compilers turn into vector
instructions. By IEEE 754 each fused multiply-add rounds once, on every machine. The compiler fuses nothing else, since
the package never compiles with `fastmath`. Absolute errors are below 2e-16 for numbers of order 1.
"""

import math
from typing import TYPE_CHECKING, Any

from numba import types
from numba.extending import intrinsic

from ensemble.physics.compiled import compiled

if TYPE_CHECKING:

    def fma(x: float, y: float, z: float) -> float:
        """x y + z, rounded once."""

    def power_of_two(exponent: float) -> float:
        """2 ** exponent for a whole number between -1022 and 1023."""

else:

    @intrinsic
    def fma(_: Any, x: Any, y: Any, z: Any) -> Any:  # noqa: ARG001 - Numba goes by the names
        """x y + z, rounded once."""
        return types.float64(types.float64, types.float64, types.float64), _emit_fma

    @intrinsic
    def power_of_two(_: Any, exponent: Any) -> Any:  # noqa: ARG001 - Numba goes by the names
        """2 ** exponent for a whole number between -1022 and 1023."""
        return types.float64(types.float64), _emit_power_of_two


def _emit_fma(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
    return builder.fma(*arguments)


def _emit_power_of_two(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
    """Put the biased exponent into the exponent bits of a double."""
    integer, double = context.get_value_type(types.int64), context.get_value_type(types.float64)
    biased = builder.add(builder.fptosi(arguments[0], integer), context.get_constant(types.int64, 1023))
    return builder.bitcast(builder.shl(biased, context.get_constant(types.int64, 52)), double)


LANES = 48
"""Length of an innermost loop: a whole number of vector registers on every machine."""

_QUARTER = (1.5707963267948966, 6.123233995736766e-17)
"""π/2 as a sum of two doubles. With fused multiply-adds, a phase of 1e14 is reduced to the last bit."""
_LN2 = (0.6931471805599453, 2.3190468138462996e-17)
HUGE = 1e14
"""For larger phases use the library functions: the count of quarter turns is then too inaccurate for the series."""
_S3, _S5, _S7, _S9, _S11, _S13, _S15 = ((-1) ** (n // 2) / math.factorial(n) for n in range(3, 16, 2))
_C2, _C4, _C6, _C8, _C10, _C12, _C14, _C16 = ((-1) ** (n // 2) / math.factorial(n) for n in range(2, 17, 2))
_E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10, _E11, _E12, _E13 = (1 / math.factorial(n) for n in range(2, 14))


@compiled
def cosine_sine(x: float) -> tuple[float, float]:
    """Return cos x and sin x for |x| up to `HUGE`: the Taylor series around the nearest multiple of π/2."""
    turns = math.floor(x * (2.0 / math.pi) + 0.5)
    r = fma(-turns, _QUARTER[1], fma(-turns, _QUARTER[0], x))
    z = r * r
    s = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, _S15, _S13), _S11), _S9), _S7), _S5), _S3)
    s = fma(r * z, s, r)
    c = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, _C16, _C14), _C12), _C10), _C8), _C6), _C4), _C2)
    c = fma(z, c, 1.0)
    quarter = turns - 4.0 * math.floor(0.25 * turns)
    swapped = quarter == 1.0 or quarter == 3.0  # `in` would not vectorise
    cosine = s if swapped else c
    sine = c if swapped else s
    return (-cosine if quarter == 1.0 or quarter == 2.0 else cosine), (-sine if quarter >= 2.0 else sine)


@compiled
def any_cosine_sine(x: float) -> tuple[float, float]:
    """Return cos x and sin x for every finite x."""
    return cosine_sine(x) if abs(x) < HUGE else (math.cos(x), math.sin(x))


@compiled
def decay(x: float) -> float:
    """Return exp(-x) for x >= 0: the Taylor series around the nearest power of two; 0 if it would be below 1e-300."""
    y = -min(x, 690.0)
    doublings = math.floor(y * (1.0 / _LN2[0]) + 0.5)
    r = fma(-doublings, _LN2[1], fma(-doublings, _LN2[0], y))
    e = fma(r, fma(r, fma(r, fma(r, fma(r, _E13, _E12), _E11), _E10), _E9), _E8)
    e = fma(r, fma(r, fma(r, fma(r, fma(r, fma(r, e, _E7), _E6), _E5), _E4), _E3), _E2)
    e = fma(r * r, e, r) + 1.0
    return e * power_of_two(doublings) if x < 690.0 else 0.0


@compiled
def multiply(x_real: float, x_imaginary: float, y_real: float, y_imaginary: float) -> tuple[float, float]:
    """Return the product of two complex numbers, as real and imaginary part."""
    return (
        fma(x_real, y_real, -(x_imaginary * y_imaginary)),
        fma(x_real, y_imaginary, x_imaginary * y_real),
    )
