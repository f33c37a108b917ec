"""The same data give the same fit to the last bit, whatever the threads of a library and the places in memory."""

import numpy as np
import pytest

from ensemble.fit import Estimate, compare, double_exponential, growth, plateau, power_law, stretched
from tests.support.elsewhere import printed
from tests.support.ensembles import Array, blocks

LAWS = ("stretched", "power", "growth", "plateau", "compare", "double_exponential")
POINTS = (33, 200)
"""Few times, as a sweep has them, and so many that a library divides their covariance among threads."""


def placed(values: Array, offset: int) -> Array:
    """A copy that begins so many numbers after a multiple of 64 bytes."""
    room = np.empty(values.size + 16)
    first = (-room.ctypes.data // 8) % 8 + offset
    copy = room[first : first + values.size].reshape(values.shape)
    copy[...] = values
    return copy


def ensemble_of(law: Array) -> Estimate:
    """Realizations that differ by a common factor and at each time, drawn without sums that threads may share."""
    rng = np.random.default_rng(4)
    return blocks(law * np.exp(0.2 * (rng.standard_normal((200, 1)) + rng.standard_normal((200, len(law))))))


def moved(curve: Estimate, offset: int) -> Estimate:
    return Estimate(placed(curve.value, offset), placed(curve.without, offset), curve.sizes)


def fits(points: int, offset: int = 0) -> dict[str, str]:
    """Fits of one ensemble, to the last bit, with all numbers `offset` places further in memory."""
    t = np.geomspace(1.0, 1e4, points)
    laws = np.exp(-((t / 100) ** 0.4)), np.ones_like(t), t**-0.5, np.minimum(t, 100.0)
    decay, floor, power, rise = (moved(ensemble_of(law), offset) for law in laws)
    times = placed(t, offset)
    sizes = placed(np.arange(4.0, 14.0), offset)
    values = placed(np.exp(-0.2 * 2 ** (0.3 * sizes)) * (1 + 0.01 * np.sin(sizes)), offset)
    found = {
        "stretched": [stretched(times, decay, floor)],
        "power": [power_law(times, power, window=(1.0, 1e4))],
        "growth": [growth(times, rise)],
        "plateau": [plateau(times, floor)],
        "compare": list(compare(times, decay).fits.values()),
        "double_exponential": [double_exponential(sizes, values, 0.01 * values)],
    }
    return {name: repr([(fit, fit.residuals.tolist()) for fit in some]) for name, some in found.items()}


def elsewhere(threads: int, leftover: int) -> str:
    """The fits of another process."""
    code = "from tests.unit.fit.test_reproducible import POINTS, fits; print([fits(points) for points in POINTS])"
    return printed(code, threads, leftover)


@pytest.mark.slow
def test_threads_and_leftovers_in_memory_change_nothing() -> None:
    assert elsewhere(1, leftover=1) == elsewhere(2, leftover=127) == str([fits(points) for points in POINTS])


@pytest.mark.slow
@pytest.mark.parametrize("points", POINTS)
def test_places_in_memory_change_nothing(points: int) -> None:
    first = fits(points)
    assert tuple(first) == LAWS
    for offset in (1, 2, 3, 5):
        again = fits(points, offset)
        assert [name for name in LAWS if again[name] != first[name]] == []
