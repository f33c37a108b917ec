"""What a stop rule finds at its checkpoints: NumPy on all trajectories, fits by hand, the same bits at any pace."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from ensemble import Sweep, run_sweep
from ensemble.fit import Estimate, power_law
from ensemble.fit import plateau as fit_plateau
from ensemble.fit import stretched as fit_stretched
from ensemble.reduce import block_means
from ensemble.run import adaptive_stopping, prefix_sums
from ensemble.run.adaptive_stopping import Checkpoint, Decision, Decisions
from ensemble.sweep.stop_rule import StopRule
from tests.support import SUPPORT
from tests.support.toy_model import TOY

MOST = 300
NEVER = 1e-12
"""An error that no point has."""


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """A store of walks, numbers and curves; every tenth realization or so has failed."""
    store = tmp_path_factory.mktemp("walks") / "a.zarr"
    table = {
        "model": TOY,
        "realizations": MOST,
        "seed": 1,
        "axes": {"size": [2, 3], "drift": [0.0, 0.5]},
        "parameters": {"raises_below": 0.1},
        "store": {"chunk": 16},
    }
    run_sweep(Sweep.from_table(table), store, cluster=address)
    return store


@pytest.fixture(scope="module")
def decays(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """A store of curves that laws describe."""
    store = tmp_path_factory.mktemp("decays") / "a.zarr"
    table = {
        "model": f"{SUPPORT / 'relaxation.py'}:Relaxation",
        "realizations": MOST,
        "seed": 3,
        "axes": {"epsilon": [0.0, 0.1], "beta": [0.0, 0.7]},
        "store": {"chunk": 64},
    }
    run_sweep(Sweep.from_table(table), store, cluster=address)
    return store


def case(store: Path, stop: StopRule, *cells: tuple[int, ...], first: int = 0, last: int | None = None) -> Checkpoint:
    """Some points of a store to be judged together; by default at all checkpoints."""
    with xr.open_zarr(store) as dataset:
        status = dataset["status"]
        axes = status.dims[:-1]
        points = tuple(
            {str(axis): dataset[axis].values[at].item() for axis, at in zip(axes, cell, strict=True)} for cell in cells
        )
        failed = frozenset(int(r) for cell in cells for r in np.flatnonzero(status[cell].to_numpy() == 2))
    end = len(list(stop.checkpoints(MOST))) - 1 if last is None else last
    return Checkpoint(str(store), stop, points, cells, failed, first, end, MOST)


def groups(stop: StopRule, number: int, failed: frozenset[int]) -> list[list[int]]:
    """The realizations in each group of a checkpoint, without those that failed."""
    edges = [min(edge, MOST) for edge in stop.edges(number)]
    return [[r for r in range(*pair) if r not in failed] for pair in itertools.pairwise(edges)]


def jackknife(values: NDArray[np.float64], groups: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Mean and delete-a-group jackknife, word for word as Busing, Meijer and van der Leeden (1999) have it."""
    filled = [list(group) for group in groups if group]
    g, n = len(filled), sum(map(len, filled))
    everything = [index for group in filled for index in group]
    theta = values[everything].mean()
    without = [values[[index for index in everything if index not in group]].mean() for group in map(set, filled)]
    h = [n / len(group) for group in filled]
    whole = g * theta - sum((1 - 1 / each) * other for each, other in zip(h, without, strict=True))
    pseudo = [each * theta - (each - 1) * other for each, other in zip(h, without, strict=True)]
    variance = sum((each - whole) ** 2 / (size - 1) for each, size in zip(pseudo, h, strict=True)) / g
    return float(theta), float(np.sqrt(variance))


def only(ruling: Decisions) -> Decision:
    """What a ruling says of its last point."""
    verdict = ruling.verdicts[-1]
    assert verdict is not None
    return verdict


@pytest.mark.slow
@pytest.mark.parametrize("least", [4, 20, 33, 64, 100])
def test_a_mean_and_its_error_by_the_textbook(least: int, walks: Path) -> None:
    values = xr.open_zarr(walks)["walk"].to_numpy()
    stop = StopRule("walk", "mean", at=1.8, absolute=NEVER, least=least)
    for number, count in enumerate(stop.checkpoints(MOST)):
        asked = case(walks, stop, (1, 1), first=number, last=number)
        ruling = adaptive_stopping.decide(asked)
        value, error = jackknife(values[1, 1, :, 2], groups(stop, number, asked.failed))
        assert (ruling.number, ruling.count, ruling.met) == (number, count, False)
        assert [only(ruling).value, only(ruling).error] == pytest.approx([value, error])
    kept = values[1, 1, ~np.isnan(values[1, 1, :, 2]), 2]
    assert len(kept) == MOST - len(asked.failed) < MOST
    assert only(ruling).value == pytest.approx(kept.mean())
    assert only(ruling).error == pytest.approx(kept.std(ddof=1) / np.sqrt(len(kept)), rel=0.35)


def test_equal_groups_have_the_standard_error_of_their_means(walks: Path) -> None:
    values = xr.open_zarr(walks)["final"].to_numpy()[0, 0].astype(float)
    stop = StopRule("final", "mean", absolute=NEVER, least=64)
    for number, length in ((0, 2), (3, 2), (4, 4), (7, 4)):
        ruling = adaptive_stopping.decide(
            replace(case(walks, stop, (0, 0), first=number, last=number), failed=frozenset())
        )
        means = values[: ruling.count].reshape(-1, length).mean(axis=1)
        assert only(ruling).value == pytest.approx(means.mean())
        assert only(ruling).error == pytest.approx(means.std(ddof=1) / np.sqrt(len(means)))


@pytest.mark.parametrize("least", [5, 32, 45])
def test_step_by_step_and_all_at_once_are_the_same_bits(least: int, walks: Path) -> None:
    stop = StopRule("walk", "mean", at=3.0, absolute=NEVER, least=least)
    ruling = None
    for number, _ in enumerate(stop.checkpoints(MOST)):
        step = case(walks, stop, (0, 1), first=number, last=number)
        ruling = adaptive_stopping.decide(replace(step, known=ruling.known, known_at=number - 1) if ruling else step)
        at_once = adaptive_stopping.decide(step)
        assert ruling.verdicts == at_once.verdicts
        for here, there in zip(ruling.known, at_once.known, strict=True):
            assert here.sums.tobytes() == there.sums.tobytes()
            assert here.counts.tolist() == there.counts.tolist()


def test_small_portions_change_no_more_than_rounding(walks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = StopRule("walk", "mean", at=3.0, absolute=NEVER, least=33)
    whole = adaptive_stopping.decide(case(walks, stop, (1, 0)))
    for rows in (1, 3, 50):
        monkeypatch.setattr(prefix_sums, "_READ_BYTES", rows * 8 * 4)
        parts = adaptive_stopping.decide(case(walks, stop, (1, 0)))
        assert parts.known[0].counts.tolist() == whole.known[0].counts.tolist()
        assert np.allclose(parts.known[0].sums, whole.known[0].sums, rtol=1e-13, atol=1e-13)
        assert only(parts).error == pytest.approx(only(whole).error, rel=1e-10)


@pytest.mark.parametrize("cells", [[(1, 0)], [(0, 0), (1, 1)]])
def test_sums_that_tasks_shared_are_the_same_bits(
    cells: list[tuple[int, ...]], walks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a judgement may read, of one point and of two, cut into ever smaller portions."""
    asked = case(walks, StopRule("walk", "mean", at=3.0, absolute=NEVER, least=33), *cells)
    alone = adaptive_stopping.decide(asked)
    source, stretches = adaptive_stopping.ahead(asked)
    for size, least in ((10**9, 1), (8 * 4 * 100, 2), (1, len(stretches))):
        monkeypatch.setattr(prefix_sums, "_TASK_BYTES", size)
        divided = prefix_sums.portions(stretches, 4)
        assert len(divided) >= least
        shared = adaptive_stopping.decide(asked, *[prefix_sums.total(source, portion) for portion in divided])
        assert shared.verdicts == alone.verdicts
        for here, there in zip(shared.known, alone.known, strict=True):
            assert (here.sums.tobytes(), here.counts.tobytes()) == (there.sums.tobytes(), there.counts.tobytes())


def test_a_judgement_ends_at_the_first_checkpoint_that_will_do(walks: Path) -> None:
    never = StopRule("walk", "mean", at=3.0, absolute=NEVER, least=20)
    errors = [
        only(adaptive_stopping.decide(case(walks, never, (0, 1), first=number, last=number))).error
        for number, _ in enumerate(never.checkpoints(MOST))
    ]
    for target in (max(errors), float(np.median(errors)), min(errors)):
        stop = replace(never, absolute=target)
        ruling = adaptive_stopping.decide(case(walks, stop, (0, 1)))
        assert ruling.met
        number = 0
        while errors[number] > target:
            number = stop.following(number, errors[number] / target, MOST)
        assert ruling.number == number
        assert ruling.count == stop.checkpoint(ruling.number, MOST)


def test_checkpoints_that_can_hardly_do_are_passed_over(walks: Path) -> None:
    """Half of the realizations that are expected to do must have been reached; where nothing is expected, none is."""
    stop = StopRule("walk", "mean", at=3.0, absolute=1.0, least=100)
    assert [stop.checkpoint(stop.following(0, excess, 10_000), 10_000) for excess in (1.1, 2.0, 3.0, 1e9)] == [
        *(125, 200, 500, 10_000)
    ]
    assert stop.following(4, float("nan"), 10_000) == 5
    never = replace(stop, absolute=NEVER)
    ruling = adaptive_stopping.decide(case(walks, never, (0, 1)))
    assert (ruling.count, ruling.met) == (MOST, False)
    incomplete = adaptive_stopping.decide(case(walks, never, (0, 1), last=3))
    assert (incomplete.count, incomplete.met) == (100, False)


def test_what_one_point_lacks_none_of_those_tied_to_it_has(decays: Path) -> None:
    """So that the realizations of a ratio are paired."""
    stop = StopRule("signal", "stretched", reference=(("epsilon", 0.0),), relative=NEVER, least=50)
    asked = replace(case(decays, stop, (0, 0), (1, 0)), failed=frozenset({3, 77}))
    ruling = adaptive_stopping.decide(asked)
    assert ruling.verdicts[0] is None
    assert ruling.known[0].counts.tolist() == ruling.known[1].counts.tolist()
    assert ruling.known[0].counts.sum() == MOST - 2


def by_hand(store: Path, cell: tuple[int, ...], stop: StopRule) -> Estimate:
    """The curve of a point, from the groups of the last checkpoint."""
    values = xr.open_zarr(store)[stop.observable].to_numpy()[cell]
    last = len(list(stop.checkpoints(MOST))) - 1
    filled = [group for group in groups(stop, last, frozenset()) if group]
    return Estimate.of_blocks([values[group].mean(axis=0) for group in filled], [len(group) for group in filled])


@pytest.mark.parametrize("window", [None, (0.5, 20.0)])
@pytest.mark.parametrize("parameter", [None, "a"])
def test_a_power_law_as_it_is_fitted_by_hand(
    window: tuple[float, float] | None, parameter: str | None, decays: Path
) -> None:
    stop = StopRule("signal", "power", parameter, window=window, relative=NEVER, least=48)
    verdict = only(adaptive_stopping.decide(case(decays, stop, (0, 1))))
    t = xr.open_zarr(decays)["t"].to_numpy()
    options: dict[str, Any] = {"window": window} if window else {}
    fit = power_law(t, by_hand(decays, (0, 1), stop), **options)
    name = parameter or "beta"
    assert [verdict.value, verdict.error] == pytest.approx([fit.values[name], fit.errors[name]])
    assert abs(verdict.value - (0.7 if name == "beta" else 1.0)) < 5 * verdict.error


def test_a_plateau_as_it_is_fitted_to_block_means(decays: Path) -> None:
    """300 realizations in groups of 6 are the 50 blocks of the reducer."""
    stop = StopRule("signal", "plateau", relative=NEVER, least=192)
    last = len(list(stop.checkpoints(MOST))) - 1
    assert np.diff([min(edge, MOST) for edge in stop.edges(last)])[:50].tolist() == [6] * 50
    verdict = only(adaptive_stopping.decide(case(decays, stop, (0, 0))))
    blocks = block_means(decays, "signal", blocks=50).sel(epsilon=0.0, beta=0.0)
    fit = fit_plateau(blocks["t"], Estimate.of_blocks(blocks["signal"], blocks["block_size"]))
    assert [verdict.value, verdict.error] == pytest.approx([fit.values["c"], fit.errors["c"]])
    assert abs(verdict.value - 1.0) < 5 * verdict.error


@pytest.mark.parametrize("order", [((0, 0), (1, 0)), ((1, 0), (0, 0))])
def test_a_stretched_exponential_over_its_reference(order: tuple[tuple[int, ...], ...], decays: Path) -> None:
    stop = StopRule("signal", "stretched", reference=(("epsilon", 0.0),), relative=NEVER, least=48)
    ruling = adaptive_stopping.decide(case(decays, stop, *order))
    verdict = ruling.verdicts[order.index((1, 0))]
    assert verdict is not None
    assert ruling.verdicts[order.index((0, 0))] is None
    t = xr.open_zarr(decays)["t"].to_numpy()
    fit = fit_stretched(t, by_hand(decays, (1, 0), stop), by_hand(decays, (0, 0), stop))
    assert [verdict.value, verdict.error] == pytest.approx([fit.values["delta"], fit.errors["delta"]])
    assert abs(verdict.value - 0.5) < 5 * verdict.error


def test_what_cannot_be_told_is_never_small_enough(walks: Path, decays: Path) -> None:
    all_failed = replace(
        case(walks, StopRule("walk", "mean", at=3.0, absolute=1e9, least=4), (0, 0)), failed=frozenset(range(MOST))
    )
    stop = StopRule("signal", "power", window=(0.1, 0.14), absolute=1e9, least=50)
    for asked in (all_failed, case(decays, stop, (0, 0))):
        ruling = adaptive_stopping.decide(asked)
        assert np.isnan([only(ruling).value, only(ruling).error]).all()
        assert (ruling.met, ruling.count) == (False, MOST)


@pytest.mark.parametrize(
    ("relative", "absolute", "value", "error", "met", "excess"),
    [
        (0.1, 0.0, 2.0, 0.2, True, 1.0),
        (0.1, 0.0, -2.0, 0.3, False, 1.5),
        (0.1, 0.0, 0.0, 0.0, False, np.nan),
        (0.1, 0.5, 0.0, 0.4, True, 0.8),
        (0.1, 0.5, 10.0, 0.8, True, 0.8),
        (0.0, 0.5, 10.0, 0.6, False, 1.2),
        (0.0, 0.5, np.nan, 0.1, False, np.nan),
        (0.1, 0.5, 1.0, np.inf, False, np.nan),
    ],
)
def test_an_error_is_small_enough_by_either_measure(
    relative: float, absolute: float, value: float, error: float, met: bool, excess: float
) -> None:
    stop = StopRule("walk", "mean", relative=relative, absolute=absolute)
    assert stop.met(value, error) is met
    assert stop.excess(value, error) == pytest.approx(excess, nan_ok=True)
