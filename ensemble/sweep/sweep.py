"""Sweep: model, axes, realizations, seed and times; read from TOML and validated.

    model = "tls_glass"
    realizations = 1000
    seed = 2021
    preset = "SiO2"
    observables = ["concurrence"]
    zipped_axes = [["epsilon", "eta"]]
    time = { start = 1e-3, stop = 1e6, num = 91, spacing = "log" }
    [axes]
    N = [4, 6, 8]
    epsilon = { start = 1e-6, stop = 1.0, num = 3, spacing = "log" }
    eta = [1e3, 1e4, 1e5]
    [parameters]
    delta_bar = 0.1
    [store]
    chunk = 128
    [stop]
    quantity = "plateau"
    relative = 0.02

`model`, `realizations`, `seed` and `axes` are required. A preset is a named set of parameters of the model. It replaces
the defaults; [parameters] and [axes] override single parameters of it. Omit `observables` to compute every observable
that is not `on_request`; other observables are not computed. The points are the product of all axes, except that the
axes in a list of `zipped_axes` vary together. With a table [stop] (see `stop_rule`), `realizations` is the largest
number of realizations of a point. The sweep is validated completely before anything is computed.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, final, get_type_hints

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import EnsembleError, SweepError, remedy
from ensemble.models import catalog
from ensemble.models.model import Model, Observable, bytes_needed, fields, preset, required
from ensemble.sweep.stop_rule import StopRule
from ensemble.sweep.toml_values import Value, check_size, coerce, grid, integer_at_least, read_toml
from ensemble.sweep.zipped_axes import ZippedAxes, check_zipped_axes, combinations

_TABLES = ("axes", "time", "parameters", "store", "stop")
KEYS = ("model", "realizations", "seed", "preset", "observables", "zipped_axes", *_TABLES)


@final
@dataclass(frozen=True)
class Point:
    """One point of a sweep: one value for each axis, and the model with all its parameters.

    Two points are equal if their values are.
    """

    values: tuple[tuple[str, Value], ...]
    """Pairs (axis, value), in the order of the axes."""
    model: Model = dataclasses.field(compare=False)
    """The model with all its parameters set."""
    memory: int = dataclasses.field(default=0, compare=False)
    """Memory that one realization needs, in bytes; 0 if the model does not declare it."""

    def __str__(self) -> str:
        return ", ".join(f"{name}={format_value(value)}" for name, value in self.values)


@final
@dataclass(frozen=True)
class Sweep:
    """A model, its axes, the number of realizations and the seed.

    Create a sweep with `Sweep.read` from a TOML file, or with `Sweep.from_table` from a mapping of the same form. Both
    validate it; the constructor does not.

    Examples
    --------
    >>> table = {"model": "random_state", "realizations": 10, "seed": 1, "axes": {"N": [2, 4]}}
    >>> [str(point) for point in Sweep.from_table(table).points]
    ['N=2', 'N=4']
    """

    reference: str
    """Name of the model, as in the sweep file."""
    model: type[Model]
    """Class of the model."""
    axes: dict[str, tuple[Value, ...]]
    """Values along each axis; the axes are in the order of the model's fields."""
    parameters: dict[str, Any]
    """All other fields of the model, including those from the preset and the defaults."""
    observables: dict[str, Observable]
    """The observables to measure, in the order of the model."""
    realizations: int
    """Number of realizations at each point; with a stop rule, the largest number."""
    seed: int
    """Seed of all random streams."""
    chunk: int | None = None
    """Realizations in one chunk of a new store; None: chosen from the time and size of a realization."""
    stop: StopRule | None = None
    """When a point has enough realizations; None: when it has all `realizations`."""
    zipped_axes: ZippedAxes = ()
    """Zipped axes: lists of axes that vary together."""
    text: str = ""
    """The sweep file, verbatim; empty if the sweep was not read from a file."""

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read and validate a sweep file.

        Parameters
        ----------
        path
            Path of the TOML file. A model file is found relative to its folder.

        Returns
        -------
        Sweep
            The validated sweep.

        Raises
        ------
        SweepError
            If the file cannot be read, or a value in it cannot be used.
        """
        path = Path(path)
        text, table = read_toml(path, SweepError, "the sweep file")
        try:
            return cls.from_table(table, folder=path.parent, text=text)
        except EnsembleError as error:
            raise type(error)(f"{path}: {error}") from error

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, folder: Path | None = None, text: str = "") -> Self:
        """Validate a mapping of the form of a sweep file and return the sweep.

        Parameters
        ----------
        table
            The keys and tables of a sweep file.
        folder
            Folder in which a model file with a relative path is found.
        text
            The sweep file, verbatim; it is kept in the store.

        Returns
        -------
        Sweep
            The validated sweep.

        Raises
        ------
        SweepError
            If a key is unknown or missing, a value cannot be used, or the model refuses a point.
        """
        _known(table, KEYS, "the sweep")
        table, stop = _most(table)
        for key in ("model", "realizations", "seed", "axes"):
            if key not in table:
                raise SweepError(f"{key} must be given in a sweep, but it is missing")
        reference = coerce("model", str, table["model"])
        model = catalog.find(reference, folder)
        assumed = preset(model, coerce("preset", str, table["preset"])) if "preset" in table else {}
        axes, parameters = _split(model, assumed, _table(table, "axes"), _table(table, "parameters"), table.get("time"))
        store = _table(table, "store")
        _known(store, ("chunk",), "[store]")
        observables = _chosen(model, table.get("observables"))
        realizations = integer_at_least(1, "realizations", table["realizations"])
        check_size(axes, realizations)  # a store holds the whole grid, also for zipped axes
        sweep = cls(
            reference=catalog.canonical(reference),
            model=model,
            axes=axes,
            parameters=parameters,
            observables=observables,
            realizations=realizations,
            seed=integer_at_least(0, "seed", table["seed"]),
            chunk=None if store.get("chunk", "auto") == "auto" else integer_at_least(1, "chunk", store["chunk"]),
            stop=None if stop is None else StopRule.read(stop, observables, realizations),
            zipped_axes=check_zipped_axes(table.get("zipped_axes", ()), axes),
            text=text,
        )
        _ = sweep.coords  # creates every point, so the model checks every value
        for point in sweep.points:
            try:
                point.model.check(sweep.observables)
            except EnsembleError as error:
                raise SweepError(f"{sweep.reference} at {point}: {error}") from error
        return sweep

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All points; the last axis varies fastest."""
        points = []
        for values in combinations(self.axes, self.zipped_axes):
            try:
                model = self.model(**values, **self.parameters)
                memory = bytes_needed(model, self.observables)
            except (EnsembleError, ValueError, TypeError) as error:
                point = ", ".join(f"{name}={value!r}" for name, value in values.items())
                raise SweepError(f"{self.reference} refuses {point}: {error}") from error
            points.append(Point(tuple(values.items()), model, memory))
        return tuple(points)

    def holds(self, point: Mapping[str, Value]) -> bool:
        """Return whether the sweep has a point with these values, given for some or all axes."""
        return any(point.items() <= dict(each.values).items() for each in self.points)

    @cached_property
    def coords(self) -> dict[str, NDArray[Any]]:
        """Coordinates of the observables' own dimensions, the same at every point; 1-D arrays by dimension."""
        first, *others = (self._coords_at(point) for point in self.points)
        for point, coords in zip(self.points[1:], others, strict=True):
            for name, values in first.items():
                if not np.array_equal(values, coords[name]):
                    raise SweepError(
                        f"coordinate {name!r} must be the same at every point of a sweep, but it changes at {point}"
                    )
        return first

    def _coords_at(self, point: Point) -> dict[str, NDArray[Any]]:
        given, needed = point.model.coords(), {}
        for name, observable in self.observables.items():
            for dim in observable.dims:
                if dim not in given or np.ndim(given[dim]) != 1:
                    raise SweepError(f"{self.reference}: {dim!r}, a dimension of {name}, must be a list in coords()")
                if len(given[dim]) == 0:
                    raise SweepError(
                        f"{dim}, a dimension of {name}, must not be empty: set the parameter of {self.reference} "
                        f"that makes it longer, or take {name} out of observables"
                    )
                needed[dim] = np.asarray(given[dim])
        return needed


def format_value(value: Value) -> str:
    """Format a parameter value, floats with up to six digits."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def format_point(point: Mapping[str, Value]) -> str:
    """Format the values of axes, such as `N = 4, epsilon = 0.1`."""
    return ", ".join(f"{axis} = {format_value(value)}" for axis, value in point.items())


def _chosen(model: type[Model], names: Any) -> dict[str, Observable]:
    """Return the observables of a sweep in the model's order; None as `names` chooses those not on request."""
    table = model.observables
    if names is None:
        names = [name for name, observable in table.items() if not observable.on_request]
        if not names:
            raise SweepError(f"observables must be given: {model.__name__} measures {', '.join(table)} on request only")
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise SweepError(f"observables must be a list of names, got {names!r}")
    if not names:
        raise SweepError(f"observables must hold at least one of {', '.join(table)}, but its list is empty")
    for name in names:
        if name not in table:
            known = remedy(name, table, "it measures")
            raise SweepError(f"observables must be some that {model.__name__} measures, got {name!r}: {known}")
    _ = _distinct("observables", names)
    return {name: observable for name, observable in table.items() if name in names}


def _split(
    model: type[Model], assumed: Mapping[str, Any], axes: Mapping[str, Any], fixed: Mapping[str, Any], time: Any
) -> tuple[dict[str, tuple[Value, ...]], dict[str, Any]]:
    """Split the tables of a sweep into axes and fixed parameters, in the order of the model's fields."""
    known, hints = fields(model), get_type_hints(model)
    for where, names in (("[axes]", axes), ("[parameters]", fixed)):
        _known(names, [name for name in known if name != "t"], where, f"{model.__name__} has")
    if not axes:
        raise SweepError("[axes] must hold at least one parameter with its values, but it is empty")
    if both := sorted(set(axes) & set(fixed)):
        raise SweepError(f"{both[0]} must be in [axes] or in [parameters], but it is in both")
    if time is not None and "t" not in known:
        raise SweepError(f"[time] must not be given: {model.__name__} has no time axis")

    along: dict[str, tuple[Value, ...]] = {}
    others: dict[str, Any] = {}
    for name, field in known.items():
        if name in axes:
            along[name] = _distinct(name, grid(name, hints[name], axes[name]))
            continue
        value: Any
        if name == "t" and time is not None:
            value = _times(time)
        elif name in fixed:
            value = coerce(name, hints[name], fixed[name])
        elif name in assumed:
            value = coerce(f"{name} in the preset", hints[name], assumed[name])
        elif not required(field):
            value = field.default
        else:
            raise SweepError(f"{name} must be given in [axes] or [parameters]: {model.__name__} has no default for it")
        if name in model.axes:
            along[name] = (value,)
        else:
            others[name] = value
    return along, others


def _most(table: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """Return the sweep's table and its table [stop]; `max` of [stop] becomes `realizations` if it is given."""
    if "stop" not in table:
        return table, None
    stop = _table(table, "stop")
    if "max" not in stop:
        return table, stop
    if "realizations" in table:
        raise SweepError("realizations must be left out where [stop] has max, which means the same")
    return {**table, "realizations": integer_at_least(1, "[stop] max", stop["max"])}, stop


def _times(table: Any) -> tuple[float, ...]:
    times = grid("[time]", float, table)
    if times[0] < 0:
        raise SweepError(f"[time] must not be negative, got {times[0]:g}")
    for before, after in itertools.pairwise(times):
        if not after > before:
            raise SweepError(f"[time] must increase strictly, but {after:g} follows {before:g}")
    return tuple(times)


def _distinct(name: str, values: Sequence[Value]) -> tuple[Value, ...]:
    seen: set[Value] = set()
    for value in values:
        if value in seen:
            raise SweepError(f"{name} must not repeat a value, but {format_value(value)} is there twice")
        seen.add(value)
    return tuple(values)


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = table.get(key, {})
    if not isinstance(inner, Mapping):
        raise SweepError(f"[{key}] must be a table, got {inner!r}")
    return inner


def _known(names: Iterable[str], allowed: Iterable[str], where: str, owner: str = "it may hold") -> None:
    allowed = list(allowed)
    for name in names:
        if name not in allowed:
            raise SweepError(f"{where} holds an unknown key {name!r}: {remedy(name, allowed, owner)}")
