"""The equation of a site under phonons, solved for many times at once, against a 50-digit matrix exponential."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels.site_solution import thermal_weights
from ensemble.models.tls_glass.kernels.warm_site import multiply_warm_trace, series_ends, warm_elements
from ensemble.physics.elementary import LANES, any_cosine_sine
from tests.support.reference.exact_pair import site
from tests.support.reference.random_ising import IsingInstance, random_instance

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

PHONONS = [1e-18, 1e-12, 1e-6, 1e-2, 1.0, 1e3, 1e6, 1e10]

FIELDS = [0.0, 1e-12, 1e-6, 1e-2, 0.5, 1.0 - 1e-10, 1.0, 1.0 + 1e-10, 2.0, 1e3]
"""|Θ| / g. At 1 both eigenvalues of the site come as close as they can: |q| / g = 1 / sqrt(f) for f >> 1."""


def hot_site(phonons: float, relaxation: float = 1.4) -> IsingInstance:
    """One site with g = 2 Y (1 + 2 f) as given, away from the poles."""
    instance = random_instance(21, 1)
    instance.rate[:] = relaxation / (2.0 * (1.0 + 2.0 * phonons))
    instance.occupation[:] = phonons
    return instance


def arguments(instance: IsingInstance, field: float) -> tuple[float, float, float, float, float]:
    """Rate, phonons, initial populations and field, as the kernels take them."""
    half = float(instance.theta[0]) / 2.0
    rate, phonons = float(instance.rate[0]), float(instance.occupation[0])
    return rate, phonons, float(np.cos(half) ** 2), float(np.sin(half) ** 2), field


def elements(instance: IsingInstance, field: float, t: Array) -> tuple[ComplexArray, ComplexArray]:
    """↑ and ↓ of the site by the kernel."""
    rows = np.empty(4 * LANES)
    warm_elements(*arguments(instance, field), t, phases(field, t), np.empty(4 * LANES), rows)
    real_up, imaginary_up, real_down, imaginary_down = rows.reshape(4, LANES)
    return real_up + 1j * imaginary_up, real_down + 1j * imaginary_down


def phases(field: float, t: Array) -> Array:
    """cos Θt, then sin Θt."""
    return np.array([any_cosine_sine(field * each) for each in t]).T.reshape(-1)


def exact(instance: IsingInstance, field: float, t: Array) -> tuple[ComplexArray, ComplexArray]:
    pairs = np.array([[complex(x) for x in site(instance, 0, field, float(each))] for each in t])
    return pairs[:, 0], pairs[:, 1]


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("phonons", PHONONS)
def test_all_temperatures_and_fields(phonons: float, field: float) -> None:
    """Reference: the exponential of the 2x2 generator with 50 digits, from 1e-6 to 100 relaxation times.

    Beyond that what counts is the rounding of the phase.
    """
    instance = hot_site(phonons)
    t = np.logspace(-6, 2, LANES) / 1.4
    for sign in (1.0, -1.0):
        theta = sign * 1.4 * field
        rounding = 1e-15 + 2.3e-16 * abs(theta) * t
        for found, expected in zip(elements(instance, theta, t), exact(instance, theta, t), strict=True):
            assert np.all(np.abs(found - expected) < rounding)


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("phonons", PHONONS)
def test_series_and_exponentials_meet(phonons: float, field: float) -> None:
    """Reference: 50 digits again, at times on both sides of |q| t = 1/2, a few roundings apart."""
    instance = hot_site(phonons)
    theta = 1.4 * field
    meeting = float(0.5 / abs(thermal_weights(*arguments(instance, theta)).q))
    t = meeting * (1.0 + np.linspace(-6e-15, 6e-15, LANES))
    early = series_ends(thermal_weights(*arguments(instance, theta)), t)
    assert 0 < early < LANES
    rounding = 1e-15 + 2.3e-16 * abs(theta) * meeting
    for found, expected in zip(elements(instance, theta, t), exact(instance, theta, t), strict=True):
        assert abs(found[early] - found[early - 1]) < 1e-14
        assert np.all(np.abs(found - expected) < rounding)


def test_where_both_eigenvalues_are_next_to_one() -> None:
    """Reference: 50 digits. |q| / g = 1e-150, as close to the exceptional point q = 0 as doubles come."""
    instance = hot_site(1e300)
    theta = 2.0 * float(instance.rate[0]) * (1.0 + 2e300)
    assert 0.0 < abs(thermal_weights(*arguments(instance, theta)).q) < 1e-149
    t = np.logspace(-6, 3, LANES)
    for found, expected in zip(elements(instance, theta, t), exact(instance, theta, t), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("phonons", PHONONS)
def test_trace(phonons: float) -> None:
    """The trace that the pair products take is the sum of both elements."""
    instance = hot_site(phonons)
    t = np.logspace(-3, 3, LANES)
    for field in FIELDS:
        up, down = elements(instance, field, t)
        product = np.concatenate([np.full(LANES, 0.6), np.full(LANES, -0.8)])
        multiply_warm_trace(*arguments(instance, field), t, phases(field, t), np.empty(6 * LANES), product)
        found = product[:LANES] + 1j * product[LANES:]
        np.testing.assert_allclose(found, (0.6 - 0.8j) * (up + down), rtol=0, atol=1e-15)
        assert np.all(np.abs(found) < 1.0 + 1e-15)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200])
def test_units(scale: float) -> None:
    """Rates and fields times a factor, times divided by it: the same elements, as small or large as they may be."""
    one, other = hot_site(0.3), hot_site(0.3)
    other.rate[:] *= scale
    t = np.logspace(-3, 2, LANES)
    for found, expected in zip(elements(other, 0.8 * scale, t / scale), elements(one, 0.8, t), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
