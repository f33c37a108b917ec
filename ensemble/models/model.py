"""What a physical model is: a frozen dataclass that draws disorder and measures it.

Its fields are the parameters that a sweep may vary; `draw` holds all the randomness, `measure` none:

    disorder = model.draw(rng)             one realization of the random couplings
    arrays   = model.measure(disorder)     its trajectories, one array for each observable

Of the observables only those that a sweep chooses are read, so an expensive one may be computed on demand. A model
whose realizations take less than a call of NumPy may also measure many of them at a time: `measure_all`.

What is not measured but made of averages, such as the ratio of two of them, is declared beside: `of_means`.

Points of a sweep that differ only in fields outside `draw_fields` see the same disorder for the same
realization index, so that differences and ratios between them have small, paired errors.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass
from numbers import Integral
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.errors import ModelError, ParameterError, cure


@dataclass(frozen=True)
class Observable:
    """One quantity that a model measures, described well enough to label an array with it."""

    long_name: str
    """What it is, as an axis label would say it."""
    dims: tuple[str, ...] = ("t",)
    """Its dimensions beyond the parameter axes and the realization."""
    units: str = "1"
    """Its unit; "1" for a pure number."""
    dtype: str = "float64"
    """The NumPy type that it is stored as."""
    on_request: bool = dataclasses.field(default=False, compare=False)
    """Measured only where a sweep asks for it by name."""
    accuracy: float | None = dataclasses.field(default=None, compare=False)
    """How far other libraries or processors may take it, over its largest value, where it is found by a search to some
    tolerance; None where they can only round its sums."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", str(np.dtype(self.dtype)))  # "complex" is "complex128", as a store says it


@final
@dataclass(frozen=True)
class Derived:
    """One number that follows from the parameters of a model alone, such as a ratio of its scales."""

    long_name: str
    """What it is, as an axis label would say it."""
    value: Callable[[Any], float]
    """The number, from a model."""
    units: str = "1"
    """Its unit; "1" for a pure number."""


@final
@dataclass(frozen=True)
class OfMeans:
    """A quantity made of averages over the disorder that is no average itself, such as the ratio of two of them.

    OfMeans("polarization", of=("up", "down"), value=lambda model, up, down: (up - down) / (up + down), dims=("t",))
    """

    long_name: str
    """What it is, as an axis label would say it."""
    of: tuple[str, ...]
    """The observables whose averages it is made of."""
    value: Callable[..., ArrayLike]
    """The quantity from the model of a point, with all its parameters, and the average of each of these observables.

    It is called for all realizations together and again without each block of them, which is where its error comes
    from. It returns real numbers over `dims`; nan where the quantity cannot be told.
    """
    dims: tuple[str, ...] = ()
    """Its dimensions beyond the parameter axes; `coords` gives their coordinates."""
    units: str = "1"
    """Its unit; "1" for a pure number."""


@final
@dataclass(frozen=True)
class Coordinate:
    """What a dimension of observables runs along, for one that is no field of its model."""

    long_name: str
    """What it is, as an axis label would say it."""
    units: str = "1"
    """Its unit; "1" for a pure number."""


@final
class OnDemand(Mapping[str, ArrayLike]):
    """Observables that are computed when they are read with [], each time anew; their names cost nothing.

    OnDemand(energy=lambda: energy(state), entropy=lambda: entropy(state))
    """

    def __init__(self, **entries: Callable[[], ArrayLike]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> ArrayLike:
        return self._entries[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._entries  # a Mapping would compute the entry to find out

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def parameter(default: Any = MISSING, *, long_name: str, units: str = "1") -> Any:
    """A model field that carries the label and the unit of its axis; without a default it must be given."""
    return dataclasses.field(default=default, metadata={"long_name": long_name, "units": units})


def fields(model: "type[Model]") -> dict[str, dataclasses.Field[Any]]:
    """The parameters of a model by name, in the order in which it declares them."""
    return {field.name: field for field in dataclasses.fields(model)}  # type: ignore[arg-type]


def labels(model: "type[Model]") -> dict[str, dict[str, Any]]:
    """`long_name` and `units` of the parameters and coordinates of a model, by name."""
    told = {name: dataclasses.asdict(coordinate) for name, coordinate in model.coordinates.items()}
    return told | {name: dict(field.metadata) for name, field in fields(model).items()}


def required(field: dataclasses.Field[Any]) -> bool:
    """Whether a parameter has no default; a class that has travelled by value has a `MISSING` of its own."""
    return isinstance(field.default, type(MISSING))


def preset(model: "type[Model]", name: str) -> Mapping[str, Any]:
    """The parameters that a preset of a model sets."""
    if not model.presets:
        raise ParameterError(f"preset must be left out, got {name!r}: {model.__name__} has no presets")
    if name not in model.presets:
        known = cure(name, model.presets, "it has")
        raise ParameterError(f"preset must be one that {model.__name__} has, got {name!r}: {known}")
    return model.presets[name]


class Model(ABC):
    """A disordered system. Subclasses are frozen dataclasses and final."""

    observables: ClassVar[Mapping[str, Observable]]
    """What can be measured: the same names, dims and shapes at every point of a sweep."""

    draw_fields: ClassVar[tuple[str, ...]]
    """The fields that `draw` reads; no other field changes the disorder."""

    axes: ClassVar[tuple[str, ...]] = ()
    """Fields that are an axis of every store, even with a single value, so that they can grow later."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Named sets of parameters, such as the constants of a material; they take the place of the defaults."""

    derived: ClassVar[Mapping[str, Derived]] = {}
    """Quantities that follow from the parameters alone, without disorder: `model.derived[name].value(model)`."""

    of_means: ClassVar[Mapping[str, OfMeans]] = {}
    """Quantities that are made of averages over the disorder; reductions and figures give them with their errors."""

    coordinates: ClassVar[Mapping[str, Coordinate]] = {}
    """Labels of the dimensions that are no fields, such as a frequency of which `coords` makes the grid."""

    @classmethod
    def with_preset(cls, name: str, /, **fields: Any) -> Self:
        """The model with the parameters of a preset; `fields` are the others, and those that differ from it."""
        return cls(**{**preset(cls, name), **fields})

    def coords(self) -> dict[str, NDArray[Any]]:
        """Coordinates of the observables' own dimensions: by default the fields of the same names.

        Only those of the observables that a sweep chooses are read, and they must not be empty.
        """
        dims = {dim for observable in self.observables.values() for dim in observable.dims}
        return {name: np.asarray(getattr(self, name)) for name in fields(type(self)) if name in dims}

    def check(self, observables: Collection[str]) -> None:  # noqa: B027 - most models can measure all they declare
        """Raise a `ParameterError` where one of these observables cannot be measured with these parameters.

        A sweep asks every point before anything starts.
        """

    def memory(self, measured: Collection[str]) -> int:  # noqa: ARG002 - most models take little
        """Bytes that one realization takes at its height with these observables, beside what a worker has anyway.

        No more realizations are computed at a time than workers have memory for. 0 where it is little.
        """
        return 0

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Any:
        """One realization of the disorder: every random number of the model is drawn here."""

    @abstractmethod
    def measure(self, disorder: Any) -> Mapping[str, ArrayLike]:
        """The observables of one realization by name; the same bits for the same disorder.

        From what it returns only the observables that the sweep chooses are read, each of them once. A dict will
        do; return an `OnDemand` where some are expensive, so that they are computed only where they are asked for.
        Work that several entries share is done at most once if it is cached:

            state = functools.cache(lambda: self.evolve(disorder))
            return OnDemand(energy=lambda: energy(state()), entropy=lambda: entropy(state()))

        Those that are measured on request may be missing where nobody could have asked for them.
        """

    def measure_all(self, disorders: Sequence[Any]) -> Mapping[str, ArrayLike]:
        """The observables of many realizations at a time, each with the realization as its first dimension.

        A model need not have it. It pays where `measure` takes microseconds, most of them for calling NumPy:

            def measure(self, field):
                return {"signal": np.cos(np.multiply.outer(self.t, field)).mean(axis=-1)}

            def measure_all(self, fields):
                return {"signal": np.cos(np.einsum("t,rs->rts", self.t, fields)).mean(axis=-1)}

        Row by row it must have the bits of `measure`, so what is summed must lie in memory in the same order. There
        are at most as many disorders as a chunk of the store has realizations. Where it raises, they are measured
        one by one, and only those at fault fail.
        """
        raise NotImplementedError(f"{type(self).__name__} measures one realization at a time")


def measures_all(model: Model) -> bool:
    """Whether a model can measure many realizations at a time."""
    return type(model).measure_all is not Model.measure_all


def bytes_needed(model: Model, observables: Collection[str]) -> int:
    """What a model says that a realization takes."""
    told: object = model.memory(observables)
    if isinstance(told, bool) or not isinstance(told, Integral) or told < 0:
        raise ModelError(f"memory() of {type(model).__name__} must return a number of bytes, 0 or more, got {told!r}")
    return int(told)
