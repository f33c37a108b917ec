"""Quantities of means: what a model declares as a function of averages, with errors from leaving out blocks.

The averages are those of the same realizations, cut into the same blocks. The quantity is computed from all of them
and again without each block, so its error knows what the averages owe to the same disorder. It is that of the
jackknife, whose room loads SciPy: so this one loads when it is first used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.errors import ReductionError, cure
from ensemble.fit.jackknife import Array, Estimate
from ensemble.models.model import Model, OfMeans, labels
from ensemble.models.stored import Named
from ensemble.reduce.blocks import block_means
from ensemble.reduce.reading import Select, put
from ensemble.store import Layout
from ensemble.store.place import Place, place
from ensemble.sweep import told_point
from ensemble.values import Value


def of_means(
    store: str | Place,
    name: str,
    *,
    blocks: int = 50,
    select: Select | None = None,
    realizations: int | None = None,
    client: Client | None = None,
    model: Named | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> xr.Dataset:
    """A quantity that the model declares in `of_means`, over (axes..., its dims...), from the realizations done so far.

    The result has `<name>`, `<name>_error` and `count`; one realization has no error. `select` takes some of the
    points, as in `average`; `realizations` only the first ones; `blocks` are those of `block_means`. `model` is the
    class of the model, or FILE.py, FILE.py:CLASS or MODULE:CLASS; by default only an installed model is found. `say` is
    called before a file or a module is imported.
    """
    path = place(store).absolute()
    quantity = Quantity.of(path, name, Layout.read(path).find_model(path, model, say))
    kind = quantity.kind
    means = block_means(path, kind.of, blocks=blocks, select=select, realizations=realizations, client=client)
    result = means[["count"]].assign_coords(quantity.coords)
    axes = [str(axis) for axis in means["count"].dims]
    cells = (means.isel(dict(zip(axes, cell, strict=True))) for cell in np.ndindex(*means["count"].shape))
    values, errors = zip(*(quantity.told({axis: one[axis].item() for axis in axes}, one) for one in cells), strict=True)
    put(result, name, (*axes, *kind.dims), values, kind.long_name, kind.units)
    put(result, f"{name}_error", (*axes, *kind.dims), errors, f"standard error of the {kind.long_name}", kind.units)
    return result


@final
@dataclass(frozen=True)
class Quantity:
    """A quantity of means that the model of a store declares."""

    name: str
    kind: OfMeans
    path: Place
    """The store."""
    layout: Layout
    """What it holds."""
    model: type[Model]
    coords: Mapping[str, xr.DataArray]
    """The coordinates of its own dimensions, with their labels."""

    @classmethod
    def of(cls, path: Place, name: str, model: type[Model]) -> Self:
        """One quantity by name; an error tells which there are, and what the store lacks for it."""
        if name not in model.of_means:
            told = cure(name, model.of_means, "it has") if model.of_means else "it has none"
            raise ReductionError(f"the quantity must be one that {model.__name__} makes of means, got {name!r}: {told}")
        kind, layout = model.of_means[name], Layout.read(path)
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
        said = labels(model)
        coords = {dim: xr.DataArray(grids[dim], dims=dim, attrs=said.get(dim, {})) for dim in kind.dims}
        return cls(name, kind, path, layout, model, coords)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its lengths along its own dimensions."""
        return tuple(coord.size for coord in self.coords.values())

    def estimate(self, point: Mapping[str, Value], one: xr.Dataset) -> Estimate:
        """The quantity at a point, with its values without each block, from the block means there."""
        means = [Estimate.of_blocks(one[name].to_numpy(), one["block_size"].to_numpy()) for name in self.kind.of]
        return Estimate.joint(self._function(point), means)

    def told(self, point: Mapping[str, Value], one: xr.Dataset) -> tuple[Array, Array]:
        """Value and error at a point; of no realizations neither, of one block no error."""
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
    """The function of a quantity at a point; what it returns has to be real numbers over the dimensions declared."""

    name: str
    kind: OfMeans
    shape: tuple[int, ...]
    model: Model
    point: Mapping[str, Value]

    def __call__(self, *means: NDArray[Any]) -> Array:
        """The quantity from these averages; what cannot be told, such as 0 / 0, is nan and no warning."""
        where = f"{self.name} of {type(self.model).__name__} at {told_point(self.point)}"
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


def _model_at(point: Mapping[str, Value], layout: Layout, model: type[Model], path: Place) -> Model:
    """The model with the parameters of a point, which may have come to the store since its layout was read."""
    alone = replace(layout, axes={axis: (value,) for axis, value in point.items()})
    (found,) = alone.at((0,) * len(point), model, path).points
    return found.model
