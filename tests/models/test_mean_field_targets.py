"""Both mean-field glasses against the numbers of an independent implementation, which come with errors of their own.

A number may be off by four standard errors of both together and by a tolerance besides, for what differs between two
ways to the same number, such as where an iteration starts. So few samples are needed, but not so few that a wrong
factor would pass: each comparison says how far off it may be at most.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.models.mean_field import ElectronGlass, MeanFieldTLSGlass
from tests.support.samples import agrees, error, jackknife, made, mean, measured, near

Array = NDArray[np.float64]

TLS = MeanFieldTLSGlass(N=1000)
ELECTRONS = ElectronGlass(N=1000, precise=False)
LN10 = math.log(10)
DECADES = 2 * math.log10(1e6)
"""From the smallest square of an amplitude to the largest."""


@pytest.mark.parametrize(
    ("box", "expected", "uncertain"), [("paper", 4.93, 0.03), ("density", 3.68, 0.02), ("neighbour", 1.116, 0.006)]
)
def test_the_box_sets_the_energies(box: str, expected: float, uncertain: float) -> None:
    median = measured(replace(TLS, T=0.05, box=box), 12, "median_energy")["median_energy"]
    agrees(median, expected, uncertain, 0.01 * expected, at_most=0.12 * expected)


@pytest.mark.parametrize(
    ("T", "gap", "shoulder"),
    [
        (0.05, (0.0285, 0.0014), (0.0452, 0.0019)),
        (0.1, (0.0277, 0.0014), (0.0393, 0.0019)),
        (1.0, (0.0456, 0.0021), (0.0502, 0.0022)),
        (2.0, (0.0731, 0.0022), (0.0728, 0.0025)),
    ],
)
def test_the_gap_of_two_level_systems(T: float, gap: tuple[float, float], shoulder: tuple[float, float]) -> None:
    """A wrong sign would fill it, half the interaction makes it twice as high."""
    rows = measured(replace(TLS, T=T), 25, "gap_density", "shoulder_density")
    agrees(rows["gap_density"], *gap, 0.1 * gap[0], at_most=0.7 * gap[0])
    agrees(rows["shoulder_density"], *shoulder, 0.1 * shoulder[0], at_most=0.7 * shoulder[0])


def test_a_quarter_counts_pairs_once_and_closes_the_gap_sooner() -> None:
    """The depth is 1 at T = 2, but at T = 1 for c = 1/4."""
    quarter = replace(TLS, c=0.25)
    agrees(measured(replace(quarter, T=0.1), 15, "gap_density")["gap_density"], 0.0611, 0.0023, 0.006, at_most=0.04)
    for model, expected, uncertain in (
        (replace(TLS, T=2.0), 1.0, 0.05),
        (replace(quarter, T=1.0), 0.97, 0.04),
    ):
        rows = measured(model, 25, "gap_density", "shoulder_density")
        near(*jackknife(model, "gap_depth", rows), expected, uncertain, 0.05, at_most=0.5)
    assert jackknife(TLS, "gap_depth", measured(replace(TLS, T=0.05), 25, "gap_density", "shoulder_density"))[0] < 0.8


@pytest.mark.slow
def test_rates_of_two_level_systems_are_flat_and_relax_as_a_logarithm() -> None:
    """Both are exact: 1 / 12 decades, -1 / 2 ln R, and the relaxation averaged over amplitudes."""
    names = ("rate_histogram", "relaxation", "averaged_relaxation", "mean_log_factor")
    rows = measured(TLS, 60, *names)
    near(*jackknife(TLS, "plateau", rows), 1 / DECADES, 0.0, 0.0005, at_most=0.004)
    near(*jackknife(TLS, "rate_slope", rows), -1.0, 0.0, 0.002, at_most=0.02)
    slope = -1 / (2 * math.log(1e6))
    near(*jackknife(TLS, "relaxation_slope", rows), slope, 0.0, 0.0001, at_most=0.001)
    assert made(TLS, "from_average", rows) < 6e-3
    assert made(TLS, "from_logarithm", rows) < 6e-3
    averaged = {**rows, "relaxation": rows["averaged_relaxation"]}
    assert made(TLS, "relaxation_slope", averaged) == pytest.approx(slope, rel=2e-3)
    assert made(TLS, "from_logarithm", averaged) < 2e-3


def factors(model: MeanFieldTLSGlass, realizations: int, name: str = "mean_log_factor") -> Array:
    """log10 y of each realization."""
    return measured(model, realizations, "mean_log_factor", "median_log_factor")[name]


@pytest.mark.parametrize(
    ("c", "expected"), [(0.5, [(0.304, 0.002), (1.116, 0.004)]), (0.25, [(0.474, 0.002), (1.370, 0.003)])]
)
def test_disorder_with_its_temperature_makes_two_level_systems_faster(
    c: float, expected: list[tuple[float, float]]
) -> None:
    """Of common disorder, W = 10 and 100 at T = W / 10 against W = 1."""
    model = replace(TLS, c=c)
    for W, (shift, uncertain) in zip((10.0, 100.0), expected, strict=True):
        apart = factors(replace(model, W=W, T=W / 10), 8) - factors(model, 8)
        agrees(apart, shift, uncertain, 0.01, at_most=0.05)


def ratio(model: MeanFieldTLSGlass, of: float) -> MeanFieldTLSGlass:
    """W / J, at the same W² + J²."""
    J = math.sqrt(2 / (1 + of**2))
    return replace(model, W=of * J, J=J, T=0.05)


@pytest.mark.parametrize(
    ("of", "half", "quarter"),
    [
        (3.1, (0.280, 0.002), (0.181, 0.002)),
        (1.0, (0.578, 0.002), (0.408, 0.003)),
        (0.1, (0.713, 0.002), (0.52, 0.003)),
    ],
)
def test_interaction_makes_two_level_systems_faster(
    of: float, half: tuple[float, float], quarter: tuple[float, float]
) -> None:
    """Of common disorder, against W / J = 9.8."""
    for c, (shift, uncertain) in ((0.5, half), (0.25, quarter)):
        model = replace(TLS, c=c)
        apart = factors(ratio(model, of), 6) - factors(ratio(model, 9.8), 6)
        agrees(apart, shift, uncertain, 0.01, at_most=0.06)


def test_it_does_so_only_in_a_dense_box() -> None:
    """Where nearest neighbours are one apart, it is a tenth of a decade, and the median falls where W is small."""
    model = replace(TLS, box="neighbour")
    even, weak = (factors(ratio(model, of), 12) - factors(ratio(model, 9.8), 12) for of in (1.0, 0.1))
    agrees(even, 0.093, 0.003, 0.005, at_most=0.04)
    agrees(weak, 0.040, 0.004, 0.005, at_most=0.06)
    name = "median_log_factor"
    agrees(
        factors(ratio(model, 0.1), 12, name) - factors(ratio(model, 9.8), 12, name), -0.071, 0.005, 0.005, at_most=0.07
    )


def test_more_two_level_systems_are_slower_in_the_box_of_the_paper_alone() -> None:
    for N, count, paper, density in ((100, 150, 0.882, 0.587), (300, 40, 0.783, 0.589), (1000, 20, 0.717, 0.593)):
        for box, expected in (("paper", paper), ("density", density)):
            agrees(factors(replace(TLS, N=N, box=box), count), expected, 0.003, 0.005, at_most=0.05)


@pytest.mark.parametrize(
    ("W", "J", "c", "all_of_them", "slow", "median"),
    [
        (1.0, 1.0, 0.5, 2.5e-3, 1.1e-2, 9e-10),
        (1.41, 0.1, 0.5, 4.7e-3, 1.4e-2, 8e-4),
        (1.0, 1.0, 0.25, 3.7e-3, 1.4e-2, 2e-7),
    ],
)
def test_rates_of_all_together(W: float, J: float, c: float, all_of_them: float, slow: float, median: float) -> None:
    """Means to a factor of two, as few samples tell them; medians scatter by decades where they are small."""
    names = ("mean_error", "slow_error", "slow_error_median", "slow_error_largest", "shift")
    rows = measured(replace(TLS, W=W, J=J, c=c), 2, *names)
    assert all_of_them / 2 < mean(rows["mean_error"]) < all_of_them * 2
    assert slow / 2 < mean(rows["slow_error"]) < slow * 2
    found = math.exp(mean(np.log(rows["slow_error_median"])))
    assert found < 100 * median
    assert found > median / 10 or median < 1e-5
    assert 0.05 < rows["slow_error_largest"].max() < 0.9
    assert mean(rows["shift"]) < 0


@pytest.mark.parametrize(
    ("T", "expected", "uncertain"), [(0.02, 0.0117, 0.0011), (0.1, 0.0282, 0.0018), (1.0, 0.524, 0.012)]
)
def test_the_gap_of_electrons(T: float, expected: float, uncertain: float) -> None:
    found = measured(replace(ELECTRONS, T=T), 50 if T < 1 else 6, "gap_density")["gap_density"]
    agrees(found, expected, uncertain, 0.05 * expected, at_most=0.7 * expected)


def test_the_gap_of_electrons_is_linear() -> None:
    """Less steep than 2 / π; beside it the density has its peak, .295 at .73."""
    model = replace(ELECTRONS, T=0.05, energy_range=5.0, energy_bins=100)
    rows = measured(model, 50, "gap", "dos", "gap_density")
    agrees(rows["gap_density"], 0.0137, 0.0012, 0.0007, at_most=0.01)
    near(*jackknife(model, "gap_slope", rows), 0.421, 0.005, 0.03, at_most=0.12)
    dos = rows["dos"].mean(axis=0)
    highest = int(np.argmax(dos))
    assert dos[highest] == pytest.approx(0.295, abs=0.03)
    assert abs(model.coords()["energy"][highest]) == pytest.approx(0.73, abs=0.2)


def logs(model: ElectronGlass, realizations: int) -> Array:
    """The mean of ln λ of each realization."""
    return LN10 * measured(model, realizations, "mean_log_rate", "rate_histogram", "lost_rates")["mean_log_rate"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "expected", "uncertain"),
    [
        ({}, -10.388, 0.009),
        ({"W": 5.0, "T": 0.5}, -8.010, 0.015),
        ({"W": 10.0, "T": 1.0}, -7.399, 0.015),
        ({"W": 5.0}, -10.625, 0.019),
        ({"W": 10.0, "precise": True}, -10.877, 0.022),
        ({"J": 1 / 3, "W": math.sqrt(17) / 3}, -8.799, 0.014),
        ({"J": 1 / 7, "W": math.sqrt(97) / 7}, -7.965, 0.015),
    ],
)
def test_how_fast_electrons_are(changes: Mapping[str, Any], expected: float, uncertain: float) -> None:
    """Interaction slows them; disorder slows them too, unless the temperature rises with it."""
    model = replace(ELECTRONS, **changes)
    agrees(logs(model, 3 if model.precise else 4), expected, uncertain, 0.03, at_most=0.4)


def test_rates_of_electrons_have_no_plateau() -> None:
    """1 / λ is what their distribution comes near to at the top of a broad hump."""
    logs(ELECTRONS, 4)
    rows = measured(ELECTRONS, 4, "mean_log_rate", "rate_histogram", "lost_rates")
    assert not rows["lost_rates"].any()
    for window, expected, uncertain in (((-5.0, -2.0), -1.057, 0.004), ((-4.0, -2.0), -1.137, 0.006)):
        model = replace(ELECTRONS, rate_window=window)
        near(*jackknife(model, "rate_slope", rows), expected, uncertain, 0.02, at_most=0.2)


@pytest.mark.parametrize(
    ("N", "count", "rate", "distance"),
    [
        (10, 400, (-7.348, 0.010), 0.345),
        (100, 60, (-9.700, 0.012), 0.451),
        (1000, 4, (-10.408, 0.018), 0.482),
    ],
)
def test_more_electrons_are_slower(N: int, count: int, rate: tuple[float, float], distance: float) -> None:
    model = replace(ELECTRONS, N=N)
    agrees(logs(model, count), *rate, 0.03, at_most=0.4)
    apart = measured(model, max(count, 10), "neighbour_distance")["neighbour_distance"]
    agrees(apart, distance, 0.0, 0.002, at_most=0.03)


@pytest.mark.parametrize(
    ("N", "count", "boxes"),
    [
        (10, 300, {"paper": -3.51, "density": -5.61}),
        (100, 30, {"paper": -5.39, "density": -6.07}),
        (1000, 2, {"paper": -5.91}),
    ],
)
def test_so_they_are_without_energies(N: int, count: int, boxes: Mapping[str, float]) -> None:
    """Most of it is because the box of the paper is denser where it is small."""
    for box, expected in boxes.items():
        rows = measured(replace(ELECTRONS, N=N, box=box), count, "bare_mean_log_rate")
        agrees(LN10 * rows["bare_mean_log_rate"], expected, 0.01, 0.02, at_most=0.4)


@pytest.mark.parametrize("box", ["density", "neighbour"])
def test_the_signs_hold_in_every_box(box: str) -> None:
    model = ElectronGlass(N=300, box=box)
    for other in (replace(model, J=1 / 7), replace(model, W=10.0, T=1.0)):
        faster = logs(other, 4) - logs(model, 4)
        assert mean(faster) > 4 * error(faster)
        assert mean(faster) > 1


@pytest.mark.slow
def test_fields_of_electrons_that_have_hopped() -> None:
    """-.023, -.077 for the slowest tenth, at most .35."""
    rows = measured(ElectronGlass(N=600), 3, "shift", "slow_shift", "largest_shift")
    agrees(rows["shift"], -0.023, 0.003, 0.005, at_most=0.05)
    agrees(rows["slow_shift"], -0.077, 0.01, 0.01, at_most=0.15)
    assert 0.1 < rows["largest_shift"].max() < 1
