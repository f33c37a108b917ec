"""The right law among four where the data can tell, and no answer where they cannot."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.fit import Estimate, compare
from tests.support.ensembles import T, ensemble_of

LAWS: dict[str, NDArray[np.float64]] = {
    "power": T**-0.5,
    "exponential": np.exp(-T / 4000),
    "stretched": np.exp(-((T / 100) ** 0.4)),
    "logarithm": 2 + np.log(T),
}


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_the_true_law_is_found(law: str) -> None:
    found = Counter(compare(T, ensemble_of(LAWS[law], seed)).preferred for seed in range(10))
    assert found[law] >= 9


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_a_short_window_does_not_tell(law: str) -> None:
    results = [compare(T, ensemble_of(LAWS[law], seed, realizations=200), window=(100, 320)) for seed in range(10)]
    assert Counter(each.preferred for each in results)[None] >= 9
    assert Counter("the data cannot tell" in each.verdict for each in results)[True] >= 9


def test_the_verdict_says_by_how_much_and_where() -> None:
    result = compare(T, ensemble_of(LAWS["power"], 1))
    assert result.verdict.startswith("the data prefer power")
    assert result.lead["exponential"] > 100 > result.lead_errors["power"]
    assert result.lead["exponential"] > 2 * result.lead_errors["exponential"] > 0
    assert len(result.moved) == 4
    assert set(result.fits) == set(LAWS)


def test_a_curve_that_follows_none_of_them() -> None:
    result = compare(T, ensemble_of(1.5 + np.sin(np.log(T) * 2), 1))
    assert result.preferred is None
    assert "none of the laws" in result.verdict


def test_too_few_points() -> None:
    assert "too few" in compare(T, ensemble_of(T**-0.5, 1), window=(1, 2)).verdict


def test_units_do_not_matter() -> None:
    one = ensemble_of(LAWS["stretched"], 1)
    other = compare(T * 1e5, Estimate(one.value * 1e-7, one.without * 1e-7, one.sizes))
    for name, fit in compare(T, one).fits.items():
        assert other.fits[name].chi2 == pytest.approx(fit.chi2, rel=1e-6)
