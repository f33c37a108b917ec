"""Functions of averages that a model declares, such as ratios, with jackknife errors.

All averages come from the same realizations, divided into the same blocks. The function is computed from all blocks,
and again without each block. So its error includes the correlations between averages over the same disorder.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.errors import ReductionError, remedy
from ensemble.models.model import FunctionOfMeans, Model, labels
from ensemble.models.stored import Named
from ensemble.reduce.blocks import block_means
from ensemble.reduce.jackknife import Array, Estimate
from ensemble.reduce.reading import Select, put
from ensemble.store import Layout
from ensemble.store.location import Location, parse_location
from ensemble.sweep.sweep import format_point
from ensemble.sweep.toml_values import Value


def functions_of_means(
    store: str | Location,
    name: str,
    *,
    blocks: int = 50,
    select: Select | None = None,
    realizations: int | None = None,
    client: Client | None = None,
    model: Named | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> xr.Dataset:
    """Compute a function of averages that the model declares, with its jackknife error.

    Parameters
    ----------
    store
        Path or URL of the store.
    name
        Name of the function in `functions_of_means` of the model.
    blocks
        Number of blocks of realizations for the jackknife, as in `block_means`. Default: 50.
    select
        Values of axes, such as ``{"N": [8, 10], "epsilon": 0}``. Only points with these values are read. Default: all
        points.
    realizations
        Use only the realizations with an index below this number. Default: all realizations that are done.
    client
        Dask client whose workers read the store. Default: this process reads it.
    model
        Class of the model, or where it is: FILE.py, FILE.py:CLASS or MODULE:CLASS. Default: an installed model.
    say
        Called with one line of text before a file or a module of the user is imported.

    Returns
    -------
    xarray.Dataset
        `<name>` and `<name>_error`, over (axes..., dims of the function...), and `count`, the number of realizations,
        over (axes...). Without realizations the value is NaN; with a single realization or block the error is NaN.

    Raises
    ------
    ReductionError
        If the model declares no such function, if the store lacks an observable that it needs, or if the function
        raises, or returns something else than real numbers over its dims.
    ModelNotNamed
        If the model of the store is not installed and `model` is not given.

    Notes
    -----
    For a function f of the averages x̄, y̅, ..., the value is f(x̄, y̅, ...). Its error is the delete-one-block jackknife
    error of `ensemble.reduce.jackknife`, from the values f(x̄_(j), y̅_(j), ...) without block j.
    """
    path = parse_location(store).absolute()
    quantity = FunctionValues.of(path, name, Layout.read(path).find_model(path, model, say))
    kind = quantity.kind
    means = block_means(path, kind.of, blocks=blocks, select=select, realizations=realizations, client=client)
    result = means[["count"]].assign_coords(quantity.coords)
    axes = [str(axis) for axis in means["count"].dims]
    cells = (means.isel(dict(zip(axes, cell, strict=True))) for cell in np.ndindex(*means["count"].shape))
    values, errors = zip(
        *(quantity.value_and_error({axis: one[axis].item() for axis in axes}, one) for one in cells), strict=True
    )
    put(result, name, (*axes, *kind.dims), values, kind.long_name, kind.units)
    put(result, f"{name}_error", (*axes, *kind.dims), errors, f"standard error of the {kind.long_name}", kind.units)
    return result


@final
@dataclass(frozen=True)
class FunctionValues:
    """The values of a function of averages that the model of a store declares."""

    name: str
    """Name of the function in `functions_of_means` of the model."""
    kind: FunctionOfMeans
    """The declaration."""
    path: Location
    """Location of the store."""
    layout: Layout
    """Layout of the store."""
    model: type[Model]
    """Class of the model."""
    coords: Mapping[str, xr.DataArray]
    """Coordinates of the dims of the function, with labels."""

    @classmethod
    def of(cls, path: Location, name: str, model: type[Model]) -> Self:
        """The function with this name; an error lists the known names, or names an observable that the store lacks."""
        if name not in model.functions_of_means:
            hint = remedy(name, model.functions_of_means, "it has") if model.functions_of_means else "it has none"
            raise ReductionError(f"the quantity must be one that {model.__name__} makes of means, got {name!r}: {hint}")
        kind, layout = model.functions_of_means[name], Layout.read(path)
        if lacking := [each for each in kind.of if each not in layout.observables]:
            raise ReductionError(
                f"{name} is made of the means of {' and '.join(kind.of)}, but {path} has no {lacking[0]}: "
                "ask for it in the observables of a sweep, in another store"
            )
        first = {axis: values[0] for axis, values in layout.axes.items()}
        grids = _model_at(first, layout, model, path).coords()
        for dim in kind.dims:
            if dim not in grids:
                raise ReductionError(f"{dim!r}, a dimension of {name}, must be a list in coords() of {model.__name__}")
        attributes = labels(model)
        coords = {dim: xr.DataArray(grids[dim], dims=dim, attrs=attributes.get(dim, {})) for dim in kind.dims}
        return cls(name, kind, path, layout, model, coords)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the dims of the function."""
        return tuple(coord.size for coord in self.coords.values())

    def estimate(self, point: Mapping[str, Value], one: xr.Dataset) -> Estimate:
        """The function at a point, also without each block, from the block means at this point."""
        means = [Estimate.of_blocks(one[name].to_numpy(), one["block_size"].to_numpy()) for name in self.kind.of]
        return Estimate.joint(self._function(point), means)

    def value_and_error(self, point: Mapping[str, Value], one: xr.Dataset) -> tuple[Array, Array]:
        """Value and error at a point; both NaN without realizations, the error NaN with a single block."""
        nothing = np.full(self.shape, np.nan)
        filled = np.flatnonzero(one["block_size"].to_numpy())
        if not len(filled):
            return nothing, nothing
        if len(filled) == 1:
            means = [one[name].to_numpy()[filled[0]] for name in self.kind.of]
            return self._function(point)(*means), nothing
        found = self.estimate(point, one)
        return found.value, found.error

    def _function(self, point: Mapping[str, Value]) -> "_Checked":
        model = _model_at(point, self.layout, self.model, self.path)
        grids = model.coords()
        for dim, values in self.coords.items():
            if not np.array_equal(grids[dim], values):
                raise ReductionError(f"{dim}, a dimension of {self.name}, must be the same at every point of a store")
        return _Checked(self.name, self.kind, self.shape, model, point)


@final
@dataclass(frozen=True)
class _Checked:
    """The function at a point; it raises an error unless the result is real numbers over the declared dims."""

    name: str
    kind: FunctionOfMeans
    shape: tuple[int, ...]
    model: Model
    point: Mapping[str, Value]

    def __call__(self, *means: NDArray[Any]) -> Array:
        """The function of these averages; an undefined value, such as 0 / 0, is NaN without a warning."""
        where = f"{self.name} of {type(self.model).__name__} at {format_point(self.point)}"
        try:
            with np.errstate(divide="ignore", invalid="ignore"):
                array = np.asarray(self.kind.value(self.model, *means))
        except Exception as error:
            raise ReductionError(
                f"{where} must follow from the means of {', '.join(self.kind.of)}, but its function raised "
                f"{type(error).__name__}: {error}; let it return nan where it cannot be told"
            ) from error
        if array.shape != self.shape or array.dtype.kind not in "biuf":
            over = f"an array over {', '.join(self.kind.dims)}, {self.shape}," if self.kind.dims else "one number"
            raise ReductionError(f"{where} must be {over} and real, got {array.dtype} of shape {array.shape}")
        return array.astype(np.float64)


def _model_at(point: Mapping[str, Value], layout: Layout, model: type[Model], path: Location) -> Model:
    """The model with the parameters of a point. The point may be newer than the layout: the store may have grown."""
    alone = replace(layout, axes={axis: (value,) for axis, value in point.items()})
    (found,) = alone.at((0,) * len(point), model, path).points
    return found.model
