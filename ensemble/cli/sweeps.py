"""What goes from a sweep to a store: `run`, `plan`, and `models`, what there is to run.

A sweep is read before Dask and xarray are loaded, so that a wrong one is refused at once.
"""

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ensemble import cluster, reduce, screen
from ensemble import run as running
from ensemble.cli.drawing import draw_averages
from ensemble.cli.options import (
    PATH,
    SPAN,
    access,
    batch_option,
    cluster_options,
    deadline,
    deadline_options,
    store_option,
)
from ensemble.cluster.submit import Successor, followed
from ensemble.models import catalog
from ensemble.run.deadline import Deadline, patience
from ensemble.store.place import Place
from ensemble.sweep import Sweep
from ensemble.wording import duration, size

if TYPE_CHECKING:
    from distributed import Client


@click.command()
@click.argument("sweep", type=PATH)
@store_option
@cluster_options("local")
@batch_option
@deadline_options
@click.option("--retry-failed", is_flag=True, help="Compute failed realizations again.")
@click.option("--time-limit", type=SPAN, help="Record realizations as failed that take longer, such as 10m.")
@click.option("--figure", type=PATH, help="Where the figure goes; by default beside the store, as .png.")
@click.option("--then", metavar="JOB", hidden=True, help="A SLURM job that waits for this one to end.")
def run(
    sweep: Path,
    store: Place | None,
    where: str,
    workers: int | None,
    batch: int | None,
    until: str | None,
    max_time: float | None,
    retry_failed: bool,
    time_limit: float | None,
    figure: Path | None,
    then: str | None,
) -> None:
    """Compute what SWEEP asks for and the store does not have; then print a table and draw a figure.

    Run it again to continue, after a kill as well; ask for more in SWEEP to let the store grow. Inside a SLURM job
    the run ends before the walltime does.
    """
    with followed(then or None) as successor:
        _run(
            Sweep.read(sweep),
            store or Path(f"{sweep.stem}.zarr"),
            where,
            workers,
            figure,
            successor,
            batch=batch,
            retry_failed=retry_failed,
            end=deadline(until, max_time),
            time_limit=time_limit,
        )


def _run(
    asked: Sweep,
    store: Place,
    where: str,
    workers: int | None,
    figure: Path | None,
    successor: Successor,
    *,
    retry_failed: bool,
    end: Deadline | None,
    **options: Any,
) -> None:
    cluster.check(where, workers, **access())
    path = store.absolute()  # workers do not share this folder
    summary = running.survey(asked, path, retry_failed=retry_failed)
    if summary.complete:
        said = "nothing is left to compute" if summary.failed else "everything is there"
        screen.echo(f"{said}: {summary.found} of {summary.wanted} realizations in {store}")
        if summary.groups:
            screen.echo(screen.told_targets(summary))
        _leave_if_failed(summary, store)
        return
    if not successor.begin(store, summary.found + summary.failed):
        screen.echo("jobs before this one have added nothing: none follows it", err=True)
    watch = screen.ProgressWatch()
    cluster.quiet()
    client: Client | None = None
    with contextlib.ExitStack() as stack:
        with running.in_time(summary, end, watch):
            need = running.need(asked, path, retry_failed=retry_failed)
            client = stack.enter_context(cluster.connect(where, workers, watch.say, patience(end), need, **access()))
            summary = running.run_on(
                client, asked, path, retry_failed=retry_failed, deadline=end, watch=watch, **options
            )
        screen.echo(screen.told(summary))
        successor.needed = summary.signal is not None or (summary.deadline is not None and summary.computed > 0)
        if summary.signal is not None:
            raise SystemExit(128 + summary.signal)  # a table takes time, and the user wants to stop
        if client is None or (summary.deadline and summary.deadline.hard):
            _leave_if_failed(summary, store)
            return
        averages = reduce.average(path, audited=True, client=client)
    from ensemble import report

    if int(averages["count"].sum()):
        screen.console().print(*screen.average_tables(averages))
    for line in report.handfuls(averages):
        screen.echo(line)
    screen.echo(f"store   {store}")
    if reduce.curves(averages):
        screen.echo(f"figure  {draw_averages(averages, figure or store.with_suffix('.png'))}")
    _leave_if_failed(summary, store)


@click.command()
@click.argument("sweep", type=PATH)
@store_option
@batch_option
@cluster_options(None, "; without, realizations are timed in this process")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def plan(
    sweep: Path, store: Place | None, batch: int | None, where: str | None, workers: int | None, as_json: bool
) -> None:
    """Tell what SWEEP would take: points, tasks, hours, bytes. Starts nothing.

    What a run has timed is known to its store; the rest is timed now. --workers without --cluster are reckoned with
    and not started; by default they are the cores of this machine.
    """
    asked = Sweep.read(sweep)
    from ensemble import forecast

    path = store or Path(f"{sweep.stem}.zarr")
    many = workers if where == "local" else None
    say = screen.warn
    need = running.need(asked, path)
    reckoned = (workers or cluster.cores()) if where else cluster.fitting(workers or cluster.cores(), need, say)
    with cluster.connect(where, many, say, need=need, **access()) if where else contextlib.nullcontext() as client:
        planned = forecast.plan(asked, path, reckoned, batch=batch, client=client, warn=say)
    if as_json:
        totals = {name: getattr(planned, name) for name in ("missing", "tasks", "bytes", "chunk", "workers", "sure")}
        hours = planned.seconds / 3600
        screen.echo(json.dumps({**totals, "hours": hours, "points": screen.plan_rows(planned)}, indent=2))
        return
    screen.console().print(screen.plan_table(planned, list(asked.axes)))
    most = "" if planned.sure else "at most "
    screen.echo(
        f"{most}{planned.missing} realizations at {len(planned.points)} points, {planned.tasks} tasks, "
        f"chunks of {planned.chunk}, {size(planned.bytes)} before compression, "
        f"about {duration(planned.seconds)} on {planned.workers} cores"
    )


@click.command()
def models() -> None:
    """List the installed models, their parameters, presets and observables."""
    for name in catalog.installed():
        screen.model_card(screen.console(), name, catalog.find(name))


def _leave_if_failed(summary: running.Summary, store: Place) -> None:
    """Print how many realizations have failed and exit with code 1, also when there is nothing left to do."""
    if not summary.failed:
        return
    for line, count in summary.exceptions.items():
        screen.echo(f"{count} x {line}", err=True)
    screen.echo(
        f"ensemble: {summary.failed} realizations failed; their tracebacks are in the variable `exception` of {store}; "
        "mend the model and run again with --retry-failed",
        err=True,
    )
    raise SystemExit(1)
