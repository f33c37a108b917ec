"""What one realization of the glass costs, how near that is to what the processor can do, and how it grows with N.

Operations of the innermost loops of `physics.double_flips`, for each pair, other site and time; a fused multiply-add
is two, and what both sectors of the pair have in common is counted once:

    no rate   cos and sin of both phases 2 products + 4 fused                                            10
              sin times u - d                                                                            2
              two complex products, each 2 products + 2 fused                                            12
              in all                                                                                     24

    T = 0     cos and sin of both phases                                                                 10
              1 + S, d S, u + d S, u - d S                                                               4
              two traces, each 4 products + 4 fused                                                      24
              two complex products                                                                       12
              in all                                                                                     50

Where nothing can be fused, half of a multiplier's operations are lost: 24 operations are 16 instructions, so a share
of 0.75 of the limit is the most that the loops without a rate could reach, and of 50 in 34 instructions 0.74. At
T > 0 exponentials of each pair and site are calculated as well, and the count would say little.
"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.models.arrays import evenly_spaced
from ensemble.models.tls_glass import TLSDraw, TLSGlass
from ensemble.models.tls_glass.kernels.double_flips import multiply_others, sites_by_kind
from ensemble.models.tls_glass.kernels.pair_tables import Tables, fill_tables, tables_for
from ensemble.models.tls_glass.kernels.site_solution import Sites
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import LANES, fma
from ensemble.realization.random_streams import random_stream
from tests.benchmarks import median, median_seconds, seconds

Array = NDArray[np.float64]

TIMES = tuple(evenly_spaced(1e-3, 1e6, 96, log=True))

OPERATIONS = {0.0: 24, 1.0: 50}
"""Floating-point operations for each pair, other site and time, by epsilon; counted above."""

CASES = [(N, epsilon, 0.0) for epsilon in (0.0, 1.0) for N in (10, 30, 60, 120)] + [(60, 1.0, 300.0), (60, 1.0, 3000.0)]


def glass(N: int, epsilon: float, temperature: float = 0.0) -> tuple[TLSGlass, TLSDraw]:
    """The model, and realization 0 of seed 2021."""
    model = TLSGlass(N=N, epsilon=epsilon, eta=1e5, temperature=temperature, t=TIMES)
    return model, model.draw(random_stream(2021, model, 0))


def realization(N: int, epsilon: float, temperature: float = 0.0) -> Callable[[], Array]:
    """What measures C(t) of it, compiled."""
    model, draw = glass(N, epsilon, temperature)

    def measured() -> Array:
        return np.asarray(model.measure(draw)["concurrence"])

    assert measured().max() > 0.0
    return measured


def pair_products(N: int, epsilon: float) -> Callable[[], None]:
    """What computes the products of all its pairs, and nothing else, compiled; all blocks of times cost the same."""
    model, draw = glass(N, epsilon)
    disorder = model.scale(draw)
    up = np.cos(disorder.theta / 2.0) ** 2
    sites = Sites(disorder.coupling, disorder.rate, np.zeros(N), up, 1.0 - up)
    tables = tables_for(N)
    fill_tables(sites, np.array(TIMES[-LANES:]), np.ones(N, dtype=np.bool_), tables)

    def measured() -> None:
        for _ in range(len(TIMES) // LANES):
            multiply_all(sites, tables, N)

    measured()
    return measured


@compiled
def multiply_all(sites: Sites, tables: Tables, N: int) -> None:
    double, by_kind = np.empty(4 * LANES), sites_by_kind(sites)
    for a in range(N):
        for b in range(a + 1, N):
            multiply_others(sites, tables, by_kind, a, b, double)


@pytest.mark.parametrize(("N", "epsilon", "temperature"), CASES)
def test_one_realization(benchmark: BenchmarkFixture, N: int, epsilon: float, temperature: float) -> None:
    """C(t) of all pairs at 96 times; of that the pair products, and how near these are to the limit."""
    measured = realization(N, epsilon, temperature)
    found = benchmark(measured)
    assert found.shape == (96,)
    assert np.array_equal(found, measured())
    if temperature == 0.0:
        operations = OPERATIONS[epsilon] * N * (N - 1) / 2 * (N - 2) * len(TIMES)
        products = median_seconds(pair_products(N, epsilon), 7)
        rate, limit = operations / products, multiply_limit()
        benchmark.extra_info["share of the time in pair products"] = round(products / median(benchmark), 2)
        benchmark.extra_info["GFlop/s of the pair products"] = round(rate / 1e9, 1)
        benchmark.extra_info["GFlop/s of the limit"] = round(limit / 1e9, 1)
        benchmark.extra_info["share of the multiply limit"] = round(rate / limit, 3)


def test_cost_against_sites(benchmark: BenchmarkFixture) -> None:
    """Without dissipation: O(N³), so the slope of the last three in a doubly logarithmic plot nears 3 from below."""
    sizes = (10, 20, 40, 60, 120, 240)
    costs = [median_seconds(realization(N, 0.0), 7) for N in sizes[:-1]]
    benchmark.pedantic(realization(sizes[-1], 0.0), rounds=3)
    costs.append(median(benchmark))
    slope, _ = np.polyfit(np.log(sizes[-3:]), np.log(costs[-3:]), 1)
    benchmark.extra_info["milliseconds"] = {N: round(1e3 * cost, 2) for N, cost in zip(sizes, costs, strict=True)}
    benchmark.extra_info["slope of the last three"] = round(float(slope), 2)


@compiled
def multiply_and_add(x: Array, rounds: int) -> None:
    """Eight fused multiply-adds for each number and round; those of different numbers are independent."""
    for _ in range(rounds):
        for k in range(x.size):
            y = fma(fma(fma(fma(x[k], 0.5, 0.5), 0.5, 0.5), 0.5, 0.5), 0.5, 0.5)
            x[k] = fma(fma(fma(fma(y, 0.5, 0.5), 0.5, 0.5), 0.5, 0.5), 0.5, 0.5)


def multiply_limit() -> float:
    """Operations per second of fused multiply-adds on a thousand numbers, which stay in the first-level cache."""
    numbers, rounds = np.zeros(1024), 2000
    multiply_and_add(numbers, 1)
    fastest = min(seconds(lambda: multiply_and_add(numbers, rounds), 20))
    assert np.all(numbers == 1.0)
    return 2.0 * 8.0 * rounds * numbers.size / fastest
