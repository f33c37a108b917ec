"""What every model must do, whoever wrote it: the checks that `test_conformance` runs over all models.

To check a model of your own, call these with it: they need nothing but the model's class and a small sweep.
"""

import copy
import dataclasses
import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import xarray as xr

from ensemble import Model, Sweep, run_sweep
from ensemble.models.model import fields, measures_all
from ensemble.realization.random_streams import random_stream
from tests.support.contents import contents


def bits(value: Any) -> Any:
    """Any disorder or measurement as something to compare bit for bit."""
    if isinstance(value, np.ndarray | np.generic | float):
        array = np.asarray(value)
        return (array.dtype.str, array.shape, array.tobytes())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return tuple((field.name, bits(getattr(value, field.name))) for field in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return tuple((key, bits(value[key])) for key in sorted(value))
    if isinstance(value, list | tuple):
        return tuple(bits(each) for each in value)
    return value


def measured(sweep: Sweep, model: Model, disorder: Any) -> dict[str, Any]:
    """The observables that a sweep chooses, of one realization; those it does not are not computed."""
    returned = model.measure(disorder)
    return {name: returned[name] for name in sweep.observables}


def check_shapes(sweep: Sweep) -> None:
    """Observables have the declared names, shapes and types, the same at every point; fields keep values.

    Nothing is returned that is not declared, and everything that is not measured on request always is.
    """
    always = {name for name, observable in sweep.model.observables.items() if not observable.on_request}
    for point in sweep.points:
        disorder = point.model.draw(random_stream(sweep.seed, point.model, 0))
        assert always | set(sweep.observables) <= set(point.model.measure(disorder)) <= set(sweep.model.observables)
        arrays = measured(sweep, point.model, disorder)
        for name, observable in sweep.observables.items():
            array = np.asarray(arrays[name])
            assert array.shape == tuple(len(sweep.coords[dim]) for dim in observable.dims)
            assert np.can_cast(array.dtype, observable.dtype, "same_kind")
            assert observable.long_name
            assert observable.units
        assert dict(point.values).items() <= dataclasses.asdict(point.model).items()  # type: ignore[call-overload]


def check_observables_alone(sweep: Sweep) -> None:
    """An observable has the same bits whether it is asked for alone or with all others, in any order."""
    for point in sweep.points:
        disorder = point.model.draw(random_stream(sweep.seed, point.model, 0))
        together = measured(sweep, point.model, disorder)
        backwards = point.model.measure(disorder)
        for name in reversed(sweep.observables):
            assert bits(np.asarray(point.model.measure(disorder)[name])) == bits(np.asarray(together[name])), name
            assert bits(np.asarray(backwards[name])) == bits(np.asarray(together[name])), name


def check_measured_together(sweep: Sweep) -> None:
    """Where a model measures many realizations at a time, each has the bits that it has alone; disorder is kept."""
    for point in sweep.points:
        if not measures_all(point.model):
            continue
        disorders = [
            point.model.draw(random_stream(sweep.seed, point.model, index)) for index in range(sweep.realizations)
        ]
        kept, alone = copy.deepcopy(disorders), [measured(sweep, point.model, disorder) for disorder in disorders]
        for count in (len(disorders), 7, 1):
            together = point.model.measure_all(disorders[:count])
            assert set(together) <= set(sweep.model.observables)
            for name in sweep.observables:
                rows = np.asarray(together[name])
                assert len(rows) == count
                for row, expected in zip(rows, alone, strict=False):
                    assert bits(np.asarray(row)) == bits(np.asarray(expected[name])), name
        assert bits(disorders) == bits(kept)


def check_of_means(sweep: Sweep) -> None:
    """What is made of means has the shape that is declared, and real numbers; its observables and coordinates exist."""
    made = sweep.model.functions_of_means
    assert {name for quantity in made.values() for name in quantity.of} <= set(sweep.model.observables)
    for point in sweep.points:
        disorders = [point.model.draw(random_stream(sweep.seed, point.model, index)) for index in range(5)]
        rows = [measured(sweep, point.model, disorder) for disorder in disorders]
        for quantity in made.values():
            assert quantity.long_name
            assert quantity.units
            assert set(quantity.dims) <= set(point.model.coords())
            if set(quantity.of) <= set(sweep.observables):
                means = [np.mean([row[name] for row in rows], axis=0) for name in quantity.of]
                with np.errstate(divide="ignore", invalid="ignore"):
                    value = np.asarray(quantity.value(point.model, *means))
                assert value.shape == tuple(len(point.model.coords()[dim]) for dim in quantity.dims)
                assert value.dtype.kind in "biuf"


def check_labels(model: type[Model]) -> None:
    """Every parameter that a reader meets as an axis says what it is and in which unit."""
    for name, field in fields(model).items():
        assert field.metadata.get("long_name"), f"{name} has no long_name"
        assert field.metadata.get("units"), f"{name} has no unit"
    for name, coordinate in model.coordinates.items():
        assert coordinate.long_name, f"{name} has no long_name"
        assert coordinate.units, f"{name} has no unit"


def check_determinism(sweep: Sweep) -> None:
    """The same key draws the same disorder, and measuring changes neither it nor the next result."""
    for point in sweep.points:
        first = point.model.draw(random_stream(sweep.seed, point.model, 1))
        kept = copy.deepcopy(first)
        once, twice = (measured(sweep, point.model, first) for _ in range(2))
        assert bits(once) == bits(twice)
        assert bits(first) == bits(kept)
        again = point.model.draw(random_stream(sweep.seed, point.model, 1))
        assert bits(again) == bits(first)
        other = point.model.draw(random_stream(sweep.seed, point.model, 2))
        assert bits(other) != bits(first)


def check_pickling(sweep: Sweep) -> None:
    """A model and its disorder arrive at a worker as they left."""
    for point in sweep.points:
        disorder = point.model.draw(random_stream(sweep.seed, point.model, 0))
        model = cloudpickle.loads(cloudpickle.dumps(point.model))
        assert model == point.model
        assert bits(pickle.loads(pickle.dumps(disorder))) == bits(disorder)
        assert bits(measured(sweep, model, disorder)) == bits(measured(sweep, point.model, disorder))


def check_common_disorder(sweep: Sweep, changes: Mapping[str, Any]) -> None:
    """Fields that `draw_fields` does not list leave the disorder alone; the listed ones do not."""
    model = sweep.points[0].model
    free = set(fields(type(model))) - set(model.draw_fields)
    assert set(changes) >= free - {"t"}, f"say how to change {sorted(free - set(changes))}"
    expected = bits(model.draw(random_stream(sweep.seed, model, 0)))
    for name in free & set(changes):
        other = dataclasses.replace(model, **{name: changes[name]})  # type: ignore[type-var]
        assert other != model, f"{name} has to change"
        assert bits(other.draw(random_stream(sweep.seed, other, 0))) == expected, name


def check_independence(sweep: Sweep, folder: Path, one_worker: str, two_workers: str) -> None:
    """The same store for one worker and two, realization by realization, in sevens and in whole chunks."""
    for name, cluster, batch in (
        ("one", one_worker, None),
        ("two", two_workers, None),
        ("single", two_workers, 1),
        ("seven", two_workers, 7),
    ):
        summary = run_sweep(sweep, folder / f"{name}.zarr", cluster=cluster, batch=batch)
        assert (summary.left, summary.failed) == (0, 0)
    expected = contents(folder / "one.zarr")
    for name in ("two", "single", "seven"):
        assert contents(folder / f"{name}.zarr") == expected, name
    with xr.open_zarr(folder / "one.zarr") as dataset:
        shape = [*(len(values) for values in sweep.axes.values()), sweep.realizations]
        assert dataset["status"].size == math.prod(shape)
        for name in sweep.observables:
            assert list(dataset[name].shape[: len(shape)]) == shape
