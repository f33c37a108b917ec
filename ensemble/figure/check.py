"""What can be told of a figure before anything is computed: that its observables, axes and parameters are there."""

from collections.abc import Collection, Iterable

from ensemble.errors import FigureError, cure
from ensemble.figure.declaration import Declaration
from ensemble.figure.parts import COLLAPSE
from ensemble.fit.families import PARAMETERS, SIZE_PARAMETERS


def check(declaration: Declaration, scale: str) -> None:
    """Refuse an observable that a sweep does not ask for, and an axis that a curve, fit or law does not have."""
    asked = {name: part.at(scale) for name, part in declaration.sweeps.items()}
    curves: dict[str, Collection[str]] = {}
    for name, curve in declaration.curves.items():
        sweep, where = asked[curve.sweep], f"[curves.{name}] of {declaration.name}"
        if curve.observable not in sweep.observables:
            told = cure(curve.observable, sweep.observables, "they are")
            raise FigureError(f"{where}: the observable must be one of its sweep, got {curve.observable!r}: {told}")
        curves[name] = list(sweep.axes)
        _along((*curve.select, *curve.relative_to, *filter(None, [curve.per])), curves[name], where)
    fitted: dict[str, Collection[str]] = {name: ["preset"] for name in declaration.derived}
    for name, fit in declaration.fits.items():
        fitted[name] = curves[fit.of]
        _along((*fit.reference, *fit.clock), fitted[name], f"[fits.{name}] of {declaration.name}")
    for name, law in declaration.laws.items():
        _along([law.over], fitted[law.of], f"[laws.{name}] of {declaration.name}")
        fitted[name] = [axis for axis in fitted[law.of] if axis != law.over]
    for number, panel in enumerate(declaration.panels, start=1):
        where = f"panel {number} of {declaration.name}"
        for name in panel.curves:
            _along((*panel.show, *panel.clock), curves[name], where)
        for name in panel.fits:
            _along((*panel.show, *panel.clock), fitted[name], where)
        for name in panel.values:
            _along((*panel.show, panel.over), fitted[name], where)
            _gives(panel.parameter, name, declaration, where)
    for name, law in declaration.laws.items():
        _gives(law.parameter, law.of, declaration, f"[laws.{name}] of {declaration.name}")
    for claim in declaration.published:
        _gives(claim.parameter, claim.of, declaration, f"published {claim.claim!r} of {declaration.name}")
        over = [claim.over] if claim.statistic == "trend" else []
        _along((*claim.at, *claim.to, *over), fitted[claim.of], f"published {claim.claim!r} of {declaration.name}")


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
