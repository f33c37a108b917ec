"""A family of curves: one observable, or a function of averages, at many points of a store, with jackknife blocks.

A curve is a function of one numeric coordinate, such as time or frequency. An observable that is a number at every
point is a family too. A point with a single realization has no error, so it cannot be used; it is listed in `missing`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, DTypeLike

from ensemble.errors import FitError
from ensemble.reduce.jackknife import Array, Estimate
from ensemble.sweep.sweep import format_point
from ensemble.sweep.toml_values import Value


@final
@dataclass(frozen=True)
class PointCurve:
    """The curve at one point of a store."""

    point: Mapping[str, Value]
    """Values of the axes at the point."""
    count: int
    """Number of realizations."""
    curve: Estimate
    """The curve (x,) or number (), with its values without each block."""


@final
@dataclass(frozen=True)
class CurveFamily:
    """One observable at several points."""

    dim: str
    """Name of the coordinate of the curves, such as t; empty if the observable is a number."""
    x: Array
    """Values of this coordinate; empty if the observable is a number."""
    members: tuple[PointCurve, ...]
    """The curves at all points with two realizations or more."""
    missing: tuple[str, ...] = ()
    """One sentence for each point that cannot be used, with the reason."""

    @classmethod
    def of(cls, blocks: xr.Dataset, observable: str) -> Self:
        """The family of an observable in a Dataset of `block_means`."""
        rest = [str(dim) for dim in blocks[observable].dims if dim not in (*blocks["count"].dims, "block")]
        dim = coordinate(observable, rest, blocks[observable].dtype)
        return cls.made(
            blocks,
            lambda _, one: Estimate.of_blocks(one[observable].to_numpy(), one["block_size"].to_numpy()),
            dim,
            blocks[dim].to_numpy() if dim else (),
        )

    @classmethod
    def made(
        cls,
        blocks: xr.Dataset,
        estimate: Callable[[Mapping[str, Value], xr.Dataset], Estimate],
        dim: str = "",
        x: ArrayLike = (),
    ) -> Self:
        """The family of curves that `estimate` computes from a point and the block means at this point.

        The curves are functions of the coordinate `dim` with values `x`, or numbers if `dim` is empty.
        """
        axes = [str(dim) for dim in blocks["count"].dims]
        members, missing = [], []
        for cell in np.ndindex(*blocks["count"].shape):
            one = blocks.isel(dict(zip(axes, cell, strict=True)))
            point = {axis: one[axis].item() for axis in axes}
            count = int(one["count"])
            if count > 1:
                members.append(PointCurve(point, count, estimate(point, one)))
            elif count:
                missing.append(f"{format_point(point)}: one realization has no error")
        return cls(dim, _numbers(dim, x), tuple(members), tuple(missing))

    def __iter__(self) -> Iterator[PointCurve]:
        return iter(self.members)

    def at(self, point: Mapping[str, Value]) -> PointCurve | None:
        """The first member with these values of axes; axes that are not named may have any value."""
        return next((each for each in self.members if point.items() <= each.point.items()), None)

    def changed(self, change: Callable[[PointCurve], Estimate]) -> Self:
        """The same points, with a quantity computed from each member."""
        return replace(self, members=tuple(replace(each, curve=change(each)) for each in self.members))

    def without(self, point: Mapping[str, Value]) -> Self:
        """The family without the members that have these values of axes."""
        return replace(self, members=tuple(each for each in self.members if not point.items() <= each.point.items()))


def coordinate(name: str, dims: Sequence[str], dtype: DTypeLike = np.float64) -> str:
    """The coordinate of a curve, or "" for a number; an error if the observable is neither."""
    complex_ = np.dtype(dtype).kind == "c"
    if complex_ or len(dims) > 1:
        kind = "complex" if complex_ else f"a function of {', '.join(dims)}"
        raise FitError(f"a curve must be real, and a function of one coordinate or a number: {name} is {kind}")
    return dims[0] if dims else ""


def _numbers(dim: str, x: ArrayLike) -> Array:
    """The values of a coordinate as floats; an error if they are not numbers."""
    values = np.asarray(x)
    if values.dtype.kind not in "iuf":
        raise FitError(f"a curve must be a function of a number, but {dim} is none: it has {values[:1].tolist()}")
    return values.astype(np.float64)
