"""One law at every point of a real store, and along its axes: the same numbers as by hand, one sentence where wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ensemble.errors import FitError
from ensemble.fit import (
    Estimate,
    Fit,
    compare,
    double_exponential,
    exponential_in_size,
    extrapolate,
    growth,
    peak,
    plateau,
    power_in_size,
    power_law,
    stretched,
)
from ensemble.fit.curve_family import CurveFamily
from ensemble.fit.extrapolate import volume_law
from ensemble.fit.fit_tables import rows, table, warning_lines
from ensemble.fit.result import Window
from ensemble.fit.store_fits import (
    LAWS,
    PARAMETERS,
    SHAPES,
    SIZE_LAWS,
    SIZE_PARAMETERS,
    TELLING,
    PointFit,
    fit_across,
    fit_each,
)
from ensemble.reduce import block_means
from ensemble.reduce.export import write
from tests.support.decay import ALPHA, compute

HAND: dict[str, Callable[..., Fit]] = {"plateau": plateau, "power": power_law, "growth": growth, "peak": peak}
SIZES: dict[str, Callable[..., Fit]] = {
    "exponential_in_size": exponential_in_size,
    "extrapolate": extrapolate,
    "volume_law": volume_law,
    "power_in_size": power_in_size,
    "double_exponential": double_exponential,
}
POINTS = [(size, strength) for size in (4, 6, 8, 10) for strength in (0.0, 1.0)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    return compute(tmp_path_factory.mktemp("families") / "a.zarr", address)


@pytest.fixture(scope="module")
def means(store: Path) -> xr.Dataset:
    return block_means(store, "signal", blocks=20)


@pytest.fixture(scope="module")
def family(means: xr.Dataset) -> CurveFamily:
    return CurveFamily.of(means, "signal")


@pytest.fixture(scope="module")
def compared(family: CurveFamily) -> tuple[PointFit, ...]:
    return fit_each(family, "compare")


@pytest.fixture(scope="module")
def numbers(store: Path) -> CurveFamily:
    return CurveFamily.of(block_means(store, "number", blocks=20), "number")


def by_hand(means: xr.Dataset, size: int, strength: float, name: str = "signal") -> Estimate:
    point = means.sel(size=size, strength=strength, kind="plain")
    return Estimate.of_blocks(point[name], point["block_size"])


def same(one: Fit, other: Fit) -> bool:
    """Whether two fits say the same, to the last bit; nan is nan."""
    return repr(one) == repr(other)


def made(axis: Sequence[Any], values: Sequence[float], chance: float = 0.5) -> list[PointFit]:
    """Plateaus by hand along an axis, with errors of a hundredth."""
    nan = float("nan")
    return [
        PointFit(
            {"size": each},
            40,
            "plateau",
            Fit("c", {"c": value}, {"c": 0.01 * value}, Window(1, 2, 6), nan, 5, chance, np.empty(0)),
        )
        for each, value in zip(axis, values, strict=True)
    ]


def test_members_are_the_estimates_of_their_points(family: CurveFamily, means: xr.Dataset) -> None:
    assert [(each.point["size"], each.point["strength"]) for each in family] == POINTS
    for member, (size, strength) in zip(family, POINTS, strict=True):
        expected = by_hand(means, size, strength)
        assert member.count == 40
        np.testing.assert_array_equal(member.curve.value, expected.value)
        np.testing.assert_array_equal(member.curve.without, expected.without)
        np.testing.assert_array_equal(member.curve.sizes, np.full(20, 2))
    np.testing.assert_array_equal(family.x, means["t"])
    assert family.at({"size": 8, "strength": 1.0}) is family.members[5]
    assert family.at({"size": 12}) is None


def test_one_realization_is_told_and_none_is_not(family: CurveFamily) -> None:
    assert family.missing == ("size = 12, strength = 0, kind = plain: one realization has no error",)


def test_numbers_have_no_times(numbers: CurveFamily, store: Path) -> None:
    assert (numbers.dim, numbers.x.size) == ("", 0)
    expected = by_hand(block_means(store, "number", blocks=20), 6, 1.0, "number")
    found = numbers.at({"size": 6, "strength": 1.0})
    assert found is not None
    assert (found.curve.value, found.curve.error) == (expected.value, expected.error)


@pytest.mark.parametrize(("name", "told"), [("wave", "complex"), ("pairs", "a function of pair, t")])
def test_what_is_no_real_curve_and_no_number(name: str, told: str, store: Path) -> None:
    with pytest.raises(FitError) as refused:
        CurveFamily.of(block_means(store, name, blocks=2), name)
    said = "a curve must be real, and a function of one coordinate or a number"
    assert str(refused.value) == f"{said}: {name} is {told}"


def test_a_curve_may_be_a_function_of_any_number(means: xr.Dataset) -> None:
    """It is no function of t, so no law of time is fitted to it; what has names for a coordinate is no curve."""
    other = means.rename(t="frequency").assign_coords(frequency=np.arange(-16.0, 17.0))
    family = CurveFamily.of(other, "signal")
    assert (family.dim, family.x.tolist()) == ("frequency", list(range(-16, 17)))
    assert family.without({"strength": 0.0}).members == tuple(each for each in family if each.point["strength"])
    for law in ("plateau", "mean"):
        with pytest.raises(FitError, match="a fit needs a function of t or a number, but this is a function of freq"):
            fit_each(family, law)
    with pytest.raises(FitError, match="the law power needs a coordinate above zero, but frequency begins at -16"):
        fit_each(family, "power")
    with pytest.raises(FitError, match=r"must be a function of a number, but frequency is none: it has \['a'\]"):
        CurveFamily.of(other.isel(frequency=slice(2)).assign_coords(frequency=["a", "b"]), "signal")


def test_a_changed_family_keeps_its_points(family: CurveFamily) -> None:
    doubled = family.changed(lambda each: each.curve.derived(lambda y: 2 * y))
    assert [each.point for each in doubled] == [each.point for each in family]
    np.testing.assert_array_equal(doubled.members[3].curve.value, 2 * family.members[3].curve.value)
    assert doubled.missing == family.missing


@pytest.mark.parametrize("options", [{}, {"window": (20.0, 500.0)}])
@pytest.mark.parametrize("law", HAND)
def test_each_fit_is_that_of_its_law(law: str, options: dict[str, Any], family: CurveFamily, means: xr.Dataset) -> None:
    fitted = fit_each(family, law, **options)
    assert [tuple(each.point.values())[:2] for each in fitted] == POINTS
    for each, (size, strength) in zip(fitted, POINTS, strict=True):
        assert same(each.fit, HAND[law](means["t"], by_hand(means, size, strength), **options))
        assert (each.name, each.count) == (law, 40)
        assert tuple(each.fit.values) == PARAMETERS[law]


def test_stretched_takes_the_ratio_to_its_reference(family: CurveFamily, means: xr.Dataset) -> None:
    fitted = fit_each(family, "stretched", reference={"strength": 0.0})
    assert [tuple(each.point.values())[:2] for each in fitted] == [point for point in POINTS if point[1]]
    for each, size in zip(fitted, (4, 6, 8, 10), strict=True):
        assert same(each.fit, stretched(means["t"], by_hand(means, size, 1.0), by_hand(means, size, 0.0)))
        assert tuple(each.fit.values) == PARAMETERS["stretched"]


@pytest.mark.slow
def test_compared_laws_share_the_window_of_the_decay_or_of_the_growth(
    compared: tuple[PointFit, ...], family: CurveFamily, means: xr.Dataset
) -> None:
    assert [each.name for each in compared[:4]] == ["power", "exponential", "stretched", "logarithm"]
    for place, (size, strength) in enumerate(POINTS):
        curve = by_hand(means, size, strength)
        windows = (law(means["t"], curve).window for law in (power_law, growth))
        window = next(each for each in windows if each.points)
        expected = compare(means["t"], curve, window=(window.first, window.last))
        for each in compared[4 * place : 4 * place + 4]:
            assert same(each.fit, expected.fits[each.name])
            assert each.verdict == expected.verdict
            np.testing.assert_array_equal(each.above, expected.lead[each.name])
    one = replace(family, members=family.members[:1])
    given = fit_each(one, "compare", window=(20.0, 500.0))[0]
    assert (given.fit.window.first, given.fit.window.last) == pytest.approx((23.7, 422), rel=0.01)


def test_the_mean_is_the_fit_of_a_number(numbers: CurveFamily) -> None:
    for each, member in zip(fit_each(numbers, "mean"), numbers, strict=True):
        assert each.fit.values == {"mean": member.curve.value}
        assert each.fit.errors == {"mean": member.curve.error}
        assert each.fit.values["mean"] == pytest.approx(1, abs=4 * each.fit.errors["mean"])
        assert np.isnan(each.fit.window.first)
        assert each.fit.warnings == ()
    lost = numbers.changed(lambda each: each.curve.derived(lambda y: y - 1))
    assert any("the error of the mean exceeds its value" in said for said in warning_lines(fit_each(lost, "mean")))


@pytest.mark.parametrize(
    ("law", "options", "told"),
    [
        ("powr", {}, "the law must be one that curves are fitted with, got 'powr': did you mean 'power'?"),
        ("mean", {}, "the law must suit the observable, got mean for a function of t"),
        ("stretched", {}, "a reference such as epsilon=0 must be given with the law stretched, and with no other"),
        ("power", {"reference": {"strength": 0.0}}, "a reference such as epsilon=0 must be given with the law"),
        (
            "stretched",
            {"reference": {"strength": 5.0}},
            "size = 4, strength = 0, kind = plain needs the point with strength = 5: compute it",
        ),
    ],
)
def test_a_fit_that_cannot_be_asked_for(law: str, options: dict[str, Any], told: str, family: CurveFamily) -> None:
    with pytest.raises(FitError) as refused:
        fit_each(family, law, **options)
    assert str(refused.value).startswith(told)


def test_curves_of_numbers_cannot_be_fitted(numbers: CurveFamily) -> None:
    with pytest.raises(FitError, match="got plateau for a number at every point: its law is mean"):
        fit_each(numbers, "plateau")
    with pytest.raises(FitError, match="a number has no times"):
        fit_each(numbers, "mean", window=(1.0, 2.0))


@pytest.mark.parametrize("law", SIZES)
def test_a_law_along_an_axis_is_fitted_at_each_point_of_the_others(law: str, family: CurveFamily) -> None:
    fitted = fit_each(family, "plateau")
    found = fit_across(fitted, "size", law, "c")
    assert [each.point for each in found] == [{"strength": value, "kind": "plain"} for value in (0.0, 1.0)]
    for each, strength in zip(found, (0.0, 1.0), strict=True):
        some = [one for one in fitted if one.point["strength"] == strength]
        values, errors = (
            [kind["c"] for kind in kinds]
            for kinds in zip(*((one.fit.values, one.fit.errors) for one in some), strict=True)
        )
        expected = SIZES[law]([4, 6, 8, 10], values, errors)
        assert (each.name, each.count) == (law, 40)
        assert repr(each.fit.values) == repr(expected.values)
        assert repr(each.fit.errors) == repr(expected.errors)
        assert tuple(said for said in each.fit.warnings if not said.startswith("it rests on")) == expected.warnings
        assert TELLING[law] in each.fit.values
    assert set(SIZES) == set(SIZE_LAWS)


def test_plateaus_vanish_as_the_model_says(family: CurveFamily) -> None:
    fit = fit_across(fit_each(family, "plateau"), "size", "exponential_in_size", "c")[0].fit
    assert fit.values["alpha"] == pytest.approx(ALPHA, abs=4 * fit.errors["alpha"])


def test_part_of_an_axis(family: CurveFamily) -> None:
    fitted = fit_each(family, "plateau")
    some = [each for each in fitted if 6 <= float(each.point["size"]) <= 10]
    one, other = (
        fit_across(fitted, "size", "extrapolate", "c", smallest=6),
        fit_across(some, "size", "extrapolate", "c"),
    )
    assert all(same(*each) for each in zip((x.fit for x in one), (x.fit for x in other), strict=True))
    assert fit_across(fitted, "size", "extrapolate", "c", largest=8)[0].fit.window.first == 1 / 8
    assert fit_across(fitted, "size", "extrapolate", "c", smallest=11) == ()
    assert [each.fit.window.last for each in fit_across(fitted, "strength", "extrapolate", "c", smallest=0.5)] == [
        1.0
    ] * 4


@pytest.mark.parametrize(
    ("axis", "law", "parameter", "told"),
    [
        ("length", "extrapolate", "c", "a law over length needs that axis, but there are size, strength, kind"),
        ("size", "linear", "c", "a law over size must be one of sizes, got 'linear': they are exponential_in_size"),
        ("size", "extrapolate", "beta", "'beta' must be a parameter of the law: it has c"),
        ("strength", "extrapolate", "c", "a law over strength needs an axis of positive numbers, got 0.0"),
        ("kind", "extrapolate", "c", "a law over kind needs an axis of positive numbers, got 'plain'"),
    ],
)
def test_a_law_that_no_axis_has(axis: str, law: str, parameter: str, told: str, family: CurveFamily) -> None:
    with pytest.raises(FitError) as refused:
        fit_across(fit_each(family, "plateau"), axis, law, parameter)
    assert str(refused.value).startswith(told)


def test_compared_laws_have_no_common_parameter(compared: tuple[PointFit, ...]) -> None:
    with pytest.raises(FitError, match="must rest on one law, but there are power, exponential, stretched, logarithm"):
        fit_across(compared, "size", "extrapolate", "a")


def test_a_law_says_that_it_rests_on_fits_that_are_ruled_out() -> None:
    good, bad = made([4, 6, 8], [0.3, 0.2, 0.15]), made([10], [0.1], chance=1e-4)
    assert [each.sound for each in (*good, *bad)] == [True, True, True, False]
    assert all(each.sound for each in made([4], [0.3], chance=float("nan")))
    (firm,), (loose,) = (fit_across(each, "size", "extrapolate", "c") for each in (good, [*good, *bad]))
    assert firm.founded
    assert not any("rests on" in said for said in warning_lines([firm]))
    assert not loose.founded
    assert not loose.sound
    assert warning_lines([loose], "c across size")[0] == (
        "c across size: it rests on fits that do not describe their data: size = 10"
    )


def test_a_table_holds_the_fits(family: CurveFamily) -> None:
    fitted = fit_each(family, "power")
    found = table(fitted)
    assert dict(found.sizes) == {"size": 4, "strength": 2, "kind": 1}
    for each in fitted:
        cell = found.sel(dict(each.point))
        told = [
            cell[name].item() for name in ("beta", "beta_error", "beta_moves", "count", "window_points", "warnings")
        ]
        fit = each.fit
        expected = [fit.values["beta"], fit.errors["beta"], fit.sensitivity("beta"), 40, fit.window.points]
        np.testing.assert_array_equal(told[:-1], expected)
        assert told[-1] == "; ".join(fit.warnings)
    assert [row["point"] for row in rows(fitted)] == [each.point for each in fitted]
    assert rows(fitted)[3]["beta"] == fitted[3].fit.values["beta"]


def test_a_table_of_compared_laws_has_a_dimension_for_them(compared: tuple[PointFit, ...]) -> None:
    found = table(compared)
    assert found["law"].to_numpy().tolist() == ["power", "exponential", "stretched", "logarithm"]
    for each in compared:
        cell = found.sel({**each.point, "law": each.name})
        np.testing.assert_array_equal(cell["chi2"], each.fit.chi2)
        np.testing.assert_array_equal(cell["aic_above"], each.above)
        assert cell["verdict"].item() == each.verdict
    assert np.isnan(found["beta"].sel(law="logarithm")).all()


def test_points_that_are_not_there_are_missing_values() -> None:
    some = [
        PointFit({"size": size, "other": other}, 2, "plateau", made([1], [0.5])[0].fit)
        for size, other in ((2, 1), (3, 5))
    ]
    found = table(some)
    assert found["c"].sel(size=2, other=1).item() == 0.5
    assert np.isnan(found["c"].sel(size=2, other=5))
    assert found["count"].sel(size=3, other=1).item() == 0
    assert found["warnings"].sel(size=3, other=1).item() == ""
    assert len(table([])) == 0


@pytest.mark.parametrize("law", ["plateau", "compare"])
def test_tables_are_files_that_can_be_read_back(
    law: str, family: CurveFamily, compared: tuple[PointFit, ...], tmp_path: Path
) -> None:
    fitted = compared if law == "compare" else fit_each(family, law)
    found = table(fitted, fit_across(fitted, "size", "extrapolate", "c") if law == "plateau" else ())
    assert ("across_limit" in found) is (law == "plateau")
    write(found, tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine="scipy") as read:
        assert set(read.variables) == set(found.variables)
        for name, values in found.variables.items():
            assert read[name].dims == values.dims
            np.testing.assert_array_equal(read[name].to_numpy(), values.to_numpy())
    write(found, tmp_path / "a.csv")
    header, *lines = (tmp_path / "a.csv").read_text().splitlines()
    assert header.startswith("size,strength,kind,law,count," if law == "compare" else "size,strength,kind,count,c,")
    assert len(lines) == len(fitted)
    column = header.split(",").index("chi2")
    read_back = [float(line.split(",")[column] or "nan") for line in lines]
    np.testing.assert_array_equal(read_back, [each.fit.chi2 for each in fitted])


def test_doubts_name_what_tells_a_point_apart(family: CurveFamily) -> None:
    fitted = fit_each(family, "plateau", window=(1e3, 1e4))
    short = fit_each(family, "power", window=(1e3, 1.2e3))
    assert (
        warning_lines(short)[0] == "size = 4, strength = 0: the window is too short: 1 points cannot tell 2 parameters"
    )
    assert warning_lines(short[2:3]) == ["the window is too short: 1 points cannot tell 2 parameters"]
    assert warning_lines(short[:4:2])[1].startswith("size = 6: the window")
    assert warning_lines(fit_each(family, "compare", window=(1e3, 1.2e3))) == []
    assert len(warning_lines(fitted)) == sum(len(each.fit.warnings) for each in fitted)


def test_every_law_has_a_parameter_that_tells_most() -> None:
    assert set(PARAMETERS) == {*LAWS, "mean", "compare"}
    assert set(SIZE_PARAMETERS) == set(SIZE_LAWS)
    assert set(TELLING) == {*LAWS, "mean", *SIZE_LAWS}
    assert all(TELLING[law] in names for law, names in {**PARAMETERS, **SIZE_PARAMETERS}.items() if law != "compare")


def test_a_law_of_shapes_may_be_one_of_any_positive_number(means: xr.Dataset) -> None:
    """Power, growth and peak, with the same numbers as if it were a time; so may be that of a window."""
    later = means.assign_coords(t=np.geomspace(1.0, 1e4, means.sizes["t"]))
    other = CurveFamily.of(later.rename(t="rate"), "signal")
    for law in SHAPES:
        for window in (None, (2.0, 1e3)):
            options: dict[str, Any] = {"window": window} if window else {}
            ours, theirs = fit_each(other, law, **options), fit_each(CurveFamily.of(later, "signal"), law, **options)
            assert [repr(each.fit) for each in ours] == [repr(each.fit) for each in theirs], law
