"""Claims beside numbers: verdicts, statistics and their errors, by hand."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ensemble.errors import FigureError
from ensemble.fit import Fit, Window
from ensemble.fit.store_fits import PointFit
from ensemble.plot.figure import ClaimCheck, Result
from ensemble.plot.figure.claims import check_claims
from ensemble.plot.figure.parts import Position, PublishedValue


def fitted(value: float, error: float, count: int = 10, probability: float = 0.5, **point: Any) -> PointFit:
    fit = Fit("c", {"c": value}, {"c": error}, Window(1, 2, 3), 1.0, 2, probability, np.zeros(3))
    return PointFit(point, count, "plateau", fit)


def claim(**keys: Any) -> PublishedValue:
    return PublishedValue(claim="said", of="plateau", parameter="c", **keys)


def told(published: PublishedValue, *fits: PointFit) -> ClaimCheck:
    (row,) = check_claims(published, fits)
    return row


SIZES = [fitted(8.0, 0.4, 30, N=2), fitted(4.0, 0.3, 20, N=4), fitted(1.0, 0.1, 10, N=8)]


@pytest.mark.parametrize(
    ("keys", "value", "error", "verdict"),
    [
        ({"value": 1.0, "error": 0.3}, 1.9, 0.4, "agrees"),  # 0.9 of 2 times 0.5
        ({"value": 1.0, "error": 0.3}, 2.25, 0.4, "differs by 2.5 errors"),
        ({"value": 1.0, "error": 0.3}, -0.25, 0.4, "differs by 2.5 errors"),
        ({"value": 2.0}, 2.0, 0.0, "agrees"),
        ({"value": 2.0}, 2.5, 0.0, "differs by 25.0%"),
        ({"value": 0.0}, 0.25, 0.0, "differs by 0.25"),
        ({"value": 0.0}, 0.0, 0.0, "agrees"),
        ({"above": 1.0}, 1.5, 0.4, "holds"),
        ({"above": 1.0}, 1.5, 0.6, "open: within one error"),
        ({"above": 1.0}, 0.5, 0.6, "open: within one error"),
        ({"above": 1.0}, 0.5, 0.4, "does not hold"),
        ({"below": 1.0}, 0.5, 0.4, "holds"),
        ({"below": 1.0}, 1.5, 0.4, "does not hold"),
        ({"above": 1.0, "below": 2.0}, 1.5, 0.4, "holds"),
        ({"above": 1.0, "below": 2.0}, 1.5, 0.6, "open: within one error"),
        ({"above": 1.0, "below": 2.0}, 2.5, 0.4, "does not hold"),
        ({"value": 1.0}, math.nan, math.nan, "cannot be told"),
        ({"value": 1.0}, 1.0, math.nan, "cannot be told"),
        ({"below": 1.0}, math.inf, 0.1, "cannot be told"),
        ({"below": 1.0}, 0.5, math.nan, "cannot be told"),
    ],
)
def test_verdicts(keys: dict[str, float], value: float, error: float, verdict: str) -> None:
    row = told(claim(**keys), fitted(value, error, N=4))
    assert row.verdict == verdict
    assert (repr(row.value), repr(row.error), row.count) == (repr(value), repr(error), 10)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"value": 0.8, "error": 0.1}, "0.8 ± 0.1"),
        ({"value": 0.8}, "0.8"),
        ({"above": 1.0, "below": 2.0}, "above 1 and below 2"),
        ({"statistic": "ratio", "to": {"N": 2}, "below": 1.0}, "over that at N = 2: below 1"),
        ({"statistic": "spread", "below": 2.0}, "largest over smallest: below 2"),
        ({"statistic": "trend", "value": 0.0}, "slope against ln N: 0"),
    ],
)
def test_what_was_published_is_said_in_words(keys: dict[str, Any], words: str) -> None:
    assert {row.published for row in check_claims(claim(**keys), SIZES)} == {words}


def test_a_claim_about_every_point_has_a_row_for_each() -> None:
    rows = list(check_claims(claim(above=0.0, note="so it says"), SIZES))
    assert [(row.where, row.value, row.count) for row in rows] == [("N = 2", 8, 30), ("N = 4", 4, 20), ("N = 8", 1, 10)]
    assert {(row.claim, row.note) for row in rows} == {("said", "so it says")}
    assert told(claim(above=0.0, select={"N": 4}), *SIZES).where == ""


def test_a_row_of_a_table_is_a_claim_for_each_of_its_points() -> None:
    row = claim(
        select={"d": 3},
        values=(Position({"N": 2}, 8.5, 0.3), Position({"N": 4}, 9.0), Position({"N": 60}, 1.0)),
        note="in a table",
    )
    fits = [replace(each, point={**each.point, "d": d}) for d in (2, 3) for each in SIZES]
    rows = [told for each in row.apart() for told in check_claims(each, fits)]
    assert [(each.claim, each.published, each.value, each.verdict, each.note) for each in rows] == [
        ("said, N = 2", "8.5 ± 0.3", 8.0, "agrees", "in a table"),
        ("said, N = 4", "9", 4.0, "differs by 16.7 errors", "in a table"),
    ]
    single = claim(above=0.0)
    assert single.apart() == (single,)


@pytest.mark.parametrize("keys", [{"value": 1.0}, {"above": 0.0}, {"statistic": "spread"}])
def test_a_row_of_a_table_is_nothing_else_besides(keys: dict[str, Any]) -> None:
    with pytest.raises(FigureError, match="'said' must have values or a value, a bound or a statistic, not both"):
        claim(values=(Position({"N": 2}, 8.5),), **keys)


def test_ratio_to_another_point() -> None:
    row = told(claim(statistic="ratio", select={"N": 8}, to={"N": 4}, below=1.0), *SIZES)
    assert row.value == pytest.approx(0.25)
    assert row.error == pytest.approx(0.25 * math.hypot(0.1 / 1.0, 0.3 / 4.0))
    assert (row.verdict, row.count) == ("holds", 10)
    nothing = fitted(0.0, 0.1, N=16)
    assert told(claim(statistic="ratio", select={"N": 8}, to={"N": 16}, below=1.0), *SIZES, nothing).verdict == (
        "cannot be told"
    )


def test_spread_is_the_largest_over_the_smallest() -> None:
    row = told(claim(statistic="spread", below=2.0), *SIZES)
    assert row.value == pytest.approx(8)
    assert row.error == pytest.approx(8 * math.hypot(0.4 / 8.0, 0.1 / 1.0))
    assert (row.verdict, row.count, row.where) == ("does not hold", 10, "")
    assert told(claim(statistic="spread", below=2.0), *SIZES, fitted(math.nan, math.nan, N=16)).verdict == (
        "cannot be told"
    )


def test_trend_is_the_slope_against_the_logarithm() -> None:
    """The slope of np.polyfit, and its error from those of the points by Monte Carlo."""
    x, y, errors = np.log([2.0, 4.0, 8.0]), np.array([8.0, 4.0, 1.0]), np.array([0.4, 0.3, 0.1])
    row = told(claim(statistic="trend", over="N", value=-5.0, error=1.0), *SIZES)
    assert row.value == pytest.approx(np.polyfit(x, y, 1)[0])
    samples = y + errors * np.random.default_rng(1).standard_normal((20_000, 3))
    assert row.error == pytest.approx(np.polyfit(x, samples.T, 1)[0].std(), rel=0.02)
    assert row.verdict == "agrees"
    assert told(claim(statistic="trend", select={"N": 4}, value=1.0), *SIZES).verdict == "cannot be told"


def test_a_law_that_is_ruled_out_is_said_beside_the_verdict() -> None:
    out = fitted(4.0, 0.1, probability=0.001, N=4)
    assert told(claim(above=1.0), out).verdict == "holds; the law itself is ruled out"
    rows = list(check_claims(claim(above=0.5), [SIZES[0], out]))
    assert [row.verdict for row in rows] == ["holds", "holds; the law itself is ruled out"]
    unfounded = PointFit(out.point, 10, "extrapolate", SIZES[0].fit, founded=False)
    assert told(claim(above=1.0), unfounded).verdict == "holds; the law itself is ruled out"
    assert told(claim(statistic="spread", above=1.0), SIZES[0], out).verdict.endswith("; the law itself is ruled out")
    assert told(claim(above=1.0), fitted(4.0, 0.1, probability=math.nan, N=4)).verdict == "holds"


def test_a_point_that_the_scale_lacks_is_left_out() -> None:
    assert not list(check_claims(claim(select={"N": 60}, above=0.0), SIZES))
    assert not list(check_claims(claim(statistic="ratio", select={"N": 8}, to={"N": 60}, below=1.0), SIZES))
    assert not list(check_claims(claim(above=0.0), []))


def test_a_parameter_that_the_law_does_not_have() -> None:
    with pytest.raises(FigureError, match="published 'said': 'a' must be a parameter of plateau: there are c"):
        list(check_claims(PublishedValue(claim="said", of="plateau", parameter="a", above=0.0), SIZES))


def test_the_claims_of_a_figure_are_told_in_their_order(result: Result) -> None:
    rows = [(each.claim.partition(" ")[0], each.where) for each in result.compared]
    assert rows == [
        ("C(∞)", ""),
        ("dissipation", "N = 4"),
        ("dissipation", "N = 5"),
        ("dissipation", "N = 6"),
        ("interactions", ""),
        ("nothing", ""),
        ("ratio", "preset = SiO2"),
        ("ratio", "preset = PMMA"),
    ]
    by_hand = {each.point["N"]: each.fit.values["c"] for each in result.fitted["plateau"] if each.point["epsilon"]}
    below = {each.point["N"]: each.fit.values["c"] for each in result.fitted["plateau"] if not each.point["epsilon"]}
    assert [row.value for row in result.compared[1:4]] == pytest.approx([by_hand[N] / below[N] for N in (4, 5, 6)])
    assert [row.verdict for row in result.compared[4:]] == ["holds", "cannot be told", "holds", "holds"]
    assert [row.count for row in result.compared] == [40] * 6 + [0, 0]
