"""Options that several commands have."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, final

import click

from ensemble import cluster, screen
from ensemble.cli.stores import STORE
from ensemble.errors import ClusterError, ModelError
from ensemble.run.deadline import Deadline, at, earliest, of_slurm, within
from ensemble.wording import seconds_of

if TYPE_CHECKING:
    from distributed import Client

PATH = click.Path(path_type=Path)


@final
class _Span(click.ParamType):  # type: ignore[type-arg]  # it is generic in newer versions of Click
    """A span of time, as seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds of a text; what is a number already, such as a default, is taken as it is."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return seconds_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


SPAN = _Span()
"""A span of time, such as 90, 90s, 10m, 8h, 1d or 1:30:00."""


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--store, of a sweep."""
    text = "The Zarr store, a folder or s3://BUCKET/NAME; by default the sweep's name with .zarr, in this folder."
    return click.option("--store", type=STORE, help=text)(command)


def batch_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--batch."""
    text = "Realizations in one task; by default one if they are dear, about a second's worth if they are cheap."
    return click.option("--batch", type=click.IntRange(min=1), help=text)(command)


def cluster_options(default: str | None, otherwise: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--cluster and what belongs to it; `otherwise` says what a command does that has no default for it."""
    where = (
        "local (one worker process per core), slurm or a profile.toml (jobs of workers), allocation (the SLURM job "
        f"around this), tcp://host:port, tls://host:port, or a scheduler file{otherwise}."
    )
    place = click.option("--cluster", "where", default=default, show_default=True, help=where)
    many = click.option("--workers", type=click.IntRange(min=1), help="Worker processes of the local cluster.")
    return lambda command: place(many(_access_options(_tls_options(command))))


class Access(TypedDict):
    """Who can reach a cluster that is started here, as `cluster.connect` takes it."""

    dashboard: bool
    insecure: bool


def access() -> Access:
    """--dashboard and --insecure of the command that runs."""
    meta = click.get_current_context().meta
    return {"dashboard": meta[_DASHBOARD], "insecure": meta[_INSECURE]}


_DASHBOARD, _INSECURE = f"{__name__}.dashboard", f"{__name__}.insecure"
"""Where Click keeps them for as long as a command runs."""


def _access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--dashboard and --insecure."""
    for flag, key, text in (
        ("--insecure", _INSECURE, "Local cluster without TLS: every user of this machine can run code as you."),
        ("--dashboard", _DASHBOARD, "Start Dask's dashboard; every user of this machine can read it."),
    ):
        keep = functools.partial(_keep, key)
        command = click.option(flag, is_flag=True, expose_value=False, callback=keep, help=text)(command)
    return command


def _keep(key: str, context: click.Context, _option: click.Parameter, value: bool) -> None:
    context.meta[key] = value


def _tls_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--tls-ca-file, --tls-cert and --tls-key, under the names that Dask's own commands have for them."""
    for name, key, text in (
        ("key", "client.key", "The key of that certificate."),
        ("cert", "client.cert", "The certificate of this side."),
        ("ca-file", "ca-file", "Who vouches for a cluster that is running, for tls:// (PEM files all three)."),
    ):
        command = click.option(
            f"--tls-{name}", type=PATH, expose_value=False, callback=functools.partial(_configure_tls, key), help=text
        )(command)
    return command


def _configure_tls(key: str, context: click.Context, option: click.Parameter, path: Path | None) -> None:
    """Let Dask know a TLS file for as long as the command runs."""
    if path is None:
        return
    if not path.is_file():
        raise ClusterError(f"{option.opts[0]} must be a file, but {path} is none")
    import dask

    told = {f"distributed.comm.tls.{key}": str(path.absolute()), "distributed.comm.require-encryption": True}
    context.with_resource(dask.config.set(told))


def deadline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--until and --max-time, of a run."""
    until = "When to be over, such as 07:00 or 2031-05-17T07:00: nothing is started that would take longer."
    max_time = "How long to go on at most, such as 8h, likewise."
    clock = click.option("--until", metavar="TIME", help=until)
    span = click.option("--max-time", type=SPAN, help=max_time)
    return clock(span(command))


def deadline(until: str | None, max_time: float | None) -> Deadline | None:
    """The earliest end of a run: those that are given, and that of the SLURM job around it."""
    return earliest([at(until) if until else None, within(max_time) if max_time else None, of_slurm()])


reading_options = cluster_options(None, "; without, and without --workers, this process reads alone")
"""The same, for what reads a store."""


def reading(where: str | None, workers: int | None) -> "contextlib.AbstractContextManager[Client | None]":
    """The cluster that reads a store, if one was asked for."""
    if not (where or workers):
        return contextlib.nullcontext()
    cluster.quiet()
    return cluster.connect(where or "local", workers, screen.warn, **access())


def at_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--at, any number of times."""
    text = "Only the points with these values of an axis; may be given for several axes."
    return click.option("--at", multiple=True, metavar="AXIS=VALUE[,VALUE...]", help=text)(command)


def model_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--model, of what needs the model of a store."""
    text = "Your own model: FILE.py, FILE.py:CLASS or MODULE:CLASS. It is imported; what STORE names never is."
    former = click.option("--model-folder", hidden=True, expose_value=False, callback=_refuse_model_folder)
    return click.option("--model", metavar="FILE.py", help=text)(former(command))


def _refuse_model_folder(_context: click.Context, _option: click.Parameter, folder: str | None) -> None:
    if folder is not None:
        raise ModelError(f"--model-folder is no option any more: name the file itself, as --model {folder}/FILE.py")
