"""Options that several commands share."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, final

import click

from ensemble import cluster
from ensemble.cli import terminal
from ensemble.cli.stores import STORE
from ensemble.errors import ClusterError, ModelError, PointError
from ensemble.run.deadline import Deadline, deadline_at, deadline_within, earliest, slurm_deadline
from ensemble.sweep.units import parse_duration

if TYPE_CHECKING:
    from distributed import Client

PATH = click.Path(path_type=Path)


@final
class _Span(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of Click
    """Option type: a duration, converted to seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse a duration; a number, such as a default, is returned unchanged."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


SPAN = _Span()
"""A duration, such as 90, 90s, 10m, 8h, 1d or 1:30:00."""


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --store, for commands that take a sweep."""
    text = "The Zarr store, a folder or s3://BUCKET/NAME; by default the sweep's name with .zarr, in this folder."
    return click.option("--store", type=STORE, help=text)(command)


def batch_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --batch."""
    text = "Realizations in one task; by default one if they are dear, about a second's worth if they are cheap."
    return click.option("--batch", type=click.IntRange(min=1), help=text)(command)


def cluster_options(default: str | None, otherwise: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --cluster and its options; `otherwise` completes the help text if there is no default cluster."""
    where = (
        "local (one worker process per core), slurm or a profile.toml (jobs of workers), allocation (the SLURM job "
        f"around this), tcp://host:port, tls://host:port, or a scheduler file{otherwise}."
    )
    cluster_option = click.option("--cluster", "where", default=default, show_default=True, help=where)
    workers_option = click.option(
        "--workers", type=click.IntRange(min=1), help="Worker processes of the local cluster."
    )
    return lambda command: cluster_option(workers_option(_access_options(_tls_options(command))))


class Access(TypedDict):
    """Arguments of `cluster.connect` that decide who can reach a cluster that is started here."""

    dashboard: bool
    insecure: bool


def access() -> Access:
    """The values of --dashboard and --insecure of the current command."""
    meta = click.get_current_context().meta
    return {"dashboard": meta[_DASHBOARD], "insecure": meta[_INSECURE]}


_DASHBOARD, _INSECURE = f"{__name__}.dashboard", f"{__name__}.insecure"
"""Keys of Click's context under which the values are stored."""


def _access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --dashboard and --insecure."""
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
    """Add --tls-ca-file, --tls-cert and --tls-key, named as in Dask's own commands."""
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
    """Set a TLS file in Dask's configuration while the command runs."""
    if path is None:
        return
    if not path.is_file():
        raise ClusterError(f"{option.opts[0]} must be a file, but {path} is none")
    import dask

    settings = {f"distributed.comm.tls.{key}": str(path.absolute()), "distributed.comm.require-encryption": True}
    context.with_resource(dask.config.set(settings))


def deadline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --until and --max-time."""
    until = "When to be over, such as 07:00 or 2031-05-17T07:00: nothing is started that would take longer."
    max_time = "How long to go on at most, such as 8h, likewise."
    clock = click.option("--until", metavar="TIME", help=until)
    span = click.option("--max-time", type=SPAN, help=max_time)
    return clock(span(command))


def deadline(until: str | None, max_time: float | None) -> Deadline | None:
    """The earliest deadline: --until, --max-time, or the walltime of the SLURM job that this process runs in."""
    return earliest(
        [deadline_at(until) if until else None, deadline_within(max_time) if max_time else None, slurm_deadline()]
    )


reading_options = cluster_options(None, "; without, and without --workers, this process reads alone")
"""Add the cluster options of commands that read a store."""


def reading(where: str | None, workers: int | None) -> "contextlib.AbstractContextManager[Client | None]":
    """Context manager: the cluster that reads a store; None if none is asked for."""
    if not (where or workers):
        return contextlib.nullcontext()
    cluster.silence_logs()
    return cluster.connect(where or "local", workers, terminal.warn, **access())


def select_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --select, which may be repeated."""
    text = "Only the points with these values of an axis; may be given for several axes."
    former = click.option("--at", hidden=True, multiple=True, expose_value=False, callback=_refuse_at)
    return click.option("--select", "selected", multiple=True, metavar="AXIS=VALUE[,VALUE...]", help=text)(
        former(command)
    )


def _refuse_at(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> None:
    """Raise an error for the former name of --select."""
    if given:
        raise PointError(f"--at is called --select now: --select {given[0]}")


def model_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --model, for commands that need the model of a store."""
    text = "Your own model: FILE.py, FILE.py:CLASS or MODULE:CLASS. It is imported; what STORE names never is."
    former = click.option("--model-folder", hidden=True, expose_value=False, callback=_refuse_model_folder)
    return click.option("--model", metavar="FILE.py", help=text)(former(command))


def _refuse_model_folder(_context: click.Context, _option: click.Parameter, folder: str | None) -> None:
    """Raise an error for the removed option --model-folder."""
    if folder is not None:
        raise ModelError(f"--model-folder is no option any more: name the file itself, as --model {folder}/FILE.py")
