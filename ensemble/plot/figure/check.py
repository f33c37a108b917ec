"""Check a declared figure before anything is computed: its observables, axes and parameters must exist."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ensemble.errors import FigureError, FitError, remedy
from ensemble.fit import store_fits
from ensemble.fit.curve_family import coordinate
from ensemble.fit.store_fits import MEAN, PARAMETERS, SIZE_PARAMETERS
from ensemble.plot.figure.declaration import Declaration
from ensemble.plot.figure.parts import COLLAPSE, Curve, FitPart
from ensemble.sweep.sweep import Sweep, format_point
from ensemble.sweep.zipped_axes import dropped_axes

Axes: TypeAlias = Mapping[str, Collection[Any]]
"""The values of each axis of a curve."""


def check(declaration: Declaration, scale: str) -> None:
    """Check that every observable, axis, law and parameter of a figure exists in its sweeps.

    A published value may be about a point that this scale does not have, but another scale must have it.

    Raises
    ------
    FigureError
        If the declaration names something that does not exist or does not suit.
    """
    sweeps = {name: part.at(scale) for name, part in declaration.sweeps.items()}
    sweeps_at_all_scales = {name: [part.at(each) for each in part.scales] for name, part in declaration.sweeps.items()}
    curves: dict[str, Axes] = {}
    dims: dict[str, str] = {}
    for name, curve in declaration.curves.items():
        sweep, where = sweeps[curve.sweep], f"[curves.{name}] of {declaration.name}"
        dims[name] = _curve_coordinate(curve, sweep, where)
        sizes = [axis for axis in (curve.per, curve.infinite) if axis]
        _check_axes((*curve.select, *curve.relative_to, *curve.minus, *sizes), sweep.axes, where)
        _check_numeric(sizes, sweep.axes, where)
        curves[name] = {axis: values for axis, values in sweep.axes.items() if axis != curve.infinite}
        _check_point(curve.minus, [sweep], f"{where}: minus")
        for change in (curve.minus, curve.relative_to):
            _check_zipped(change, sweep, where)
    fit_axes: dict[str, Collection[str]] = {name: ["preset"] for name in declaration.derived}
    for name, fit in declaration.fits.items():
        where = f"[fits.{name}] of {declaration.name}"
        fit_axes[name] = curves[fit.of]
        _check_axes((*fit.reference, *fit.clock), fit_axes[name], where)
        _check_zipped(fit.reference, sweeps[declaration.curves[fit.of].sweep], where)
        _check_numeric(fit.clock, curves[fit.of], where)
        if fit == FitPart(name, MEAN) and dims[name]:
            raise FigureError(
                f"[curves.{name}] of {declaration.name} must be a number, for it is drawn or claimed as it is, "
                f"but it is a function of {dims[name]}"
            )
        _check_law(fit, dims[fit.of], where)
    for name, law in declaration.laws.items():
        where, sweep = f"[laws.{name}] of {declaration.name}", declaration.sweep_of(law.of).at(scale)
        _check_axes([law.over], fit_axes[law.of], where)
        _check_functions_of_parameters([law.power] if law.power else [], sweep, f"{where}: power")
        zipped = sweep.zipped_axes
        eliminated = next((names for names in zipped if law.over in names), (law.over,))
        fit_axes[name] = [axis for axis in fit_axes[law.of] if axis not in eliminated]
        _check_parameter(law.parameter, law.of, declaration, where)
    _check_panels(declaration, scale, curves, dims, fit_axes)
    _check_claims(declaration, curves, sweeps_at_all_scales, fit_axes)


def _check_panels(
    declaration: Declaration,
    scale: str,
    curves: Mapping[str, Axes],
    dims: Mapping[str, str],
    fit_axes: Mapping[str, Collection[str]],
) -> None:
    """Check the axes, parameters and functions of parameters that panels name."""
    for number, panel in enumerate(declaration.panels, start=1):
        where = f"panel {number} of {declaration.name}"
        _check_same_coordinate({name: dims[name] for name in panel.curves}, where)
        for name in panel.curves:
            _check_axes((*panel.show, *panel.clock), curves[name], where)
            _check_numeric(panel.clock, curves[name], where)
        for name in panel.fits:
            _check_axes((*panel.show, *panel.clock), fit_axes[name], where)
        for name in panel.values:
            _check_axes((*panel.show, panel.over), fit_axes[name], where)
            _check_numeric([panel.over] if panel.inverse else [], declaration.sweep_of(name).at(scale).axes, where)
            _check_parameter(panel.parameter, name, declaration, where)
            _check_functions_of_parameters(panel.theory, declaration.sweep_of(name).at(scale), f"{where}: theory")


def _check_claims(
    declaration: Declaration,
    curves: Mapping[str, Axes],
    sweeps_at_all_scales: Mapping[str, Sequence[Sweep]],
    fit_axes: Mapping[str, Collection[str]],
) -> None:
    """Check that published values are about parameters and points that exist at one of the scales."""
    for claim in declaration.published:
        where = f"published {claim.claim!r} of {declaration.name}"
        _check_parameter(claim.parameter, claim.of, declaration, where)
        over = [claim.over] if claim.statistic == "trend" else []
        _check_axes((*claim.select, *claim.to, *over), fit_axes[claim.of], where)
        if claim.of in declaration.fits:
            of = declaration.fits[claim.of].of
            _check_numeric(over, curves[of], where)
            for point in (claim.select, claim.to):
                _check_point(point, sweeps_at_all_scales[declaration.curves[of].sweep], f"{where}: its point")


def _curve_coordinate(curve: Curve, sweep: Sweep, where: str) -> str:
    """Return the coordinate of a curve, such as "t"; "" if the curve is a number."""
    name, functions = curve.observable, sweep.model.functions_of_means
    if name not in (*sweep.observables, *functions):
        hint = remedy(name, (*sweep.observables, *functions), "they are")
        raise FigureError(f"{where}: the observable must be one of its sweep, got {name!r}: {hint}")
    if name in sweep.observables:
        dims, dtype = sweep.observables[name].dims, sweep.observables[name].dtype
    else:
        dims, dtype = functions[name].dims, "float64"
        for each in functions[name].of:
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


def _check_law(fit: FitPart, dim: str, where: str) -> None:
    """Check that a law suits a curve or a number."""
    try:
        curve = store_fits.is_curve(fit.of, [dim] if dim else [], "float64", fit.law)
        if fit.law != COLLAPSE:
            store_fits.check(fit.law, curve, reference=bool(fit.reference), window=fit.window is not None)
        elif not curve:
            raise FitError(f"the law must suit the observable, got {COLLAPSE} for a number: its law is mean")
    except FitError as error:
        raise FigureError(f"{where}: {error}") from error


def _check_same_coordinate(dims: Mapping[str, str], where: str) -> None:
    """Check that the curves of a panel are functions of the same coordinate."""
    for name, dim in dims.items():
        if not dim:
            raise FigureError(f"{where} needs functions of a coordinate, but {name} is a number: fit its mean")
    if len(set(dims.values())) > 1:
        listing = ", ".join(f"{name} is one of {dim}" for name, dim in dims.items())
        raise FigureError(f"{where} needs functions of the same coordinate, but {listing}")


def _check_numeric(named: Iterable[str], axes: Mapping[str, Collection[Any]], where: str) -> None:
    """Check that the values of axes are numbers, because they divide values, scale times or enter a logarithm."""
    for axis in named:
        if wrong := [value for value in axes[axis] if isinstance(value, bool | str)]:
            raise FigureError(f"{where} needs {axis} to be a number, but it has {wrong[0]!r}")


def _check_point(point: Mapping[str, Any], sweeps: Sequence[Sweep], where: str) -> None:
    """Check that at least one of the sweeps has a point with these values."""
    for axis, value in point.items():
        values = dict.fromkeys(each for sweep in sweeps for each in sweep.axes[axis])
        if value not in values:
            allowed = ", ".join(map(repr, values))
            raise FigureError(f"{where} must be a point of the sweep, got {axis} = {value!r}: it has {allowed}")
    if point and not any(sweep.holds(point) for sweep in sweeps):
        raise FigureError(f"{where} must be a point of the sweep, got {format_point(point)}: these do not go together")


def _check_zipped(change: Mapping[str, Any], sweep: Sweep, where: str) -> None:
    """Check that a change of zipped axes names all of them; otherwise no point of the sweep would match."""
    if missing := dropped_axes(change, sweep.zipped_axes):
        given = format_point(change)
        raise FigureError(f"{where}: {given} must name all axes that vary together, but {missing} is missing")


def _check_functions_of_parameters(named: Iterable[str], sweep: Sweep, where: str) -> None:
    """Check that the model declares these names in `functions_of_parameters`."""
    for name in named:
        if name not in (known := sweep.model.functions_of_parameters):
            hint = remedy(name, known, "it has") if known else "it has none"
            raise FigureError(f"{where} must be a derived quantity of the model, got {name!r}: {hint}")


def _check_axes(named: Iterable[str], axes: Collection[str], where: str) -> None:
    """Check that these axes exist."""
    for axis in named:
        if axis not in axes:
            raise FigureError(f"{where} must name axes that are there, got {axis!r}: {remedy(axis, axes, 'they are')}")


def _check_parameter(parameter: str, part: str, declaration: Declaration, where: str) -> None:
    """Check that a fit, a law or a table of derived values gives this parameter."""
    if part in declaration.derived:
        known: Collection[str] = declaration.derived[part].quantities
    elif part in declaration.laws:
        known = SIZE_PARAMETERS[declaration.laws[part].law]
    else:
        law = declaration.fits[part].law
        known = ("deviation",) if law == COLLAPSE else PARAMETERS[law]
    if parameter not in known:
        hint = remedy(parameter, known, "it gives")
        raise FigureError(f"{where} must name a parameter that {part} gives, got {parameter!r}: {hint}")
