"""What is made of averages over driven spins: against plain NumPy, and against an independent solution at N = 6.

The numbers of that solution come with errors of their own; both kinds of errors count.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from distributed import Client

import ensemble
from ensemble import Sweep
from ensemble.models.driven_spins import DrivenSpins
from ensemble.reduce import average, functions_of_means
from ensemble.run import Watch, run_on

REALIZATIONS = 100
NEEDED = [
    *("spectrum", "lineshape", "ansatz_spectrum", "ansatz_lineshape", "mean_polarization", "polarization_variance"),
    *("misfit", "square_misfit", "inverse_temperature", "mean_entropy", "spin_spread"),
]
REFERENCE = {  # Θ(ω_MW), G, G of the ansatz, largest distance, mean P, β_s; each with its error
    (12.0, "nonsecular"): [
        (-0.302, 0.006),
        (0.143, 0.009),
        (-0.095, 0.007),
        (0.173, 0.009),
        (-0.0990, 0.0008),
        (0.0049, 0.0002),
    ],
    (12.0, "hilbert"): [
        (-0.343, 0.005),
        (0.068, 0.006),
        (-0.073, 0.005),
        (0.116, 0.006),
        (-0.0927, 0.0006),
        (0.0037, 0.0001),
    ],
    (1.2, "nonsecular"): [
        (-0.016, 0.001),
        (-0.043, 0.007),
        (-0.127, 0.006),
        (0.138, 0.010),
        (-0.177, 0.007),
        (0.0272, 0.0009),
    ],
    (1.2, "hilbert"): [
        (-0.018, 0.001),
        (-0.002, 0.007),
        (-0.109, 0.006),
        (0.206, 0.014),
        (-0.186, 0.006),
        (0.0244, 0.0008),
    ],
}
QUANTITIES = ("theta_at_microwave", "contrast", "ansatz_contrast", "deviation")
AVERAGES = ("mean_polarization", "inverse_temperature")


@pytest.fixture(scope="module")
def store(cluster: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("driven") / "spins.zarr"
    sweep = Sweep.from_table(
        {
            "model": "driven_spins",
            "realizations": REALIZATIONS,
            "seed": 5,
            "observables": NEEDED,
            "axes": {"N": [6], "temperature": [1.2, 12.0], "dynamics": ["nonsecular", "hilbert"]},
        }
    )
    summary = run_on(cluster, sweep, path, watch=Watch())
    assert (summary.computed, summary.failed) == (4 * REALIZATIONS, 0)
    return path


def at(found: xr.Dataset, temperature: float, dynamics: str) -> xr.Dataset:
    return found.sel(temperature=temperature, dynamics=dynamics).squeeze()


def test_against_an_independent_solution(store: Path) -> None:
    """24 numbers: none differs by more than four combined errors, and few by more than two."""
    made, means = {name: functions_of_means(store, name) for name in QUANTITIES}, average(store, observables=AVERAGES)
    gaps = []
    for point, reference in REFERENCE.items():
        told = [(at(made[name], *point)[name], at(made[name], *point)[f"{name}_error"]) for name in QUANTITIES]
        told += [(at(means, *point)[name], at(means, *point)[f"{name}_error"]) for name in AVERAGES]
        for (value, error), (expected, uncertain) in zip(told, reference, strict=True):
            gaps.append(abs(float(value) - expected) / math.hypot(float(error), uncertain))
    assert max(gaps) < 4
    assert np.count_nonzero(np.array(gaps) > 2) <= 3


def test_the_ansatz_explains_less_where_spins_are_on_their_own(store: Path) -> None:
    """0.790 and 0.898 at 12 K, 0.966 and 0.960 at 1.2 K, by the independent solution, of other disorder."""
    found = functions_of_means(store, "explained")
    for temperature, dynamics, expected in (
        (12.0, "nonsecular", 0.790),
        (12.0, "hilbert", 0.898),
        (1.2, "nonsecular", 0.966),
        (1.2, "hilbert", 0.960),
    ):
        here = at(found, temperature, dynamics)
        assert float(here["explained"]) == pytest.approx(expected, abs=5 * float(here["explained_error"]))


def test_eigenstates_are_less_entangled_than_those_of_the_hamiltonian(store: Path) -> None:
    """-0.071(4) at 12 K on common disorder, where spins fluctuate more: 0.320(3) and 0.308(4)."""
    data = ensemble.open(store).sel(temperature=12.0).squeeze()
    less = (data.mean_entropy.sel(dynamics="nonsecular") - data.mean_entropy.sel(dynamics="hilbert")).to_numpy()
    error = less.std(ddof=1) / math.sqrt(REALIZATIONS)
    assert abs(less.mean() + 0.071) < 4 * math.hypot(error, 0.004)
    spread = data.spin_spread.mean("realization")
    assert float(spread.sel(dynamics="nonsecular")) > float(spread.sel(dynamics="hilbert"))


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [1.2, 12.0])
@pytest.mark.parametrize("dynamics", ["nonsecular", "hilbert"])
def test_against_plain_numpy(dynamics: str, temperature: float, store: Path) -> None:
    data = at(ensemble.open(store), temperature, dynamics)
    mean = {name: data[name].mean("realization").to_numpy() for name in NEEDED}
    model = DrivenSpins(N=6, temperature=temperature, dynamics=dynamics)
    grid = data["frequency"].to_numpy()
    here, aside = (int(np.argmin(np.abs(grid - place))) for place in (-1.2, -3.2))
    theta = mean["spectrum"] / mean["lineshape"] / math.tanh(model.gap / 2)
    expected = {
        "theta_at_microwave": theta[here],
        "contrast": theta[here] - theta[aside],
        "deviation": np.abs(mean["spectrum"] - mean["ansatz_spectrum"]).max() / np.abs(mean["spectrum"]).max(),
        "hole": mean["spectrum"][here] / mean["ansatz_spectrum"][here],
        "explained": 1 - mean["square_misfit"] / mean["polarization_variance"],
    }
    for name, value in expected.items():
        assert float(at(functions_of_means(store, name), temperature, dynamics)[name]) == pytest.approx(
            float(value), rel=1e-9
        )
    found = at(functions_of_means(store, "theta"), temperature, dynamics)["theta"].to_numpy()
    inside = mean["lineshape"] > 0.01 * mean["lineshape"].max()
    np.testing.assert_allclose(found[inside], theta[inside], rtol=1e-9)
    assert np.isnan(found[~inside]).all()
    assert 0 < np.count_nonzero(inside) < len(grid)


def test_the_zero_is_where_the_spectrum_changes_its_sign() -> None:
    """Of a line that crosses zero at a place of the grid or between two, and once more far off; or it has none."""
    model = DrivenSpins(N=2, temperature=1.2)
    grid, zero = np.asarray(model.frequency), DrivenSpins.functions_of_means["zero"].value
    lineshape = np.exp(-(grid**2) / 20)
    for place in (-1.3, -1.32):
        assert zero(model, (grid - place) * (grid - 4.1) * lineshape, lineshape) == pytest.approx(place, abs=1e-3)
    assert np.isnan(np.asarray(zero(model, -lineshape, lineshape), dtype=np.float64))
