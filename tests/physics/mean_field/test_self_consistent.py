"""Energies in the field of all averages: the equation itself, plain loops, the free energy, SciPy's roots."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import brentq, root
from scipy.special import entr

from ensemble.errors import ConvergenceError
from ensemble.models.mean_field.kernels.self_consistent import (
    averages,
    fields,
    hyperbolic_tangent,
    self_consistent,
    sweep,
)
from tests.support.reference.localized import TOLERANCE, Glass

Array = NDArray[np.float64]

GLASSES = {
    "two-level systems, cold": Glass.of_tls(1, 200, 0.05),
    "two-level systems, warm": Glass.of_tls(2, 200, 1.0),
    "two-level systems, half as coupled": Glass.of_tls(3, 150, 0.1, c=0.25),
    "electrons, cold": Glass.of_electrons(4, 200, 0.02),
    "electrons, warm": Glass.of_electrons(5, 200, 0.3),
}
every_glass = pytest.mark.parametrize("glass", GLASSES.values(), ids=GLASSES)


def free_energy(glass: Glass, m: Array) -> float:
    """-Σ local m / 2 - Σ K m m / 4 - T S."""
    entropy = entr((1 + m) / 2) + entr((1 - m) / 2)
    return float(-glass.local @ m / 2 - m @ glass.coupling @ m / 4 - glass.temperature * entropy.sum())


def plain_sweep(glass: Glass, m: Array) -> float:
    """One after the other, each from the sum over all others; returns the largest change."""
    before = m.copy()
    for i in range(len(m)):
        m[i] = math.tanh((glass.local[i] + glass.coupling[i] @ m) / (2 * glass.temperature))
    return float(np.abs(m - before).max())


@every_glass
def test_the_equation(glass: Glass) -> None:
    """Reference: NumPy. An average that is wrong by the tolerance moves an energy by at most its row of couplings."""
    solution = glass.solved()
    wrong = np.abs(solution.x - glass.image(solution.x)).max()
    assert wrong <= TOLERANCE * np.abs(glass.coupling).sum(axis=1).max()
    assert solution.residual == pytest.approx(wrong, rel=0, abs=1e-12)


@every_glass
def test_sweep_by_sweep(glass: Glass) -> None:
    """Reference: a loop that sums all averages anew for each; the solution and every state on the way there.

    What is still by 1e-10 waits here and moves there; that grows for some sweeps where an average is about to turn.
    """
    m = np.tanh(glass.start / (2 * glass.temperature))
    average = averages(glass.start, glass.temperature)
    field = fields(glass.coupling, average)
    for _ in range(10_000):
        largest, _ = sweep(glass.local, glass.coupling, glass.temperature, average, field, 0.1 * TOLERANCE)
        change = plain_sweep(glass, m)
        np.testing.assert_allclose(average, m, rtol=0, atol=1e-6)
        assert largest == pytest.approx(change, abs=1e-6)
        if change <= 0.1 * TOLERANCE:
            break
    x = glass.local + glass.coupling @ m
    np.testing.assert_allclose(glass.solved().x, x, rtol=0, atol=2e-8 * np.abs(glass.coupling).max())


@every_glass
def test_a_sweep_in_which_nobody_waits(glass: Glass) -> None:
    """Reference: the same loop, to rounding errors."""
    m = np.tanh(glass.start / (2 * glass.temperature))
    average = averages(glass.start, glass.temperature)
    field = fields(glass.coupling, average)
    for _ in range(3):
        _, changed = sweep(glass.local, glass.coupling, glass.temperature, average, field, 0.0)
        plain_sweep(glass, m)
        np.testing.assert_allclose(average, m, rtol=0, atol=1e-11)
        assert 0 < changed <= len(m)


@every_glass
def test_the_free_energy_never_rises(glass: Glass) -> None:
    """From sweep to sweep, but for rounding errors; at last no direction leads down."""
    average = averages(glass.start, glass.temperature)
    field = fields(glass.coupling, average)
    course = [free_energy(glass, average)]
    while sweep(glass.local, glass.coupling, glass.temperature, average, field, 0.1 * TOLERANCE)[0] > TOLERANCE:
        course.append(free_energy(glass, average))
    assert len(course) > 5
    assert np.diff(course).max() < 1e-12 * abs(course[-1])
    assert course[-1] < course[0]
    following = (1 - average**2) / (2 * glass.temperature)
    scale = np.sqrt(following)
    assert np.linalg.eigvalsh(np.eye(len(scale)) - scale[:, None] * glass.coupling * scale)[0] > 0


def test_all_at_once_does_not_come_to_rest() -> None:
    """Where one after the other does after some sweeps, 3000 synchronous iterations still change averages by 0.1."""
    glass = GLASSES["two-level systems, cold"]
    assert glass.solved().sweeps < 200
    x = glass.start
    for _ in range(3000):
        x, last = glass.image(x), x
    assert np.abs(np.tanh(x / 0.1) - np.tanh(last / 0.1)).max() > 0.1


def test_most_wait() -> None:
    """At low temperature no more than a third of the rows are read that a loop over all of them would read."""
    solution = GLASSES["two-level systems, cold"].solved()
    assert 200 <= solution.rows < solution.sweeps * 200 / 3


def test_too_few_sweeps() -> None:
    glass = GLASSES["electrons, warm"]
    with pytest.raises(
        ConvergenceError, match=r"^averages must change by 1e-09 at most after 3 sweeps, but they change by"
    ):
        self_consistent(glass.local, glass.coupling, glass.temperature, glass.start, TOLERANCE, sweeps=3)


def test_as_many_sweeps_as_are_needed() -> None:
    glass = GLASSES["electrons, warm"]
    needed = glass.solved().sweeps
    again = self_consistent(glass.local, glass.coupling, glass.temperature, glass.start, TOLERANCE, sweeps=needed)
    assert np.array_equal(again.x, glass.solved().x)
    with pytest.raises(ConvergenceError):
        self_consistent(glass.local, glass.coupling, glass.temperature, glass.start, TOLERANCE, sweeps=needed - 1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_a_root(seed: int, temperature: float) -> None:
    """Reference: SciPy's `root` from there does not leave."""
    glass = Glass.of_tls(seed, 10, temperature)
    solution = glass.solved()

    def wrong(x: Array) -> Array:
        return x - glass.image(x)

    found = root(wrong, solution.x, tol=1e-13)
    np.testing.assert_allclose(solution.x, found.x, rtol=0, atol=1e-7 * np.abs(glass.coupling).max())


@pytest.mark.parametrize("coupling", [1.5, -1.5])
@pytest.mark.parametrize("temperature", [0.05, 0.3, 5.0])
def test_two(coupling: float, temperature: float) -> None:
    """Reference: x = 0.2 + K tanh(±x / 2T), the only unknown of two that are alike or opposite, by bisection."""
    sign = math.copysign(1.0, coupling)
    expected = brentq(lambda x: x - 0.2 - 1.5 * math.tanh(x / (2 * temperature)), 0.0, 10.0, xtol=1e-15)
    solution = self_consistent(
        np.array([0.2, sign * 0.2]),
        coupling * np.array([[0.0, 1.0], [1.0, 0.0]]),
        temperature,
        np.array([0.5, sign * 0.5]),
        1e-12,
    )
    np.testing.assert_allclose(solution.x, [expected, sign * expected], rtol=1e-10)


@every_glass
@pytest.mark.parametrize("factor", [2.0**-40, 0.25, 2.0**60])
def test_units(glass: Glass, factor: float) -> None:
    """All energies and the temperature times a power of two: the same sweeps, to the last bit."""
    one = glass.solved()
    other = self_consistent(
        factor * glass.local, factor * glass.coupling, factor * glass.temperature, factor * glass.start, TOLERANCE
    )
    assert np.array_equal(factor * one.x, other.x)
    assert (one.sweeps, one.rows) == (other.sweeps, other.rows)


@pytest.mark.parametrize("temperature", [1e-310, 1e-300, 1e-3, 1.0, 1e300])
def test_without_couplings(temperature: float) -> None:
    """Energies are the local ones, one sweep that changes averages and one that does not."""
    glass = GLASSES["two-level systems, cold"]
    solution = self_consistent(glass.local, np.zeros_like(glass.coupling), temperature, glass.start, TOLERANCE)
    assert np.array_equal(solution.x, glass.local)
    assert solution.sweeps <= 2
    assert solution.residual == 0


def test_no_temperature() -> None:
    """At 1e-300 averages are signs: no one of them wants to turn over."""
    glass = Glass.of_tls(1, 100, 1e-300)
    x = glass.solved().x
    np.testing.assert_allclose(x, glass.local + glass.coupling @ np.sign(x), rtol=0, atol=1e-10)


def test_infinite_temperature() -> None:
    """At 1e6 averages are x / 2T: a linear equation."""
    glass = Glass.of_electrons(1, 100, 1e6)
    expected = np.linalg.solve(np.eye(100) - glass.coupling / 2e6, glass.local)
    np.testing.assert_allclose(glass.solved().x, expected, rtol=0, atol=1e-7)


def test_infinite_couplings() -> None:
    """Of two points at the same place."""
    coupling = np.array([[0.0, np.inf, 1.0], [np.inf, 0.0, 1.0], [1.0, 1.0, 0.0]])
    with pytest.raises(ConvergenceError, match="energies must be finite"):
        self_consistent(np.ones(3), coupling, 0.1, np.array([0.5, -0.5, 0.1]), TOLERANCE)


def test_input_is_kept() -> None:
    glass = GLASSES["two-level systems, cold"]
    given_away = [each.copy() for each in (glass.local, glass.coupling, glass.start)]
    self_consistent(given_away[0], given_away[1], glass.temperature, given_away[2], TOLERANCE)
    for mine, theirs in zip((glass.local, glass.coupling, glass.start), given_away, strict=True):
        assert np.array_equal(mine, theirs)


@given(st.floats(allow_nan=False))
def test_hyperbolic_tangent(x: float) -> None:
    """Reference: mpmath, and tanh(-x) = -tanh x, to the last bit."""
    found = hyperbolic_tangent(x)
    assert abs(found - mpmath.tanh(mpmath.mpf(x))) < 2.3e-16
    assert found == -hyperbolic_tangent(-x)
    assert abs(found) <= 1
