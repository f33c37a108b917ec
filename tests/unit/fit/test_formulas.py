"""Every law can be drawn: its formula gives back the curve that its parameters were fitted to."""

from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from ensemble.errors import FitError
from ensemble.fit import (
    Estimate,
    Fit,
    compare,
    double_exponential,
    exponential_in_size,
    extrapolate,
    growth,
    peak,
    plateau,
    power_in_size,
    power_law,
    stretched,
    volume_law,
)
from ensemble.fit.formulas import FORMULAS
from ensemble.fit.laws import Law
from tests.support.ensembles import Array

T = np.geomspace(0.5, 200.0, 25)
N = np.array([3.0, 4.0, 5.0, 6.0, 8.0])
WINDOW = (0.1, 1e3)


def exact(curve: Array) -> Estimate:
    """Blocks that differ by a factor alone, so that each follows the law."""
    return Estimate.of_blocks(np.outer(np.linspace(0.99, 1.01, 20), curve), np.full(20, 5))


def fits() -> Iterator[tuple[Fit, Array, Array]]:
    """Every law with a curve that follows it, and where."""
    one = np.ones_like(T)
    yield plateau(T, exact(0.3 * one), window=WINDOW), T, 0.3 * one
    yield power_law(T, exact(2 * T**-0.7), window=WINDOW), T, 2 * T**-0.7
    yield growth(T, exact(0.1 * T**0.4), window=WINDOW), T, 0.1 * T**0.4
    for name, law in {
        "power": 2 * T**-0.7,
        "exponential": 2 * np.exp(-T / 70),
        "stretched": 2 * np.exp(-((T / 30) ** 0.4)),
        "logarithm": 2 - 0.3 * np.log(T),
    }.items():
        yield compare(T, exact(law), window=WINDOW).fits[name], T, law
    bent = 0.9 * np.exp(-((T / 30) ** 0.5))
    yield stretched(T, exact(0.3 * bent), exact(0.3 * one), window=WINDOW, shifted=False), T, bent
    late = 0.9 * np.exp(-(((T + 3.0) / 30) ** 0.5))
    yield stretched(T, exact(0.3 * late), exact(0.3 * one), window=WINDOW), T, late
    small = np.full(5, 1e-4)
    for even in (False, True):
        decay = 1.3 * np.exp(-0.4 * N)
        yield exponential_in_size(N, decay, small * decay, unweighted=even), N, decay
        steep = np.exp(-0.1 * 2 ** (0.5 * N))
        yield double_exponential(N, steep, small * steep, unweighted=even), N, steep
    yield extrapolate(N, 0.5 + 2 / N, small), 1 / N, 0.5 + 2 / N
    yield extrapolate(N, 0.5 + 2 / N**0.4, small, power=0.4), 1 / N, 0.5 + 2 / N**0.4
    yield power_in_size(N, 0.5 * N**1.3, small), N, 0.5 * N**1.3
    yield volume_law(N, 0.5 * N + 2, small), 1 / N, 0.5 + 2 / N


FITS = list(fits())


@pytest.mark.parametrize("number", range(len(FITS)), ids=[f"{fit.law}, {i}" for i, (fit, _, _) in enumerate(FITS)])
def test_a_fit_draws_the_curve_that_it_was_given(number: int) -> None:
    fit, x, law = FITS[number]
    np.testing.assert_allclose(fit.curve(x), law, rtol=1e-5)
    between = np.sqrt(x[1:] * x[:-1])
    assert np.isfinite(fit.curve(between)).all()


def test_every_law_has_its_formula() -> None:
    formulas = {kind.formula for kind in Law.__subclasses__()}
    assert len(formulas) > 6
    others = {"a t^alpha", "A exp(-alpha N)", "A N^beta", "limit + slope / N^power"}  # the same by other names
    assert formulas | others == set(FORMULAS)
    assert {fit.law for fit, _, _ in FITS} == set(FORMULAS)


@pytest.mark.parametrize("law", FORMULAS)
def test_parameters_without_a_value_draw_nothing(law: str) -> None:
    (fit, x, _), *_ = [each for each in FITS if each[0].law == law]
    nothing: Mapping[str, float] = dict.fromkeys(fit.values, float("nan"))
    assert np.isnan(FORMULAS[law](x, **nothing)).all()


def test_what_is_no_curve_is_refused() -> None:
    fit = peak(T, exact(np.exp(-(np.log(T / 10) ** 2))))
    with pytest.raises(FitError, match="only a law that is a curve can be drawn, got"):
        fit.curve(T)
