"""What can be told of a figure before anything is computed: that its observables, axes and parameters are there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ensemble.errors import FigureError, FitError, cure
from ensemble.figure.declaration import Declaration
from ensemble.figure.parts import COLLAPSE, Curve, FitPart
from ensemble.fit import families
from ensemble.fit.families import MEAN, PARAMETERS, SIZE_PARAMETERS
from ensemble.fit.family import coordinate
from ensemble.sweep import Sweep, told_point
from ensemble.together import left_out

Axes: TypeAlias = Mapping[str, Collection[Any]]
"""The values of each axis of a curve."""


def check(declaration: Declaration, scale: str) -> None:
    """Refuse an observable that a sweep does not ask for, and an axis that a curve, fit or law does not have.

    A claim may be about a point that this scale leaves out, but not about one that no scale has.
    """
    asked = {name: part.at(scale) for name, part in declaration.sweeps.items()}
    anywhere = {name: [part.at(each) for each in part.scales] for name, part in declaration.sweeps.items()}
    curves: dict[str, Axes] = {}
    dims: dict[str, str] = {}
    for name, curve in declaration.curves.items():
        sweep, where = asked[curve.sweep], f"[curves.{name}] of {declaration.name}"
        dims[name] = _dim(curve, sweep, where)
        sizes = [axis for axis in (curve.per, curve.infinite) if axis]
        _along((*curve.select, *curve.relative_to, *curve.minus, *sizes), sweep.axes, where)
        _numeric(sizes, sweep.axes, where)
        curves[name] = {axis: values for axis, values in sweep.axes.items() if axis != curve.infinite}
        _there(curve.minus, [sweep], f"{where}: minus")
        for change in (curve.minus, curve.relative_to):
            _whole(change, sweep, where)
    fitted: dict[str, Collection[str]] = {name: ["preset"] for name in declaration.derived}
    for name, fit in declaration.fits.items():
        where = f"[fits.{name}] of {declaration.name}"
        fitted[name] = curves[fit.of]
        _along((*fit.reference, *fit.clock), fitted[name], where)
        _whole(fit.reference, asked[declaration.curves[fit.of].sweep], where)
        _numeric(fit.clock, curves[fit.of], where)
        if fit == FitPart(name, MEAN) and dims[name]:
            raise FigureError(
                f"[curves.{name}] of {declaration.name} must be a number, for it is drawn or claimed as it is, "
                f"but it is a function of {dims[name]}"
            )
        _suits(fit, dims[fit.of], where)
    for name, law in declaration.laws.items():
        where, sweep = f"[laws.{name}] of {declaration.name}", declaration.sweep_of(law.of).at(scale)
        _along([law.over], fitted[law.of], where)
        _derives([law.power] if law.power else [], sweep, f"{where}: power")
        together = sweep.together
        along = next((names for names in together if law.over in names), (law.over,))
        fitted[name] = [axis for axis in fitted[law.of] if axis not in along]
        _gives(law.parameter, law.of, declaration, where)
    _check_panels(declaration, scale, curves, dims, fitted)
    _check_claims(declaration, curves, anywhere, fitted)


def _check_panels(
    declaration: Declaration,
    scale: str,
    curves: Mapping[str, Axes],
    dims: Mapping[str, str],
    fitted: Mapping[str, Collection[str]],
) -> None:
    """Refuse panels that name axes, parameters or derived quantities which what they draw does not have."""
    for number, panel in enumerate(declaration.panels, start=1):
        where = f"panel {number} of {declaration.name}"
        _together({name: dims[name] for name in panel.curves}, where)
        for name in panel.curves:
            _along((*panel.show, *panel.clock), curves[name], where)
            _numeric(panel.clock, curves[name], where)
        for name in panel.fits:
            _along((*panel.show, *panel.clock), fitted[name], where)
        for name in panel.values:
            _along((*panel.show, panel.over), fitted[name], where)
            _numeric([panel.over] if panel.inverse else [], declaration.sweep_of(name).at(scale).axes, where)
            _gives(panel.parameter, name, declaration, where)
            _derives(panel.theory, declaration.sweep_of(name).at(scale), f"{where}: theory")


def _check_claims(
    declaration: Declaration,
    curves: Mapping[str, Axes],
    anywhere: Mapping[str, Sequence[Sweep]],
    fitted: Mapping[str, Collection[str]],
) -> None:
    """Refuse claims on what no scale has."""
    for claim in declaration.published:
        where = f"published {claim.claim!r} of {declaration.name}"
        _gives(claim.parameter, claim.of, declaration, where)
        over = [claim.over] if claim.statistic == "trend" else []
        _along((*claim.at, *claim.to, *over), fitted[claim.of], where)
        if claim.of in declaration.fits:
            of = declaration.fits[claim.of].of
            _numeric(over, curves[of], where)
            for point in (claim.at, claim.to):
                _there(point, anywhere[declaration.curves[of].sweep], f"{where}: its point")


def _dim(curve: Curve, sweep: Sweep, where: str) -> str:
    """What a curve is a function of, such as t; "" for a number."""
    name, made = curve.observable, sweep.model.of_means
    if name not in (*sweep.observables, *made):
        told = cure(name, (*sweep.observables, *made), "they are")
        raise FigureError(f"{where}: the observable must be one of its sweep, got {name!r}: {told}")
    if name in sweep.observables:
        dims, dtype = sweep.observables[name].dims, sweep.observables[name].dtype
    else:
        dims, dtype = made[name].dims, "float64"
        for each in made[name].of:
            if each not in sweep.observables:
                raise FigureError(
                    f"{where}: {name} is made of means of its sweep, which must have {each} among its observables: "
                    f"they are {', '.join(sweep.observables)}"
                )
    try:
        dim = coordinate(name, dims, dtype)
    except FitError as error:
        raise FigureError(f"{where}: {error}") from error
    if curve.relative_to and dim != "t":
        raise FigureError(f"{where}: relative_to divides by a plateau, so {name} must be a function of t")
    return dim


def _suits(fit: FitPart, dim: str, where: str) -> None:
    """Refuse a law for what does not follow it."""
    try:
        curve = families.is_curve(fit.of, [dim] if dim else [], "float64", fit.law)
        if fit.law != COLLAPSE:
            families.check(fit.law, curve, reference=bool(fit.reference), window=fit.window is not None)
        elif not curve:
            raise FitError(f"the law must suit the observable, got {COLLAPSE} for a number: its law is mean")
    except FitError as error:
        raise FigureError(f"{where}: {error}") from error


def _together(dims: Mapping[str, str], where: str) -> None:
    """Refuse curves of one panel that have no coordinate in common."""
    for name, dim in dims.items():
        if not dim:
            raise FigureError(f"{where} needs functions of a coordinate, but {name} is a number: fit its mean")
    if len(set(dims.values())) > 1:
        told = ", ".join(f"{name} is one of {dim}" for name, dim in dims.items())
        raise FigureError(f"{where} needs functions of the same coordinate, but {told}")


def _numeric(named: Iterable[str], axes: Mapping[str, Collection[Any]], where: str) -> None:
    """Refuse to divide by, to run a clock with, or to take the logarithm of what is no number."""
    for axis in named:
        if wrong := [value for value in axes[axis] if isinstance(value, bool | str)]:
            raise FigureError(f"{where} needs {axis} to be a number, but it has {wrong[0]!r}")


def _there(point: Mapping[str, Any], sweeps: Sequence[Sweep], where: str) -> None:
    """Refuse values of axes that no point of some scales of a sweep has."""
    for axis, value in point.items():
        values = dict.fromkeys(each for sweep in sweeps for each in sweep.axes[axis])
        if value not in values:
            told = ", ".join(map(repr, values))
            raise FigureError(f"{where} must be a point of the sweep, got {axis} = {value!r}: it has {told}")
    if point and not any(sweep.holds(point) for sweep in sweeps):
        raise FigureError(f"{where} must be a point of the sweep, got {told_point(point)}: these do not go together")


def _whole(change: Mapping[str, Any], sweep: Sweep, where: str) -> None:
    """Refuse to change one of the axes that vary together and not the others: that leads off the path."""
    if left := left_out(change, sweep.together):
        told = told_point(change)
        raise FigureError(f"{where}: {told} must name all axes that vary together, but {left} is missing")


def _derives(named: Iterable[str], sweep: Sweep, where: str) -> None:
    """Refuse what does not follow from the parameters of the model."""
    for name in named:
        if name not in (known := sweep.model.derived):
            told = cure(name, known, "it has") if known else "it has none"
            raise FigureError(f"{where} must be a derived quantity of the model, got {name!r}: {told}")


def _along(named: Iterable[str], axes: Collection[str], where: str) -> None:
    for axis in named:
        if axis not in axes:
            raise FigureError(f"{where} must name axes that are there, got {axis!r}: {cure(axis, axes, 'they are')}")


def _gives(parameter: str, part: str, declaration: Declaration, where: str) -> None:
    if part in declaration.derived:
        known: Collection[str] = declaration.derived[part].quantities
    elif part in declaration.laws:
        known = SIZE_PARAMETERS[declaration.laws[part].law]
    else:
        law = declaration.fits[part].law
        known = ("deviation",) if law == COLLAPSE else PARAMETERS[law]
    if parameter not in known:
        told = cure(parameter, known, "it gives")
        raise FigureError(f"{where} must name a parameter that {part} gives, got {parameter!r}: {told}")
