"""Read the declaration of a figure from a TOML file, and check it before anything is computed.

    title = "Plateaus without dissipation"

    [sweeps.isolated]                       a sweep to compute, at every scale that the figure offers
    file = "concurrence.toml"               sweep file; its name is the name of the store, which figures share
    axes = { epsilon = [0.0], eta = [1e5] }
    quick = { realizations = 500, axes = { N = [5, 6, 7, 8] } }
    paper = { realizations = 10000, axes = { N = [5, 6, 7, 8, 9, 10] } }

    [curves.C]                              an observable of a sweep, at all its points or at selected points
    sweep = "isolated"
    observable = "concurrence"

    [fits.plateau]                          a law that is fitted to each of the curves
    of = "C"
    law = "plateau"

    [laws.alpha]                            a law of the system size, fitted to a parameter of these fits
    of = "plateau"
    parameter = "c"
    law = "exponential_in_size"

    [derived.materials]                     functions of parameters, for presets of a model
    model = "tls_glass"
    presets = ["SiO2", "BK7"]
    quantities = ["ratio"]

    [[panels]]                              a panel: curves, values of fits or of numbers, or a map
    values = ["plateau"]
    parameter = "c"
    laws = ["alpha"]

    [[published]]                           a published value, to be compared with the computed one
    claim = "C(inf) ~ exp(-alpha N)"
    of = "alpha"
    parameter = "alpha"
    value = 0.8
    error = 0.1

`axes`, `zipped_axes` and `realizations` come from the declaration. Everything else comes from the sweep file, without
its stop rule. `axes` of a scale are added to the `axes` of all scales or replace them; `zipped_axes` of a scale
replaces that of all scales. Scales differ only in axes and realizations, so a larger scale resumes the store of a
smaller one.
"""

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, final

from ensemble.errors import FigureError, remedy
from ensemble.fit.store_fits import COMPARE, LAWS, MEAN, SIZE_LAWS
from ensemble.plot.figure.parts import (
    COLLAPSE,
    Curve,
    DerivedValues,
    FitPart,
    Panel,
    PublishedValue,
    SizeLaw,
    from_table,
)
from ensemble.plot.figure.sweeps import SweepPart, inner
from ensemble.sweep.toml_values import read_toml
from ensemble.sweep.zipped_axes import ZippedAxes

_SECTIONS = ("sweeps", "curves", "fits", "laws", "derived")
"""Sections that contain named tables."""


@final
@dataclass(frozen=True)
class Declaration:
    """Declaration of a figure: its sweeps, curves, fits, panels and published values.

    Parameters
    ----------
    name
        Name of the file, without its suffix.
    title
        Title of the figure.
    sweeps, curves, fits, laws, derived
        The named tables of the file, by name. `fits` also contains the curves that are numbers and are used like fits.
    panels
        The panels, in the order of the file.
    published
        The published values, one for each number.
    note
        Remark.
    """

    name: str
    """Name of the file, without its suffix."""
    title: str
    """Title of the figure."""
    sweeps: Mapping[str, SweepPart]
    """Sweeps to compute, by name."""
    curves: Mapping[str, Curve]
    """Curves, by name."""
    fits: Mapping[str, FitPart]
    """Fits of curves, by name; also the means of curves that are numbers."""
    laws: Mapping[str, SizeLaw]
    """Laws of the system size, by name."""
    derived: Mapping[str, DerivedValues]
    """Tables of functions of parameters, by name."""
    panels: tuple[Panel, ...]
    """Panels, in the order of the file."""
    published: tuple[PublishedValue, ...]
    """Published values, one for each number."""
    note: str = ""
    """Remark."""

    KEYS: ClassVar[tuple[str, ...]] = ("title", "note", *_SECTIONS, "panels", "published")
    """Allowed keys and sections of the file."""

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read the figure that a TOML file declares.

        Parameters
        ----------
        path
            The TOML file.

        Returns
        -------
        Declaration
            The figure, with all references between its parts checked.

        Raises
        ------
        FigureError
            If the file cannot be read, or a key or a reference is invalid.
        """
        path = Path(path)
        table = _load(path)
        try:
            return cls._of(table, path)
        except FigureError as error:
            raise FigureError(f"{path}: {error}") from error

    @classmethod
    def _of(cls, table: Mapping[str, Any], path: Path) -> Self:
        if not isinstance(table.get("title"), str):
            raise FigureError("a figure must have a title, but it is missing; a sweep file goes to `ensemble run`")
        for key in table:
            if key not in cls.KEYS:
                raise FigureError(f"a figure holds an unknown key {key!r}: {remedy(key, cls.KEYS, 'it may hold')}")
        parts = {section: dict(_named_tables(table, section)) for section in _SECTIONS}
        figure = cls(
            name=path.stem,
            title=table["title"],
            note=str(table.get("note", "")),
            sweeps={name: SweepPart.of(each, f"[sweeps.{name}]", path) for name, each in parts["sweeps"].items()},
            curves={name: from_table(Curve, each, f"[curves.{name}]") for name, each in parts["curves"].items()},
            fits={name: from_table(FitPart, each, f"[fits.{name}]") for name, each in parts["fits"].items()},
            laws={name: from_table(SizeLaw, each, f"[laws.{name}]") for name, each in parts["laws"].items()},
            derived={
                name: from_table(DerivedValues, each, f"[derived.{name}]") for name, each in parts["derived"].items()
            },
            panels=tuple(_list_of_parts(table, "panels", Panel)),
            published=tuple(
                each for claim in _list_of_parts(table, "published", PublishedValue) for each in claim.apart()
            ),
        )
        figure = dataclasses.replace(
            figure, fits={**figure.fits, **figure._mean_fits()}, panels=tuple(figure._panels_with_parameter())
        )
        figure._check_references()
        return figure

    def _mean_fits(self) -> dict[str, FitPart]:
        """Return fits of the mean, for numbers that panels, published values or laws use directly."""
        named = [name for panel in self.panels for name in panel.values]
        named += [claim.of for claim in self.published] + [law.of for law in self.laws.values()]
        return {name: FitPart(name, MEAN) for name in named if name in self.curves and name not in self.fits}

    def _panels_with_parameter(self) -> Iterator[Panel]:
        """Yield the panels; a panel that only has curves that are numbers draws their mean."""
        for panel in self.panels:
            plain = panel.values and not panel.parameter and all(name in self.curves for name in panel.values)
            yield dataclasses.replace(panel, parameter=MEAN) if plain else panel

    def scales(self) -> list[str]:
        """Return the scales that all sweeps declare."""
        first, *others = [list(part.scales) for part in self.sweeps.values()] or [[]]
        return [scale for scale in first if all(scale in other for other in others)]

    def zipped_axes(self, scale: str) -> ZippedAxes:
        """Return the zipped axes of all sweeps at a scale."""
        return [names for part in self.sweeps.values() for names in part.scales[scale].get("zipped_axes", ())]

    def sweep_of(self, name: str) -> SweepPart:
        """Return the sweep of a fit, or of a law that is based on a fit."""
        fit = self.laws[name].of if name in self.laws else name
        return self.sweeps[self.curves[self.fits[fit].of].sweep]

    def offers(self, scale: str) -> bool:
        """Return whether the figure can be made at a scale; a figure without sweeps can be made at every scale."""
        return not self.sweeps or scale in self.scales()

    def check_scale(self, scale: str) -> None:
        """Raise a `FigureError` if the scale is not declared."""
        if not self.offers(scale):
            hint = remedy(scale, self.scales(), "they are")
            raise FigureError(f"the scale must be one that {self.name} declares, got {scale!r}: {hint}")

    def _check_references(self) -> None:
        """Check that all names that parts refer to are declared."""
        fitted = (*self.fits, *self.laws, *self.derived)
        if duplicates := [name for name in fitted if fitted.count(name) > 1]:
            raise FigureError(
                f"fits, laws and derived quantities must differ in name, but {duplicates[0]!r} is there twice"
            )
        for name, curve in self.curves.items():
            _check_reference(curve.sweep, self.sweeps, f"[curves.{name}]: sweep")
        for name, fit in self.fits.items():
            _check_reference(fit.of, self.curves, f"[fits.{name}]: of")
            _check_law(fit.law, (*LAWS, COMPARE, MEAN, COLLAPSE), f"[fits.{name}]")
        for name, law in self.laws.items():
            _check_reference(law.of, self.fits, f"[laws.{name}]: of")
            _check_law(law.law, SIZE_LAWS, f"[laws.{name}]")
        for number, panel in enumerate(self.panels, start=1):
            where = f"panel {number}"
            if sum(map(bool, (panel.curves, panel.values, panel.map))) != 1:
                raise FigureError(f"{where} must draw one of curves, values and map")
            if panel.values and not panel.parameter:
                raise FigureError(f"{where} must have a parameter, that of the values which it draws")
            for names, known in (
                (panel.curves, self.curves),
                (panel.fits, self.fits),
                (panel.values, {**self.fits, **self.laws}),
                (panel.laws, self.laws),
                ([panel.map] if panel.map else [], self.derived),
            ):
                for name in names:
                    _check_reference(name, known, where)
        for claim in self.published:
            _check_reference(claim.of, fitted, f"published {claim.claim!r}: of")


def declarations(path: Path) -> Iterator[Declaration]:
    """Yield the figure in a file, or all figures in a folder in natural order: fig4 before fig10.

    Parameters
    ----------
    path
        A TOML file, or a folder; in a folder, the TOML files with a title are figures.

    Yields
    ------
    Declaration
        The figures.

    Raises
    ------
    FigureError
        If a declaration is invalid, or the folder contains no figure.
    """
    if not path.is_dir():
        yield Declaration.read(path)
        return
    files = [file for file in sorted(path.glob("*.toml")) if "title" in _load(file)]
    if not files:
        raise FigureError(f"a folder of figures must hold TOML files with a title, but {path} has none")
    yield from map(Declaration.read, sorted(files, key=lambda file: _natural_sort_key(file.stem)))


def _natural_sort_key(name: str) -> list[Any]:
    """Return a sort key that orders fig4 before fig10: texts and numbers alternate."""
    return [int(each) if index % 2 else each for index, each in enumerate(re.split(r"([0-9]+)", name))]


def _load(path: Path) -> dict[str, Any]:
    _, table = read_toml(path, FigureError)
    return table


def _named_tables(table: Mapping[str, Any], section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the tables of a section, with their names."""
    for name, each in inner(table, section, "a figure").items():
        if not isinstance(each, Mapping):
            raise FigureError(f"[{section}.{name}] must be a table, got {each!r}")
        yield name, each


def _list_of_parts(table: Mapping[str, Any], key: str, kind: type[Any]) -> Iterator[Any]:
    """Yield the parts of a list of tables, such as [[panels]]."""
    entries = table.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
        raise FigureError(f"{key} must be a list of tables, [[{key}]]")
    for number, each in enumerate(entries, start=1):
        yield from_table(kind, each, f"[[{key}]] number {number}")


def _check_reference(name: str, known: Any, where: str) -> None:
    """Check that a part with this name is declared."""
    if name not in known:
        raise FigureError(
            f"{where} must name a part that is declared, got {name!r}: {remedy(name, known, 'there are')}"
        )


def _check_law(law: str, laws: Collection[str], where: str) -> None:
    """Check that a law with this name exists."""
    if law not in laws:
        raise FigureError(f"{where} must have a law that is known, got {law!r}: {remedy(law, laws, 'there are')}")
