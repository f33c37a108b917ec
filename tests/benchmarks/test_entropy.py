"""What the entropy of one realization costs and how much of it is LAPACK's; what its purity costs."""

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.models.tls_glass import TLSDisorder, TLSGlass
from ensemble.models.tls_glass.kernels import bubble_entropy, bubble_purity
from ensemble.physics import nearest_bubbles
from ensemble.physics.disorder import minimum_image_distances
from ensemble.realization.random_streams import random_stream


def realization(model: TLSGlass) -> tuple[TLSDisorder, NDArray[np.intp], NDArray[np.float64]]:
    """Its disorder, its bubbles and the occupation of its bath."""
    disorder = model.scale(model.draw(random_stream(2021, model, 0)))
    distance = minimum_image_distances(disorder.position, model.side)
    return disorder, nearest_bubbles(distance), model.occupation(disorder)


@pytest.mark.parametrize("temperature", [0.0, 3000.0])
@pytest.mark.parametrize("epsilon", [0.0, 1.0])
@pytest.mark.parametrize("N", [8, 12, 16])
def test_one_realization(
    benchmark: BenchmarkFixture,
    N: int,
    epsilon: float,
    temperature: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S(t) of all bubbles at 91 times; share: CPU seconds inside eigvalsh over those in all."""
    model = TLSGlass(N=N, epsilon=epsilon, eta=1e5, temperature=temperature)
    disorder, bubbles, occupation = realization(model)
    t = np.asarray(model.t)
    inside, all_in_all = [0.0], [0.0]
    eigvalsh = np.linalg.eigvalsh

    def timed(*arguments: Any, **options: Any) -> Any:
        started = time.process_time()
        values = eigvalsh(*arguments, **options)
        inside[0] += time.process_time() - started
        return values

    def measured() -> NDArray[np.float64]:
        started = time.process_time()
        entropies = bubble_entropy(disorder, bubbles, t, occupation=occupation)
        all_in_all[0] += time.process_time() - started
        return entropies

    bubble_entropy(disorder, bubbles[:1], t, occupation=occupation)
    monkeypatch.setattr(np.linalg, "eigvalsh", timed)
    found = benchmark.pedantic(measured, rounds=3 if N < 16 else 1)
    assert found.shape == (N, len(t))
    assert 0.1 < found.max() <= (N // 2) * np.log(2.0) + 1e-12
    benchmark.extra_info["share of LAPACK"] = round(inside[0] / all_in_all[0], 2)


@pytest.mark.parametrize("epsilon", [0.0, 1.0])
@pytest.mark.parametrize("N", [16, 20, 24])
def test_purity_of_one_realization(benchmark: BenchmarkFixture, N: int, epsilon: float) -> None:
    """Tr ρ² of all bubbles at 91 times."""
    model = TLSGlass(N=N, epsilon=epsilon, eta=1e5)
    disorder, bubbles, occupation = realization(model)
    bubble_purity(disorder, bubbles[:1], model.t[:1], occupation=occupation)
    found = benchmark.pedantic(lambda: bubble_purity(disorder, bubbles, model.t, occupation=occupation), rounds=1)
    assert found.shape == (N, len(model.t))
    assert 2.0 ** -(N // 2) <= found.min() < 0.9
    assert found.max() <= 1.0 + 1e-12
