"""The numbers of a figure against plain xarray and NumPy on all trajectories, and against fits made by hand."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

import ensemble
from ensemble import fit, reduce
from ensemble.errors import FigureError
from ensemble.fit import Estimate
from ensemble.fit.store_fits import PointFit
from ensemble.models.tls_glass import TLSGlass
from ensemble.plot.figure import Declaration, Result, compute, evaluate
from ensemble.run import Watch
from tests.support.declared import FIGURE, written

POINTS = [(N, epsilon) for N in (4, 5, 6) for epsilon in (0.0, 1e-6)]

Array = NDArray[np.float64]


def trajectories(stores: Path, N: int, epsilon: float, eta: float = 1e5) -> Array:
    """C(t) of the first forty realizations at a point."""
    with ensemble.open(stores / "glass.zarr") as glass:
        chosen = glass.concurrence.sel(N=N, epsilon=epsilon, eta=eta).isel(realization=slice(40))
        return np.asarray(chosen.to_numpy())


def without(text: str, fit: str, following: str) -> str:
    """A figure without a fit that takes long."""
    return text[: text.index(f"[fits.{fit}]")] + text[text.index(f"[fits.{following}]") :]


def at(fitted: tuple[PointFit, ...], **point: float) -> PointFit:
    (found,) = [each for each in fitted if point.items() <= each.point.items()]
    return found


def estimate(stores: Path, N: int, epsilon: float) -> Estimate:
    point = reduce.block_means(stores / "glass.zarr", "concurrence", realizations=40).sel(N=N, epsilon=epsilon, eta=1e5)
    return Estimate.of_blocks(point.concurrence, point.block_size)


def same(one: fit.Fit, other: fit.Fit) -> bool:
    """To the bit, also where there is no number."""
    return repr((one.values, one.errors, one.window, one.chi2, one.warnings)) == repr(
        (other.values, other.errors, other.window, other.chi2, other.warnings)
    )


@pytest.mark.parametrize(("N", "epsilon"), POINTS)
def test_curves_are_means_with_standard_errors(N: int, epsilon: float, result: Result, stores: Path) -> None:
    rows = trajectories(stores, N, epsilon)
    member = result.families["C"].at({"N": N, "epsilon": epsilon})
    assert member is not None
    assert member.count == len(rows) == 40
    np.testing.assert_allclose(member.curve.value, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(member.curve.error, rows.std(axis=0, ddof=1) / np.sqrt(40), rtol=1e-9, atol=1e-16)


def test_curves_have_the_labels_of_the_observable(result: Result, stores: Path) -> None:
    with xr.open_zarr(stores / "glass.zarr") as glass:
        said = glass.concurrence.attrs
    assert result.labels["C"] == {"long_name": f"mean {said['long_name']}", "units": said["units"]}


def test_select_takes_points_and_per_divides_by_an_axis(result: Result, stores: Path) -> None:
    """The size 8 is selected too, but this scale does not have it."""
    family = result.families["alone"]
    assert [each.point for each in family] == [{"N": N, "epsilon": 0.0, "eta": 1e5} for N in (4, 6)]
    for each in family:
        rows = trajectories(stores, int(each.point["N"]), 0.0) / float(each.point["N"])
        np.testing.assert_allclose(each.curve.value, rows.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(each.curve.error, rows.std(axis=0, ddof=1) / np.sqrt(40), rtol=1e-9, atol=1e-16)


@pytest.mark.parametrize("N", [4, 5, 6])
def test_ratios_are_paired(N: int, result: Result, stores: Path) -> None:
    """Against a jackknife over realizations, one left out at a time from above and below the line."""
    above, below = trajectories(stores, N, 1e-6), trajectories(stores, N, 0.0)
    window = at(result.fitted["plateau"], N=N, epsilon=0.0).fit.window
    times = result.families["C"].x
    late = (times >= window.first) & (times <= window.last)

    def ratio(kept: NDArray[np.intp]) -> Array:
        return np.asarray(above[kept].mean(axis=0) / below[kept][:, late].mean())

    everything = np.arange(40)
    without = np.array([ratio(everything[everything != left]) for left in everything])
    error = np.sqrt(39 / 40 * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    member = result.families["ratio"].at({"N": N, "epsilon": 1e-6})
    assert member is not None
    np.testing.assert_allclose(member.curve.value, ratio(everything), rtol=1e-10)
    np.testing.assert_allclose(member.curve.error, error, rtol=1e-8, atol=1e-14)
    alone = result.families["ratio"].at({"N": N, "epsilon": 0.0})
    assert alone is not None
    assert alone.curve.value[late].mean() == pytest.approx(1, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("N", "epsilon"), POINTS)
def test_fits_are_those_made_by_hand(N: int, epsilon: float, result: Result, stores: Path) -> None:
    t, curve, window = result.families["C"].x, estimate(stores, N, epsilon), (1e-1, 1e4)
    assert same(at(result.fitted["plateau"], N=N, epsilon=epsilon).fit, fit.plateau(t, curve))
    assert same(at(result.fitted["decay"], N=N, epsilon=epsilon).fit, fit.power_law(t, curve, window=window))
    compared = fit.compare(t, curve, window=window)
    laws = [each for each in result.fitted["laws"] if (each.point["N"], each.point["epsilon"]) == (N, epsilon)]
    assert [each.name for each in laws] == list(compared.fits)
    assert {each.verdict for each in laws} == {compared.verdict}
    assert all(same(each.fit, compared.fits[each.name]) for each in laws)
    if epsilon:
        by_hand = fit.stretched(t, curve, estimate(stores, N, 0.0), window=window, shifted=False)
        assert same(at(result.fitted["departure"], N=N).fit, by_hand)


def test_a_number_has_its_mean(result: Result, stores: Path) -> None:
    with ensemble.open(stores / "walk.zarr") as walk:
        signs = walk.final.sel(drift=8.0).to_numpy()
    assert not result.families["final"].dim
    for each, row in zip(result.fitted["sign"], signs, strict=True):
        assert each.fit.values["mean"] == pytest.approx(row.mean(), rel=1e-14)
        assert each.fit.errors["mean"] == pytest.approx(row.std(ddof=1) / np.sqrt(12), abs=1e-14)


@pytest.mark.parametrize(
    ("name", "sizes", "law", "options"),
    [
        ("alpha", [4, 5, 6], fit.exponential_in_size, {}),
        ("alpha_even", [5, 6], fit.exponential_in_size, {"unweighted": True}),
        ("limit", [4, 5, 6], fit.extrapolate, {}),
    ],
)
def test_laws_of_the_size_are_those_made_by_hand(
    name: str, sizes: list[int], law: Any, options: Mapping[str, bool], result: Result
) -> None:
    for epsilon in (0.0, 1e-6):
        plateaus = [at(result.fitted["plateau"], N=N, epsilon=epsilon) for N in sizes]
        by_hand = law(
            sizes,
            [each.fit.values["c"] for each in plateaus],
            [each.fit.errors["c"] for each in plateaus],
            **options,
        )
        found = at(result.fitted[name], epsilon=epsilon)
        told = [said for said in found.fit.warnings if "rests on fits" not in said]
        assert same(replace(found.fit, warnings=tuple(told)), by_hand)
        assert found.founded is (len(told) == len(found.fit.warnings))
        assert found.point == {"epsilon": epsilon, "eta": 1e5}
        assert found.count == 40
        assert found.founded is all(each.sound for each in plateaus)


def test_curves_collapse_where_interactions_only_set_the_clock(result: Result, stores: Path) -> None:
    """Times have twelve digits, and phases at the last of them are large: that is all that is left."""
    (same_clock,), (other,) = result.fitted["same"], result.fitted["other"]
    assert same_clock.point == {"N": 4, "epsilon": 0.0, "eta": 1e4}
    assert same_clock.fit.values["deviation"] < 1e-10
    assert other.fit.values["deviation"] > 0.2
    slow, fast = trajectories(stores, 4, 1.0, 1e4).mean(axis=0), trajectories(stores, 4, 1.0).mean(axis=0)
    gap = np.abs(slow[2:] - fast[:-2]).max() / fast.max()  # eta = 1e4 is ten times slower: two steps of the grid
    assert other.fit.values["deviation"] == pytest.approx(gap, rel=1e-12)
    assert [other.fit.window.first, other.fit.window.points] == pytest.approx([1e-2, 15])


def test_derived_quantities_are_those_of_the_model(result: Result) -> None:
    for each in result.fitted["materials"]:
        model = TLSGlass.with_preset(str(each.point["preset"]), N=60, epsilon=1.0, eta=1.0)
        assert each.fit.values == {
            name: TLSGlass.functions_of_parameters[name].value(model) for name in ("tunnelling", "confinement", "ratio")
        }
        assert set(each.fit.errors.values()) == {0.0}
        assert each.count == 0


@pytest.mark.slow
def test_a_scale_has_the_same_numbers_after_a_larger_one(
    declaration: Declaration, result: Result, stores: Path, tmp_path: Path, cluster: Client
) -> None:
    """The store then has more realizations and points than the figure asks for; both scales compute each only once."""
    shutil.copytree(stores, tmp_path / "more")
    summaries = dict(compute(declaration, "paper", tmp_path / "more", lambda: cluster, watch=Watch()))
    assert summaries[tmp_path / "more" / "glass.zarr"].failed == 0
    paper, quick = (evaluate(declaration, scale, tmp_path / "more") for scale in ("paper", "quick"))
    assert [each.point["N"] for each in paper.families["alone"]] == [4, 6]
    assert len(paper.families["C"].members) == 8
    assert {each.count for each in paper.families["C"]} == {60}
    for name, family in result.families.items():
        for before, after in zip(family, quick.families[name], strict=True):
            assert (before.point, before.count) == (after.point, after.count)
            np.testing.assert_array_equal(before.curve.value, after.curve.value)
            np.testing.assert_array_equal(before.curve.without, after.curve.without)
    for name, fits in result.fitted.items():
        assert [each.point for each in fits] == [each.point for each in quick.fitted[name]]
        assert all(same(one.fit, other.fit) for one, other in zip(fits, quick.fitted[name], strict=True))
    assert repr(result.compared) == repr(quick.compared)


def test_a_shared_store_is_computed_once(
    declaration: Declaration, stores: Path, tmp_path: Path, cluster: Client
) -> None:
    """Nobody connects to a cluster where there is nothing to do; two sweeps of one figure share a store as well."""

    def nobody() -> Client:
        raise AssertionError

    done = compute(declaration, "quick", stores, nobody, watch=Watch())
    assert [store.name for store, _ in done] == ["glass.zarr", "glass.zarr", "walk.zarr"]
    assert [(summary.wanted, summary.found, summary.computed) for _, summary in done] == [
        (240, 240, 0),
        (160, 160, 0),
        (72, 72, 0),
    ]
    less = FIGURE.replace("N = [4, 5, 6]", "N = [4]").partition("[[published]]")[0]
    other = Declaration.read(written(tmp_path, less, "other"))
    assert all(summary.computed == 0 for _, summary in compute(other, "quick", stores, nobody, watch=Watch()))


def test_points_that_cannot_be_used_are_told(tmp_path: Path, cluster: Client) -> None:
    """One realization of two fails, or both do."""
    text = """
    title = "A walk"
    [sweeps.walk]
    file = "walk.toml"
    axes = { size = [1] }
    quick = { realizations = 2, axes = { raises_below = [-1.0] } }
    [curves.walk]
    sweep = "walk"
    observable = "walk"
    """

    def made(below: str) -> Declaration:
        found = Declaration.read(written(tmp_path, text.replace("[-1.0]", below)))
        compute(found, "quick", tmp_path, lambda: cluster, watch=Watch())
        return found

    made("[-1.0]")
    with ensemble.open(tmp_path / "walk.zarr") as walk:
        between = float(walk.walk.isel(t=0).mean() + 0.5)  # a walker starts at its first number less a half
    found = evaluate(made(f"[-1.0, {between!r}]"), "quick", tmp_path)
    assert [each.point["raises_below"] for each in found.families["walk"]] == [-1.0]
    assert list(found.warnings) == [f"walk, size = 1, raises_below = {between:g}: one realization has no error"]
    with pytest.raises(
        FigureError, match=r"\[curves.walk\] of fig_glass: at least one point must have two realizations"
    ):
        evaluate(made("[2.0]"), "quick", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('observable = "final"', 'observable = "finale"', "one of its sweep, got 'finale': did you mean 'final'?"),
        ('per = "N"', 'per = "size"', "fig_glass must name axes that are there, got 'size': they are N, epsilon, eta"),
        ("select = { drift = 8.0 }", "select = { drfit = 8.0 }", "got 'drfit': did you mean 'drift'?"),
        ("select = { drift = 8.0 }", "select = { drift = 7.0 }", "the selected drift must be some that the sweep has"),
        ("relative_to = { epsilon = 0.0 }", "relative_to = { epsilon = 1.0 }", "needs the point with epsilon = 1"),
        ("reference = { epsilon = 0.0 }", "reference = { eps = 0.0 }", "fits.departure] of fig_glass must name axes"),
        ("reference = { epsilon = 0.0 }", "reference = { eta = 1.0 }", "needs the point with eta = 1: compute it"),
        ("clock = { eta = 1e5 }", "clock = { eta = 2e5 }", "needs the point with eta = 200000, where time runs once"),
        ("clock = { eta = 1e5 }", "clock = { size = 1.0 }", "fits.same] of fig_glass must name axes"),
        ('law = "mean"', 'law = "plateau"', "the law must suit the observable, got plateau for a number"),
        (
            'parameter = "beta"\nlaw',
            'parameter = "gamma"\nlaw',
            "must name a parameter that short gives, got 'gamma': it gives a, beta",
        ),
        ("max = 6", 'over = "size"', r"laws.limit\] of fig_glass must name axes that are there, got 'size'"),
        ("max = 6", "unweighted = true", r"laws.limit\] of fig_glass: .* unexpected keyword argument 'unweighted'"),
        (
            "show = { N = [4, 6] }",
            "show = { n = [4, 6] }",
            "panel 1 of fig_glass must name axes that are there, got 'n'",
        ),
        (
            '"ratio"]\nfixed',
            '"ration"]\nfixed',
            "that materials gives, got 'ratio': did you mean 'ration'?",
        ),
        (
            'parameter = "alpha"',
            'parameter = "alhpa"',
            "that alpha gives, got 'alhpa': did you mean 'alpha'?",
        ),
        ("select = { epsilon = 0.0 }", "select = { epsilom = 0.0 }", "got 'epsilom': did you mean 'epsilon'?"),
    ],
)
def test_what_a_store_cannot_give_is_refused(old: str, new: str, told: str, stores: Path, tmp_path: Path) -> None:
    assert old in FIGURE
    text = FIGURE.replace(old, new, 1)
    if "reference" not in old:
        text = without(without(text, "departure", "short"), "laws", "same").replace(', "departure"', "")
    with pytest.raises(FigureError, match=told):
        evaluate(Declaration.read(written(tmp_path, text)), "quick", stores)
