"""The windows that fits choose, on curves that rise like t, decay like a power, and stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensemble.errors import FitError
from ensemble.fit import Estimate, exponential_in_size, extrapolate, growth, plateau, power_law, stretched, volume_law
from tests.support.ensembles import T, ensemble_of, rise_decay_plateau

LONG = np.geomspace(0.1, 1e6, 71)


def quiet(law: np.ndarray[tuple[int], np.dtype[np.float64]], seed: int = 0) -> Estimate:
    return ensemble_of(law, seed, t=LONG, strength=0.05)


@given(st.floats(0.4, 1.5), st.sampled_from([1e-3, 1e-2]), st.integers(0, 20))
@settings(max_examples=20, deadline=None)
def test_the_window_of_a_decay(beta: float, floor: float, seed: int) -> None:
    curve = quiet(rise_decay_plateau(LONG, beta, floor), seed)
    window = power_law(LONG, curve).window
    if LONG[-8] < 10 * floor ** (-1 / beta):
        return  # the plateau is not there yet
    inside = (window.first <= LONG) & (window.last >= LONG)
    assert window.first > 10
    assert (curve.value[inside] < 0.5 * curve.value.max()).all()
    assert (curve.value[inside] > 4.5 * floor).all()
    before, after = np.flatnonzero(inside)[0] - 1, np.flatnonzero(inside)[-1] + 1
    assert curve.value[before] > 0.49 * curve.value.max()
    assert curve.value[after] < 5.5 * floor


def test_noise_ends_the_window_of_a_decay() -> None:
    law = rise_decay_plateau(LONG, 1.0, 0.0)
    rng = np.random.default_rng(1)
    rows = law + 0.002 * rng.standard_normal((50, len(LONG)))
    window = power_law(LONG, Estimate.of_blocks(rows, np.ones(50, dtype=int))).window
    assert 0.001 < 10 / window.last < 0.004  # the error 0.002 / sqrt(50) is a fifth of the value there


def test_the_window_of_a_growth() -> None:
    window = growth(LONG, quiet(np.minimum(LONG**0.5, 100.0))).window
    assert 80 < window.first < 140
    assert 3500 < window.last < 5000


@pytest.mark.parametrize("floor", [1e-3, 1e-2])
def test_the_plateau_lies_after_the_decay(floor: float) -> None:
    fit = plateau(LONG, quiet(rise_decay_plateau(LONG, 1.0, floor), 1))
    assert fit.window.first >= 10 / floor
    assert fit.window.last == LONG[-1]
    assert fit.window.points >= 6


def test_a_curve_that_moves_has_no_plateau() -> None:
    curve = ensemble_of(T**-0.5, 1)
    assert any("plateau is not reached" in said for said in plateau(T, curve).warnings)
    assert any("plateau is not reached" in said for said in power_law(T, curve).warnings)


def test_a_window_in_which_the_exponent_drifts() -> None:
    fit = power_law(T, ensemble_of(T**-0.3 / (1 + T / 100), 1, strength=0.1), window=(1, 1e4))
    assert any("depends on the window" in said for said in fit.warnings)
    assert any("does not describe" in said for said in fit.warnings)
    assert fit.sensitivity("beta") > 0.3
    assert len(fit.moved) == 4


def test_too_few_points() -> None:
    fit = power_law(T, ensemble_of(T**-0.5, 1), window=(1, 1.4))
    assert any("too short" in said for said in fit.warnings)
    assert np.isnan(fit.values["beta"])
    fit = power_law(T, ensemble_of(T**-0.5, 1), window=(1, 2.5))
    assert any("laws look alike" in said for said in fit.warnings)


def test_zeros_and_errors_larger_than_values() -> None:
    rows = np.random.default_rng(1).standard_normal((50, len(T))) * 0.1
    fit = power_law(T, Estimate.of_blocks(rows, np.full(50, 10)), window=(1, 1e4))
    assert any("zero or negative" in said for said in fit.warnings)
    late = plateau(T, Estimate.of_blocks(rows - rows.mean(axis=0), np.full(50, 10)), window=(1, 1e4))
    assert any("exceeds its value" in said for said in late.warnings) or abs(late.values["c"]) < 1e-12


def test_blocks_that_do_not_differ() -> None:
    curve = Estimate.of_blocks(np.tile(T**-0.5, (20, 1)), np.full(20, 10))
    fit = power_law(T, curve, window=(1, 1e4))
    assert fit.values["beta"] == pytest.approx(0.5, abs=1e-9)
    assert fit.errors["beta"] == pytest.approx(0, abs=1e-9)
    assert any("blocks do not differ" in said for said in fit.warnings)


def test_few_blocks() -> None:
    curve = Estimate.of_blocks(np.exp(np.random.default_rng(0).standard_normal((5, len(T)))), np.ones(5, dtype=int))
    assert any("5 blocks are few" in said for said in plateau(T, curve).warnings)


def test_a_stretched_exponential_that_is_none() -> None:
    flat = ensemble_of(np.ones_like(T), 2)
    fit = stretched(T, ensemble_of(T**-0.5 + 0.05, 1), flat, window=(1, 1e4), shifted=False)
    assert fit.values["delta"] < 0
    assert any("tau cannot be told" in said for said in fit.warnings)


def test_the_reference_sets_the_window_and_common_disorder_the_errors() -> None:
    """Realizations that differ in size at all times alike: on common disorder that cancels."""

    def sized(law: np.ndarray[tuple[int], np.dtype[np.float64]], seed: int) -> Estimate:
        return ensemble_of(law, seed, t=LONG, strength=0.3, memory=50.0)

    law, rate = rise_decay_plateau(LONG, 1.0, 0.01), np.exp(-((LONG / 1e5) ** 0.5))
    common = stretched(LONG, sized(law * rate, 1), sized(law, 1), shifted=False)
    other = stretched(LONG, sized(law * rate, 2), sized(law, 1), shifted=False)
    assert 700 < common.window.first < plateau(LONG, sized(law, 1)).window.first
    assert common.errors["a"] < other.errors["a"] / 2
    assert common.values["delta"] == pytest.approx(0.5, abs=3 * common.errors["delta"])
    with_clock = stretched(LONG, sized(law * rate, 1), sized(law, 1))
    assert with_clock.errors["delta"] > common.errors["delta"]
    assert with_clock.values["delta"] == pytest.approx(0.5, abs=3 * with_clock.errors["delta"])


def test_a_window_without_an_end_ends_in_the_noise() -> None:
    law, rate = rise_decay_plateau(LONG, 1.0, 0.01), np.exp(-((LONG / 1e3) ** 0.5))
    rows = law * rate + 1e-6 * np.random.default_rng(1).standard_normal((50, len(LONG)))
    noisy, reference = (Estimate.of_blocks(each, np.ones(50, dtype=int)) for each in (rows, np.tile(law, (50, 1))))
    open_ended = stretched(LONG, noisy, reference, window=(2e3, np.inf), shifted=False)
    assert open_ended.window.first > 2e3
    assert 2e4 < open_ended.window.last < 2e5  # exp(-sqrt(t / 1e3)) / 100 is 7e-7 at 9e4, five errors of the mean
    assert stretched(LONG, noisy, reference, window=(2e3, 1e6), shifted=False).window.last == LONG[-1]


def test_sizes_are_scanned() -> None:
    N = np.array([5.0, 6, 7, 8, 9, 10])
    fit = exponential_in_size(N, np.exp(-0.8 * N), 0.01 * np.exp(-0.8 * N))
    assert fit.values["alpha"] == pytest.approx(0.8, abs=1e-9)
    assert {(each.window.first, each.window.last) for each in fit.moved} >= {(6, 10), (8, 10), (5, 9), (5, 7)}
    bent = exponential_in_size(N, np.exp(-0.05 * N**2), 0.01 * np.exp(-0.05 * N**2))
    assert any("does not describe" in said for said in bent.warnings)
    assert any("depends on the range" in said for said in bent.warnings)
    short = exponential_in_size(N[:2], [1.0, 0.5], [0.1, 0.1])
    assert any("too short" in said for said in short.warnings)


def test_a_volume_law() -> None:
    N = np.array([10.0, 20, 40, 80])
    fit = volume_law(N, 0.3 * N - 1, 0.01 * N)
    assert fit.values["limit"] == pytest.approx(0.3, abs=1e-9)
    assert fit.values["slope"] == pytest.approx(-1, abs=1e-8)


def test_impossible_input() -> None:
    curve = ensemble_of(T**-0.5, 1)
    with pytest.raises(FitError, match="increase"):
        plateau(T[::-1], curve)
    with pytest.raises(FitError, match="one value for each time"):
        plateau(T[1:], curve)
    with pytest.raises(FitError, match="positive and differ"):
        extrapolate([5, 5, 6], [1, 1, 1], [1, 1, 1])
    with pytest.raises(FitError, match="a value and an error"):
        extrapolate([5, 6, 7], [1, 1], [1, 1, 1])


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
@settings(max_examples=15, deadline=None)
def test_units_do_not_matter(time: float, amount: float) -> None:
    law = rise_decay_plateau(LONG, 0.7, 0.01)
    one = quiet(law, 3)
    other = Estimate(one.value * amount, one.without * amount, one.sizes)
    before, after = power_law(LONG, one), power_law(LONG * time, other)
    assert after.values["beta"] == pytest.approx(before.values["beta"], rel=1e-7)
    assert after.errors["beta"] == pytest.approx(before.errors["beta"], rel=1e-5)
    assert after.chi2 == pytest.approx(before.chi2, rel=1e-6)
    assert plateau(LONG * time, other).values["c"] == pytest.approx(plateau(LONG, one).values["c"] * amount, rel=1e-9)
