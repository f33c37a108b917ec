"""Layout of a store: its arrays and attributes, and what a sweep must match to use it.

Dimensions, here for the axes (N, epsilon, eta) and one observable over t:

    <observable>  (N, epsilon, eta, realization, t)   one chunk: one point, `chunk` realizations, all of t;
                                                      only the observables that the sweep chose
    exception     (N, epsilon, eta, realization)      error text of failed realizations; chunks as the observables
    status        (N, epsilon, eta, realization)      0 todo, 1 done, 2 failed; written only by the driver
    provenance    (N, epsilon, eta, realization)      row in the group's table of code versions; -1 if not computed
    attempts      (N, epsilon, eta, realization)      how often it was computed and recorded, up to 255
    landed        (N, epsilon, eta, realization)      when it was recorded last: seconds since 2020; 0 if never
    digest        (N, epsilon, eta, realization)      digest of its observables, see `digest`; 0 if not computed
    core_seconds, target_n, target_value, target_error
                  (N, epsilon, eta)                   cost and stop-rule result of points, see `point_summary`

The axes, their values and the number of realizations may grow. Everything else is the identity of the store, and a
sweep that differs is refused. The arrays from `status` to `digest` are the ledger, which only the driver writes. A
store of format 1 has no attempts and landed until a driver opens it, and a store of format 2 no digests.
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
from ensemble.store.group import attributes, check_coordinates, dims, open_group
from ensemble.store.integrity import read
from ensemble.store.location import Location
from ensemble.store.point_summary import TABLE as POINT_TABLE
from ensemble.store.size_limits import check_asked, checked_arrays
from ensemble.sweep.sweep import Point, Sweep, format_value
from ensemble.sweep.toml_values import Value, coerce
from ensemble.sweep.zipped_axes import combinations

LEDGER_ARRAYS = ("status", "digest", "provenance", "attempts", "landed")
"""The ledger arrays, which the driver writes for every realization."""
OWN = (*LEDGER_ARRAYS, "exception")
"""Arrays over the realizations that are not observables."""
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
"""Zero of `landed`, which counts seconds."""


class Status(IntEnum):
    """Status of one realization.

    TODO is not computed yet, and DONE is on disk. FAILED raised an exception, exceeded the time limit
    or killed its process.
    """

    TODO = 0
    DONE = 1
    FAILED = 2


@final
@dataclass(frozen=True)
class Layout:
    """Shape and identity of a store.

    Create it with `Layout.of` for a new store, or with `Layout.read` from an existing one.
    """

    model: str
    """Name of the model."""
    seed: int
    """Seed of all random streams."""
    axes: dict[str, tuple[Value, ...]]
    """Values along each parameter axis, in the order in which they were added to the store."""
    parameters: dict[str, Any]
    """Parameters that are not an axis."""
    coords: dict[str, NDArray[Any]]
    """Coordinates of the observables' own dimensions; 1-D arrays by dimension."""
    observables: dict[str, Observable]
    """Observables by name."""
    realizations: int
    """Length of the realization dimension."""
    chunk: int
    """Realizations in one chunk."""
    asked: dict[str, Any]
    """Axes, zipped axes, realizations and stop rule of the last sweep that was run with the store."""
    sweep: str
    """Sweep file of that sweep, verbatim."""

    @classmethod
    def of(cls, sweep: Sweep, chunk: int) -> Self:
        """Return the layout of a new store for a sweep.

        Parameters
        ----------
        sweep
            The sweep.
        chunk
            Realizations in one chunk.
        """
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
    def read(cls, path: Location) -> Self:
        """Read the layout of the store at `path`.

        Raises
        ------
        StoreNotFound
            If there is no store.
        StoreError
            If the store cannot be read, or its coordinates have been changed.
        """
        group = open_group(path)
        known = attributes(group)
        arrays = checked_arrays(group)
        status = arrays["status"]
        *axes, _ = dims(status)
        coordinates = {name: array for name, array in arrays.items() if dims(array) == (name,)}
        values = {name: read(array) for name, array in coordinates.items() if name != "realization"}
        check_coordinates(path, known, values)
        known["asked"] = _with_present_names(known["asked"])
        check_asked(path, known["asked"], status.shape[:-1])
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
            model=known["model"],
            seed=known["seed"],
            axes={name: tuple(values[name].tolist()) for name in axes},
            parameters=known["parameters"],
            coords={name: each for name, each in values.items() if name not in axes},
            observables=observables,
            realizations=status.shape[-1],
            chunk=arrays["exception"].chunks[-1],
            asked=known["asked"],
            sweep=known["sweep"],
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the parameter axes and of the realization dimension."""
        return (*(len(values) for values in self.axes.values()), self.realizations)

    def cell(self, point: Point) -> tuple[int, ...]:
        """Return the grid indices of a point in this store."""
        return tuple(values.index(getattr(point.model, name)) for name, values in self.axes.items())

    def key(self, cell: Sequence[int]) -> int:
        """Return the key of a point in digests: a hash of model, seed, parameters, coordinates and axis values."""
        values = [[name, values[at]] for (name, values), at in zip(self.axes.items(), cell, strict=True)]
        return digest.key_of(self.model, self.seed, self.parameters, self._coords_digests, values)

    @cached_property
    def _coords_digests(self) -> dict[str, str]:
        return {name: digest.of_values(np.asarray(values)) for name, values in self.coords.items()}

    def holds(self, point: Point) -> bool:
        """Return whether the grid of this store contains a point."""
        return all(getattr(point.model, name) in values for name, values in self.axes.items())

    def asks(self, point: Mapping[str, Value]) -> bool:
        """Return whether the last sweep has a point with these values of the axes."""
        return tuple(point[name] for name in self.asked["axes"]) in self._asked_points

    @cached_property
    def _asked_points(self) -> frozenset[tuple[Value, ...]]:
        return frozenset(tuple(each.values()) for each in combinations(self.asked["axes"], self.zipped_axes))

    @property
    def zipped_axes(self) -> list[list[str]]:
        """Zipped axes of the last sweep."""
        return list(self.asked.get("zipped_axes", []))

    def find_model(
        self, path: Location, named: Named | None, say: Callable[[str], None] = lambda _: None
    ) -> type[Model]:
        """Return the class of the store's model.

        Parameters
        ----------
        path
            The store, for error messages.
        named
            The model as the user names it; None: the installed model with the name in the store.
        say
            Called with messages.
        """
        return stored_model(self.model, path, named, say)

    def at(self, cell: Sequence[int], model: type[Model], path: Location) -> Sweep:
        """Return a sweep of one point only, from which its model can be created.

        Parameters
        ----------
        cell
            Grid indices of the point.
        model
            Class of the model.
        path
            The store, for error messages.

        Raises
        ------
        StoreMismatch
            If the model has changed since the store was created.
        """
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
        for field, stored, current in self._differences(sweep):
            raise StoreMismatch(
                f"{field} must be {stored} as in the store {path}, but the model {self.model} has {current} now; "
                "bring the model back as it was"
            )
        return sweep

    def grown(self, sweep: Sweep) -> Self:
        """Return this layout, grown for a sweep; existing values keep their positions."""
        axes = {}
        for name, values in self.axes.items():
            asked = sweep.axes[name] if name in sweep.axes else (sweep.parameters[name],)
            axes[name] = values + tuple(value for value in asked if value not in values)
        realizations = max(self.realizations, sweep.realizations)
        return dataclasses.replace(self, axes=axes, realizations=realizations, asked=_asked(sweep), sweep=sweep.text)

    def grows(self, before: Self) -> bool:
        """Return whether this layout has more than the one it was grown from, or records another sweep."""
        names = ("axes", "realizations", "asked", "sweep")
        return any(getattr(self, name) != getattr(before, name) for name in names)

    def check(self, sweep: Sweep, path: Location) -> None:
        """Check that a sweep may use the store.

        Raises
        ------
        StoreMismatch
            If the model, the seed, a parameter, an observable, a time grid or the chunk length differs.
        """
        for field, stored, wanted in self._differences(sweep):
            raise StoreMismatch(
                f"{field} must be {stored} as in the store {path}, but the sweep has {wanted}; "
                "change it back or give another --store"
            )

    def _differences(self, sweep: Sweep) -> Iterator[tuple[str, Any, Any]]:
        """Iterate over differences to a sweep: the name, the value in the store, the value in the sweep."""
        if sweep.reference != self.model:
            yield "model", repr(self.model), repr(sweep.reference)
        if sweep.seed != self.seed:
            yield "seed", self.seed, sweep.seed
        yield from self._different_observables(sweep)
        yield from self._different_parameters(sweep)
        for name, values in sweep.coords.items():
            if name not in self.coords or not np.array_equal(self.coords[name], values):
                known = _describe_values(self.coords[name]) if name in self.coords else "absent"
                yield f"the grid of {name}", known, _describe_values(values)
        if sweep.chunk not in (None, self.chunk):
            yield "chunk", self.chunk, sweep.chunk

    def _different_observables(self, sweep: Sweep) -> Iterator[tuple[str, Any, Any]]:
        if set(self.observables) != set(sweep.observables):
            yield "observables", sorted(self.observables), sorted(sweep.observables)
            return
        for name, observable in self.observables.items():
            for field in dataclasses.fields(Observable):
                stored, wanted = (getattr(each, field.name) for each in (observable, sweep.observables[name]))
                if field.compare and stored != wanted:
                    yield f"the {field.name} of {name}", stored, wanted

    def _different_parameters(self, sweep: Sweep) -> Iterator[tuple[str, Any, Any]]:
        for name, known in (*self.axes.items(), *self.parameters.items()):
            if name not in fields(sweep.model):
                yield name, known, "a model that has no such parameter"
        for name, values in sweep.axes.items():
            if name not in self.axes:
                fixed = self.parameters.get(name, "its default")
                yield f"{name}, which is not an axis there,", fixed, list(values)
        for name, value in sweep.parameters.items():
            if name not in self.axes and name not in sweep.coords:
                stored = self.parameters.get(name, _default(sweep.model, name))
                if stored != (list(value) if isinstance(value, tuple) else value):
                    yield name, stored, value


def _with_present_names(asked: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, with the present names of keys that were renamed."""
    asked = {"zipped_axes" if name == "together" else name: each for name, each in asked.items()}
    if isinstance(asked.get("stop"), dict):
        asked["stop"] = {"law" if name == "quantity" else name: each for name, each in asked["stop"].items()}
    return asked


def _asked(sweep: Sweep) -> dict[str, Any]:
    return {
        "axes": {name: list(values) for name, values in sweep.axes.items()},
        **({"zipped_axes": [list(names) for names in sweep.zipped_axes]} if sweep.zipped_axes else {}),
        "realizations": sweep.realizations,
        "stop": sweep.stop and sweep.stop.told,
    }


def _default(model: type[Model], name: str) -> Any:
    """Return the value of a parameter that is missing in an older store: its default."""
    default = fields(model)[name].default
    return list(default) if isinstance(default, tuple) else default


def _describe_values(values: NDArray[Any]) -> str:
    if values.size == 0:
        return "empty"
    ends = ", ".join(format_value(value) for value in (values.flat[0].item(), values.flat[-1].item()))
    return f"{values.size} values from {ends.replace(', ', ' to ')}"
