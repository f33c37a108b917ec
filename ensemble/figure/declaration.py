"""What a figure is: a declaration in TOML, read and checked before anything starts.

    title = "Plateaus without dissipation"

    [sweeps.isolated]                       what has to be computed, at every scale that is offered
    file = "concurrence.toml"               a sweep file; its name is that of the store, which figures share
    axes = { epsilon = [0.0], eta = [1e5] }
    quick = { realizations = 500, axes = { N = [5, 6, 7, 8] } }
    paper = { realizations = 10000, axes = { N = [5, 6, 7, 8, 9, 10] } }

    [curves.C]                              an observable of a sweep, at all its points or at some
    sweep = "isolated"
    observable = "concurrence"

    [fits.plateau]                          a law fitted to each of the curves
    of = "C"
    law = "plateau"

    [laws.alpha]                            a law of the size, of what those fits have found
    of = "plateau"
    parameter = "c"
    law = "exponential_in_size"

    [derived.materials]                     numbers that follow from parameters alone
    model = "tls_glass"
    presets = ["SiO2", "BK7"]
    quantities = ["ratio"]

    [[panels]]                              what is drawn: curves, values of fits or of numbers, or a map
    values = ["plateau"]
    parameter = "c"
    laws = ["alpha"]

    [[published]]                           what was claimed, to be told beside what comes out
    claim = "C(inf) ~ exp(-alpha N)"
    of = "alpha"
    parameter = "alpha"
    value = 0.8
    error = 0.1

A sweep takes all else from its file, but its axes, those that vary `together`, and realizations from here. Scales only
differ in how much they ask for: a larger one continues the store of a smaller one.
"""

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, final

from ensemble.errors import FigureError, cure
from ensemble.figure.parts import COLLAPSE, Curve, Derivation, FitPart, Panel, Published, SizeLaw, from_table
from ensemble.figure.sweeps import SweepPart, inner
from ensemble.fit.families import COMPARE, LAWS, MEAN, SIZE_LAWS
from ensemble.together import Together
from ensemble.values import load

_SECTIONS = ("sweeps", "curves", "fits", "laws", "derived")
"""Tables of named parts."""


@final
@dataclass(frozen=True)
class Declaration:
    """A figure: what it needs, what is made of it, how it is drawn, and what was claimed."""

    name: str
    """The name of its file."""
    title: str
    sweeps: Mapping[str, SweepPart]
    curves: Mapping[str, Curve]
    fits: Mapping[str, FitPart]
    laws: Mapping[str, SizeLaw]
    derived: Mapping[str, Derivation]
    panels: tuple[Panel, ...]
    published: tuple[Published, ...]
    note: str = ""

    KEYS: ClassVar[tuple[str, ...]] = ("title", "note", *_SECTIONS, "panels", "published")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The figure that a TOML file declares."""
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
                raise FigureError(f"a figure holds an unknown key {key!r}: {cure(key, cls.KEYS, 'it may hold')}")
        parts = {section: dict(_named(table, section)) for section in _SECTIONS}
        found = cls(
            name=path.stem,
            title=table["title"],
            note=str(table.get("note", "")),
            sweeps={name: SweepPart.of(each, f"[sweeps.{name}]", path) for name, each in parts["sweeps"].items()},
            curves={name: from_table(Curve, each, f"[curves.{name}]") for name, each in parts["curves"].items()},
            fits={name: from_table(FitPart, each, f"[fits.{name}]") for name, each in parts["fits"].items()},
            laws={name: from_table(SizeLaw, each, f"[laws.{name}]") for name, each in parts["laws"].items()},
            derived={
                name: from_table(Derivation, each, f"[derived.{name}]") for name, each in parts["derived"].items()
            },
            panels=tuple(_listed(table, "panels", Panel)),
            published=tuple(each for claim in _listed(table, "published", Published) for each in claim.apart()),
        )
        found = dataclasses.replace(found, fits={**found.fits, **found._numbers()}, panels=tuple(found._named_panels()))
        found._check_references()
        return found

    def _numbers(self) -> dict[str, FitPart]:
        """The curves that are drawn, claimed or lead to a law as they are: numbers, which need no law of their own."""
        named = [name for panel in self.panels for name in panel.values]
        named += [claim.of for claim in self.published] + [law.of for law in self.laws.values()]
        return {name: FitPart(name, MEAN) for name in named if name in self.curves and name not in self.fits}

    def _named_panels(self) -> Iterator[Panel]:
        """The panels; one of such curves alone draws their mean."""
        for panel in self.panels:
            plain = panel.values and not panel.parameter and all(name in self.curves for name in panel.values)
            yield dataclasses.replace(panel, parameter=MEAN) if plain else panel

    def scales(self) -> list[str]:
        """The scales at which all sweeps are declared."""
        first, *others = [list(part.scales) for part in self.sweeps.values()] or [[]]
        return [scale for scale in first if all(scale in other for other in others)]

    def together(self, scale: str) -> Together:
        """The axes that vary together in one of its sweeps at a scale."""
        return [names for part in self.sweeps.values() for names in part.scales[scale].get("together", ())]

    def sweep_of(self, name: str) -> SweepPart:
        """The sweep of a fit, or of a law that rests on one."""
        fit = self.laws[name].of if name in self.laws else name
        return self.sweeps[self.curves[self.fits[fit].of].sweep]

    def offers(self, scale: str) -> bool:
        """Whether the figure can be made at a scale; one that computes nothing can at any."""
        return not self.sweeps or scale in self.scales()

    def check_scale(self, scale: str) -> None:
        """Refuse a scale that is not declared."""
        if not self.offers(scale):
            told = cure(scale, self.scales(), "they are")
            raise FigureError(f"the scale must be one that {self.name} declares, got {scale!r}: {told}")

    def _check_references(self) -> None:
        fitted = (*self.fits, *self.laws, *self.derived)
        if twice := [name for name in fitted if fitted.count(name) > 1]:
            raise FigureError(f"fits, laws and derived quantities must differ in name, but {twice[0]!r} is there twice")
        for name, curve in self.curves.items():
            _refer(curve.sweep, self.sweeps, f"[curves.{name}]: sweep")
        for name, fit in self.fits.items():
            _refer(fit.of, self.curves, f"[fits.{name}]: of")
            _known(fit.law, (*LAWS, COMPARE, MEAN, COLLAPSE), f"[fits.{name}]")
        for name, law in self.laws.items():
            _refer(law.of, self.fits, f"[laws.{name}]: of")
            _known(law.law, SIZE_LAWS, f"[laws.{name}]")
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
                    _refer(name, known, where)
        for claim in self.published:
            _refer(claim.of, fitted, f"published {claim.claim!r}: of")


def declarations(path: Path) -> Iterator[Declaration]:
    """The figure in a file, or all those in a folder: the TOML files that have a title."""
    if not path.is_dir():
        yield Declaration.read(path)
        return
    files = [file for file in sorted(path.glob("*.toml")) if "title" in _load(file)]
    if not files:
        raise FigureError(f"a folder of figures must hold TOML files with a title, but {path} has none")
    yield from map(Declaration.read, sorted(files, key=lambda file: _natural(file.stem)))


def _natural(name: str) -> list[Any]:
    """fig4 before fig10: texts and numbers by turns."""
    return [int(each) if place % 2 else each for place, each in enumerate(re.split(r"([0-9]+)", name))]


def _load(path: Path) -> dict[str, Any]:
    _, table = load(path, FigureError)
    return table


def _named(table: Mapping[str, Any], section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, each in inner(table, section, "a figure").items():
        if not isinstance(each, Mapping):
            raise FigureError(f"[{section}.{name}] must be a table, got {each!r}")
        yield name, each


def _listed(table: Mapping[str, Any], key: str, kind: type[Any]) -> Iterator[Any]:
    entries = table.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
        raise FigureError(f"{key} must be a list of tables, [[{key}]]")
    for number, each in enumerate(entries, start=1):
        yield from_table(kind, each, f"[[{key}]] number {number}")


def _refer(name: str, known: Any, where: str) -> None:
    if name not in known:
        raise FigureError(f"{where} must name a part that is declared, got {name!r}: {cure(name, known, 'there are')}")


def _known(law: str, laws: Collection[str], where: str) -> None:
    if law not in laws:
        raise FigureError(f"{where} must have a law that is known, got {law!r}: {cure(law, laws, 'there are')}")
