"""`ensemble status`: what a store holds, once or again and again while a run goes on, and which code computed it.

It loads little, so that an answer comes in a fraction of a second.
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

from ensemble import screen
from ensemble.cli.stores import STORE
from ensemble.store import Ledger, lock
from ensemble.store.codes import Codes
from ensemble.store.place import Place
from ensemble.wording import plain

_WATCH_SECONDS = 2.0
"""The status is told again this often."""


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
def status(store: Place, seconds: float | None, provenance: bool, as_json: bool) -> None:
    """Tell what STORE holds: done, failed and wanted realizations of every point."""
    if provenance and seconds:
        raise click.UsageError("--provenance is told once: leave out --watch")
    if provenance:
        _tell_provenance(store, as_json=as_json)
    elif seconds:
        with contextlib.suppress(KeyboardInterrupt):
            _watch(store, seconds, as_json=as_json)
    else:
        look = _Look.at(store)
        screen.echo(json.dumps(look.rows(), indent=2)) if as_json else screen.console().print(look.shown())


@final
@dataclass(frozen=True)
class _Look:
    """What there is to see at one moment."""

    store: Place
    ledger: Ledger
    driver: str | None
    news: dict[str, Any]
    points: list[dict[str, Any]]

    @classmethod
    def at(cls, store: Place) -> "_Look":
        driver, news = lock.holder(store), lock.told(store) or {}  # before the book: a driver that goes writes it first
        ledger = Ledger.reading(store)
        return cls(store, ledger, driver, news, screen.status_rows(ledger))

    def rows(self) -> dict[str, Any]:
        """For JSON."""
        told = {"store": str(self.store), "model": self.ledger.layout.model, "driver": self.driver, "news": self.news}
        return dict(plain({**told, "stop": self.ledger.layout.asked.get("stop"), "points": self.points}))

    def shown(self) -> RenderableType:
        """For people."""
        lines = screen.status_lines(self.ledger, self.driver, self.news, self.points)
        return Group(*lines, *([screen.status_table(self.points)] if self.points else []))


def _watch(store: Place, seconds: float, *, as_json: bool) -> None:
    """Show every look: in place on a terminal, one after the other elsewhere."""
    out = screen.console()
    if as_json:
        for look in _looks(store, seconds):
            screen.echo(json.dumps(look.rows()))
    elif out.is_terminal:
        with Live(console=out, auto_refresh=False) as live:
            for look in _looks(store, seconds):
                live.update(look.shown(), refresh=True)
    else:
        for look in _looks(store, seconds):
            out.print(look.shown())


def _looks(store: Place, seconds: float) -> Iterator[_Look]:
    """Every look that differs from the one before, until nobody is at work and nothing has changed."""
    before = None
    while True:
        look = _Look.at(store)
        if before is None or look.rows() != before.rows():
            yield look
        elif look.driver is None:
            return
        before = look
        time.sleep(seconds)


def _tell_provenance(store: Place, *, as_json: bool) -> None:
    codes = Codes.of(Ledger.reading(store))
    if as_json:
        screen.echo(json.dumps({"store": str(store), **screen.code_rows(codes)}, indent=2))
        return
    if codes.codes:
        screen.console().print(screen.code_table(codes))
    for line in screen.code_lines(codes):
        screen.echo(line)
