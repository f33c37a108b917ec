"""What goes from a sweep to a store: `run`, `plan`, `status`, and `models`, what there is to run."""

import json
import logging
from pathlib import Path

import click

from ensemble import cluster, forecast, reduce, report, screen
from ensemble import run as running
from ensemble.cli.drawing import draw_averages
from ensemble.cli.options import PATH, batch_option, cluster_options, store_option
from ensemble.models import catalog
from ensemble.reduce import curves
from ensemble.store import Ledger, lock
from ensemble.sweep import Sweep
from ensemble.wording import duration, size


@click.command()
@click.argument("sweep", type=PATH)
@store_option
@cluster_options("local")
@batch_option
@click.option("--retry-failed", is_flag=True, help="Compute failed realizations again.")
@click.option("--figure", type=PATH, help="Where the figure goes; by default beside the store, as .png.")
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
        averages = reduce.average(path, audited=True, client=client)
    if int(averages["count"].sum()):
        screen.console().print(*screen.average_tables(averages))
    for line in report.handfuls(averages):
        click.echo(line)
    click.echo(f"store   {store}")
    if curves(averages):
        click.echo(f"figure  {draw_averages(averages, figure or store.with_suffix('.png'))}")
    _leave_if_failed(summary, store)


@click.command()
@click.argument("sweep", type=PATH)
@store_option
@batch_option
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
        f"{size(planned.bytes)} before compression, "
        f"about {duration(planned.seconds / cores)} on {cores} cores"
    )


@click.command()
@click.argument("store", type=PATH)
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
    table = screen.status_table(ledger)
    if table.row_count:
        screen.console().print(table)
    else:
        click.echo("no point has realizations, and none are wanted")


@click.command()
def models() -> None:
    """List the installed models, their parameters, presets and observables."""
    for name in catalog.installed():
        screen.model_card(screen.console(), name, catalog.find(name))


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
