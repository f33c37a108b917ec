"""Figures at infinite size: curves against `np.polyfit`, laws whose correction has the power that the model gives."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client
from matplotlib.figure import Figure

from ensemble.errors import EnsembleError, FigureError
from ensemble.fit import extrapolate
from ensemble.plot.figure import Declaration, Result, compute, evaluate, publish
from ensemble.plot.figure.save import fit_rows
from ensemble.plot.figure.series import INK
from ensemble.plot.figure.value_panel import draw_values
from ensemble.run import Watch
from tests.support.declared import WALK

FIGURE = """
title = "Walks of infinitely many walkers"

[sweeps.walk]
file = "walk.toml"
axes = { drift = [0.5, 4.0] }
quick = { realizations = 40, axes = { size = [2, 4, 8, 16] } }

[curves.walk]
sweep = "walk"
observable = "walk"

[curves.limit]
sweep = "walk"
observable = "walk"
infinite = "size"
order = 2

[curves.final]
sweep = "walk"
observable = "final"
select = { drift = 4.0 }

[fits.late]
of = "walk"
law = "growth"
window = [1.0, 3.0]

[laws.free]
of = "late"
parameter = "alpha"
law = "extrapolate"
over = "size"

[laws.known]
of = "late"
parameter = "alpha"
law = "extrapolate"
over = "size"
power = "slowness"

[[panels]]
curves = ["walk", "limit"]

[[panels]]
values = ["late"]
parameter = "alpha"
over = "size"
laws = ["free", "known"]
inverse = true
show = { drift = 4.0 }
theory = ["walkers_each"]

[laws.signs]
of = "final"
parameter = "mean"
law = "power_in_size"
over = "size"

[[panels]]
values = ["free", "known"]
parameter = "limit"
over = "drift"

[[published]]
claim = "the exponent of an infinite system"
of = "known"
parameter = "limit"
values = [{ select = { drift = 4.0 }, value = 1.0, error = 0.2 }]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cluster: Client) -> Path:
    folder = tmp_path_factory.mktemp("infinite")
    (folder / "walk.toml").write_text(WALK)
    (folder / "fig.toml").write_text(FIGURE)
    compute(Declaration.read(folder / "fig.toml"), "quick", folder, lambda: cluster, watch=Watch())
    return folder


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return evaluate(Declaration.read(folder / "fig.toml"), "quick", folder)


def test_a_curve_at_infinite_size(result: Result) -> None:
    assert [each.point for each in result.families["limit"]] == [{"drift": 0.5}, {"drift": 4.0}]
    assert result.labels["limit"]["long_name"] == "mean position, size → ∞"
    for limit in result.families["limit"]:
        finite = [each for each in result.families["walk"] if limit.point.items() <= each.point.items()]
        x = [1 / float(each.point["size"]) for each in finite]
        y, error = (np.stack([getattr(each.curve, name) for each in finite]) for name in ("value", "error"))
        expected = [np.polyfit(x, y[:, t], 2, w=1 / error[:, t])[-1] for t in range(4)]
        np.testing.assert_allclose(limit.curve.value, expected, rtol=1e-7)


def test_a_law_with_the_power_that_the_model_gives(result: Result) -> None:
    assert [each.point for each in result.fitted["known"]] == [{"drift": 0.5}, {"drift": 4.0}]
    for law, power in zip(result.fitted["known"], (0.25, 2.0), strict=True):
        fits = {
            each.point["size"]: each.fit for each in result.fitted["late"] if law.point.items() <= each.point.items()
        }
        by_hand = extrapolate(
            [float(size) for size in fits],
            [fit.values["alpha"] for fit in fits.values()],
            [fit.errors["alpha"] for fit in fits.values()],
            power=power,
        )
        assert law.fit.values == by_hand.values
        assert law.fit.values["power"] == power
        assert law.fit.errors == by_hand.errors


def test_a_law_of_a_number_needs_no_fit_of_its_own(result: Result) -> None:
    (signs,) = result.fitted["signs"]
    assert signs.fit.values["beta"] == pytest.approx(0.0, abs=1e-9)  # walks that drift as far end on the right
    assert [each.fit.values for each in result.fitted["final"]] == [{"mean": 1.0}] * 4


@pytest.mark.slow
def test_both_are_drawn_and_told(result: Result, folder: Path) -> None:
    _, files = publish(result.declaration, "quick", folder)
    assert all(file.stat().st_size for file in files)
    assert len([row for row in fit_rows(result) if row["part"] == "known"]) == 2 * 3
    (claim,) = result.compared
    assert claim.verdict == "agrees"


def test_what_the_model_says_is_a_line_through_the_points(result: Result) -> None:
    axes: Any = Figure().subplots()
    panel = result.declaration.panels[1]
    draw_values(axes, panel, result)
    (line,) = (each for each in axes.lines if each.get_color() == INK)
    assert np.asarray(line.get_xydata()).tolist() == [[1 / 2, 1.0], [1 / 4, 2.0], [1 / 8, 4.0], [1 / 16, 8.0]]
    told = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "walkers_each" in told
    with pytest.raises(FigureError, match="slowness depends on more than size: let the panel show one value"):
        draw_values(axes, replace(panel, show={}, theory=("slowness",)), result)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('infinite = "size"', 'infinite = "length"', "must name axes that are there, got 'length'"),
        ("order = 2", "order = 0", "order of a curve of walk must be at least 1, got 0"),
        ('"slowness"', '"slownes"', "power must be a derived quantity of the model, got 'slownes': did you mean"),
        ('["walkers_each"]', '["walkers"]', "theory must be a derived quantity of the model, got 'walkers': did"),
        ('"slowness"', '"walkers_each"', "walkers_each must be the same for all size, for it is the power of"),
        ('law = "extrapolate"\nover = "size"\npower', 'law = "volume_law"\nover = "size"\npower', "'power'"),
    ],
)  # fmt: skip
def test_what_has_no_limit_is_refused(old: str, new: str, told: str, folder: Path, tmp_path: Path) -> None:
    assert old in FIGURE
    (tmp_path / "walk.toml").write_text(WALK)
    (tmp_path / "fig.toml").write_text(FIGURE.replace(old, new, 1))
    with pytest.raises(EnsembleError) as refusal:
        evaluate(Declaration.read(tmp_path / "fig.toml"), "quick", folder)  # it checks before it reads
    assert told in str(refusal.value)
