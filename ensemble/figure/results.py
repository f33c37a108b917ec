"""What a figure shows, in numbers: curves with their errors, the laws that fit them, and claims beside them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
from distributed import Client

from ensemble.errors import EnsembleError, FigureError, cure
from ensemble.figure.check import check
from ensemble.figure.claims import Compared, compared
from ensemble.figure.curves import Labels, read_curves
from ensemble.figure.declaration import Declaration
from ensemble.figure.parts import COLLAPSE, Derivation, FitPart, SizeLaw
from ensemble.fit import Fit, Window
from ensemble.fit.collapse import collapse
from ensemble.fit.families import Fitted, across, fit_each
from ensemble.fit.family import Family
from ensemble.fit.told import doubts
from ensemble.models import catalog
from ensemble.reduce import audit
from ensemble.sweep import Sweep, told_point
from ensemble.together import Together
from ensemble.values import Value


@final
@dataclass(frozen=True)
class Result:
    """A figure at one scale, ready to be drawn, told and saved."""

    declaration: Declaration
    scale: str
    families: Mapping[str, Family]
    """The curves by name."""
    labels: Mapping[str, Labels]
    """What the curves are."""
    coords: Mapping[str, Labels]
    """What axes, times and other coordinates are."""
    fitted: Mapping[str, tuple[Fitted, ...]]
    """Fits, laws and derived quantities by name."""
    compared: tuple[Compared, ...]
    """The claims, and what came out."""
    handfuls: tuple[str, ...] = ()
    """The plateaus that rest on a handful of realizations."""

    @property
    def together(self) -> Together:
        """The axes that vary together in its sweeps."""
        return self.declaration.together(self.scale)

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
    families: dict[str, Family] = {}
    labels: dict[str, Labels] = {}
    coords: dict[str, Labels] = {}
    for name, family, label, along in read_curves(declaration, scale, folder, client):
        families[name], labels[name] = family, label
        coords |= along
    fitted = _fitted(declaration, families, scale)
    claims = tuple(each for claim in declaration.published for each in compared(claim, fitted[claim.of]))
    plateaus = dict.fromkeys(fit.of for fit in declaration.fits.values() if fit.law == "plateau")
    weak = tuple(
        line for name in plateaus for line in _handfuls(declaration, scale, folder, name, families[name], client)
    )
    return Result(declaration, scale, families, labels, coords, fitted, claims, weak)


def _fitted(declaration: Declaration, families: Mapping[str, Family], scale: str) -> dict[str, tuple[Fitted, ...]]:
    """Every fit of the curves, every law of the size, every derived quantity."""
    together = declaration.together(scale)
    fitted: dict[str, tuple[Fitted, ...]] = {}
    for name, fit in declaration.fits.items():
        try:
            fitted[name] = tuple(_fits(families[fit.of], fit))
        except (EnsembleError, TypeError) as error:
            raise FigureError(f"[fits.{name}] of {declaration.name}: {error}") from error
    for name, law in declaration.laws.items():
        try:
            options = {"least": law.least, "most": law.most, "together": together, **law.options}
            if law.power:
                options["given"] = partial(_power, law, declaration.sweep_of(name).at(scale))
            fitted[name] = across(fitted[law.of], law.over, law.law, law.parameter, **options)
        except (EnsembleError, TypeError) as error:
            raise FigureError(f"[laws.{name}] of {declaration.name}: {error}") from error
    for name, derivation in declaration.derived.items():
        fitted[name] = tuple(derive(derivation, f"[derived.{name}] of {declaration.name}"))
    return fitted


def _power(law: SizeLaw, sweep: Sweep, point: Mapping[str, Value]) -> dict[str, float]:
    """The power of a correction at a point of the other axes, as the model has it."""
    found = {value for where, value in derived_at(law.power, sweep) if point.items() <= where.items()}
    if len(found) != 1:
        raise FigureError(f"{law.power} must be the same for all {law.over}, for it is the power of a correction")
    return {"power": found.pop()}


def derived_at(name: str, sweep: Sweep) -> Iterator[tuple[Mapping[str, Value], float]]:
    """A derived quantity at every point of a sweep."""
    quantity = sweep.model.derived[name].value
    yield from ((dict(each.values), quantity(each.model)) for each in sweep.points)


def _handfuls(
    declaration: Declaration, scale: str, folder: Path, name: str, family: Family, client: Client | None
) -> Iterator[str]:
    """A line for every plateau of a family that rests on a handful of realizations."""
    curve = declaration.curves[name]
    part = declaration.sweeps[curve.sweep]
    asked = part.at(scale)
    if curve.observable not in asked.observables:
        return  # a quantity of means has no share of any realization
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
                deviation = collapse(family.x, member.curve, reference.curve, speed=float(member.point[axis]) / unit)
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
