"""Cosines, sines, exponentials and products of the innermost loops against 50-digit arithmetic."""

import math
from collections.abc import Callable
from typing import Any, cast

import mpmath
import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from ensemble.physics.elementary import HUGE, any_cosine_sine, cosine_sine, decay, multiply

Array = NDArray[np.float64]
Turn = Callable[[float], tuple[float, float]]

QUARTERS = math.pi / 2 * np.array([*range(-40, 41), 10**6, 2**40 + 1, -(2**45) - 2, 63661977236758.0])
"""Doubles next to multiples of π/2, as they come out of a multiplication."""


def over_all(function: Any) -> Callable[[Array, Array, Array], None]:
    """A compiled loop that fills two arrays with the two results of `function`: with vector instructions."""

    def loop(x: Array, one: Array, other: Array) -> None:
        for k in range(x.size):
            one[k], other[k] = function(x[k])

    return cast(Callable[[Array, Array, Array], None], njit(loop))


def turned(function: Turn, x: Array) -> tuple[Array, Array]:
    cosine, sine = np.empty_like(x), np.empty_like(x)
    over_all(function)(x, cosine, sine)
    return cosine, sine


def numbers(smallest: int, largest: int, count: int = 40) -> Array:
    """Numbers of both signs of every order of magnitude."""
    rng = np.random.default_rng(17)
    mantissa = rng.choice([-1.0, 1.0], size=(largest - smallest, count)) * rng.uniform(1.0, 10.0, (1, count))
    numbers: Array = (mantissa * 10.0 ** np.arange(smallest, largest, dtype=float)[:, None]).reshape(-1)
    return numbers


PHASES = {
    "nothing": np.array([0.0, -0.0, 5e-324, -5e-324, 1e-310, 2.2e-308]),
    "small": numbers(-300, -1, 2),
    "ordinary": numbers(-1, 14),
    "quarter turns": np.concatenate([QUARTERS, np.nextafter(QUARTERS, np.inf), np.nextafter(QUARTERS, -np.inf)]),
    "eighths": math.pi / 4 * np.arange(-81.0, 82.0, 2.0),
    "next to the limit": HUGE * (1.0 - np.concatenate([[0.0, 1e-16], np.random.default_rng(3).random(2000)])),
}
LARGE = {
    "beyond the limit": np.concatenate([[HUGE, np.nextafter(HUGE, 0.0), 1e15, -1e15], numbers(14, 17)]),
    "huge": np.concatenate([[1e300, -1e300, 1.7976931348623157e308], numbers(17, 308, 2)]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PHASES)
def test_phases_within_the_limit(name: str) -> None:
    """Reference: mpmath. Absolute errors below 2e-16; both square to 1."""
    assert_turned(cosine_sine, PHASES[name])


@pytest.mark.parametrize("name", [*PHASES, *LARGE])
def test_phases_of_any_size(name: str) -> None:
    """Reference: mpmath, which takes as many digits of π as a phase asks for."""
    assert_turned(any_cosine_sine, {**PHASES, **LARGE}[name])


def assert_turned(function: Turn, x: Array) -> None:
    cosine, sine = turned(function, x)
    with mpmath.workdps(50):
        for each, c, s in zip(x, cosine, sine, strict=True):
            assert abs(mpmath.cos(mpmath.mpf(each)) - mpmath.mpf(c)) < 2e-16, each
            assert abs(mpmath.sin(mpmath.mpf(each)) - mpmath.mpf(s)) < 2e-16, each
            assert abs(mpmath.mpf(c) ** 2 + mpmath.mpf(s) ** 2 - 1) < 3e-16, each


def test_small_phases_are_their_own_sines() -> None:
    """To the last digit: sin x = x for |x| < 1e-8, subnormal numbers and both zeros included."""
    x = np.concatenate([PHASES["nothing"], PHASES["small"][np.abs(PHASES["small"]) < 1e-8]])
    cosine, sine = turned(any_cosine_sine, x)
    assert np.array_equal(cosine, np.ones_like(x))
    assert np.array_equal(sine, x)


def test_decay() -> None:
    """Reference: mpmath, relative to the result; from 690 on, where it would be below 1e-300, it is nothing."""
    rng = np.random.default_rng(4)
    x = np.concatenate([690.0 * rng.random(1000), np.abs(numbers(-300, 2, 2)), math.log(2.0) * np.arange(0.5, 900.5)])
    x = x[x < 690.0]
    with mpmath.workdps(50):
        for each in x:
            exact = mpmath.exp(-mpmath.mpf(each))
            assert abs(mpmath.mpf(decay(each)) - exact) < 2e-16 * exact, each


def test_ends_of_decay() -> None:
    """exp(0) = 1 and exp(-∞) = 0 exactly; nothing is subnormal on the way."""
    assert decay(0.0) == decay(5e-324) == 1.0
    assert decay(math.nextafter(690.0, 0.0)) > 1e-300
    assert decay(690.0) == decay(1e4) == decay(1.7e308) == decay(math.inf) == 0.0


def test_products() -> None:
    """Reference: mpmath. Each component is off by two roundings of |x| |y| at most."""
    rng = np.random.default_rng(5)
    for a, b, c, d in rng.standard_normal((500, 4)) * 10.0 ** rng.integers(-60, 60, (500, 4)):
        size = math.hypot(a, b) * math.hypot(c, d)
        real, imaginary = multiply(a, b, c, d)
        with mpmath.workdps(50):
            exact = mpmath.mpc(a, b) * mpmath.mpc(c, d)
            assert abs(exact.real - mpmath.mpf(real)) < 2.3e-16 * size
            assert abs(exact.imag - mpmath.mpf(imaginary)) < 2.3e-16 * size


@pytest.mark.slow
@pytest.mark.parametrize("function", [cosine_sine, any_cosine_sine])
def test_bits_of_a_phase_do_not_depend_on_the_loop(function: Turn) -> None:
    """In a long loop, in a loop over one number, in loops that end between two vectors, and called by itself."""
    x = np.concatenate(list(PHASES.values()) if function is cosine_sine else [*PHASES.values(), *LARGE.values()])
    cosine, sine = turned(function, x)
    loop, one, other = over_all(function), np.empty(1), np.empty(1)
    for k in range(x.size):
        loop(x[k : k + 1], one, other)
        assert (cosine[k], sine[k]) == (one[0], other[0]) == function(x[k])
    for length in range(2, 40):
        parts = turned(function, x[:length].copy())
        assert np.array_equal(parts, (cosine[:length], sine[:length]))


def test_bits_of_decay_do_not_depend_on_the_loop() -> None:
    x = np.concatenate([np.linspace(0.0, 700.0, 999), np.logspace(-300, 308, 500), [np.inf]])
    whole, unused = np.empty_like(x), np.empty_like(x)

    def twice(each: float) -> tuple[float, float]:
        return decay(each), 0.0

    over_all(njit(twice))(x, whole, unused)
    assert np.array_equal(whole, [decay(each) for each in x])
