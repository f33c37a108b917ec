"""Sweep files: what they may say, and what comes of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ensemble import Sweep
from ensemble.errors import EnsembleError, SweepError
from ensemble.models.tls_glass import TLSGlass
from ensemble.sweep.toml_values import grid
from tests import ROOT
from tests.support import SUPPORT
from tests.support.minimal_model import MODEL
from tests.support.toy_model import ToyModel

Toy = Callable[..., Sweep]


def glass(**tables: object) -> Sweep:
    table: dict[str, object] = {
        "model": "tls_glass",
        "realizations": 3,
        "seed": 1,
        "axes": {"N": [4, 6], "epsilon": [0.0, 1.0], "eta": [1e5]},
    }
    return Sweep.from_table({**table, **tables})


def test_every_workflow_in_the_repository_reads() -> None:
    paths = sorted((ROOT / "workflows").glob("**/*.toml"))
    paths = [path for path in paths if not path.read_text().startswith("title")]  # those are figures
    assert len(paths) >= 3
    for path in paths:
        assert Sweep.read(path).points


def test_points_run_over_the_grid_with_the_last_axis_fastest() -> None:
    points = glass().points
    assert [(point.model.N, point.model.epsilon) for point in points] == [(4, 0.0), (4, 1.0), (6, 0.0), (6, 1.0)]  # type: ignore[attr-defined]
    assert str(points[1]) == "N=4, epsilon=1, eta=100000"


def test_axes_are_in_the_order_of_the_model_not_of_the_file() -> None:
    assert list(glass(axes={"eta": [1e5], "epsilon": [0.0], "N": [4]}).axes) == ["N", "epsilon", "eta"]


def test_a_model_axis_given_as_a_parameter_is_an_axis_of_one_value() -> None:
    sweep = glass(axes={"N": [4]}, parameters={"epsilon": 0, "eta": 100000})
    assert sweep.axes == {"N": (4,), "epsilon": (0.0,), "eta": (1e5,)}


def test_parameters_not_given_have_the_model_s_defaults() -> None:
    sweep = glass(parameters={"delta_bar": 0.2})
    assert sweep.parameters["delta_bar"] == 0.2
    assert sweep.parameters["temperature"] == 0.0
    assert "N" not in sweep.parameters


def test_any_field_may_be_an_axis() -> None:
    sweep = glass(axes={"N": [4], "epsilon": [0.0], "eta": [1e5], "temperature": [0.0, 10.0]})
    assert [point.model.temperature for point in sweep.points] == [0.0, 10.0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ({"start": 1e-3, "stop": 1e3, "num": 7, "spacing": "log"}, [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0]),
        ({"start": 0.0, "stop": 0.3, "num": 4}, [0.0, 0.1, 0.2, 0.3]),
        ({"start": 2.0, "stop": 2.0, "num": 1}, [2.0]),
    ],
)
def test_a_grid_table_gives_clean_numbers(table: dict[str, object], values: list[float]) -> None:
    assert grid("x", float, table) == values


def test_a_grid_table_of_integers_stays_integer() -> None:
    values = grid("N", int, {"start": 4, "stop": 10, "num": 4})
    assert values == [4, 6, 8, 10]
    assert all(type(value) is int for value in values)
    with pytest.raises(SweepError, match=r"N must be an integer, got 4\.5"):
        grid("N", int, {"start": 4, "stop": 5, "num": 3})


def test_a_parameter_that_is_a_list_may_be_a_grid_table(toy: Toy) -> None:
    sweep = toy(parameters={"walkers": {"start": 0, "stop": 4, "num": 3}})
    assert sweep.parameters["walkers"] == (0, 2, 4)
    with pytest.raises(SweepError, match="walkers must have start, stop and num, but num is missing"):
        toy(parameters={"walkers": {"start": 0, "stop": 4}})


def test_times_may_be_a_list() -> None:
    assert glass(time=[0, 0.5, 2]).coords["t"].tolist() == [0.0, 0.5, 2.0]


def test_without_a_time_table_the_model_s_own_times_are_those_of_the_same_table() -> None:
    """So that a store made without [time] can be continued with the table written out, and the reverse."""
    written = glass(time={"start": 1e-3, "stop": 1e6, "num": 91, "spacing": "log"})
    assert np.array_equal(glass().coords["t"], written.coords["t"])


def test_negative_zero_is_zero() -> None:
    (epsilon,) = glass(axes={"N": [4], "epsilon": [-0.0], "eta": [1e5]}).axes["epsilon"]
    assert str(epsilon) == "0.0"


def test_a_model_file_is_found_beside_its_sweep_file(tmp_path: Path) -> None:
    (tmp_path / "walk.py").write_text((SUPPORT / "toy_model.py").read_text())
    (tmp_path / "walk.toml").write_text('model = "walk.py:ToyModel"\nrealizations = 1\nseed = 0\naxes.size = [2]\n')
    sweep = Sweep.read(tmp_path / "walk.toml")
    assert sweep.reference == "walk.py:ToyModel"
    assert sweep.model.__name__ == "ToyModel"


def test_the_name_of_a_model_file_does_not_depend_on_where_it_lies(toy: Toy) -> None:
    assert toy().reference == "toy_model.py:ToyModel"


def test_an_importable_module_can_name_a_model() -> None:
    sweep = glass(model="ensemble.models.tls_glass:TLSGlass")
    assert sweep.model is TLSGlass
    assert (
        Sweep.from_table(
            {"model": "tests.support.toy_model:ToyModel", "realizations": 1, "seed": 0, "axes": {"size": [2]}}
        ).model
        is ToyModel
    )


def test_without_a_list_everything_is_measured_that_is_not_on_request(toy: Toy) -> None:
    assert list(toy().observables) == ["walk", "final"]
    assert list(toy().coords) == ["t"]


def test_the_list_chooses_and_its_order_does_not_matter(toy: Toy) -> None:
    sweep = toy(observables=["wave", "final"])
    assert list(sweep.observables) == ["final", "wave"]
    assert sweep.observables == toy(observables=["final", "wave"]).observables
    assert sweep.observables["wave"].dtype == "complex128"


def test_only_dimensions_of_the_chosen_observables_have_coordinates(toy: Toy) -> None:
    walkers = {"walkers": [0, 1, 2]}
    assert toy(observables=["final"], parameters=walkers).coords == {}
    both = toy(observables=["paths"], parameters=walkers).coords
    assert {name: values.tolist() for name, values in both.items()} == {"walkers": [0, 1, 2], "t": [0, 1, 2, 3]}


def test_an_empty_dimension_matters_only_to_who_asks_for_it(toy: Toy) -> None:
    with pytest.raises(SweepError) as refusal:
        toy(observables=["walk", "paths"])
    assert str(refusal.value) == (
        "walkers, a dimension of paths, must not be empty: set the parameter of toy_model.py:ToyModel "
        "that makes it longer, or take paths out of observables"
    )


def test_a_model_that_measures_nothing_unasked_wants_a_list(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MODEL.replace('Observable("signal")', 'Observable("signal", on_request=True)'))
    table = {"model": "mine.py:Mine", "realizations": 1, "seed": 0, "axes": {"size": [2]}}
    with pytest.raises(SweepError, match="observables must be given: Mine measures signal on request only"):
        Sweep.from_table(table, folder=tmp_path)
    assert list(Sweep.from_table({**table, "observables": ["signal"]}, folder=tmp_path).observables) == ["signal"]


def test_a_preset_takes_the_place_of_the_defaults(toy: Toy) -> None:
    sweep = toy(preset="gale", axes={"size": [2]})
    assert (sweep.parameters["drift"], sweep.parameters["seconds"]) == (8.0, 0.001)
    assert isinstance(sweep.parameters["drift"], float)
    assert sweep.parameters["raises_below"] == -1.0


def test_parameters_and_axes_override_the_preset(toy: Toy) -> None:
    sweep = toy(preset="gale", axes={"size": [2]}, parameters={"drift": 1.0})
    assert (sweep.parameters["drift"], sweep.parameters["seconds"]) == (1.0, 0.001)
    assert toy(preset="gale", axes={"size": [2], "drift": [0.5, 1.0]}).axes["drift"] == (0.5, 1.0)


def test_a_preset_may_give_what_has_no_default(toy: Toy) -> None:
    assert toy(preset="crowd", axes={"drift": [0.0]}).parameters["size"] == 40


def test_a_model_axis_in_a_preset_is_an_axis_of_one_value(tmp_path: Path) -> None:
    table = 'draw_fields = ("size",)\n    axes = ("size",)\n    presets = {"large": {"size": 9, "t": (0, 3)}}'
    model = MODEL.replace('draw_fields = ("size",)', table).replace("    t:", "    drift: float = 0.0\n    t:")
    (tmp_path / "mine.py").write_text(model)
    sweep = Sweep.from_table(
        {"model": "mine.py:Mine", "realizations": 1, "seed": 0, "preset": "large", "axes": {"drift": [0.0, 1.0]}},
        folder=tmp_path,
    )
    assert sweep.axes == {"size": (9,), "drift": (0.0, 1.0)}
    assert sweep.coords["t"].tolist() == [0.0, 3.0]


def test_a_preset_with_a_value_of_the_wrong_type_is_refused(tmp_path: Path) -> None:
    presets = 'draw_fields = ("size",)\n    presets = {"large": {"size": "many"}}'
    model = MODEL.replace('draw_fields = ("size",)', presets).replace("    t:", "    drift: float = 0.0\n    t:")
    (tmp_path / "mine.py").write_text(model)
    table = {"model": "mine.py:Mine", "realizations": 1, "seed": 0, "preset": "large", "axes": {"drift": [0.0]}}
    with pytest.raises(SweepError, match="size in the preset must be an integer, got 'many'"):
        Sweep.from_table(table, folder=tmp_path)


def test_every_error_about_a_preset_is_one_of_this_package(toy: Toy) -> None:
    for name, told in (("gael", "did you mean 'gale'?"), ("calm", "it has gale, breeze, crowd")):
        with pytest.raises(EnsembleError) as refusal:
            toy(preset=name)
        assert str(refusal.value) == f"preset must be one that ToyModel has, got {name!r}: {told}"
