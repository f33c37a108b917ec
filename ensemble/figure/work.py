"""What figures still need: the work of each, in an order in which cheap ones come first and nothing is done twice.

Figures share stores. A point that two of them need is computed by the first and found by the second; the forecast
counts it once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from ensemble import forecast
from ensemble.cluster import Need
from ensemble.errors import FigureError
from ensemble.figure.check import check
from ensemble.figure.declaration import Declaration
from ensemble.store import Ledger
from ensemble.store.group import exists
from ensemble.sweep import Point, Sweep

_Place = tuple[Path, Point]
"""A point of a store."""


@final
@dataclass(frozen=True)
class Work:
    """What one figure asks of the cluster, after those before it."""

    declaration: Declaration
    missing: int
    """Realizations to compute."""
    seconds: float
    """Core seconds that they take."""
    bytes: int
    """Uncompressed bytes that they make."""
    need: Need
    """The most memory that one of them takes."""


def sweeps(declaration: Declaration, scale: str, folder: Path) -> list[tuple[Sweep, Path]]:
    """The sweeps of a figure, each with its store."""
    return [(part.at(scale), folder / part.store) for part in declaration.sweeps.values()]


def ordered(declarations: Sequence[Declaration], scale: str, folder: Path, say: Callable[[str], None]) -> list[Work]:
    """All figures with what they cost, measured here point by point, the cheapest first."""
    for each in declarations:
        check(each, scale)
    asked = {each.name: sweeps(each, scale, folder) for each in declarations}
    if len(asked) < len(declarations):
        raise FigureError("figures that are made together must differ in the names of their files, as their results do")
    there = _there(pair for pairs in asked.values() for pair in pairs)
    costs: dict[_Place, float] = {}
    for declaration in declarations:
        for sweep, store in asked[declaration.name]:
            lacking = [
                point
                for point in sweep.points
                if there.get((store, point), 0) < sweep.realizations and (store, point) not in costs
            ]
            if lacking:
                say(f"measuring {len(lacking)} points for {declaration.name}")
                measured = forecast.measure_here(sweep, lacking, say)
                costs |= {(store, point): seconds for point, seconds in measured.items()}

    def cost(declaration: Declaration) -> float:
        return _work(declaration, asked[declaration.name], dict(there), costs).seconds

    return [_work(declaration, asked[declaration.name], there, costs) for declaration in sorted(declarations, key=cost)]


def _there(pairs: Iterable[tuple[Sweep, Path]]) -> dict[_Place, int]:
    """How many realizations of every point the stores have."""
    found: dict[_Place, int] = {}
    for sweep, store in pairs:
        ledger = Ledger.reading(store) if exists(store) else None
        if ledger:
            ledger.layout.check(sweep, store)
        for point in sweep.points:
            missing = ledger.count_missing(point, sweep.realizations) if ledger else sweep.realizations
            found[store, point] = max(found.get((store, point), 0), sweep.realizations - missing)
    return found


def _work(
    declaration: Declaration, asked: Sequence[tuple[Sweep, Path]], there: dict[_Place, int], costs: dict[_Place, float]
) -> Work:
    """What a figure adds to what is there; what it adds is there from then on."""
    missing, seconds, size = 0, 0.0, 0
    lacking = []
    for sweep, store in asked:
        for point in sweep.points:
            more = max(0, sweep.realizations - there.get((store, point), 0))
            missing += more
            lacking += [point] if more else []
            seconds += more * costs.get((store, point), 0.0)
            size += more * forecast.bytes_each(sweep)
            there[store, point] = max(sweep.realizations, there.get((store, point), 0))
    return Work(declaration, missing, seconds, size, Need.of(lacking))
