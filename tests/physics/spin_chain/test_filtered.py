"""Levels around an energy, against the whole spectrum; and that nothing is returned where one would be missing."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import linalg

from ensemble.errors import ConvergenceError
from ensemble.models.spin_glass.kernels.couplings import ring
from ensemble.models.spin_glass.kernels.filtered import check_none_missing, ends, levels_around
from ensemble.models.spin_glass.kernels.sectors import Sector
from ensemble.models.spin_glass.kernels.spectrum import edwards_anderson, parts_of_spectrum, whole_spectrum
from ensemble.physics.one_blas_thread import one_blas_thread

Array = NDArray[np.float64]


def drawn(length: int, transverse: float, sign: int, seed: int = 0) -> Sector:
    return Sector.of(ring(length, 0.7, "ring", np.random.default_rng(seed)), transverse, sign)


def nearest(energy: Array, place: float, count: int) -> NDArray[np.intp]:
    """The levels nearest to a scaled energy."""
    center = energy[0] + place * (energy[-1] - energy[0])
    return np.sort(np.argsort(np.abs(energy - center))[:count])


@pytest.mark.parametrize("transverse", [0.0, 0.01, 0.1, 0.5, 2.0])
@pytest.mark.parametrize(("length", "sign", "wanted"), [(8, 1, 20), (8, -1, 20), (10, -1, 30), (11, 1, 60)])
def test_levels_are_those_of_the_whole_spectrum(length: int, sign: int, wanted: int, transverse: float) -> None:
    """Reference: LAPACK. In the middle as many as are wanted, none missing between; near the ends what there is."""
    sector = drawn(length, transverse, sign, seed=length)
    with one_blas_thread:
        energy, states = linalg.eigh(sector.dense())
        bounds = ends(sector)
        np.testing.assert_allclose([bounds.lowest, bounds.highest], energy[[0, -1]], rtol=0, atol=1e-11)
        for place in (0.05, 0.3, 0.5, 0.8, 1.0):
            found, vectors = levels_around(sector, place, wanted, bounds)
            near = nearest(energy, place, len(found))
            np.testing.assert_allclose(found, energy[near], rtol=0, atol=1e-11)
            assert len(found) == wanted or place != 0.5
            assert len(found) > 3 or place in (0.05, 1.0)
            assert len(found) > 0 or place == 0.05
            alike = np.abs(np.sum(vectors * states[:, near], axis=0))
            apart = np.minimum(*(np.abs(np.diff(energy, prepend=-9e9, append=9e9)[near + side]) for side in (0, 1)))
            assert (alike[apart > 1e-6] > 1 - 1e-8).all()


def test_order_of_these_levels() -> None:
    """Reference: that of the whole spectrum; each level belongs to one target, the nearest."""
    sector = drawn(10, 0.3, 1)
    with one_blas_thread:
        whole = whole_spectrum(sector)
        parts = parts_of_spectrum(sector, (0.4, 0.5, 0.52), 40)
    together = np.concatenate([part.scaled for part in parts])
    assert (np.diff(together) > 0).all()
    assert len(parts[0].scaled) == 40
    assert 0 < len(parts[2].scaled) < 40
    for part in parts:
        first = int(np.argmin(np.abs(whole.scaled - part.scaled[0])))
        same = slice(first, first + len(part.scaled))
        np.testing.assert_allclose(part.scaled, whole.scaled[same], rtol=0, atol=1e-12)
        np.testing.assert_allclose(part.order, whole.order[same], rtol=0, atol=1e-8)
        np.testing.assert_allclose(part.ratios, whole.ratios[same][:-2], rtol=0, atol=1e-6)


def test_the_same_bits_again() -> None:
    sector = drawn(9, 0.3, 1)
    with one_blas_thread:
        first, second = (levels_around(sector, 0.4, 20, ends(sector)) for _ in range(2))
    assert [each.tobytes() for each in first] == [each.tobytes() for each in second]


def test_a_missing_level_is_noticed() -> None:
    """Reference: eigenstates of a known operator; without one that is above the height, or with all of them."""
    rng = np.random.default_rng(1)
    states = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    heights = np.concatenate([rng.uniform(-0.2, 0.2, 50), rng.uniform(0.3, 1.0, 10)])
    operator = (states * heights) @ states.T
    check_none_missing(operator, states[:, 50:], 0.29)
    check_none_missing(operator, states[:, :0], 1.1)
    for missing in range(50, 60):
        with pytest.raises(ConvergenceError, match="no level must be missing around a scaled energy, got one that"):
            check_none_missing(operator, np.delete(states[:, 50:], missing - 50, axis=1), 0.29)


def test_levels_that_coincide_in_pairs_are_all_found() -> None:
    """Reference: LAPACK. With couplings that are the same all around the ring, most momenta come in pairs."""
    place, decay = np.arange(9), np.array([0.0, 1.0, 0.35, 0.2, 0.12, 0.12, 0.2, 0.35, 1.0])
    sector = Sector.of(decay[(place[:, None] - place) % 9], 0.7, 1)
    with one_blas_thread:
        energy = linalg.eigvalsh(sector.dense())
        found, _ = levels_around(sector, 0.5, 20, ends(sector))
    assert np.count_nonzero(np.diff(energy) < 1e-9) > 100
    center = (energy[0] + energy[-1]) / 2
    np.testing.assert_allclose(
        np.sort(np.abs(found - center)), np.sort(np.abs(energy - center))[:20], rtol=0, atol=1e-10
    )


def test_too_many_levels_that_coincide_are_none() -> None:
    """Spins without couplings: 70 states at the energy 0, of which Lanczos' method cannot see all."""
    sector = Sector.of(np.zeros((9, 9)), 1.0, 1)
    with one_blas_thread, pytest.raises(ConvergenceError, match="no level must be missing around a scaled energy"):
        levels_around(sector, 0.5, 20, ends(sector))


def test_edwards_anderson_of_a_single_state() -> None:
    """A column alone is a matrix too, as where only one level is near."""
    sector = drawn(8, 0.2, 1)
    found, states = levels_around(sector, 1.0, 1, ends(sector))
    assert states.shape == (128, len(found))
    assert edwards_anderson(states).shape == (len(found),)
