"""A sweep: which model, which parameters, how many realizations, which times; read from TOML and validated.

    model = "tls_glass"
    realizations = 1000
    seed = 2021
    preset = "SiO2"
    observables = ["concurrence"]
    together = [["epsilon", "eta"]]
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

The model, the realizations, the seed and the axes must be given. A preset is a set of parameters that the model
knows by name: it takes the place of the defaults, and [parameters] and [axes] override single ones. Without a
list of observables all are measured, except those that the model measures on request only; what is not asked for is
not computed. Every combination of the axes is a point, but those that vary `together` go value by value. With [stop],
which `stop` describes, `realizations` is what a point gets at most. Whatever is wrong with a sweep is said before
anything starts.
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

from ensemble.errors import EnsembleError, SweepError, cure
from ensemble.models import catalog
from ensemble.models.model import Model, Observable, bytes_needed, fields, preset, required
from ensemble.stop import Stop
from ensemble.together import Together, check_together, combinations
from ensemble.values import Value, at_least, bounded, coerce, grid, load

_TABLES = ("axes", "time", "parameters", "store", "stop")
KEYS = ("model", "realizations", "seed", "preset", "observables", "together", *_TABLES)


@final
@dataclass(frozen=True)
class Point:
    """One point of the parameter grid."""

    values: tuple[tuple[str, Value], ...]
    """Axis names with this point's values."""
    model: Model = dataclasses.field(compare=False)
    """The model with all its parameters set."""
    memory: int = dataclasses.field(default=0, compare=False)
    """Bytes that one realization takes, where that is much."""

    def __str__(self) -> str:
        return ", ".join(f"{name}={shown(value)}" for name, value in self.values)


@final
@dataclass(frozen=True)
class Sweep:
    """A model, points in a grid of parameters and a number of realizations; make one with `read` or `from_table`."""

    reference: str
    """The model's name, as the sweep file gives it."""
    model: type[Model]
    """The model's class."""
    axes: dict[str, tuple[Value, ...]]
    """Values along each axis, axes in the order of the model's fields."""
    parameters: dict[str, Any]
    """Every other field of the model, those of the preset and defaults included."""
    observables: dict[str, Observable]
    """What is measured, in the order of the model."""
    realizations: int
    """How many realizations of the disorder at every point; at most, with a stop rule."""
    seed: int
    """The root of all random streams."""
    chunk: int | None = None
    """Realizations in one chunk of a new store; None chooses by cost."""
    stop: Stop | None = None
    """When a point has enough realizations; None: when it has all."""
    together: Together = ()
    """Axes that go value by value; all others, and these lists, are a product."""
    text: str = ""
    """The sweep file, word for word."""

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The sweep that a TOML file describes."""
        path = Path(path)
        text, table = load(path, SweepError, "the sweep file")
        try:
            return cls.from_table(table, folder=path.parent, text=text)
        except EnsembleError as error:
            raise type(error)(f"{path}: {error}") from error

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, folder: Path | None = None, text: str = "") -> Self:
        """The sweep that a mapping of the file's shape describes; relative model files are found in `folder`."""
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
        realizations = at_least(1, "realizations", table["realizations"])
        bounded(axes, realizations)  # a store has the whole grid
        sweep = cls(
            reference=catalog.canonical(reference),
            model=model,
            axes=axes,
            parameters=parameters,
            observables=observables,
            realizations=realizations,
            seed=at_least(0, "seed", table["seed"]),
            chunk=None if store.get("chunk", "auto") == "auto" else at_least(1, "chunk", store["chunk"]),
            stop=None if stop is None else Stop.read(stop, observables, realizations),
            together=check_together(table.get("together", ()), axes),
            text=text,
        )
        _ = sweep.coords  # makes every point, and so asks the model about every value
        for point in sweep.points:
            try:
                point.model.check(sweep.observables)
            except EnsembleError as error:
                raise SweepError(f"{sweep.reference} at {point}: {error}") from error
        return sweep

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All points, the last axis fastest."""
        made = []
        for named in combinations(self.axes, self.together):
            try:
                model = self.model(**named, **self.parameters)
                memory = bytes_needed(model, self.observables)
            except (EnsembleError, ValueError, TypeError) as error:
                point = ", ".join(f"{name}={value!r}" for name, value in named.items())
                raise SweepError(f"{self.reference} refuses {point}: {error}") from error
            made.append(Point(tuple(named.items()), model, memory))
        return tuple(made)

    def holds(self, point: Mapping[str, Value]) -> bool:
        """Whether a point has these values, of some axes or all."""
        return any(point.items() <= dict(each.values).items() for each in self.points)

    @cached_property
    def coords(self) -> dict[str, NDArray[Any]]:
        """Coordinates of the dimensions that the chosen observables have, the same at every point."""
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


def shown(value: Value) -> str:
    """A parameter value as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def told_point(point: Mapping[str, Value]) -> str:
    """The values of some axes as people write them."""
    return ", ".join(f"{axis} = {shown(value)}" for axis, value in point.items())


def _chosen(model: type[Model], names: Any) -> dict[str, Observable]:
    """The observables that a sweep names, in the model's order; without a list, those not measured on request."""
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
            known = cure(name, table, "it measures")
            raise SweepError(f"observables must be some that {model.__name__} measures, got {name!r}: {known}")
    _ = _distinct("observables", names)
    return {name: observable for name, observable in table.items() if name in names}


def _split(
    model: type[Model], assumed: Mapping[str, Any], axes: Mapping[str, Any], fixed: Mapping[str, Any], time: Any
) -> tuple[dict[str, tuple[Value, ...]], dict[str, Any]]:
    """Sort the sweep's tables into axes and fixed parameters, in the order of the model's fields."""
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
    """The sweep with `realizations`, also where [stop] has it as max, and the table [stop]."""
    if "stop" not in table:
        return table, None
    stop = _table(table, "stop")
    if "max" not in stop:
        return table, stop
    if "realizations" in table:
        raise SweepError("realizations must be left out where [stop] has max, which means the same")
    return {**table, "realizations": at_least(1, "[stop] max", stop["max"])}, stop


def _times(table: Any) -> tuple[float, ...]:
    times = grid("[time]", float, table)
    if times[0] < 0:
        raise SweepError(f"[time] must not be negative, got {times[0]:g}")
    for before, after in itertools.pairwise(times):
        if not after > before:
            raise SweepError(f"[time] must increase strictly, but {after:g} follows {before:g}")
    return tuple(times)


def _distinct(name: str, values: Sequence[Value]) -> tuple[Value, ...]:
    met: set[Value] = set()
    for value in values:
        if value in met:
            raise SweepError(f"{name} must not repeat a value, but {shown(value)} is there twice")
        met.add(value)
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
            raise SweepError(f"{where} holds an unknown key {name!r}: {cure(name, allowed, owner)}")
