"""`ensemble run`, `plan` and `models`: from a sweep to a store.

A sweep is read before Dask and xarray are imported, so that an error in it is reported at once.
"""

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ensemble import cluster, reduce
from ensemble import run as running
from ensemble.cli import terminal
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
from ensemble.cluster.submit import Successor, submit_successor
from ensemble.models import catalog
from ensemble.run.deadline import Deadline, startup_timeout
from ensemble.store.location import Location
from ensemble.sweep import Sweep
from ensemble.sweep.units import format_bytes, format_duration

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
    store: Location | None,
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
    with submit_successor(then or None) as successor:
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
    sweep: Sweep,
    store: Location,
    where: str,
    workers: int | None,
    figure: Path | None,
    successor: Successor,
    *,
    retry_failed: bool,
    end: Deadline | None,
    **options: Any,
) -> None:
    """Connect to the cluster, compute what is missing, print the averages and draw the figure."""
    cluster.check_cluster(where, workers, **access())
    path = store.absolute()  # workers may have another working directory
    summary = running.count_missing(sweep, path, retry_failed=retry_failed)
    if summary.complete:
        state = "nothing is left to compute" if summary.failed else "everything is there"
        terminal.echo(f"{state}: {summary.found} of {summary.wanted} realizations in {store}")
        if summary.groups:
            terminal.echo(terminal.target_lines(summary))
        _exit_if_failed(summary, store)
        return
    if not successor.begin(store, summary.found + summary.failed):
        terminal.echo("jobs before this one have added nothing: none follows it", err=True)
    watch = terminal.ProgressWatch()
    cluster.silence_logs()
    client: Client | None = None
    with contextlib.ExitStack() as stack:
        with running.before_deadline(summary, end, watch):
            need = running.memory_need(sweep, path, retry_failed=retry_failed)
            client = stack.enter_context(
                cluster.connect(where, workers, watch.say, startup_timeout(end), need, **access())
            )
            summary = running.run_on(
                client, sweep, path, retry_failed=retry_failed, deadline=end, watch=watch, **options
            )
        terminal.echo(terminal.run_lines(summary))
        successor.needed = summary.signal is not None or (summary.deadline is not None and summary.computed > 0)
        if summary.signal is not None:
            raise SystemExit(128 + summary.signal)  # the user wants to stop, and averages take time
        if client is None or (summary.deadline and summary.deadline.hard):
            _exit_if_failed(summary, store)
            return
        averages = reduce.average(path, audited=True, client=client)
    from ensemble.reduce import table_rows

    if int(averages["count"].sum()):
        terminal.console().print(*terminal.average_tables(averages))
    for line in table_rows.handfuls(averages):
        terminal.echo(line)
    terminal.echo(f"store   {store}")
    if reduce.curves(averages):
        terminal.echo(f"figure  {draw_averages(averages, figure or store.with_suffix('.png'))}")
    _exit_if_failed(summary, store)


@click.command()
@click.argument("sweep", type=PATH)
@store_option
@batch_option
@cluster_options(None, "; without, realizations are timed in this process")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def plan(
    sweep: Path, store: Location | None, batch: int | None, where: str | None, workers: int | None, as_json: bool
) -> None:
    """Tell what SWEEP would take: points, tasks, hours, bytes. Starts nothing.

    What a run has timed is known to its store; the rest is timed now. --workers without --cluster are reckoned with
    and not started; by default they are the cores of this machine.
    """
    asked = Sweep.read(sweep)
    from ensemble.run.plan import plan

    path = store or Path(f"{sweep.stem}.zarr")
    worker_count = workers if where == "local" else None
    say = terminal.warn
    need = running.memory_need(asked, path)
    assumed_workers = (
        (workers or cluster.count_cores())
        if where
        else cluster.workers_with_memory(workers or cluster.count_cores(), need, say)
    )
    with (
        cluster.connect(where, worker_count, say, need=need, **access())
        if where
        else contextlib.nullcontext() as client
    ):
        planned = plan(asked, path, assumed_workers, batch=batch, client=client, warn=say)
    if as_json:
        totals = {name: getattr(planned, name) for name in ("missing", "tasks", "bytes", "chunk", "workers", "sure")}
        hours = planned.seconds / 3600
        terminal.echo(json.dumps({**totals, "hours": hours, "points": terminal.plan_rows(planned)}, indent=2))
        return
    terminal.console().print(terminal.plan_table(planned, list(asked.axes)))
    most = "" if planned.sure else "at most "
    terminal.echo(
        f"{most}{planned.missing} realizations at {len(planned.points)} points, {planned.tasks} tasks, "
        f"chunks of {planned.chunk}, {format_bytes(planned.bytes)} before compression, "
        f"about {format_duration(planned.seconds)} on {planned.workers} cores"
    )


@click.command()
def models() -> None:
    """List the installed models, their parameters, presets and observables."""
    for name in catalog.installed():
        terminal.model_card(terminal.console(), name, catalog.find(name))


def _exit_if_failed(summary: running.Summary, store: Location) -> None:
    """Print how many realizations have failed and exit with code 1, even if nothing was left to compute."""
    if not summary.failed:
        return
    for line, count in summary.exceptions.items():
        terminal.echo(f"{count} x {line}", err=True)
    terminal.echo(
        f"ensemble: {summary.failed} realizations failed; their tracebacks are in the variable `exception` of {store}; "
        "mend the model and run again with --retry-failed",
        err=True,
    )
    raise SystemExit(1)
