"""The curves of a figure: what its stores hold, and what a declaration makes of it.

Of each sweep all that its curves are made of is read once, and together: the same realizations in the same blocks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import xarray as xr
from distributed import Client

from ensemble.errors import EnsembleError, FigureError
from ensemble.figure.declaration import Declaration
from ensemble.figure.parts import Curve
from ensemble.fit import Estimate
from ensemble.fit.family import Family, Member, coordinate
from ensemble.fit.infinite import infinite
from ensemble.fit.stretched import relative
from ensemble.reduce import block_means
from ensemble.reduce.quantities import Quantity
from ensemble.sweep import Sweep, told_point

Labels = Mapping[str, str]
"""`long_name` and `units`."""


@final
@dataclass(frozen=True)
class _Read:
    """What a sweep has for the curves of a figure."""

    store: Path
    sweep: Sweep
    blocks: xr.Dataset

    def curve(self, curve: Curve) -> tuple[Family, Labels, dict[str, Labels]]:
        """One of them, what it is, and what its coordinates are."""
        blocks = _selected(self.blocks, curve.select)
        coords: dict[str, Labels] = {str(axis): dict(coord.attrs) for axis, coord in self.blocks.coords.items()}
        if curve.observable in self.sweep.observables:
            family, told = Family.of(blocks, curve.observable), blocks[curve.observable].attrs
            said, units = told["long_name"].removesuffix(" of a block"), told["units"]
        else:
            quantity = Quantity.of(self.store, curve.observable, self.sweep.model)
            dim = coordinate(curve.observable, quantity.kind.dims)
            family = Family.made(blocks, quantity.estimate, dim, quantity.coords[dim] if dim else ())
            said, units = quantity.kind.long_name, quantity.kind.units
            coords |= {axis: dict(coord.attrs) for axis, coord in quantity.coords.items()}
        if curve.minus:
            said = f"{said}, less that at {told_point(curve.minus)}"
        if curve.infinite:
            said = f"{said}, {curve.infinite} → ∞"
        return _as_wanted(family, curve), {"long_name": said, "units": units}, coords


def made_of(sweep: Sweep, name: str) -> tuple[str, ...]:
    """The observables that a curve is made of: itself, or those of a quantity of means."""
    return (name,) if name in sweep.observables else sweep.model.of_means[name].of


def read_curves(
    declaration: Declaration, scale: str, folder: Path, client: Client | None
) -> Iterator[tuple[str, Family, Labels, dict[str, Labels]]]:
    """Every curve of a figure by name: at which points and with which errors, what it is, what its coordinates are."""
    read: dict[str, _Read] = {}
    for name, curve in declaration.curves.items():
        try:
            if curve.sweep not in read:
                read[curve.sweep] = _read(declaration, curve.sweep, scale, folder, client)
            yield name, *read[curve.sweep].curve(curve)
        except EnsembleError as error:
            raise type(error)(f"[curves.{name}] of {declaration.name}: {error}") from error


def _read(declaration: Declaration, name: str, scale: str, folder: Path, client: Client | None) -> _Read:
    part = declaration.sweeps[name]
    store, asked = folder / part.store, part.at(scale)
    drawn = (curve.observable for curve in declaration.curves.values() if curve.sweep == name)
    needed = dict.fromkeys(each for observable in drawn for each in made_of(asked, observable))
    blocks = block_means(store, [*needed], select=asked.axes, realizations=asked.realizations, client=client)
    return _Read(store, asked, _on_path(blocks, asked))


def _on_path(blocks: xr.Dataset, sweep: Sweep) -> xr.Dataset:
    """What a sweep asks for of the grid that its axes span: others may have asked for the rest."""
    if not sweep.together:
        return blocks
    wanted = xr.zeros_like(blocks["count"], dtype=bool)
    for point in sweep.points:
        wanted.loc[dict(point.values)] = True
    return blocks.assign(count=blocks["count"].where(wanted, 0))


def _selected(blocks: xr.Dataset, select: Mapping[str, Any]) -> xr.Dataset:
    for axis, values in select.items():
        chosen = values if isinstance(values, list) else [values]
        there = blocks[axis].values.tolist()
        if not any(value in chosen for value in there):
            raise FigureError(f"the selected {axis} must be some that the sweep has, got {chosen}: they are {there}")
        blocks = blocks.isel({axis: [i for i, value in enumerate(there) if value in chosen]})
    return blocks


def _as_wanted(family: Family, curve: Curve) -> Family:
    """The family as its declaration wants it: relative to a reference, less a reference, divided by an axis."""
    if not family.members:
        raise FigureError("at least one point must have two realizations or more, but none has; run the sweep")
    reference = family
    if curve.relative_to:
        family = family.changed(lambda each: _ratio(reference, each, curve.relative_to))
    if curve.minus:
        family = family.without(curve.minus).changed(lambda each: _difference(reference, each, curve.minus))
        if not family.members:
            raise FigureError(f"a difference needs points other than its reference, {told_point(curve.minus)}")
    if curve.per:
        family = family.changed(lambda each: _divided(each.curve, float(each.point[curve.per])))
    return infinite(family, curve.infinite, curve.order) if curve.infinite else family


def _ratio(family: Family, member: Member, change: Mapping[str, Any]) -> Estimate:
    other = _other(family, member, change, "to be divided by")
    return relative(family.x, member.curve, other.curve)[0]


def _difference(family: Family, member: Member, change: Mapping[str, Any]) -> Estimate:
    return member.curve.less(_other(family, member, change, "to be subtracted").curve)


def _other(family: Family, member: Member, change: Mapping[str, Any], purpose: str) -> Member:
    """The reference of a point."""
    other = family.at({**member.point, **change})
    if other is None:
        raise FigureError(f"{told_point(member.point)} needs the point with {told_point(change)} {purpose}")
    return other


def _divided(curve: Estimate, by: float) -> Estimate:
    return replace(curve, value=curve.value / by, without=curve.without / by)
