"""Base class of physical models: a frozen dataclass that draws disorder and measures observables.

The fields of a model are the parameters that a sweep can vary. `draw` contains all the randomness, `measure` none:

    disorder = model.draw(rng)             one realization of the random couplings
    arrays   = model.measure(disorder)     its observables, one array each

The framework reads only the observables that a sweep chooses, so a model can compute expensive observables lazily. A
model whose `measure` is faster than the overhead of NumPy calls can also measure many realizations at once:
`measure_all`.

Functions of averages, such as the ratio of two averages, are declared separately in `functions_of_means`.

Points of a sweep that differ only in fields outside `draw_fields` have the same disorder for the same realization
index. So differences and ratios between these points have small, paired errors.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass
from numbers import Integral
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.errors import ModelError, ParameterError, remedy


@dataclass(frozen=True)
class Observable:
    """Declaration of an observable that a model measures, with the labels of its array.

    Parameters
    ----------
    long_name
        Description for an axis label.
    dims
        Names of its dimensions, without the parameter axes and the realization. Default: `("t",)`.
    units
        Unit; "1" for a dimensionless number (default).
    dtype
        NumPy dtype in the store. Default: "float64".
    on_request
        If True, it is computed only if a sweep lists it by name. Default: False.
    accuracy
        Tolerance for comparing recomputed values, as a fraction of the largest value. Default: rounding errors only.

    Examples
    --------
    >>> Observable("mean energy", dims=(), units="K")
    Observable(long_name='mean energy', dims=(), units='K', dtype='float64', on_request=False, accuracy=None)
    """

    long_name: str
    """Description for an axis label."""
    dims: tuple[str, ...] = ("t",)
    """Names of its dimensions, without the parameter axes and the realization."""
    units: str = "1"
    """Unit; "1" for a dimensionless number."""
    dtype: str = "float64"
    """NumPy dtype in the store."""
    on_request: bool = dataclasses.field(default=False, compare=False)
    """Whether it is computed only if a sweep lists it by name."""
    accuracy: float | None = dataclasses.field(default=None, compare=False)
    """Largest difference between values from other library versions or processors, as a fraction of the largest value.

    Declare it if a search with a tolerance computes the observable. None: values differ only by rounding errors of
    sums.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", str(np.dtype(self.dtype)))  # "complex" is "complex128" in a store


@final
@dataclass(frozen=True)
class FunctionOfParameters:
    """Number that depends only on the parameters of a model, such as a ratio of two scales.

    Parameters
    ----------
    long_name
        Description for an axis label.
    value
        Function of the model that returns the number.
    units
        Unit; "1" for a dimensionless number (default).
    """

    long_name: str
    """Description for an axis label."""
    value: Callable[[Any], float]
    """Function of the model that returns the number."""
    units: str = "1"
    """Unit; "1" for a dimensionless number."""


@final
@dataclass(frozen=True)
class FunctionOfMeans:
    """Function of averages over the disorder, such as the ratio of two averages.

    Parameters
    ----------
    long_name
        Description for an axis label.
    of
        Names of the observables whose averages are the arguments of `value`.
    value
        Function of the model of a point and of the average of each observable in `of`. It returns real numbers of shape
        (dims...), nan if the value is undefined.
    dims
        Names of its dimensions, without the parameter axes. Default: none, a single number.
    units
        Unit; "1" for a dimensionless number (default).

    Notes
    -----
    The error is that of a jackknife: `value` is called with the averages over all realizations, and again with the
    averages without each block of realizations.

    Examples
    --------
    >>> FunctionOfMeans(
    ...     "polarization",
    ...     of=("up", "down"),
    ...     value=lambda model, up, down: (up - down) / (up + down),
    ...     dims=("t",),
    ... ).of
    ('up', 'down')
    """

    long_name: str
    """Description for an axis label."""
    of: tuple[str, ...]
    """Names of the observables whose averages are the arguments of `value`."""
    value: Callable[..., ArrayLike]
    """Function of the model of a point, with all its parameters, and of the average of each observable in `of`.

    It is called with the averages over all realizations, and again without each block of realizations; the error
    follows from these calls. It returns real numbers of shape (dims...), nan if the value is undefined.
    """
    dims: tuple[str, ...] = ()
    """Names of its dimensions, without the parameter axes; `coords` gives their coordinates."""
    units: str = "1"
    """Unit; "1" for a dimensionless number."""


@final
@dataclass(frozen=True)
class Coordinate:
    """Labels of a dimension of observables that is not a field of the model, such as a frequency.

    Parameters
    ----------
    long_name
        Description for an axis label.
    units
        Unit; "1" for a dimensionless number (default).
    """

    long_name: str
    """Description for an axis label."""
    units: str = "1"
    """Unit; "1" for a dimensionless number."""


@final
class LazyObservables(Mapping[str, ArrayLike]):
    """Mapping of observables that are computed when they are read with []; listing the names computes nothing.

    Every read computes the observable again.

    Parameters
    ----------
    **entries
        For each observable, a function without arguments that returns its array.

    Examples
    --------
    >>> observables = LazyObservables(energy=lambda: 1.5, entropy=lambda: 1 / 0)
    >>> list(observables), observables["energy"]
    (['energy', 'entropy'], 1.5)
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
    """Declare a field of a model, with the label and the unit of its axis.

    Parameters
    ----------
    default
        Default value; without it the parameter is required.
    long_name
        Description for an axis label.
    units
        Unit; "1" for a dimensionless number (default).

    Returns
    -------
    dataclasses.Field
        The field, for use in a frozen dataclass.

    Examples
    --------
    >>> parameter(0.1, long_name="disorder strength", units="K").metadata["units"]
    'K'
    """
    return dataclasses.field(default=default, metadata={"long_name": long_name, "units": units})


def fields(model: "type[Model]") -> dict[str, dataclasses.Field[Any]]:
    """Return the parameters of a model by name, in the order of their declaration."""
    return {field.name: field for field in dataclasses.fields(model)}  # type: ignore[arg-type]


def labels(model: "type[Model]") -> dict[str, dict[str, Any]]:
    """Return `long_name` and `units` of the parameters and coordinates of a model, by name."""
    table = {name: dataclasses.asdict(coordinate) for name, coordinate in model.coordinates.items()}
    return table | {name: dict(field.metadata) for name, field in fields(model).items()}


def required(field: dataclasses.Field[Any]) -> bool:
    """Return whether a parameter has no default; a class that was pickled by value has its own copy of `MISSING`."""
    return isinstance(field.default, type(MISSING))


def preset(model: "type[Model]", name: str) -> Mapping[str, Any]:
    """Return the parameters that a preset of a model sets."""
    if not model.presets:
        raise ParameterError(f"preset must be left out, got {name!r}: {model.__name__} has no presets")
    if name not in model.presets:
        known = remedy(name, model.presets, "it has")
        raise ParameterError(f"preset must be one that {model.__name__} has, got {name!r}: {known}")
    return model.presets[name]


class Model(ABC):
    """Base class of disordered systems; subclasses are final, frozen dataclasses.

    A subclass declares `observables` and `draw_fields` and defines `draw` and `measure`. Its fields, declared with
    `parameter`, are the parameters of the model.

    Notes
    -----
    `draw` contains all the randomness, and `measure` returns the same bits for the same disorder. All observables have
    the same names, dimensions and shapes at every point of a sweep.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class RandomField(Model):
    ...     width: float = parameter(1.0, long_name="width of the distribution of fields")
    ...     observables = {"signal": Observable("cosine of the field", dims=())}
    ...     draw_fields = ("width",)
    ...
    ...     def draw(self, rng):
    ...         return self.width * rng.normal()
    ...
    ...     def measure(self, disorder):
    ...         return {"signal": np.cos(disorder)}
    >>> RandomField(width=0.0).measure(0.0)["signal"].item()
    1.0
    """

    observables: ClassVar[Mapping[str, Observable]]
    """All observables; their names, dimensions and shapes are the same at every point of a sweep."""

    draw_fields: ClassVar[tuple[str, ...]]
    """Names of the fields that `draw` reads; no other field changes the disorder."""

    axes: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that are an axis of every store, even with a single value, so that they can grow later."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Named sets of parameters, such as the constants of a material; they replace the defaults."""

    functions_of_parameters: ClassVar[Mapping[str, FunctionOfParameters]] = {}
    """Numbers that depend only on the parameters: `model.functions_of_parameters[name].value(model)`."""

    functions_of_means: ClassVar[Mapping[str, FunctionOfMeans]] = {}
    """Functions of averages over the disorder; reductions and figures compute them with their errors."""

    coordinates: ClassVar[Mapping[str, Coordinate]] = {}
    """Labels of dimensions that are not fields, such as a frequency whose grid `coords` computes."""

    @classmethod
    def with_preset(cls, name: str, /, **fields: Any) -> Self:
        """Create a model with the parameters of a preset.

        Parameters
        ----------
        name
            Name of the preset.
        **fields
            Other parameters, and parameters that override values of the preset.

        Raises
        ------
        ParameterError
            If the model has no such preset, or rejects a value.
        """
        return cls(**{**preset(cls, name), **fields})

    def coords(self) -> dict[str, NDArray[Any]]:
        """Return the coordinates of the dimensions of the observables, by name; default: the fields of the same names.

        Only the coordinates of the observables that a sweep chooses are read; they must not be empty.
        """
        dims = {dim for observable in self.observables.values() for dim in observable.dims}
        return {name: np.asarray(getattr(self, name)) for name in fields(type(self)) if name in dims}

    def check(self, observables: Collection[str]) -> None:  # noqa: B027 - most models can measure all they declare
        """Raise a `ParameterError` if one of these observables cannot be measured with these parameters.

        A sweep calls this method for every point before the run starts.

        Parameters
        ----------
        observables
            Names of the observables that the sweep chooses.
        """

    def memory(self, measured: Collection[str]) -> int:  # noqa: ARG002 - most models take little
        """Return the peak memory of one realization with these observables, in bytes, beyond that of an idle worker.

        The run limits the number of concurrent realizations to what fits into the memory of the workers. Default: 0,
        which means that the memory is negligible.

        Parameters
        ----------
        measured
            Names of the observables that the sweep chooses.
        """
        return 0

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Any:
        """Draw one realization of the disorder; all random numbers of the model are drawn here.

        Parameters
        ----------
        rng
            Random stream of the realization.

        Returns
        -------
        object
            The disorder, in the form that `measure` expects.
        """

    @abstractmethod
    def measure(self, disorder: Any) -> Mapping[str, ArrayLike]:
        """Measure the observables of one realization; the same disorder gives the same bits.

        Parameters
        ----------
        disorder
            Return value of `draw`.

        Returns
        -------
        Mapping
            Arrays by the name of the observable. Observables with `on_request` may be missing if the sweep does not
            list them.

        Notes
        -----
        Only the observables that the sweep chooses are read, each once. A dict is sufficient. Return `LazyObservables`
        if some observables are expensive; then only the chosen ones are computed. Cache work that several observables
        share:

            state = functools.cache(lambda: self.evolve(disorder))
            return LazyObservables(energy=lambda: energy(state()), entropy=lambda: entropy(state()))
        """

    def measure_all(self, disorders: Sequence[Any]) -> Mapping[str, ArrayLike]:
        """Measure the observables of many realizations at once; optional.

        Parameters
        ----------
        disorders
            Return values of `draw`, at most as many as a chunk of the store has realizations.

        Returns
        -------
        Mapping
            Arrays by the name of the observable; the first dimension is the realization.

        Notes
        -----
        It is useful if `measure` takes microseconds, most of them overhead of NumPy calls:

            def measure(self, field):
                return {"signal": np.cos(np.multiply.outer(self.t, field)).mean(axis=-1)}

            def measure_all(self, fields):
                return {"signal": np.cos(np.einsum("t,rs->rts", self.t, fields)).mean(axis=-1)}

        Each row must have the same bits as the result of `measure`. So sums must run over values in the same order in
        memory. If it raises an exception, the realizations are measured one by one, and only those that raise an
        exception fail.
        """
        raise NotImplementedError(f"{type(self).__name__} measures one realization at a time")


def measures_all(model: Model) -> bool:
    """Return whether a model defines `measure_all`."""
    return type(model).measure_all is not Model.measure_all


def bytes_needed(model: Model, observables: Collection[str]) -> int:
    """Return the memory of one realization in bytes, as `Model.memory` gives it."""
    memory: object = model.memory(observables)
    if isinstance(memory, bool) or not isinstance(memory, Integral) or memory < 0:
        raise ModelError(f"memory() of {type(model).__name__} must return a number of bytes, 0 or more, got {memory!r}")
    return int(memory)
