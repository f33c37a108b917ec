"""Options that several commands have."""

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from distributed import Client

from ensemble import cluster
from ensemble.errors import FitError
from ensemble.fit.families import SIZE_LAWS

PATH = click.Path(path_type=Path)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--store, of a sweep."""
    text = "Folder of the Zarr store; by default the sweep's name with .zarr, in this folder."
    return click.option("--store", type=PATH, help=text)(command)


def batch_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--batch."""
    text = "Realizations in one task; by default one if they are dear, about a second's worth if they are cheap."
    return click.option("--batch", type=click.IntRange(min=1), help=text)(command)


def cluster_options(default: str | None, otherwise: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--cluster and --workers; `otherwise` says what a command does that has no default for them."""
    where = f"local (one worker process per core), tcp://host:port, or a scheduler file{otherwise}."
    place = click.option("--cluster", "where", default=default, show_default=True, help=where)
    many = click.option("--workers", type=click.IntRange(min=1), help="Worker processes of the local cluster.")
    return lambda command: place(many(command))


reading_options = cluster_options(None, "; without, and without --workers, this process reads alone")
"""The same, for what reads a store."""


def reading(where: str | None, workers: int | None) -> contextlib.AbstractContextManager[Client | None]:
    """The cluster that reads a store, if one was asked for."""
    return cluster.connect(where or "local", workers) if where or workers else contextlib.nullcontext()


def at_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--at, any number of times."""
    text = "Only the points with these values of an axis; may be given for several axes."
    return click.option("--at", multiple=True, metavar="AXIS=VALUE[,VALUE...]", help=text)(command)


def _window(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        first, last = map(float, text.split(":"))
    except ValueError:
        first, last = math.nan, math.nan
    if not first < last:
        raise FitError(f"--window must be two times, FIRST:LAST, such as 0.1:100, got {text!r}")
    return first, last


def _across(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    axis, _, law = text.partition(":")
    if not axis or law not in SIZE_LAWS:
        raise FitError(f"--across must be an axis and a law, such as N:{next(iter(SIZE_LAWS))}, got {text!r}")
    return axis, law


def window_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--window, of a fit."""
    text = "The times to fit; by default the law's own rule finds them."
    return click.option("--window", metavar="FIRST:LAST", callback=_window, help=text)(command)


def across_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--across, of a fit."""
    text = f"Then fit a law along an axis, such as N, to what has come out: {', '.join(SIZE_LAWS)}."
    return click.option("--across", metavar="AXIS:LAW", callback=_across, help=text)(command)
