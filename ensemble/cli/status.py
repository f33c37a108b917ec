"""`ensemble status`: realizations of a store, also repeatedly during a run, and the code that computed them.

It imports little, so that the answer takes a fraction of a second.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import click
from rich.console import Group, RenderableType
from rich.live import Live

from ensemble.cli import terminal
from ensemble.cli.stores import STORE
from ensemble.store import Ledger, lock
from ensemble.store.code_versions import CodeVersions
from ensemble.store.location import Location
from ensemble.sweep.units import to_json

_WATCH_SECONDS = 2.0
"""Default interval of --watch, in seconds."""


@click.command()
@click.argument("store", type=STORE)
@click.option(
    "--watch",
    "seconds",
    is_flag=False,
    flag_value=_WATCH_SECONDS,
    type=click.FloatRange(min=0.1),
    metavar="[SECONDS]",
    help=f"Tell it again, every {_WATCH_SECONDS:g} seconds, until nobody is at work and nothing changes.",
)
@click.option("--provenance", is_flag=True, help="Tell which code computed it, when and where.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table; with --watch a line each time.")
def status(store: Location, seconds: float | None, provenance: bool, as_json: bool) -> None:
    """Tell what STORE holds: done, failed and wanted realizations of every point."""
    if provenance and seconds:
        raise click.UsageError("--provenance is told once: leave out --watch")
    if provenance:
        _print_provenance(store, as_json=as_json)
    elif seconds:
        with contextlib.suppress(KeyboardInterrupt):
            _watch(store, seconds, as_json=as_json)
    else:
        look = _Look.at(store)
        terminal.echo(json.dumps(look.rows(), indent=2)) if as_json else terminal.console().print(look.shown())


@final
@dataclass(frozen=True)
class _Look:
    """The state of a store at one moment."""

    store: Location
    ledger: Ledger
    driver: str | None
    news: dict[str, Any]
    points: list[dict[str, Any]]

    @classmethod
    def at(cls, store: Location) -> "_Look":
        # the lock first, then the ledger: a driver that ends writes the ledger before it releases the lock
        driver, news = lock.holder(store), lock.told(store) or {}
        ledger = Ledger.reading(store)
        return cls(store, ledger, driver, news, terminal.status_rows(ledger))

    def rows(self) -> dict[str, Any]:
        """The state for `--json`."""
        header = {"store": str(self.store), "model": self.ledger.layout.model, "driver": self.driver, "news": self.news}
        return dict(to_json({**header, "stop": self.ledger.layout.asked.get("stop"), "points": self.points}))

    def shown(self) -> RenderableType:
        """The state as lines and a table."""
        lines = terminal.status_lines(self.ledger, self.driver, self.news, self.points)
        return Group(*lines, *([terminal.status_table(self.points)] if self.points else []))


def _watch(store: Location, seconds: float, *, as_json: bool) -> None:
    """Show each state: in place on a terminal, one after the other elsewhere."""
    out = terminal.console()
    if as_json:
        for look in _looks(store, seconds):
            terminal.echo(json.dumps(look.rows()))
    elif out.is_terminal:
        with Live(console=out, auto_refresh=False) as live:
            for look in _looks(store, seconds):
                live.update(look.shown(), refresh=True)
    else:
        for look in _looks(store, seconds):
            out.print(look.shown())


def _looks(store: Location, seconds: float) -> Iterator[_Look]:
    """Each state that differs from the one before, until there is no driver and nothing changes."""
    before = None
    while True:
        look = _Look.at(store)
        if before is None or look.rows() != before.rows():
            yield look
        elif look.driver is None:
            return
        before = look
        time.sleep(seconds)


def _print_provenance(store: Location, *, as_json: bool) -> None:
    codes = CodeVersions.of(Ledger.reading(store))
    if as_json:
        terminal.echo(json.dumps({"store": str(store), **terminal.code_rows(codes)}, indent=2))
        return
    if codes.codes:
        terminal.console().print(terminal.code_table(codes))
    for line in terminal.code_lines(codes):
        terminal.echo(line)
