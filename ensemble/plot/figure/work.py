"""List the missing work of several figures, in an order in which cheap figures come first.

Figures share stores. A point that two figures need is computed by the first one and reused by the second one, so the
plan counts it once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from ensemble.cluster import MemoryNeed
from ensemble.errors import FigureError
from ensemble.plot.figure.check import check
from ensemble.plot.figure.declaration import Declaration
from ensemble.run import batching, timing
from ensemble.store import Ledger
from ensemble.store.group import exists
from ensemble.sweep import Point, Sweep

_StorePoint = tuple[Path, Point]
"""A point of a store."""


@final
@dataclass(frozen=True)
class Work:
    """Missing work of one figure, in addition to the figures before it.

    Parameters
    ----------
    declaration
        The figure.
    missing
        Number of realizations to compute.
    seconds
        Computing time, in core seconds.
    bytes
        Uncompressed size of the results, in bytes.
    need
        Largest memory of one realization, and its point.
    """

    declaration: Declaration
    """The figure."""
    missing: int
    """Number of realizations to compute."""
    seconds: float
    """Computing time, in core seconds."""
    bytes: int
    """Uncompressed size of the results, in bytes."""
    need: MemoryNeed
    """Largest memory of one realization, and its point."""


def sweeps(declaration: Declaration, scale: str, folder: Path) -> list[tuple[Sweep, Path]]:
    """Return the sweeps of a figure, each with its store."""
    return [(part.at(scale), folder / part.store) for part in declaration.sweeps.values()]


def ordered(declarations: Sequence[Declaration], scale: str, folder: Path, say: Callable[[str], None]) -> list[Work]:
    """Return the missing work of all figures, the cheapest figure first.

    Parameters
    ----------
    declarations
        The figures.
    scale
        One of their scales.
    folder
        Folder of the stores.
    say
        Called with messages about the progress.

    Returns
    -------
    list of Work
        The missing work of each figure, in addition to the figures before it.

    Raises
    ------
    FigureError
        If a declaration is invalid, or if two figures have the same name.

    Notes
    -----
    The cost of a realization is measured in this process, at the points with missing realizations.
    """
    for each in declarations:
        check(each, scale)
    sweeps_by_figure = {each.name: sweeps(each, scale, folder) for each in declarations}
    if len(sweeps_by_figure) < len(declarations):
        raise FigureError("figures that are made together must differ in the names of their files, as their results do")
    available = _count_available(pair for pairs in sweeps_by_figure.values() for pair in pairs)
    costs: dict[_StorePoint, float] = {}
    for declaration in declarations:
        for sweep, store in sweeps_by_figure[declaration.name]:
            incomplete = [
                point
                for point in sweep.points
                if available.get((store, point), 0) < sweep.realizations and (store, point) not in costs
            ]
            if incomplete:
                say(f"measuring {len(incomplete)} points for {declaration.name}")
                measured = timing.measure_costs_here(sweep, incomplete, say)
                costs |= {(store, point): seconds for point, seconds in measured.items()}

    def cost(declaration: Declaration) -> float:
        return _missing_work(declaration, sweeps_by_figure[declaration.name], dict(available), costs).seconds

    return [
        _missing_work(declaration, sweeps_by_figure[declaration.name], available, costs)
        for declaration in sorted(declarations, key=cost)
    ]


def _count_available(pairs: Iterable[tuple[Sweep, Path]]) -> dict[_StorePoint, int]:
    """Return, for every point, the number of realizations that need no computation: they are done or have failed."""
    counts: dict[_StorePoint, int] = {}
    for sweep, store in pairs:
        ledger = Ledger.reading(store) if exists(store) else None
        if ledger:
            ledger.layout.check(sweep, store)
        for point in sweep.points:
            missing = ledger.count_missing(point, sweep.realizations) if ledger else sweep.realizations
            counts[store, point] = max(counts.get((store, point), 0), sweep.realizations - missing)
    return counts


def _missing_work(
    declaration: Declaration,
    pairs: Sequence[tuple[Sweep, Path]],
    available: dict[_StorePoint, int],
    costs: dict[_StorePoint, float],
) -> Work:
    """Return the missing work of a figure, and add its realizations to `available`."""
    missing, seconds, size = 0, 0.0, 0
    incomplete = []
    for sweep, store in pairs:
        for point in sweep.points:
            more = max(0, sweep.realizations - available.get((store, point), 0))
            missing += more
            incomplete += [point] if more else []
            seconds += more * costs.get((store, point), 0.0)
            size += more * batching.bytes_per_realization(sweep)
            available[store, point] = max(sweep.realizations, available.get((store, point), 0))
    return Work(declaration, missing, seconds, size, MemoryNeed.of(incomplete))
