"""`ensemble figure`: compute, fit and draw declared figures, and compare them with published values."""

import contextlib
import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path

import click
from distributed import Client
from rich.text import Text

from ensemble import cluster
from ensemble.cli import terminal
from ensemble.cli.options import PATH, access, batch_option, cluster_options, deadline, deadline_options
from ensemble.errors import EnsembleError
from ensemble.plot import figure as figures
from ensemble.plot.figure.save import claim_rows, fit_rows
from ensemble.run import Summary
from ensemble.run.deadline import startup_timeout
from ensemble.sweep.units import format_bytes, format_duration, to_json


@click.command("figure")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="DECLARATION...")
@click.option("--scale", default="quick", show_default=True, help="One of the scales that the figures declare.")
@click.option(
    "--folder",
    type=PATH,
    help="Where stores and figures go; by default here, in a folder named as that of DECLARATION.",
)
@click.option("--plan", is_flag=True, help="Tell what is missing and how long it takes; start nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@cluster_options("local")
@batch_option
@deadline_options
def figure(
    paths: tuple[Path, ...],
    scale: str,
    folder: Path | None,
    plan: bool,
    as_json: bool,
    where: str,
    workers: int | None,
    batch: int | None,
    until: str | None,
    max_time: float | None,
) -> None:
    """Make the figures that DECLARATION files describe; a folder stands for all that are in it.

    What their sweeps lack is computed first, in stores that figures share; then all is reduced, fitted, drawn, and
    told beside what was published. Stop at any time, and run it again to continue; a figure for which there was no time
    is made of what is there.
    """
    cluster.check_cluster(where, workers, **access())
    end = deadline(until, max_time)
    source_folder = (paths[0] if paths[0].is_dir() else paths[0].parent).resolve()
    folder = folder or Path("." if source_folder == Path.cwd() else source_folder.name)
    declared = [each for path in paths for each in _at_scale(path, scale)]
    place = folder.absolute()  # workers may have another working directory
    watch = terminal.ProgressWatch()
    works = figures.ordered(declared, scale, place, watch.say)
    if plan or (len(works) > 1 and not as_json):
        _print_plan(works, workers or cluster.count_cores(), as_json=as_json)
    if plan:
        return
    cluster.silence_logs()
    need = max((work.need for work in works), key=lambda need: need.bytes, default=cluster.MemoryNeed())
    results, worst = [], 0
    with contextlib.ExitStack() as stack:

        @functools.cache
        def connect() -> Client:
            return stack.enter_context(
                cluster.connect(where, workers, watch.say, startup_timeout(end), need, **access())
            )

        for work in works:
            try:
                done = figures.compute(work.declaration, scale, place, connect, batch=batch, deadline=end, watch=watch)
                worst = max(worst, *(_print_run(store, summary) for store, summary in done), 0)
                client = connect() if connect.cache_info().currsize else None
                result, files = figures.publish(work.declaration, scale, place, client)
            except EnsembleError as error:
                if len(works) == 1:
                    raise
                # one figure of several has failed: report it, and continue with the others
                terminal.echo(f"ensemble: {work.declaration.name}: {error}", err=True)
                worst = max(worst, error.exit_code)
                continue
            if as_json:
                results.append(_json_result(result, files))
            else:
                _print_result(result, files)
    claims = os.path.relpath(figures.summary(place / scale)) if (place / scale).is_dir() else None
    if as_json:
        terminal.echo(json.dumps({"figures": results, "claims": claims}, indent=2, allow_nan=False))
    elif claims:
        terminal.echo(f"claims  {claims}")
    raise SystemExit(worst)


def _at_scale(path: Path, scale: str) -> list[figures.Declaration]:
    """The figures of a path; those of a folder that do not declare the scale are skipped with a message."""
    found = list(figures.declarations(path))
    offered = [each for each in found if each.offers(scale)]
    if not path.is_dir() or not any(each.sweeps for each in offered):
        for each in found:
            each.check_scale(scale)
    if skipped := [each.name for each in found if each not in offered]:
        terminal.echo(f"without the scale {scale}, and left out: {', '.join(skipped)}", err=True)
    return offered


def _print_plan(works: Sequence[figures.Work], cores: int, *, as_json: bool) -> None:
    """Print what figures still need."""
    seconds, total = sum(each.seconds for each in works), sum(each.bytes for each in works)
    if as_json:
        rows = [
            {
                "figure": each.declaration.name,
                "missing": each.missing,
                "core_seconds": each.seconds,
                "bytes": each.bytes,
            }
            for each in works
        ]
        terminal.echo(json.dumps({"cores": cores, "figures": rows, "hours": seconds / cores / 3600}, indent=2))
        return
    terminal.console().print(terminal.work_table(works, cores))
    missing = sum(each.missing for each in works)
    terminal.echo(
        f"{missing} realizations for {len(works)} figures, {format_bytes(total)} before compression, "
        f"about {format_duration(seconds / cores)} on {cores} cores"
    )


def _print_run(store: Path, summary: Summary) -> int:
    """Print a line about a computed store; returns the exit code, and exits if a signal stopped the run."""
    if summary.computed or summary.failed or summary.signal is not None:
        terminal.echo(f"{store.name}: {terminal.run_lines(summary)}", err=True)
    if summary.signal is not None:
        raise SystemExit(128 + summary.signal)  # finished chunks are safe
    for line, count in summary.exceptions.items():
        terminal.echo(f"{count} x {line}", err=True)
    if summary.failed:
        terminal.echo(
            f"ensemble: {summary.failed} realizations failed; their tracebacks are in the variable `exception` of "
            f"{os.path.relpath(store)}, and the figure is made of the others",
            err=True,
        )
    return min(1, summary.failed)


def _print_result(result: figures.Result, files: Sequence[Path]) -> None:
    """Print fits, warnings, comparisons and files of a figure."""
    declared = result.declaration
    terminal.console().print(Text.assemble((declared.name, "bold"), f"  {declared.title} ({result.scale})"))
    if declared.note:
        terminal.echo(declared.note)
    for name, fitted in result.fitted.items():
        if fitted:
            terminal.console().print(terminal.fit_table(fitted, name))
        for line in terminal.comparison_lines(fitted):
            terminal.echo(f"{name}, {line}")
    for line in result.warnings:
        terminal.echo(line)
    if result.compared:
        terminal.console().print(terminal.claim_table(result.compared))
    for path in files:
        terminal.echo(f"wrote   {os.path.relpath(path)}")


def _json_result(result: figures.Result, files: Sequence[Path]) -> object:
    """The same for `--json`."""
    return to_json(
        {
            "figure": result.declaration.name,
            "scale": result.scale,
            "fits": list(fit_rows(result)),
            "published": list(claim_rows(result)),
            "warnings": list(result.warnings),
            "files": [os.path.relpath(path) for path in files],
        }
    )
