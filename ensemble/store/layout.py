"""What arrays a store holds, and what a sweep must agree with to use it.

Dimensions, here for the axes (N, epsilon, eta) and one observable over t:

    <observable>  (N, epsilon, eta, realization, t)   one chunk: one point, `chunk` realizations, everything else;
                                                      only observables that the sweep chose are there
    exception     (N, epsilon, eta, realization)      text of what went wrong; written with the data, same chunks
    status        (N, epsilon, eta, realization)      0 todo, 1 done, 2 failed; written by the driver alone
    provenance    (N, epsilon, eta, realization)      row in the group's table of code versions, -1 before
    attempts      (N, epsilon, eta, realization)      how often it was computed and recorded, up to 255
    landed        (N, epsilon, eta, realization)      when it was recorded last: seconds since 2020, 0 before
    digest        (N, epsilon, eta, realization)      digest of its observables, 0 before: see `digest`
    core_seconds, target_n, target_value, target_error
                  (N, epsilon, eta)                   what is known of points as a whole: see `points`

The axes, the realizations and the values of their coordinates may grow; all else is the store's identity, and a
sweep that disagrees with it is refused. From `status` on it is the ledger, which the driver alone writes; a store of
format 1 has no attempts and no landed until a driver opens it, and one of format 2 no digests.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property
from typing import Any, Self, final, get_type_hints

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import StoreMismatch
from ensemble.models.model import Model, Observable, fields, required
from ensemble.models.stored import Named, stored_model
from ensemble.store import digest
from ensemble.store.damage import read
from ensemble.store.group import attributes, check_coordinates, dims, open_group
from ensemble.store.limits import check_asked, checked_arrays
from ensemble.store.place import Place
from ensemble.store.points import TABLE as POINT_TABLE
from ensemble.sweep import Point, Sweep, shown
from ensemble.together import combinations
from ensemble.values import Value, coerce

BOOK = ("status", "digest", "provenance", "attempts", "landed")
"""What the driver writes of every realization."""
OWN = (*BOOK, "exception")
"""Variables of a store that are not observables."""
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
"""What `landed` counts its seconds from."""


class Status(IntEnum):
    """What became of one realization."""

    TODO = 0
    DONE = 1
    FAILED = 2


@final
@dataclass(frozen=True)
class Layout:
    """The shape and the identity of a store."""

    model: str
    """Canonical name of the model."""
    seed: int
    """The root of all random streams."""
    axes: dict[str, tuple[Value, ...]]
    """Values along each parameter axis, in the order in which they came to the store."""
    parameters: dict[str, Any]
    """The parameters that are not an axis."""
    coords: dict[str, NDArray[Any]]
    """Coordinates of the observables' own dimensions."""
    observables: dict[str, Observable]
    """The observables by name."""
    realizations: int
    """Length of the realization dimension."""
    chunk: int
    """Realizations in one chunk."""
    asked: dict[str, Any]
    """Axes, those together, realizations and stop rule of the sweep that last asked something of the store."""
    sweep: str
    """Its file, word for word."""

    @classmethod
    def of(cls, sweep: Sweep, chunk: int) -> Self:
        """The layout of a new store for a sweep."""
        return cls(
            model=sweep.reference,
            seed=sweep.seed,
            axes=dict(sweep.axes),
            parameters={name: value for name, value in sweep.parameters.items() if name not in sweep.coords},
            coords=sweep.coords,
            observables=dict(sweep.observables),
            realizations=sweep.realizations,
            chunk=chunk,
            asked=_asked(sweep),
            sweep=sweep.text,
        )

    @classmethod
    def read(cls, path: Place) -> Self:
        """The layout of the store at `path`."""
        group = open_group(path)
        told = attributes(group)
        arrays = checked_arrays(group)
        status = arrays["status"]
        *axes, _ = dims(status)
        coordinates = {name: array for name, array in arrays.items() if dims(array) == (name,)}
        values = {name: read(array) for name, array in coordinates.items() if name != "realization"}
        check_coordinates(path, told, values)
        check_asked(path, told["asked"], status.shape[:-1])
        observables = {
            name: Observable(
                long_name=str(array.attrs["long_name"]),
                dims=dims(array)[len(axes) + 1 :],
                units=str(array.attrs["units"]),
                dtype=str(array.dtype),
            )
            for name, array in arrays.items()
            if name not in coordinates and name not in OWN and name not in POINT_TABLE
        }
        return cls(
            model=told["model"],
            seed=told["seed"],
            axes={name: tuple(values[name].tolist()) for name in axes},
            parameters=told["parameters"],
            coords={name: each for name, each in values.items() if name not in axes},
            observables=observables,
            realizations=status.shape[-1],
            chunk=arrays["exception"].chunks[-1],
            asked=told["asked"],
            sweep=told["sweep"],
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the parameter axes and of the realization dimension."""
        return (*(len(values) for values in self.axes.values()), self.realizations)

    def cell(self, point: Point) -> tuple[int, ...]:
        """Where a point lies in the grid of this store."""
        return tuple(values.index(getattr(point.model, name)) for name, values in self.axes.items())

    def key(self, cell: Sequence[int]) -> int:
        """The key of a point in digests: model, seed, parameters, coordinates and the values of the axes there."""
        values = [[name, values[at]] for (name, values), at in zip(self.axes.items(), cell, strict=True)]
        return digest.key_of(self.model, self.seed, self.parameters, self._coords_digests, values)

    @cached_property
    def _coords_digests(self) -> dict[str, str]:
        return {name: digest.of_values(np.asarray(values)) for name, values in self.coords.items()}

    def holds(self, point: Point) -> bool:
        """Whether the grid of this store has a place for a point."""
        return all(getattr(point.model, name) in values for name, values in self.axes.items())

    def asks(self, point: Mapping[str, Value]) -> bool:
        """Whether the sweep that asked last has a point with these values of the axes."""
        return tuple(point[name] for name in self.asked["axes"]) in self._asked_points

    @cached_property
    def _asked_points(self) -> frozenset[tuple[Value, ...]]:
        return frozenset(tuple(each.values()) for each in combinations(self.asked["axes"], self.together))

    @property
    def together(self) -> list[list[str]]:
        """The axes that go value by value in that sweep."""
        return list(self.asked.get("together", []))

    def find_model(self, path: Place, named: Named | None, say: Callable[[str], None] = lambda _: None) -> type[Model]:
        """The model of the store at `path`: installed, or as the user names it."""
        return stored_model(self.model, path, named, say)

    def at(self, cell: Sequence[int], model: type[Model], path: Place) -> Sweep:
        """The sweep of one point alone, from which its model is made anew; an error if the model has changed since."""
        known, hints = fields(model), get_type_hints(model)
        given = {**self.parameters, **{name: values.tolist() for name, values in self.coords.items()}}
        fixed = {name: coerce(name, hints[name], given[name]) for name in known if name in given}
        assumed = {name: field.default for name, field in known.items() if not required(field)}
        sweep = Sweep(
            reference=self.model,
            model=model,
            axes={name: (values[at],) for (name, values), at in zip(self.axes.items(), cell, strict=True)},
            parameters={name: value for name, value in (assumed | fixed).items() if name not in self.axes},
            observables={name: model.observables[name] for name in self.observables if name in model.observables},
            realizations=self.realizations,
            seed=self.seed,
        )
        for field, here, there in self._differences(sweep):
            raise StoreMismatch(
                f"{field} must be {here} as in the store {path}, but the model {self.model} has {there} now; "
                "bring the model back as it was"
            )
        return sweep

    def grown(self, sweep: Sweep) -> Self:
        """This layout with room for everything that a sweep asks for; nothing that it has moves."""
        axes = {}
        for name, values in self.axes.items():
            asked = sweep.axes[name] if name in sweep.axes else (sweep.parameters[name],)
            axes[name] = values + tuple(value for value in asked if value not in values)
        realizations = max(self.realizations, sweep.realizations)
        return dataclasses.replace(self, axes=axes, realizations=realizations, asked=_asked(sweep), sweep=sweep.text)

    def grows(self, before: Self) -> bool:
        """Whether this layout has or tells more than the one it was grown from."""
        names = ("axes", "realizations", "asked", "sweep")
        return any(getattr(self, name) != getattr(before, name) for name in names)

    def check(self, sweep: Sweep, path: Place) -> None:
        """Refuse a sweep that would put something else into the store than what it holds."""
        for field, here, there in self._differences(sweep):
            raise StoreMismatch(
                f"{field} must be {here} as in the store {path}, but the sweep has {there}; "
                "change it back or give another --store"
            )

    def _differences(self, sweep: Sweep) -> Iterator[tuple[str, Any, Any]]:
        """What the store and a sweep disagree about: the name of it, and what it is here and there."""
        if sweep.reference != self.model:
            yield "model", repr(self.model), repr(sweep.reference)
        if sweep.seed != self.seed:
            yield "seed", self.seed, sweep.seed
        yield from self._different_observables(sweep)
        yield from self._different_parameters(sweep)
        for name, values in sweep.coords.items():
            if name not in self.coords or not np.array_equal(self.coords[name], values):
                known = _described(self.coords[name]) if name in self.coords else "absent"
                yield f"the grid of {name}", known, _described(values)
        if sweep.chunk not in (None, self.chunk):
            yield "chunk", self.chunk, sweep.chunk

    def _different_observables(self, sweep: Sweep) -> Iterator[tuple[str, Any, Any]]:
        if set(self.observables) != set(sweep.observables):
            yield "observables", sorted(self.observables), sorted(sweep.observables)
            return
        for name, observable in self.observables.items():
            for field in dataclasses.fields(Observable):
                here, there = (getattr(each, field.name) for each in (observable, sweep.observables[name]))
                if field.compare and here != there:
                    yield f"the {field.name} of {name}", here, there

    def _different_parameters(self, sweep: Sweep) -> Iterator[tuple[str, Any, Any]]:
        for name, here in (*self.axes.items(), *self.parameters.items()):
            if name not in fields(sweep.model):
                yield name, here, "a model that has no such parameter"
        for name, values in sweep.axes.items():
            if name not in self.axes:
                fixed = self.parameters.get(name, "its default")
                yield f"{name}, which is not an axis there,", fixed, list(values)
        for name, value in sweep.parameters.items():
            if name not in self.axes and name not in sweep.coords:
                stored = self.parameters.get(name, _default(sweep.model, name))
                if stored != (list(value) if isinstance(value, tuple) else value):
                    yield name, stored, value


def _asked(sweep: Sweep) -> dict[str, Any]:
    return {
        "axes": {name: list(values) for name, values in sweep.axes.items()},
        **({"together": [list(names) for names in sweep.together]} if sweep.together else {}),
        "realizations": sweep.realizations,
        "stop": sweep.stop and sweep.stop.told,
    }


def _default(model: type[Model], name: str) -> Any:
    """What a parameter that an older store does not know had to be: its default."""
    default = fields(model)[name].default
    return list(default) if isinstance(default, tuple) else default


def _described(values: NDArray[Any]) -> str:
    if values.size == 0:
        return "empty"
    ends = ", ".join(shown(value) for value in (values.flat[0].item(), values.flat[-1].item()))
    return f"{values.size} values from {ends.replace(', ', ' to ')}"
