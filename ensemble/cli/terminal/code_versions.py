"""Tables and lines about the code versions that computed a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.table import Table

from ensemble.cli.terminal.styles import empty_table
from ensemble.store.code_versions import CodeVersion, CodeVersions
from ensemble.store.provenance import UNKNOWN
from ensemble.sweep.sweep import format_point

_HOSTS = 3
"""Maximum number of machines that are named; the others are counted."""
_COMMIT_DIGITS = 9


def code_table(codes: CodeVersions) -> Table:
    """Table of code versions: what differs between them, and what each computed, where and when.

    Parameters
    ----------
    codes : CodeVersions
        The code versions of a store.

    Returns
    -------
    rich.table.Table
        One row per code version.
    """
    table = empty_table("code", *codes.differing, "commit", "hosts", "first landed", "last landed", "n", "chunks")
    for number, each in enumerate(codes.codes, start=1):
        table.add_row(
            str(number),
            *(each.versions[name] for name in codes.differing),
            ", ".join(_format_commit(commit) for commit in each.commits) or UNKNOWN,
            _format_hosts(each.hosts),
            _format_time(each.first),
            _format_time(each.last),
            str(each.realizations),
            str(each.chunks),
        )
    return table


def code_lines(codes: CodeVersions) -> list[str]:
    """Lines about what all code versions have in common, and parts of the store that another version computed.

    Parameters
    ----------
    codes : CodeVersions
        The code versions of a store.

    Returns
    -------
    list of str
        The lines.
    """
    if not codes.codes:
        return ["nothing was computed yet"]
    versions = codes.codes[0].versions
    common = ", ".join(f"{name} {value}" for name, value in versions.items() if name not in codes.differing)
    parts = [
        f"{format_point(part.point)}: realizations {part.first} to {part.last} "
        f"were computed by other code than the rest, code {part.code + 1}"
        for part in codes.parts
    ]
    return [f"in common: {common}", *parts]


def code_rows(codes: CodeVersions) -> dict[str, Any]:
    """The same content for JSON.

    Parameters
    ----------
    codes : CodeVersions
        The code versions of a store.

    Returns
    -------
    dict
        The lists `codes` and `parts`.
    """
    return {
        "codes": [_row(each) for each in codes.codes],
        "parts": [
            {"point": part.point, "first": part.first, "last": part.last, "code": part.code} for part in codes.parts
        ],
    }


def _row(code: CodeVersion) -> dict[str, Any]:
    times = {name: each and f"{each:%Y-%m-%dT%H:%M:%SZ}" for name, each in (("first", code.first), ("last", code.last))}
    about = {"versions": code.versions, "commits": code.commits, "hosts": code.hosts}
    return {**about, **times, "realizations": code.realizations, "chunks": code.chunks}


def _format_commit(commit: str) -> str:
    return commit[:_COMMIT_DIGITS] + "+" * commit.endswith("+")


def _format_hosts(hosts: Sequence[str]) -> str:
    more = len(hosts) - _HOSTS
    return ", ".join(hosts[:_HOSTS]) + (f" and {more} more" if more > 0 else "")


def _format_time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else UNKNOWN
