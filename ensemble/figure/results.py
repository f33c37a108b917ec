"""What a figure shows, in numbers: curves with their errors, the laws that fit them, and claims beside them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import xarray as xr
from distributed import Client

from ensemble.errors import EnsembleError, FigureError, cure
from ensemble.figure.check import check
from ensemble.figure.claims import Compared, compared
from ensemble.figure.declaration import Declaration
from ensemble.figure.parts import COLLAPSE, Curve, Derivation, FitPart
from ensemble.fit import Estimate, Fit, Window
from ensemble.fit.collapse import collapse
from ensemble.fit.families import Family, Fitted, Member, across, fit_each
from ensemble.fit.stretched import relative
from ensemble.fit.told import doubts
from ensemble.models import catalog
from ensemble.reduce import audit, block_means
from ensemble.sweep import told_point


@final
@dataclass(frozen=True)
class Result:
    """A figure at one scale, ready to be drawn, told and saved."""

    declaration: Declaration
    scale: str
    families: Mapping[str, Family]
    """The curves by name."""
    labels: Mapping[str, Mapping[str, str]]
    """`long_name` and `units` of what the curves are."""
    coords: Mapping[str, Mapping[str, str]]
    """The same of axes and times."""
    fitted: Mapping[str, tuple[Fitted, ...]]
    """Fits, laws and derived quantities by name."""
    compared: tuple[Compared, ...]
    """The claims, and what came out."""
    handfuls: tuple[str, ...] = ()
    """The plateaus that rest on a handful of realizations."""

    @property
    def warnings(self) -> Iterator[str]:
        """What to be wary of, a line each."""
        yield from self.handfuls
        for name, family in self.families.items():
            yield from (f"{name}, {each}" for each in family.missing)
        for name, fits in self.fitted.items():
            yield from (f"{name}, {each}" for each in doubts(fits))


def evaluate(declaration: Declaration, scale: str, folder: Path, client: Client | None = None) -> Result:
    """Reduce the stores of a figure, and fit what it declares; the sweeps must have been run."""
    check(declaration, scale)
    families, labels, coords = _reduced(declaration, scale, folder, client)
    fitted = _fitted(declaration, families)
    claims = tuple(each for claim in declaration.published for each in compared(claim, fitted[claim.of]))
    plateaus = dict.fromkeys(fit.of for fit in declaration.fits.values() if fit.law == "plateau")
    weak = tuple(
        line for name in plateaus for line in _handfuls(declaration, scale, folder, name, families[name], client)
    )
    return Result(declaration, scale, families, labels, coords, fitted, claims, weak)


_Labels = dict[str, Mapping[str, str]]


def _reduced(
    declaration: Declaration, scale: str, folder: Path, client: Client | None
) -> tuple[dict[str, Family], _Labels, _Labels]:
    """The curves of a figure, what they are, and what their coordinates are; each observable is read once."""
    blocks: dict[tuple[str, str], xr.Dataset] = {}
    families: dict[str, Family] = {}
    labels: _Labels = {}
    coords: _Labels = {}
    for name, curve in declaration.curves.items():
        key = (curve.sweep, curve.observable)
        part = declaration.sweeps[curve.sweep]
        try:
            if key not in blocks:
                asked = part.at(scale)
                blocks[key] = block_means(
                    folder / part.store,
                    curve.observable,
                    select=asked.axes,
                    realizations=asked.realizations,
                    client=client,
                )
            families[name] = _family(blocks[key], curve)
        except EnsembleError as error:
            raise type(error)(f"[curves.{name}] of {declaration.name}: {error}") from error
        told = blocks[key][curve.observable].attrs
        labels[name] = {"long_name": told["long_name"].removesuffix(" of a block"), "units": told["units"]}
        coords |= {str(axis): dict(coord.attrs) for axis, coord in blocks[key].coords.items()}
    return families, labels, coords


def _fitted(declaration: Declaration, families: Mapping[str, Family]) -> dict[str, tuple[Fitted, ...]]:
    """Every fit of the curves, every law of the size, every derived quantity."""
    fitted: dict[str, tuple[Fitted, ...]] = {}
    for name, fit in declaration.fits.items():
        try:
            fitted[name] = tuple(_fits(families[fit.of], fit))
        except (EnsembleError, TypeError) as error:
            raise FigureError(f"[fits.{name}] of {declaration.name}: {error}") from error
    for name, law in declaration.laws.items():
        try:
            fitted[name] = across(
                fitted[law.of], law.over, law.law, law.parameter, least=law.least, most=law.most, **law.options
            )
        except (EnsembleError, TypeError) as error:
            raise FigureError(f"[laws.{name}] of {declaration.name}: {error}") from error
    for name, derivation in declaration.derived.items():
        fitted[name] = tuple(derive(derivation, f"[derived.{name}] of {declaration.name}"))
    return fitted


def _handfuls(
    declaration: Declaration, scale: str, folder: Path, name: str, family: Family, client: Client | None
) -> Iterator[str]:
    """A line for every plateau of a family that rests on a handful of realizations."""
    curve = declaration.curves[name]
    part = declaration.sweeps[curve.sweep]
    asked = part.at(scale)
    weights = audit(
        folder / part.store, curve.observable, select=asked.axes, realizations=asked.realizations, client=client
    )
    for member in family:
        here = weights.sel(dict(member.point))
        if here["handful"].item():
            rests = f"half of the plateau comes from {here['half'].item()} of {member.count} realizations"
            yield f"{name}, {told_point(member.point)}: {rests}"


def _fits(family: Family, fit: FitPart) -> Iterator[Fitted]:
    """A law at every member of a family."""
    if fit.law != COLLAPSE:
        yield from fit_each(family, fit.law, reference=fit.reference or None, **fit.options)
        return
    for axis, unit in fit.clock.items():
        for member in family:
            if member.point[axis] != unit:
                reference = family.at({**member.point, axis: unit})
                if reference is None:
                    raise FigureError(f"the law collapse needs the point with {axis} = {unit:g}, where time runs once")
                deviation = collapse(family.t, member.curve, reference.curve, speed=float(member.point[axis]) / unit)
                yield Fitted(member.point, member.count, COLLAPSE, deviation)


def derive(derivation: Derivation, where: str) -> Iterator[Fitted]:
    """The derived quantities of every preset, in the shape of fits."""
    model = catalog.find(derivation.model)
    for quantity in derivation.quantities:
        if quantity not in model.derived:
            told = cure(quantity, model.derived, "it has")
            raise FigureError(f"{where}: the quantity must be one that {model.__name__} has, got {quantity!r}: {told}")
    for preset in derivation.presets:
        one = model.with_preset(preset, **derivation.fixed)
        values = {name: model.derived[name].value(one) for name in derivation.quantities}
        nan = float("nan")
        exact = dict.fromkeys(values, 0.0)
        fit = Fit("derived", values, exact, Window(nan, nan, 0), nan, 0, nan, np.empty(0))
        yield Fitted({"preset": preset}, 0, "derived", fit)


def _family(blocks: xr.Dataset, curve: Curve) -> Family:
    """The curves that a declaration asks for, as it wants them."""
    for axis, values in curve.select.items():
        chosen = values if isinstance(values, list) else [values]
        there = blocks[axis].values.tolist()
        if not any(value in chosen for value in there):
            raise FigureError(f"the selected {axis} must be some that the sweep has, got {chosen}: they are {there}")
        blocks = blocks.isel({axis: [i for i, value in enumerate(there) if value in chosen]})
    family = Family.of(blocks, curve.observable)
    if not family.members:
        raise FigureError("at least one point must have two realizations or more, but none has; run the sweep")
    if curve.relative_to:
        reference = family
        family = family.changed(lambda each: _ratio(reference, each, curve.relative_to))
    if curve.per:
        family = family.changed(lambda each: _divided(each.curve, float(each.point[curve.per])))
    return family


def _ratio(family: Family, member: Member, change: Mapping[str, Any]) -> Estimate:
    other = family.at({**member.point, **change})
    if other is None:
        raise FigureError(f"{told_point(member.point)} needs the point with {told_point(change)} to be divided by")
    return relative(family.t, member.curve, other.curve)[0]


def _divided(curve: Estimate, by: float) -> Estimate:
    return replace(curve, value=curve.value / by, without=curve.without / by)
