"""Code versions of a store: which code computed which realizations, and when.

The ledger has one row for each combination of code and machine. Rows with the same code are merged into one version.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble.store.layout import EPOCH, Layout, Status
from ensemble.store.ledger import Ledger
from ensemble.store.provenance import UNKNOWN, code
from ensemble.sweep.toml_values import Value


@final
@dataclass(frozen=True)
class CodeVersion:
    """One code version, and what it computed."""

    versions: dict[str, str]
    """Versions of packages and hashes of files; all code versions of a store have the same names."""
    commits: tuple[str, ...]
    """Commits of these files; a + marks a commit with uncommitted changes."""
    hosts: tuple[str, ...]
    """Machines that ran it."""
    first: datetime | None
    """Time at which its first realization was recorded; None if unknown."""
    last: datetime | None
    """Time at which its last realization was recorded; None if unknown."""
    realizations: int
    """Number of realizations that it computed."""
    chunks: int
    """Number of chunks that contain them."""


@final
@dataclass(frozen=True)
class Part:
    """Consecutive realizations of one point that one code version computed."""

    point: dict[str, Value]
    """Values of the axes."""
    first: int
    """First realization."""
    last: int
    """Last realization."""
    code: int
    """Index of the code version in `CodeVersions.codes`."""


@final
@dataclass(frozen=True)
class CodeVersions:
    """The code versions of a store; the first one computed the most realizations."""

    codes: tuple[CodeVersion, ...]
    parts: tuple[Part, ...]
    """Realizations that other code versions than the first one computed."""

    @classmethod
    def of(cls, ledger: Ledger) -> "CodeVersions":
        """Collect the code versions from the ledger."""
        numbers, rows = _numbered(ledger)
        counts = np.bincount(numbers[numbers >= 0], minlength=len(rows))
        order = [int(number) for number in np.argsort(-counts, kind="stable") if counts[number]]
        names = list(dict.fromkeys(name for number in order for row in rows[number] for name in code(row)))
        codes = tuple(_code(ledger, rows[number], names, numbers == number) for number in order)
        position = np.full(len(rows) + 1, -1)  # the extra last entry maps -1, not computed, to -1
        position[order] = np.arange(len(order))
        return cls(codes, tuple(_parts(ledger.layout, position[numbers])))

    @property
    def differing(self) -> list[str]:
        """Names of packages and files that are not the same in all code versions."""
        if not self.codes:
            return []
        first = self.codes[0].versions
        return [name for name in first if any(each.versions[name] != first[name] for each in self.codes)]


def computed_by_others(ledger: Ledger, row: Mapping[str, str]) -> str | None:
    """Return one line about realizations that other code than the current one computed; None if there are none."""
    numbers, rows = _numbered(ledger)
    present, *known = (_without_libraries(each) for each in (row, *(each[0] for each in rows)))
    others = [number for number in np.unique(numbers[numbers >= 0]).tolist() if known[number] != present]
    if not others:
        return None
    changes = []
    for name in dict.fromkeys([*present, *(name for number in others for name in known[number])]):
        now = present.get(name, UNKNOWN)
        if before := {known[number].get(name, UNKNOWN) for number in others} - {now}:
            changes.append(f"{name} was {' and '.join(sorted(before))}, is {now}")
    count = np.isin(numbers, others).sum()
    return f"{count} realizations of this store were computed by other code: {'; '.join(changes)}"


def _without_libraries(row: Mapping[str, str]) -> dict[str, str]:
    """Return the code without the BLAS libraries: a driver may have loaded more of them than its workers."""
    return {name: value for name, value in code(row).items() if name != "blas"}


def _numbered(ledger: Ledger) -> tuple[NDArray[np.intp], list[list[dict[str, str]]]]:
    """Return the code version of each realization, -1 where none is computed, and the ledger rows of each version."""
    table = ledger.provenance  # read before the rows it refers to: a run may add to both
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


def _code(ledger: Ledger, rows: list[dict[str, str]], names: list[str], mine: NDArray[np.bool_]) -> CodeVersion:
    """Summarize one code version from its ledger rows, the names of all versions, and a mask of its realizations."""
    landed = ledger.landed[mine & (ledger.landed > 0)]
    first, last = (_time(landed.min()), _time(landed.max())) if landed.size else (None, None)
    commits = {row["commit"] + "+" * (row.get("dirty") == "yes") for row in rows if "commit" in row}
    starts = np.arange(0, mine.shape[-1], ledger.layout.chunk)
    return CodeVersion(
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
    """Iterate over consecutive realizations that another code version than the first one computed."""
    for cell in np.argwhere((numbers > 0).any(axis=-1)):
        values = numbers[tuple(cell)]
        borders = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
        point = {name: along[at] for (name, along), at in zip(layout.axes.items(), cell, strict=True)}
        for start, stop in itertools.pairwise(borders):
            if values[start] > 0:
                yield Part(point, start, stop - 1, int(values[start]))
