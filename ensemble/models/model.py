"""What a physical model is: a frozen dataclass that draws disorder and measures it.

Its fields are the parameters that a sweep may vary; `draw` holds all the randomness, `measure` none:

    disorder = model.draw(rng)             one realization of the random couplings
    arrays   = model.measure(disorder)     its trajectories, one array for each observable

Points of a sweep that differ only in fields outside `draw_fields` see the same disorder for the same
realization index, so that differences and ratios between them have small, paired errors.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray


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


def parameter(default: Any = MISSING, *, long_name: str, units: str = "1") -> Any:
    """A model field that carries the label and the unit of its axis; without a default it must be given."""
    return dataclasses.field(default=default, metadata={"long_name": long_name, "units": units})


def fields(model: "type[Model]") -> dict[str, dataclasses.Field[Any]]:
    """The parameters of a model by name, in the order in which it declares them."""
    return {field.name: field for field in dataclasses.fields(model)}  # type: ignore[arg-type]


class Model(ABC):
    """A disordered system. Subclasses are frozen dataclasses and final."""

    observables: ClassVar[Mapping[str, Observable]]
    """What `measure` returns: the same names, dims and shapes at every point of a sweep."""

    draw_fields: ClassVar[tuple[str, ...]]
    """The fields that `draw` reads; no other field changes the disorder."""

    axes: ClassVar[tuple[str, ...]] = ()
    """Fields that are an axis of every store, even with a single value, so that they can grow later."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Named sets of field values, such as the constants of a material: preset -> field -> value."""

    def coords(self) -> dict[str, NDArray[Any]]:
        """Coordinates of the observables' own dimensions: by default the fields of the same names."""
        dims = {dim for observable in self.observables.values() for dim in observable.dims}
        return {name: np.asarray(getattr(self, name)) for name in fields(type(self)) if name in dims}

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Any:
        """One realization of the disorder: every random number of the model is drawn here."""

    @abstractmethod
    def measure(self, disorder: Any) -> Mapping[str, ArrayLike]:
        """The observables of one realization; the same bits for the same disorder."""
