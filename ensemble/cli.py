"""The command line: each command is one call into the module of its name."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import xarray as xr

from ensemble import __version__, cluster, export, forecast, reduce, report, screen
from ensemble import run as running
from ensemble.errors import EnsembleError
from ensemble.models import catalog
from ensemble.reduce import curves
from ensemble.store import Ledger, lock
from ensemble.sweep import Sweep

_STORE = click.Path(path_type=Path)


class _Commands(click.Group):
    """Commands whose errors are one sentence and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; tell what went wrong."""
        try:
            return super().invoke(ctx)
        except EnsembleError as error:
            click.echo(f"ensemble: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("ensemble: stopped at once; what has landed is safe, run again to continue", err=True)
            ctx.exit(130)


def _store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "Folder of the Zarr store; by default the sweep's name with .zarr, in this folder."
    return click.option("--store", type=_STORE, help=text)(command)


def _batch_option(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "Realizations in one task; by default one if they are dear, about a second's worth if they are cheap."
    return click.option("--batch", type=click.IntRange(min=1), help=text)(command)


def _cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    where = "local (one worker process per core), tcp://host:port, or a scheduler file."
    many = click.option("--workers", type=click.IntRange(min=1), help="Worker processes of the local cluster.")
    return click.option("--cluster", "where", default="local", show_default=True, help=where)(many(command))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Disorder ensembles: from a sweep file to a labelled Zarr store, averages and figures."""


@main.command()
@click.argument("sweep", type=_STORE)
@_store_option
@_cluster_options
@_batch_option
@click.option("--retry-failed", is_flag=True, help="Compute failed realizations again.")
@click.option("--figure", type=_STORE, help="Where the figure goes; by default beside the store, as .png.")
def run(
    sweep: Path,
    store: Path | None,
    where: str,
    workers: int | None,
    batch: int | None,
    retry_failed: bool,
    figure: Path | None,
) -> None:
    """Compute what SWEEP asks for and the store does not have; then print a table and draw a figure.

    Run it again to continue, after a kill as well; ask for more in SWEEP to let the store grow.
    """
    asked = Sweep.read(sweep)
    store = store or Path(f"{sweep.stem}.zarr")
    path = store.absolute()  # workers do not share this folder
    summary = running.survey(asked, path, retry_failed=retry_failed)
    if not summary.left:
        said = "nothing is left to compute" if summary.failed else "everything is there"
        click.echo(f"{said}: {summary.found} of {summary.wanted} realizations in {store}")
        _leave_if_failed(summary, store)
        return
    watch = screen.ProgressWatch()
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a lost cluster is told in one sentence
    with cluster.connect(where, workers) as client:
        summary = running.run_on(client, asked, path, batch=batch, retry_failed=retry_failed, watch=watch)
        click.echo(screen.told(summary))
        if summary.signal is not None:
            raise SystemExit(128 + summary.signal)  # whoever stops a run does not want to wait for a table
        averages = reduce.average(path, client=client)
    if int(averages["count"].sum()):
        screen.console().print(*screen.average_tables(averages))
    click.echo(f"store   {store}")
    if curves(averages):
        click.echo(f"figure  {_draw(averages, figure or store.with_suffix('.png'))}")
    _leave_if_failed(summary, store)


@main.command()
@click.argument("sweep", type=_STORE)
@_store_option
@_batch_option
@click.option("--workers", type=click.IntRange(min=1), help="Cores to reckon with; by default those of this machine.")
def plan(sweep: Path, store: Path | None, batch: int | None, workers: int | None) -> None:
    """Tell what SWEEP would take: points, tasks, hours, bytes. Starts nothing."""
    asked = Sweep.read(sweep)
    cores = workers or cluster.cores()
    planned = forecast.plan(asked, store or Path(f"{sweep.stem}.zarr"), cores, batch=batch)
    screen.console().print(screen.plan_table(planned, list(asked.axes)))
    missing = sum(each.missing for each in planned.points)
    tasks = sum(each.tasks for each in planned.points)
    click.echo(
        f"{missing} realizations at {len(planned.points)} points, {tasks} tasks, chunks of {planned.chunk}, "
        f"{screen.size(planned.bytes)} before compression, "
        f"about {screen.duration(planned.seconds / cores)} on {cores} cores"
    )


@main.command()
@click.argument("store", type=_STORE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def status(store: Path, as_json: bool) -> None:
    """Tell what STORE holds: done, failed and wanted realizations of every point."""
    ledger = Ledger.reading(store)
    driver = lock.holder(store)
    if as_json:
        told = {"store": str(store), "model": ledger.layout.model, "driver": driver}
        click.echo(json.dumps({**told, "points": screen.status_rows(ledger)}, indent=2))
        return
    click.echo(f"{ledger.layout.model}, seed {ledger.layout.seed}; {driver or 'nobody'} is at work on it")
    screen.console().print(screen.status_table(ledger))


@main.command()
@click.argument("store", type=_STORE)
@click.option("--observable", metavar="NAME", help="This one alone; by default all of them.")
@click.option("-o", "--output", type=_STORE, help="Write the numbers to a file as well: netCDF (.nc) or CSV (.csv).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--statistics", is_flag=True, help="Typical values, zeros and quantiles of one observable instead.")
def average(store: Path, observable: str | None, output: Path | None, as_json: bool, statistics: bool) -> None:
    """Print the averages of STORE: for every point n, peak and plateau with their errors.

    Points where half of a plateau comes from a handful of realizations are named below the tables.
    """
    if output:
        export.check(output)
    if statistics:
        result = reduce.statistics(store, observable or report.only_observable(store))
        rows, tables, warnings = report.statistics_rows(result), [screen.statistics_table(result)], []
    else:
        result = report.audited(store, reduce.average(store, observables=[observable] if observable else None))
        rows, tables, warnings = report.average_rows(result), screen.average_tables(result), report.handfuls(result)
    if output:
        export.write(result, output)
    if as_json:
        click.echo(json.dumps({"store": str(store), "points": report.plain(rows)}, indent=2, allow_nan=False))
    else:
        screen.console().print(*tables)
        for line in warnings:
            click.echo(line)
        if output:
            click.echo(f"wrote   {output}")


@main.command()
@click.argument("store", type=_STORE)
@click.option("--output", type=_STORE, help="Where the figure goes; by default beside the store, as .png.")
def plot(store: Path, output: Path | None) -> None:
    """Draw the averages of STORE with their error bands."""
    click.echo(_draw(reduce.average(store), output or store.with_suffix(".png")))


@main.command()
def models() -> None:
    """List the installed models, their parameters, presets and observables."""
    for name in catalog.installed():
        screen.model_card(screen.console(), name, catalog.find(name))


def _draw(averages: xr.Dataset, path: Path) -> Path:
    """Draw the figure; Matplotlib is loaded only here, since every other command starts faster without it."""
    from ensemble.plot import plot as draw

    return draw(averages, path)


def _leave_if_failed(summary: running.Summary, store: Path) -> None:
    """Failed realizations are told and give exit code 1, also when there is nothing left to do."""
    if not summary.failed:
        return
    for line, count in summary.exceptions.items():
        click.echo(f"{count} x {line}", err=True)
    click.echo(
        f"ensemble: {summary.failed} realizations failed; their tracebacks are in the variable `exception` of {store}; "
        "mend the model and run again with --retry-failed",
        err=True,
    )
    raise SystemExit(1)
