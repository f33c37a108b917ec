"""Evaluate a figure: curves with errors, fitted laws, and comparisons with published values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
from distributed import Client

from ensemble.errors import EnsembleError, FigureError, remedy
from ensemble.fit import Fit, Window
from ensemble.fit.collapse import collapse
from ensemble.fit.curve_family import CurveFamily
from ensemble.fit.fit_tables import warning_lines
from ensemble.fit.store_fits import PointFit, fit_across, fit_each
from ensemble.models import catalog
from ensemble.plot.figure.check import check
from ensemble.plot.figure.claims import ClaimCheck, check_claims
from ensemble.plot.figure.curves import Labels, read_curves
from ensemble.plot.figure.declaration import Declaration
from ensemble.plot.figure.parts import COLLAPSE, DerivedValues, FitPart, SizeLaw
from ensemble.reduce import rare_realizations
from ensemble.sweep.sweep import Sweep, format_point
from ensemble.sweep.toml_values import Value
from ensemble.sweep.zipped_axes import ZippedAxes


@final
@dataclass(frozen=True)
class Result:
    """The numbers of a figure at one scale.

    Parameters
    ----------
    declaration
        The figure.
    scale
        The scale.
    families
        Curves by name; a family has one curve for each point.
    labels
        `long_name` and `units` of the curves, by name.
    coords
        `long_name` and `units` of axes, times and other coordinates, by name.
    fitted
        Fits, laws and derived values by name, one for each point.
    compared
        Comparisons with published values.
    handfuls
        Warnings about plateaus that few realizations dominate.
    """

    declaration: Declaration
    """The figure."""
    scale: str
    """The scale."""
    families: Mapping[str, CurveFamily]
    """Curves by name; a family has one curve for each point."""
    labels: Mapping[str, Labels]
    """`long_name` and `units` of the curves, by name."""
    coords: Mapping[str, Labels]
    """`long_name` and `units` of axes, times and other coordinates, by name."""
    fitted: Mapping[str, tuple[PointFit, ...]]
    """Fits, laws and derived values by name, one for each point."""
    compared: tuple[ClaimCheck, ...]
    """Comparisons with published values."""
    handfuls: tuple[str, ...] = ()
    """Warnings about plateaus that few realizations dominate: fewer than 10 and than 10 % carry half of the weight."""

    @property
    def zipped_axes(self) -> ZippedAxes:
        """The zipped axes of its sweeps."""
        return self.declaration.zipped_axes(self.scale)

    @property
    def warnings(self) -> Iterator[str]:
        """Yield all warnings, one line each: rare realizations, points without errors, and warnings of fits."""
        yield from self.handfuls
        for name, family in self.families.items():
            yield from (f"{name}, {each}" for each in family.missing)
        for name, fits in self.fitted.items():
            yield from (f"{name}, {each}" for each in warning_lines(fits))


def evaluate(declaration: Declaration, scale: str, folder: Path, client: Client | None = None) -> Result:
    """Compute the averages, fits and comparisons of a figure from the realizations in its stores.

    Parameters
    ----------
    declaration
        The figure.
    scale
        One of its scales; its sweeps must have been run.
    folder
        Folder of the stores.
    client
        Dask client that computes the averages. Default: compute in this process.

    Returns
    -------
    Result
        The numbers of the figure.

    Raises
    ------
    FigureError
        If the declaration is invalid, or a fit is impossible.
    StoreError
        If a store does not exist or cannot be read.
    """
    check(declaration, scale)
    families: dict[str, CurveFamily] = {}
    labels: dict[str, Labels] = {}
    coords: dict[str, Labels] = {}
    for name, family, label, coordinates in read_curves(declaration, scale, folder, client):
        families[name], labels[name] = family, label
        coords |= coordinates
    fitted = _fit_all(declaration, families, scale)
    claims = tuple(each for claim in declaration.published for each in check_claims(claim, fitted[claim.of]))
    plateaus = dict.fromkeys(fit.of for fit in declaration.fits.values() if fit.law == "plateau")
    rare = tuple(
        line for name in plateaus for line in _rare_warnings(declaration, scale, folder, name, families[name], client)
    )
    return Result(declaration, scale, families, labels, coords, fitted, claims, rare)


def _fit_all(
    declaration: Declaration, families: Mapping[str, CurveFamily], scale: str
) -> dict[str, tuple[PointFit, ...]]:
    """Fit all laws to curves, then all laws of the system size, and evaluate all derived values."""
    zipped_axes = declaration.zipped_axes(scale)
    fitted: dict[str, tuple[PointFit, ...]] = {}
    for name, fit in declaration.fits.items():
        try:
            fitted[name] = tuple(_fit_family(families[fit.of], fit))
        except (EnsembleError, TypeError) as error:
            raise FigureError(f"[fits.{name}] of {declaration.name}: {error}") from error
    for name, law in declaration.laws.items():
        try:
            options = {"smallest": law.min, "largest": law.max, "zipped_axes": zipped_axes, **law.options}
            if law.power:
                options["given"] = partial(_power, law, declaration.sweep_of(name).at(scale))
            fitted[name] = fit_across(fitted[law.of], law.over, law.law, law.parameter, **options)
        except (EnsembleError, TypeError) as error:
            raise FigureError(f"[laws.{name}] of {declaration.name}: {error}") from error
    for name, derivation in declaration.derived.items():
        fitted[name] = tuple(derive(derivation, f"[derived.{name}] of {declaration.name}"))
    return fitted


def _power(law: SizeLaw, sweep: Sweep, point: Mapping[str, Value]) -> dict[str, float]:
    """Return the power of a correction at a point, from a function of parameters; it must not depend on the size."""
    powers = {value for values, value in derived_at(law.power, sweep) if point.items() <= values.items()}
    if len(powers) != 1:
        raise FigureError(f"{law.power} must be the same for all {law.over}, for it is the power of a correction")
    return {"power": powers.pop()}


def derived_at(name: str, sweep: Sweep) -> Iterator[tuple[Mapping[str, Value], float]]:
    """Yield the values and the function of parameters at every point of a sweep."""
    quantity = sweep.model.functions_of_parameters[name].value
    yield from ((dict(each.values), quantity(each.model)) for each in sweep.points)


def _rare_warnings(
    declaration: Declaration, scale: str, folder: Path, name: str, family: CurveFamily, client: Client | None
) -> Iterator[str]:
    """Yield a warning for every plateau in which few realizations carry half of the weight."""
    curve = declaration.curves[name]
    part = declaration.sweeps[curve.sweep]
    sweep = part.at(scale)
    if curve.observable not in sweep.observables:
        return  # a function of means has no weight for each realization
    weights = rare_realizations(
        folder / part.store, curve.observable, select=sweep.axes, realizations=sweep.realizations, client=client
    )
    for member in family:
        weight = weights.sel(dict(member.point))
        if weight["handful"].item():
            warning = f"half of the plateau comes from {weight['half'].item()} of {member.count} realizations"
            yield f"{name}, {format_point(member.point)}: {warning}"


def _fit_family(family: CurveFamily, fit: FitPart) -> Iterator[PointFit]:
    """Fit a law to every curve of a family."""
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
                yield PointFit(member.point, member.count, COLLAPSE, deviation)


def derive(derivation: DerivedValues, where: str) -> Iterator[PointFit]:
    """Yield the functions of parameters of every preset, as a `PointFit` without errors."""
    model = catalog.find(derivation.model)
    for quantity in derivation.quantities:
        if quantity not in model.functions_of_parameters:
            hint = remedy(quantity, model.functions_of_parameters, "it has")
            raise FigureError(f"{where}: the quantity must be one that {model.__name__} has, got {quantity!r}: {hint}")
    for preset in derivation.presets:
        one = model.with_preset(preset, **derivation.fixed)
        values = {name: model.functions_of_parameters[name].value(one) for name in derivation.quantities}
        nan = float("nan")
        exact = dict.fromkeys(values, 0.0)
        fit = Fit("derived", values, exact, Window(nan, nan, 0), nan, 0, nan, np.empty(0))
        yield PointFit({"preset": preset}, 0, "derived", fit)
