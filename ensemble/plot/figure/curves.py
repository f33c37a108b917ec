"""Read the curves of a figure from its stores, and transform them as the declaration says.

The observables of all curves of a sweep are read once, with the same realizations in the same blocks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import xarray as xr
from distributed import Client

from ensemble.errors import EnsembleError, FigureError
from ensemble.fit import Estimate
from ensemble.fit.curve_family import CurveFamily, PointCurve, coordinate
from ensemble.fit.infinite_size import infinite_size_curve
from ensemble.fit.stretched import relative
from ensemble.plot.figure.declaration import Declaration
from ensemble.plot.figure.parts import Curve
from ensemble.reduce import block_means
from ensemble.reduce.function_values import FunctionValues
from ensemble.sweep.sweep import Sweep, format_point

Labels = Mapping[str, str]
"""`long_name` and `units`."""


@final
@dataclass(frozen=True)
class _SweepBlocks:
    """Block means of all observables that the curves of one sweep need."""

    store: Path
    """The store of the sweep."""
    sweep: Sweep
    """The sweep at the scale of the figure."""
    blocks: xr.Dataset
    """Block means over the axes of the sweep."""

    def curve(self, curve: Curve) -> tuple[CurveFamily, Labels, dict[str, Labels]]:
        """Return one curve at all points, its labels, and the labels of its coordinates."""
        blocks = _selected(self.blocks, curve.select)
        coords: dict[str, Labels] = {str(axis): dict(coord.attrs) for axis, coord in self.blocks.coords.items()}
        if curve.observable in self.sweep.observables:
            family, attrs = CurveFamily.of(blocks, curve.observable), blocks[curve.observable].attrs
            long_name, units = attrs["long_name"].removesuffix(" of a block"), attrs["units"]
        else:
            function = FunctionValues.of(self.store, curve.observable, self.sweep.model)
            dim = coordinate(curve.observable, function.kind.dims)
            family = CurveFamily.made(blocks, function.estimate, dim, function.coords[dim] if dim else ())
            long_name, units = function.kind.long_name, function.kind.units
            coords |= {axis: dict(coord.attrs) for axis, coord in function.coords.items()}
        if curve.minus:
            long_name = f"{long_name}, less that at {format_point(curve.minus)}"
        if curve.infinite:
            long_name = f"{long_name}, {curve.infinite} → ∞"
        return _transformed(family, curve), {"long_name": long_name, "units": units}, coords


def made_of(sweep: Sweep, name: str) -> tuple[str, ...]:
    """Return the observables that a curve needs: itself, or the observables of a function of means."""
    return (name,) if name in sweep.observables else sweep.model.functions_of_means[name].of


def read_curves(
    declaration: Declaration, scale: str, folder: Path, client: Client | None
) -> Iterator[tuple[str, CurveFamily, Labels, dict[str, Labels]]]:
    """Yield every curve of a figure: name, values with errors at all points, labels, and labels of the coordinates."""
    blocks: dict[str, _SweepBlocks] = {}
    for name, curve in declaration.curves.items():
        try:
            if curve.sweep not in blocks:
                blocks[curve.sweep] = _read_sweep(declaration, curve.sweep, scale, folder, client)
            yield name, *blocks[curve.sweep].curve(curve)
        except EnsembleError as error:
            raise type(error)(f"[curves.{name}] of {declaration.name}: {error}") from error


def _read_sweep(declaration: Declaration, name: str, scale: str, folder: Path, client: Client | None) -> _SweepBlocks:
    """Read the block means of all observables that the curves of one sweep need."""
    part = declaration.sweeps[name]
    store, sweep = folder / part.store, part.at(scale)
    names = (curve.observable for curve in declaration.curves.values() if curve.sweep == name)
    needed = dict.fromkeys(each for observable in names for each in made_of(sweep, observable))
    blocks = block_means(store, [*needed], select=sweep.axes, realizations=sweep.realizations, client=client)
    return _SweepBlocks(store, sweep, _without_other_points(blocks, sweep))


def _without_other_points(blocks: xr.Dataset, sweep: Sweep) -> xr.Dataset:
    """Set the count of grid points that are not in the sweep to 0; other sweeps may have computed them."""
    if not sweep.zipped_axes:
        return blocks
    in_sweep = xr.zeros_like(blocks["count"], dtype=bool)
    for point in sweep.points:
        in_sweep.loc[dict(point.values)] = True
    return blocks.assign(count=blocks["count"].where(in_sweep, 0))


def _selected(blocks: xr.Dataset, select: Mapping[str, Any]) -> xr.Dataset:
    """Return the block means at the selected values of axes."""
    for axis, values in select.items():
        chosen = values if isinstance(values, list) else [values]
        available = blocks[axis].values.tolist()
        if not any(value in chosen for value in available):
            raise FigureError(
                f"the selected {axis} must be some that the sweep has, got {chosen}: they are {available}"
            )
        blocks = blocks.isel({axis: [i for i, value in enumerate(available) if value in chosen]})
    return blocks


def _transformed(family: CurveFamily, curve: Curve) -> CurveFamily:
    """Apply the transformations of a curve: divide by a reference, subtract one, divide by an axis, extrapolate."""
    if not family.members:
        raise FigureError("at least one point must have two realizations or more, but none has; run the sweep")
    reference = family
    if curve.relative_to:
        family = family.changed(lambda each: _ratio(reference, each, curve.relative_to))
    if curve.minus:
        family = family.without(curve.minus).changed(lambda each: _difference(reference, each, curve.minus))
        if not family.members:
            raise FigureError(f"a difference needs points other than its reference, {format_point(curve.minus)}")
    if curve.per:
        family = family.changed(lambda each: _divided(each.curve, float(each.point[curve.per])))
    return infinite_size_curve(family, curve.infinite, curve.order) if curve.infinite else family


def _ratio(family: CurveFamily, member: PointCurve, change: Mapping[str, Any]) -> Estimate:
    reference = _reference_of(family, member, change, "to be divided by")
    return relative(family.x, member.curve, reference.curve)[0]


def _difference(family: CurveFamily, member: PointCurve, change: Mapping[str, Any]) -> Estimate:
    return member.curve.less(_reference_of(family, member, change, "to be subtracted").curve)


def _reference_of(family: CurveFamily, member: PointCurve, change: Mapping[str, Any], purpose: str) -> PointCurve:
    """Return the reference of a point; raise a `FigureError` if it does not exist."""
    reference = family.at({**member.point, **change})
    if reference is None:
        raise FigureError(f"{format_point(member.point)} needs the point with {format_point(change)} {purpose}")
    return reference


def _divided(curve: Estimate, divisor: float) -> Estimate:
    return replace(curve, value=curve.value / divisor, without=curve.without / divisor)
