"""The highest point of a curve: between points of its grid, at its ends, where the top is flat."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensemble.errors import FitError
from ensemble.fit import Estimate, peak
from tests.support.ensembles import T, bump, ensemble_of, rise_decay_plateau

STEP = float(np.log(T[1] / T[0]))


def told(curve: Estimate, word: str, **window: tuple[float, float]) -> bool:
    return any(word in said for said in peak(T, curve, **window).warnings)


@given(st.floats(20.0, 500.0), st.floats(0.1, 3.0))
def test_a_parabola_is_found_exactly(centre: float, height: float) -> None:
    curve = height - np.log(T / centre) ** 2 / 10
    fit = peak(T, Estimate.of_blocks(np.tile(curve, (20, 1)), np.full(20, 5)))
    assert fit.values["t"] == pytest.approx(centre, rel=1e-9)
    assert fit.values["height"] == pytest.approx(height, rel=1e-9)
    assert fit.window.first <= centre <= fit.window.last
    assert fit.window.points == 3


def test_on_a_grid_that_is_not_even() -> None:
    t = np.array([1.0, 10.0, 15.0, 90.0, 100.0])
    rows = 2 - np.log(t / 20) ** 2 + 1e-3 * np.random.default_rng(0).standard_normal((30, 5))
    fit = peak(t, Estimate.of_blocks(rows, np.ones(30, dtype=int)))
    assert fit.values["t"] == pytest.approx(20, rel=1e-3)
    assert (fit.window.first, fit.window.last) == (10, 90)
    assert (fit.degrees, fit.moved, fit.warnings) == (0, (), ())
    assert np.isnan([fit.chi2, fit.probability]).all()


def test_errors_are_those_of_ensembles() -> None:
    """The jackknife against the scatter of the result itself."""
    fits = [peak(T, ensemble_of(bump(T, 100.0), seed, strength=0.2)) for seed in range(200)]
    for name in ("height", "t"):
        scatter = np.std([fit.values[name] for fit in fits])
        assert np.mean([fit.errors[name] for fit in fits]) == pytest.approx(scatter, rel=0.15)


def test_a_kink_is_cut_by_less_than_a_step() -> None:
    fit = peak(T, ensemble_of(rise_decay_plateau(T, 1.0, 0.01, peak=30.0), 1, strength=0.05))
    assert abs(np.log(fit.values["t"] / 30)) < STEP / 2
    assert fit.values["height"] == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(("law", "word", "t"), [(T**-0.5, "its first point", T[0]), (T**0.5, "its last point", T[-1])])
def test_no_peak_inside(law: np.ndarray[tuple[int], np.dtype[np.float64]], word: str, t: float) -> None:
    curve = ensemble_of(law, 1)
    fit = peak(T, curve)
    assert any(word in said for said in fit.warnings)
    assert fit.values["t"] == t
    assert fit.errors["t"] == pytest.approx(0, abs=1e-12 * t)
    end = int(np.argmax(curve.value))
    assert fit.values["height"] == curve.value[end]
    assert fit.errors["height"] == pytest.approx(curve.error[end])
    assert fit.window.points == 1


def test_the_window_says_which_peak() -> None:
    curve = ensemble_of(bump(T, 10.0) + 2 * bump(T, 2000.0), 1, strength=0.1)
    assert peak(T, curve).values["t"] == pytest.approx(2000, rel=0.05)
    assert peak(T, curve, window=(1, 100)).values["t"] == pytest.approx(10, rel=0.05)
    assert told(curve, "its last point", window=(300, 1000))
    assert told(curve, "it has no points", window=(1.01, 1.02))
    assert np.isnan(peak(T, curve, window=(1.01, 1.02)).values["height"])


def test_a_flat_top() -> None:
    curve = ensemble_of(np.ones_like(T), 1, memory=0.1)
    assert told(curve, "blocks disagree") or told(curve, "equally high")
    alike = [told(ensemble_of(np.exp(-(np.log(T / 115.0) ** 2) / 12), seed), "equally high") for seed in range(100)]
    assert 0.3 < np.mean(alike) < 0.8
    far = Estimate.of_blocks([bump(T, 10.0) * (1 + k % 2) + bump(T, 1000.0) * (2 - k % 2) for k in range(20)], [5] * 20)
    assert told(far, "blocks disagree on the highest point: without one of them or another it is at 10 or 1e+03")


def test_a_peak_in_the_noise() -> None:
    rows = np.random.default_rng(1).standard_normal((50, len(T))) - 0.5
    assert told(Estimate.of_blocks(rows, np.full(50, 10)), "the error of height exceeds its value")


def test_blocks_that_do_not_differ_or_are_few() -> None:
    exact = np.round(1024 * bump(T, 100.0)) / 1024  # sums of these have no rounding errors
    assert told(Estimate.of_blocks(np.tile(exact, (20, 1)), np.full(20, 10)), "blocks do not differ")
    assert told(Estimate.of_blocks(np.outer([1.0, 1.1, 1.2], bump(T, 100.0)), [5, 5, 5]), "3 blocks are few")


def test_missing_values_and_time_zero_are_left_out() -> None:
    t = np.concatenate([[0.0], T])
    rows = np.outer(np.linspace(0.9, 1.1, 20), np.concatenate([[99.0], bump(T, 100.0)]))
    rows[:, 3] = np.nan
    fit = peak(t, Estimate.of_blocks(rows, np.full(20, 10)))
    assert fit.values["t"] == pytest.approx(100, rel=1e-9)
    assert fit.values["height"] == pytest.approx(1, rel=1e-9)


def test_impossible_input() -> None:
    with pytest.raises(FitError, match="increase"):
        peak(T[::-1], ensemble_of(T**-0.5, 1))
    with pytest.raises(FitError, match="one value for each time"):
        peak(T[1:], ensemble_of(T**-0.5, 1))


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
@settings(max_examples=15, deadline=None)
def test_units_do_not_matter(time: float, amount: float) -> None:
    one = ensemble_of(bump(T, 80.0), 3)
    before = peak(T, one)
    after = peak(T * time, Estimate(one.value * amount, one.without * amount, one.sizes))
    for name, unit in (("height", amount), ("t", time)):
        assert after.values[name] == pytest.approx(before.values[name] * unit, rel=1e-9)
        assert after.errors[name] == pytest.approx(before.errors[name] * unit, rel=1e-6)
