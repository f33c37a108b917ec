"""A family of curves: one observable, or a quantity of means, at many points of a store, each with its blocks.

A curve is a function of one number, such as the time or a frequency; what is a number at every point is a family too.
A point that has no error, since it has a single realization, is not left out in silence: it is in `missing`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, DTypeLike

from ensemble.errors import FitError
from ensemble.fit.jackknife import Array, Estimate
from ensemble.sweep import told_point
from ensemble.values import Value


@final
@dataclass(frozen=True)
class Member:
    """One point of a store: where it is, how many realizations it has, and what they say."""

    point: Mapping[str, Value]
    count: int
    curve: Estimate


@final
@dataclass(frozen=True)
class Family:
    """One observable at several points."""

    dim: str
    """What the curves are functions of, such as t; empty for what is a number."""
    x: Array
    """The values of that coordinate; none for a number."""
    members: tuple[Member, ...]
    missing: tuple[str, ...] = ()
    """The points that cannot be used, and why, a sentence each."""

    @classmethod
    def of(cls, blocks: xr.Dataset, observable: str) -> Self:
        """The family of an observable that a Dataset of block means holds."""
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
        """The family of what is made of a point and its part of the block means, over a coordinate or a number."""
        axes = [str(dim) for dim in blocks["count"].dims]
        members, missing = [], []
        for cell in np.ndindex(*blocks["count"].shape):
            one = blocks.isel(dict(zip(axes, cell, strict=True)))
            point = {axis: one[axis].item() for axis in axes}
            count = int(one["count"])
            if count > 1:
                members.append(Member(point, count, estimate(point, one)))
            elif count:
                missing.append(f"{told_point(point)}: one realization has no error")
        return cls(dim, _numbers(dim, x), tuple(members), tuple(missing))

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def at(self, point: Mapping[str, Value]) -> Member | None:
        """The member at a point; axes that are not named may have any value."""
        return next((each for each in self.members if point.items() <= each.point.items()), None)

    def changed(self, change: Callable[[Member], Estimate]) -> Self:
        """The same points, with a quantity that is derived from each curve."""
        return replace(self, members=tuple(replace(each, curve=change(each)) for each in self.members))

    def without(self, point: Mapping[str, Value]) -> Self:
        """The members that differ from a point in one of the axes that it names."""
        return replace(self, members=tuple(each for each in self.members if not point.items() <= each.point.items()))


def coordinate(name: str, dims: Sequence[str], dtype: DTypeLike = np.float64) -> str:
    """The coordinate that a curve is a function of; "" for a number; what is neither is refused."""
    complex_ = np.dtype(dtype).kind == "c"
    if complex_ or len(dims) > 1:
        told = "complex" if complex_ else f"a function of {', '.join(dims)}"
        raise FitError(f"a curve must be real, and a function of one coordinate or a number: {name} is {told}")
    return dims[0] if dims else ""


def _numbers(dim: str, x: ArrayLike) -> Array:
    """The values of a coordinate, which must be numbers."""
    values = np.asarray(x)
    if values.dtype.kind not in "iuf":
        raise FitError(f"a curve must be a function of a number, but {dim} is none: it has {values[:1].tolist()}")
    return values.astype(np.float64)
