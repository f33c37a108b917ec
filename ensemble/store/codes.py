"""Which code computed which part of a store, and when; rows that tell the same code from other machines are one."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble.provenance import UNKNOWN, code
from ensemble.store.layout import EPOCH, Layout, Status
from ensemble.store.ledger import Ledger
from ensemble.values import Value


@final
@dataclass(frozen=True)
class Code:
    """One code, and what it computed."""

    versions: dict[str, str]
    """Versions of packages and hashes of files; the same names in all codes of a store."""
    commits: tuple[str, ...]
    """Commits that these files were called by; one with a + was not committed as it was."""
    hosts: tuple[str, ...]
    """Machines that ran it."""
    first: datetime | None
    """When its first realization landed, if that was recorded."""
    last: datetime | None
    """When its last one did."""
    realizations: int
    """How many it computed."""
    chunks: int
    """In how many chunks they are."""


@final
@dataclass(frozen=True)
class Part:
    """Consecutive realizations of one point that one code computed."""

    point: dict[str, Value]
    """The values of the axes."""
    first: int
    """The first realization."""
    last: int
    """The last one."""
    code: int
    """Which of the codes it was."""


@final
@dataclass(frozen=True)
class Codes:
    """The codes that computed a store, the one that computed most of it first."""

    codes: tuple[Code, ...]
    parts: tuple[Part, ...]
    """What was computed by other code than the first."""

    @classmethod
    def of(cls, ledger: Ledger) -> "Codes":
        """What the book says."""
        numbers, rows = _numbered(ledger)
        counts = np.bincount(numbers[numbers >= 0], minlength=len(rows))
        order = [int(number) for number in np.argsort(-counts, kind="stable") if counts[number]]
        names = list(dict.fromkeys(name for number in order for row in rows[number] for name in code(row)))
        codes = tuple(_code(ledger, rows[number], names, numbers == number) for number in order)
        place = np.full(len(rows) + 1, -1)  # one more: what nobody computed stays -1
        place[order] = np.arange(len(order))
        return cls(codes, tuple(_parts(ledger.layout, place[numbers])))

    @property
    def differing(self) -> list[str]:
        """The names of what is not the same in all codes."""
        if not self.codes:
            return []
        first = self.codes[0].versions
        return [name for name in first if any(each.versions[name] != first[name] for each in self.codes)]


def computed_by_others(ledger: Ledger, row: Mapping[str, str]) -> str | None:
    """One line about what other code than the present one computed of a store, None if nothing."""
    numbers, rows = _numbered(ledger)
    present, *known = (_without_libraries(each) for each in (row, *(each[0] for each in rows)))
    others = [number for number in np.unique(numbers[numbers >= 0]).tolist() if known[number] != present]
    if not others:
        return None
    told = []
    for name in dict.fromkeys([*present, *(name for number in others for name in known[number])]):
        now = present.get(name, UNKNOWN)
        if before := {known[number].get(name, UNKNOWN) for number in others} - {now}:
            told.append(f"{name} was {' and '.join(sorted(before))}, is {now}")
    count = np.isin(numbers, others).sum()
    return f"{count} realizations of this store were computed by other code: {'; '.join(told)}"


def _without_libraries(row: Mapping[str, str]) -> dict[str, str]:
    """The code but for the linear algebra, of which a driver may have loaded more than its workers."""
    return {name: value for name, value in code(row).items() if name != "blas"}


def _numbered(ledger: Ledger) -> tuple[NDArray[np.intp], list[list[dict[str, str]]]]:
    """The number of the code that computed each realization, -1 where none did, and the rows of every code."""
    table = ledger.provenance  # before the rows it refers to: a run may be adding both
    groups: dict[tuple[tuple[str, str], ...], int] = {}
    rows: list[list[dict[str, str]]] = []
    numbers = []
    for row in ledger.codes:
        number = groups.setdefault(tuple(sorted(code(row).items())), len(groups))
        if number == len(rows):
            rows.append([])
        rows[number].append(row)
        numbers.append(number)
    computed = np.where(ledger.status == Status.TODO, -1, table)
    return np.array([*numbers, -1])[computed], rows


def _code(ledger: Ledger, rows: list[dict[str, str]], names: list[str], mine: NDArray[np.bool_]) -> Code:
    """What is told of one code: by the rows that are its, the names of all codes, the realizations that it computed."""
    landed = ledger.landed[mine & (ledger.landed > 0)]
    first, last = (_time(landed.min()), _time(landed.max())) if landed.size else (None, None)
    commits = {row["commit"] + "+" * (row.get("dirty") == "yes") for row in rows if "commit" in row}
    starts = np.arange(0, mine.shape[-1], ledger.layout.chunk)
    return Code(
        versions={name: rows[0].get(name, UNKNOWN) for name in names},
        commits=tuple(sorted(commits - {UNKNOWN})),
        hosts=tuple(sorted({row.get("host", UNKNOWN) for row in rows})),
        first=first,
        last=last,
        realizations=int(mine.sum()),
        chunks=int(np.logical_or.reduceat(mine, starts, axis=-1).sum()),
    )


def _time(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=int(seconds))


def _parts(layout: Layout, numbers: NDArray[Any]) -> Iterator[Part]:
    """Runs of realizations that another code than the first computed."""
    for cell in np.argwhere((numbers > 0).any(axis=-1)):
        values = numbers[tuple(cell)]
        borders = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
        point = {name: along[at] for (name, along), at in zip(layout.axes.items(), cell, strict=True)}
        for start, stop in itertools.pairwise(borders):
            if values[start] > 0:
                yield Part(point, start, stop - 1, int(values[start]))
