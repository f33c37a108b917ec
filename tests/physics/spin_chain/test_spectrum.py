"""Frozen eigenstates and spaced levels, against tensor products of QuTiP, random matrices and published numbers."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.models.spin_glass.kernels.couplings import ring
from ensemble.models.spin_glass.kernels.sectors import Sector
from ensemble.models.spin_glass.kernels.spectrum import Levels, Sums, edwards_anderson, scaled, whole_spectrum
from ensemble.physics.level_statistics import gap_ratio
from ensemble.physics.one_blas_thread import one_blas_thread
from tests.support.reference import tensor_chain
from tests.support.reference.mixed_field_ising import symmetric_levels

Array = NDArray[np.float64]


def couplings(length: int, seed: int = 0) -> Array:
    return ring(length, 0.7, "ring", np.random.default_rng(seed))


@pytest.mark.parametrize("transverse", [0.1, 0.4, 2.0])
@pytest.mark.parametrize("length", [2, 3, 6])
def test_both_sectors_have_the_eigenstates_of_the_whole(length: int, transverse: float) -> None:
    """Reference: <Z_i Z_j>² of the eigenstates of tensor products, in which the sectors are pulled apart beforehand."""
    coupling = couplings(length)
    apart = tensor_chain.hamiltonian(coupling, transverse) + 100 * tensor_chain.parity(length)
    energy, states = np.linalg.eigh(apart)
    order = tensor_chain.edwards_anderson(states, length)
    half = len(energy) // 2
    for sign, part in ((-1, slice(half)), (1, slice(half, None))):
        found = whole_spectrum(Sector.of(coupling, transverse, sign))
        expected = (energy[part] - energy[part][0]) / (energy[part][-1] - energy[part][0])
        np.testing.assert_allclose(found.scaled, expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.order, order[part], rtol=0, atol=1e-10)
        assert (found.scaled[0], found.scaled[-1]) == (0.0, 1.0)


def test_the_whole_spectrum_has_nearly_degenerate_pairs() -> None:
    """So r is told in one sector: .0006(5), but .409(5) at h = .05, and .408(6), but .527(7) at h = 1, elsewhere."""
    for transverse, mixed, resolved in ((0.05, 0.0006, 0.409), (1.0, 0.408, 0.527)):
        unresolved, inside = [], []
        for seed in range(8):
            with one_blas_thread:
                matrices = [Sector.of(couplings(10, seed), transverse, sign).dense() for sign in (1, -1)]
                levels: list[Any] = [np.linalg.eigvalsh(matrix) for matrix in matrices]
            third = slice(len(levels[0]) // 3, 2 * len(levels[0]) // 3)
            inside += [gap_ratio(each[third]) for each in levels]
            together = np.sort(np.concatenate(levels))
            unresolved.append(gap_ratio(together[len(together) // 3 : 2 * len(together) // 3]))
        assert np.mean(unresolved) == pytest.approx(mixed, abs=0.002 if mixed < 0.1 else 0.03)
        assert np.mean(inside) == pytest.approx(resolved, abs=0.03)


def test_levels_of_a_tilted_field() -> None:
    """Reference: QuSpin's r of the mixed-field Ising ring of 12 spins, momentum 0 and even under reflection."""
    levels = symmetric_levels(12, coupling=1.0, transverse=0.8945, longitudinal=0.945)
    assert len(levels) == 224
    assert gap_ratio(levels) == pytest.approx(0.5265342479651522, abs=1e-10)
    assert Levels(levels, levels).ratios.mean() == pytest.approx(0.5265342479651522, abs=1e-10)


def test_order_of_random_states_and_of_patterns() -> None:
    """Reference: 2 / (D + 2), the mean of <A>² over real random vectors for A² = 1, Tr A = 0; and 1."""
    with one_blas_thread:
        states = np.linalg.qr(np.random.default_rng(1).standard_normal((512, 512)))[0]
    assert edwards_anderson(states).mean() == pytest.approx(2 / 514, rel=0.02)
    assert np.array_equal(edwards_anderson(np.eye(512)), np.ones(512))
    both = (np.eye(512)[:, :1] + np.eye(512)[:, 1:2]) / math.sqrt(2)
    np.testing.assert_allclose(edwards_anderson(both), 1 - 9 / 45, rtol=1e-12)


def test_order_of_more_states_than_are_taken_at_a_time() -> None:
    """Reference: one state alone."""
    states = np.random.default_rng(1).standard_normal((2048, 1030)) / math.sqrt(2048)
    found = edwards_anderson(states)
    for n in (0, 1023, 1024, 1029):
        assert edwards_anderson(states[:, n : n + 1]) == pytest.approx(found[n], rel=1e-12)


def test_sums_in_bins() -> None:
    """Reference: np.histogram; an edge belongs to the bin above it, 1 to the last one; empty bins have no mean."""
    rng = np.random.default_rng(1)
    place, values = rng.choice(np.arange(0, 1.0001, 0.05), 40) ** 2, rng.random(40)
    place[:2] = 0.0, 1.0
    found = Sums.of(place, values, 20)
    np.testing.assert_allclose(found.count, np.histogram(place, 20, (0, 1))[0])
    np.testing.assert_allclose(found.total, np.histogram(place, 20, (0, 1), weights=values)[0])
    filled = found.count > 0
    assert 0 < filled.sum() < 20
    assert np.array_equal(found.means.count, filled)
    np.testing.assert_allclose(found.means.total[filled], found.total[filled] / found.count[filled])
    assert not found.means.total[~filled].any()
    twice = found + Sums.of(place, values, 20) + Sums.none(20)
    np.testing.assert_allclose([twice.count, twice.total], [2 * found.count, 2 * found.total])


def binned(spectra: list[Array], bins: int) -> Array:
    """The mean ratio of gaps in each bin of the scaled energy, of many spectra."""
    total = Sums.none(bins)
    for energy in spectra:
        levels = Levels(scaled(energy, energy[0], energy[-1]), energy)
        total += Sums.of(levels.scaled[1:-1], levels.ratios, bins)
    return total.total / total.count


def test_random_matrices_have_the_same_ratio_in_every_bin() -> None:
    """Reference: 0.5307 for real symmetric matrices, but at the ends; 2 ln 2 - 1 for independent levels, everywhere."""
    rng = np.random.default_rng(2)
    matrices = rng.standard_normal((300, 120, 120))
    with one_blas_thread:
        orthogonal = binned(list(np.linalg.eigvalsh(matrices + matrices.swapaxes(1, 2))), 10)
    np.testing.assert_allclose(orthogonal[1:-1], 0.5307, atol=0.015)
    poisson = binned([np.sort(rng.random(1000)) for _ in range(300)], 10)
    np.testing.assert_allclose(poisson, 2 * math.log(2) - 1, atol=0.01)


def test_without_a_width() -> None:
    """One level, or several that coincide, are at 0."""
    assert scaled(np.array([2.0, 2.0]), 2.0, 2.0).tolist() == [0.0, 0.0]
    assert whole_spectrum(Sector.of(np.zeros((2, 2)), 0.0, 1)).scaled.tolist() == [0.0, 0.0]
