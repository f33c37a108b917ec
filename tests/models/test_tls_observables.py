"""The observables of the glass against their definitions in plain NumPy or QuTiP; padding, and what is out of reach."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import qutip

from ensemble import Sweep
from ensemble.errors import ParameterError, SweepError
from ensemble.models.tls_glass import TLSDisorder, TLSGlass
from ensemble.models.tls_glass.kernels import reduced_density_matrix
from ensemble.physics import concurrence, negativity
from tests.support.reference.qutip_solution import solve
from tests.support.reference.random_ising import IsingInstance

TIMES = (0.0, 0.01, 0.1, 1.0)
POINTS = [(0.0, 0.0), (0.1, 0.0), (0.1, 3000.0)]


def glass(epsilon: float = 0.1, temperature: float = 0.0, N: int = 5, **others: Any) -> TLSGlass:
    return TLSGlass(N=N, epsilon=epsilon, eta=1e5, temperature=temperature, t=TIMES, **others)


def disorder_of(model: TLSGlass, seed: int = 2) -> TLSDisorder:
    return model.scale(model.draw(np.random.default_rng(seed)))


def distances(model: TLSGlass, disorder: TLSDisorder) -> Any:
    """Written as a loop, with the nearest image of each coordinate."""
    n = len(disorder.rate)
    result = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            step = np.abs(disorder.position[i] - disorder.position[j])
            result[i, j] = np.sqrt(np.sum(np.minimum(step, model.side - step) ** 2))
    return result


def bubbles(model: TLSGlass, disorder: TLSDisorder, size: int) -> list[list[int]]:
    far = distances(model, disorder)
    return [sorted(range(len(far)), key=lambda j: (far[i, j], j))[:size] for i in range(len(far))]


@pytest.mark.slow
@pytest.mark.parametrize(("epsilon", "temperature"), POINTS)
def test_entropy_and_purity(epsilon: float, temperature: float) -> None:
    """Reference: the state integrated by QuTiP, its partial traces, entropies and purities."""
    model = glass(epsilon, temperature)
    disorder = disorder_of(model)
    occupation = model.occupation(disorder)
    instance = IsingInstance(
        disorder.coupling, disorder.rate, disorder.frequency, disorder.theta, disorder.phi, occupation
    )
    found = model.evolve(disorder)
    states = solve(instance, np.array(TIMES), lab=False)
    halves = [[state.ptrace(bubble) for bubble in bubbles(model, disorder, 2)] for state in states]
    entropies = np.array([[qutip.entropy_vn(rho) for rho in row] for row in halves])
    purities = np.array([[rho.purity() for rho in row] for row in halves])
    assert entropies.max() > 0.1
    np.testing.assert_allclose(found["entropy"], entropies.mean(axis=1), rtol=0, atol=1e-7)
    np.testing.assert_allclose(found["purity"], purities.mean(axis=1), rtol=0, atol=1e-7)
    np.testing.assert_allclose(found["renyi"], -np.log(purities).mean(axis=1), rtol=0, atol=1e-7)
    three = glass(epsilon, temperature, bubbles=3).evolve(disorder)
    np.testing.assert_allclose(three["bubble_entropy"], entropies[:, :3].T, rtol=0, atol=1e-7)
    np.testing.assert_allclose(three["entropy"], entropies[:, :3].mean(axis=1), rtol=0, atol=1e-7)


@pytest.mark.parametrize(("epsilon", "temperature"), POINTS)
def test_pairs(epsilon: float, temperature: float) -> None:
    """Reference: density matrices of all pairs in plain NumPy, sorted by the size of their couplings."""
    model = glass(epsilon, temperature, pairs=4)
    disorder = disorder_of(model)
    found = model.evolve(disorder)
    everything = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    strongest = sorted(everything, key=lambda pair: -abs(disorder.coupling[pair]))[:4]
    occupation = model.occupation(disorder)
    rho = {pair: reduced_density_matrix(disorder, pair, TIMES, occupation=occupation) for pair in everything}
    assert np.max(found["pair_concurrence"]) > 0.1
    for name, of_state in (("concurrence", concurrence), ("negativity", negativity)):
        np.testing.assert_allclose(
            found[f"pair_{name}"], [of_state(rho[pair]) for pair in strongest], rtol=0, atol=1e-13
        )
        np.testing.assert_allclose(found[name], sum(of_state(rho[pair]) for pair in everything) / 5, rtol=0, atol=1e-13)
    far = distances(model, disorder)
    np.testing.assert_array_equal(found["pair_coupling"], [disorder.coupling[pair] for pair in strongest])
    np.testing.assert_allclose(found["pair_distance"], [far[pair] for pair in strongest], rtol=1e-13)


def test_coherence_and_density_matrix() -> None:
    """Reference: density matrices in plain NumPy."""
    model = glass(sites=3, cluster=3)
    disorder = disorder_of(model)
    found = model.evolve(disorder)
    single = [np.abs(reduced_density_matrix(disorder, (i,), TIMES)[:, 0, 1]) for i in range(5)]
    assert np.max(single) > 0.1
    np.testing.assert_allclose(found["site_coherence"], single[:3], rtol=0, atol=1e-14)
    np.testing.assert_allclose(found["coherence"], np.mean(single, axis=0), rtol=0, atol=1e-14)
    sites = bubbles(model, disorder, 3)[0]
    assert sites[0] == 0
    np.testing.assert_array_equal(found["density_matrix"], reduced_density_matrix(disorder, sites, TIMES))


@pytest.mark.parametrize("N", [2, 5, 12])
def test_ratio(N: int) -> None:
    """Reference: a loop over the sites and what they are coupled to; with epsilon over eta it changes in proportion."""
    model = glass(N=N)
    disorder = disorder_of(model)
    ratios = []
    for i in range(N):
        strongest = max(abs(float(disorder.coupling[i, j])) for j in range(N) if j != i)
        ratios.append(float(disorder.rate[i]) / strongest)
    ratios.sort()
    median = (ratios[(N - 1) // 2] + ratios[N // 2]) / 2
    assert 10.0 ** float(model.evolve(disorder)["log_ratio"]) == pytest.approx(median, rel=1e-13)
    physical = TLSGlass(N=N, epsilon=1.0, eta=1.0, t=TIMES)
    found = float(physical.evolve(disorder_of(physical))["log_ratio"])
    assert 10.0**found == pytest.approx(np.median(ratios) * 1e5 / 0.1, rel=1e-12)


def test_small_systems_are_padded() -> None:
    """Three sites have three pairs; what is not there is missing, and averages go by what is."""
    model = glass(N=3, pairs=5, sites=4, bubbles=4)
    found = model.evolve(disorder_of(model))
    for name, there in (("pair_concurrence", 3), ("pair_coupling", 3), ("site_coherence", 3), ("bubble_entropy", 3)):
        values = np.asarray(found[name])
        assert len(values) == len(model.coords()[TLSGlass.observables[name].dims[0]])
        assert np.all(np.isfinite(values[:there]))
        assert np.all(np.isnan(values[there:]))
    assert np.all(np.isfinite(found["entropy"]))


def test_without_positions() -> None:
    """Concurrences need none; whoever asks for bubbles does."""
    pair = SimpleNamespace(coupling=np.array([[0.0, 0.4], [0.4, 0.0]]), rate=np.zeros(2), theta=np.ones(2))
    found = glass(0.0, N=2).evolve(pair)
    assert np.max(found["concurrence"]) > 0.0
    with pytest.raises(AttributeError, match="position"):
        found["entropy"]


@pytest.mark.parametrize(("name", "values"), [("eta", {"epsilon": [1.0]}), ("epsilon", {"eta": [1.0]})])
def test_a_ratio_to_nothing_is_refused(name: str, values: dict[str, list[float]]) -> None:
    table = {
        "model": "tls_glass",
        "observables": ["log_ratio"],
        "realizations": 1,
        "seed": 1,
        "axes": {"N": [4], name: [0.0, 1.0], **values},
    }
    with pytest.raises(SweepError, match=f"{name} must not be 0 for log_ratio"):
        Sweep.from_table(table)
    Sweep.from_table({**table, "observables": ["concurrence"]})


@pytest.mark.parametrize(
    ("N", "name", "sentence"),
    [
        (26, "entropy", "N must be at most 25 for entropy, got 26"),
        (26, "bubble_entropy", "N must be at most 25"),
        (32, "renyi", "N must be at most 31 for renyi, got 32"),
        (2, "density_matrix", "cluster must be at most N = 2, got 3"),
    ],
)
def test_what_is_out_of_reach_is_refused(N: int, name: str, sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        glass(N=N, cluster=3).check([name])
    glass(N=N, cluster=3).check(["concurrence"])
    table = {
        "model": "tls_glass",
        "observables": [name],
        "realizations": 1,
        "seed": 1,
        "axes": {"N": [N], "epsilon": [0.0], "eta": [1.0]},
        "parameters": {"bubbles": 2, "cluster": 3},
    }
    with pytest.raises(SweepError, match=sentence):
        Sweep.from_table(table)


def test_numbers_of_things_must_make_sense() -> None:
    for name in ("bubbles", "pairs", "sites"):
        with pytest.raises(ParameterError, match=f"{name} must be an integer that is not negative, got -1"):
            glass(**{name: -1})
    for wrong in (0, 9, 2.0, True):
        with pytest.raises(ParameterError, match="cluster must be an integer from 1 to 8"):
            glass(cluster=wrong)
    with pytest.raises(SweepError, match="bubble"):
        Sweep.from_table(
            {
                "model": "tls_glass",
                "observables": ["bubble_entropy"],
                "realizations": 1,
                "seed": 1,
                "axes": {"N": [4], "epsilon": [0.0], "eta": [1.0]},
            }
        )
