"""To infinite size: known limits with known corrections, `np.polyfit`, the scatter of many seeded ensembles."""

import numpy as np
import pytest

from ensemble.errors import FitError
from ensemble.fit import Estimate, extrapolate, power_in_size
from ensemble.fit.curve_family import CurveFamily, PointCurve
from ensemble.fit.infinite_size import infinite_size_curve
from tests.support.ensembles import Array, blocks

SIZES = np.array([200.0, 400.0, 800.0, 1600.0])
X = np.array([0.1, 0.5, 2.0])


def family(noise: float, seed: int = 1, realizations: int = 200) -> CurveFamily:
    """x - 10/N + 2000/N² with independent noise that grows with the size."""
    rng = np.random.default_rng(seed)
    members = []
    for N in SIZES:
        scatter = noise * np.sqrt(N) * rng.standard_normal((realizations, len(X)))
        curve = blocks(X - 10 / N + 2000 / N**2 + scatter, 20)
        members += [PointCurve({"N": N, "kind": kind}, realizations, curve) for kind in ("one", "other")]
    return CurveFamily("x", X, tuple(members))


def values(family: CurveFamily, kind: str) -> tuple[Array, Array]:
    """The curves of one kind and their errors, (sizes, places)."""
    curves = [each.curve for each in family if each.point["kind"] == kind]
    return np.stack([each.value for each in curves]), np.stack([each.error for each in curves])


@pytest.mark.parametrize("power", [0.4, 1.0, 1.7])
def test_a_limit_is_found_with_the_power_of_its_correction(power: float) -> None:
    errors = np.full(4, 1e-3)
    fit = extrapolate(SIZES, 0.5 + 3 / SIZES**power, errors, power=power)
    assert fit.values["limit"] == pytest.approx(0.5, abs=1e-9)
    assert fit.values["slope"] == pytest.approx(3.0, rel=1e-6)
    np.testing.assert_allclose(fit.curve(1 / SIZES), 0.5 + 3 / SIZES**power, rtol=1e-9)
    assert (fit.window.first, fit.window.last) == pytest.approx((1 / 1600, 1 / 200))
    assert {round(1 / each.window.last) for each in fit.moved} == {200, 400}
    wrong = extrapolate(SIZES, 0.5 + 3 / SIZES**0.4, np.full(4, 1e-3), power=1.0)
    assert any("does not describe" in said for said in wrong.warnings)
    with pytest.raises(FitError, match=r"power of a correction must be positive, got -0\.2"):
        extrapolate(SIZES, errors, errors, power=-0.2)


def test_numbers_that_grow_with_the_size() -> None:
    fit = power_in_size(SIZES, 0.03 * SIZES**1.3, 1e-3 * SIZES)
    assert fit.values == pytest.approx({"A": 0.03, "beta": 1.3})
    np.testing.assert_allclose(fit.curve(SIZES), 0.03 * SIZES**1.3)


def test_curves_at_infinite_size_are_those_of_polyfit() -> None:
    """Reference: `np.polyfit` in 1/N, weighted with the errors, place by place."""
    there = family(1e-3)
    for order in (1, 2):
        limits = infinite_size_curve(there, "N", order)
        assert [each.point for each in limits] == [{"kind": "one"}, {"kind": "other"}]
        assert all(each.count == 200 for each in limits)
        y, error = values(there, "one")
        expected = [np.polyfit(1 / SIZES, y[:, k], order, w=1 / error[:, k])[-1] for k in range(len(X))]
        np.testing.assert_allclose(limits.members[0].curve.value, expected, rtol=1e-9)
    exact = infinite_size_curve(family(1e-7), "N", 2).members[0].curve
    np.testing.assert_allclose(exact.value, X, atol=1e-4)


def test_their_errors_are_their_scatter() -> None:
    found = [infinite_size_curve(family(1e-3, seed), "N", 2).members[0].curve for seed in range(200)]
    scatter = np.std([each.value for each in found], axis=0)
    told = np.sqrt(np.mean([each.error**2 for each in found], axis=0))
    np.testing.assert_allclose(told, scatter, rtol=0.2)  # four standard errors of a standard deviation of 200


def test_sizes_that_cannot_be_told_are_left_out() -> None:
    """Where blocks do not differ there is no error, as in bins that small systems leave empty."""
    there = family(1e-3)
    still = Estimate(there.members[0].curve.value, np.tile(there.members[0].curve.value, (20, 1)), np.full(20, 10))
    first, *others = (each for each in there if each.point["kind"] == "one")
    stopped = CurveFamily("x", X, (PointCurve(first.point, 200, still), *others))
    y, error = values(there, "one")
    expected = np.polyfit(1 / SIZES[1:], y[1:, 1], 2, w=1 / error[1:, 1])[-1]
    assert infinite_size_curve(stopped, "N", 2).members[0].curve.value[1] == pytest.approx(expected, rel=1e-9)
    assert np.isnan(infinite_size_curve(stopped, "N", 3).members[0].curve.value).all()
