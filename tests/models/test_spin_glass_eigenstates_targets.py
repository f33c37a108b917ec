"""Spectra and remnants of the chain against the numbers of an independent implementation, with the errors of both.

A number may be off by four standard errors of both together and by a tolerance besides; each comparison says how far
off it may be at most. Those numbers count all spectra alike near their ends.
"""

from dataclasses import replace

import numpy as np
import pytest

from ensemble.models.spin_glass import SpinGlassRemnant, SpinGlassSpectrum
from tests.support.samples import agrees, error, jackknife, made, mean, measured, near

CHAIN = SpinGlassSpectrum(L=8)
SUMS = tuple(SpinGlassSpectrum.observables)
TABLE = {  # r in the middle, m in the middle, r at the ends, m at the ends; each with its error
    (8, 0.05): ((0.403, 0.002), (0.903, 0.002), (0.409, 0.007), (0.963, 0.002)),
    (8, 0.1): ((0.415, 0.002), (0.780, 0.003), (0.424, 0.007), (0.922, 0.003)),
    (8, 0.2): ((0.447, 0.002), (0.536, 0.004), (0.460, 0.007), (0.831, 0.005)),
    (8, 0.5): ((0.511, 0.002), (0.153, 0.002), (0.504, 0.007), (0.580, 0.007)),
    (8, 1.0): ((0.526, 0.002), (0.042, 0.001), (0.482, 0.006), (0.312, 0.005)),
    (10, 0.05): ((0.396, 0.002), (0.893, 0.002), (0.417, 0.008), (0.962, 0.002)),
    (10, 0.2): ((0.453, 0.003), (0.435, 0.007), (0.453, 0.009), (0.813, 0.007)),
    (10, 1.0): ((0.530, 0.001), (0.015, 0.0005), (0.507, 0.007), (0.244, 0.007)),
}
QUANTITIES = (
    ("middle_gap_ratio", 0.005, 0.035),
    ("middle_edwards_anderson", 0.01, 0.10),
    ("edge_gap_ratio", 0.02, 0.13),
    ("edge_edwards_anderson_by_spectrum", 0.02, 0.11),
)


def count(L: int) -> int:
    """So many realizations."""
    return 150 if L == 8 else 40


@pytest.mark.slow
@pytest.mark.parametrize(("L", "h"), TABLE)
def test_levels_and_eigenstates(L: int, h: float) -> None:
    model = replace(CHAIN, L=L, h=h)
    rows = measured(model, count(L), *SUMS)
    for (name, tolerance, at_most), expected in zip(QUANTITIES, TABLE[L, h], strict=True):
        near(*jackknife(model, name, rows), *expected, tolerance, at_most)


@pytest.mark.slow
def test_levels_repel_where_spins_are_free_to_turn() -> None:
    """From independent levels to those of random matrices, and eigenstates from frozen to random ones."""
    found = []
    for h in (0.05, 0.2, 0.5):
        model = replace(CHAIN, h=h)
        rows = measured(model, count(8), *SUMS)
        found.append([float(made(model, name, rows)) for name in ("middle_gap_ratio", "middle_edwards_anderson")])
    ratios, order = np.transpose(found)
    assert (np.diff(ratios) > 0.03).all()
    assert (np.diff(order) < -0.2).all()


@pytest.mark.slow
def test_the_middle_forgets_and_the_ends_do_not() -> None:
    """At h = .5 the order falls with L in the middle, from .153 to .068, and hardly at the ends, from .580 to .516."""
    fallen = []
    for name in ("middle_edwards_anderson", "edge_edwards_anderson_by_spectrum"):
        short, long = (
            jackknife(model, name, measured(model, count(model.L), *SUMS))[0]
            for model in (replace(CHAIN, h=0.5), replace(CHAIN, h=0.5, L=10))
        )
        fallen.append(long / short)
    assert fallen[0] < 0.65
    assert fallen[1] > 0.75


def test_where_all_levels_weigh_the_same_the_ends_are_less_frozen() -> None:
    """There realizations with many levels near their ground states weigh more: .77 against .83 at h = .2."""
    model = replace(CHAIN, h=0.2)
    rows = measured(model, count(8), *SUMS)
    by_level, by_spectrum = (made(model, f"edge_edwards_anderson{suffix}", rows) for suffix in ("", "_by_spectrum"))
    assert 0.03 < by_spectrum - by_level < 0.1


REMNANTS = {  # of the softest, of the sixth, mean of six, baseline of the mean
    (50, 0.1): ((0.515, 0.026), (0.935, 0.012), (0.816, 0.013), (0.854, 0.012)),
    (200, 0.1): ((0.334, 0.023), (0.796, 0.016), (0.625, 0.014), (0.679, 0.014)),
    (50, 0.3): (None, None, (0.539, 0.013), (0.608, 0.013)),
    (200, 0.3): (None, None, (0.311, 0.012), (0.309, 0.012)),
}
NAMES = ("polarization", "mean_polarization", "mean_baseline")


@pytest.mark.slow
@pytest.mark.parametrize(("L", "h"), REMNANTS)
def test_remnants(L: int, h: float) -> None:
    rows = measured(SpinGlassRemnant(L=L, h=h), 150, *NAMES)
    found = (*rows["polarization"].T[[0, 5]], rows["mean_polarization"], rows["mean_baseline"])
    for values, expected in zip(found, REMNANTS[L, h], strict=True):
        if expected is not None:
            agrees(values, *expected, 0.01, at_most=0.16)


def test_couplings_among_the_softest_matter_little() -> None:
    """Most of the decay with L is that of soft fields; the number of free spins changes it by less than .02."""
    few, more = (measured(SpinGlassRemnant(L=100, h=0.1, free=free), 100, *NAMES) for free in (6, 8))
    apart = few["mean_polarization"] - more["mean_polarization"]
    agrees(apart, 0.005, 0.005, 0.0, at_most=0.03)
    lost = few["mean_baseline"] - few["mean_polarization"]
    assert mean(lost) > 2 * error(lost)
    assert mean(lost) < 0.1
