"""Which code computed a store: a row for each, a line for every part that is not by the same code as the rest."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.table import Table

from ensemble.provenance import UNKNOWN
from ensemble.screen.terminal import empty_table
from ensemble.store.codes import Code, Codes
from ensemble.sweep import told_point

_HOSTS = 3
"""So many machines are named; the others are counted."""
_COMMIT_DIGITS = 9


def code_table(codes: Codes) -> Table:
    """A row for every code: what tells it from the others, and what it computed, where and when."""
    table = empty_table("code", *codes.differing, "commit", "hosts", "first landed", "last landed", "n", "chunks")
    for number, each in enumerate(codes.codes, start=1):
        table.add_row(
            str(number),
            *(each.versions[name] for name in codes.differing),
            ", ".join(_short(commit) for commit in each.commits) or UNKNOWN,
            _named(each.hosts),
            _told(each.first),
            _told(each.last),
            str(each.realizations),
            str(each.chunks),
        )
    return table


def code_lines(codes: Codes) -> list[str]:
    """What all codes have in common, and the parts of the store that another code computed than the rest."""
    if not codes.codes:
        return ["nothing was computed yet"]
    versions = codes.codes[0].versions
    common = ", ".join(f"{name} {value}" for name, value in versions.items() if name not in codes.differing)
    parts = [
        f"{told_point(part.point)}: realizations {part.first} to {part.last} "
        f"were computed by other code than the rest, code {part.code + 1}"
        for part in codes.parts
    ]
    return [f"in common: {common}", *parts]


def code_rows(codes: Codes) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "codes": [_row(each) for each in codes.codes],
        "parts": [
            {"point": part.point, "first": part.first, "last": part.last, "code": part.code} for part in codes.parts
        ],
    }


def _row(code: Code) -> dict[str, Any]:
    times = {name: each and f"{each:%Y-%m-%dT%H:%M:%SZ}" for name, each in (("first", code.first), ("last", code.last))}
    about = {"versions": code.versions, "commits": code.commits, "hosts": code.hosts}
    return {**about, **times, "realizations": code.realizations, "chunks": code.chunks}


def _short(commit: str) -> str:
    return commit[:_COMMIT_DIGITS] + "+" * commit.endswith("+")


def _named(hosts: Sequence[str]) -> str:
    more = len(hosts) - _HOSTS
    return ", ".join(hosts[:_HOSTS]) + (f" and {more} more" if more > 0 else "")


def _told(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else UNKNOWN
