"""`ensemble figure`: declared figures, from what they still need to files and a table of claims."""

import contextlib
import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path

import click
from distributed import Client
from rich.text import Text

from ensemble import cluster, screen
from ensemble import figure as figures
from ensemble.cli.options import PATH, access, batch_option, cluster_options, deadline, deadline_options
from ensemble.errors import EnsembleError
from ensemble.figure.save import claim_rows, fit_rows
from ensemble.run import Summary
from ensemble.run.deadline import patience
from ensemble.wording import duration, plain, size


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
    cluster.check(where, workers, **access())
    end = deadline(until, max_time)
    home = (paths[0] if paths[0].is_dir() else paths[0].parent).resolve()
    folder = folder or Path("." if home == Path.cwd() else home.name)
    declared = [each for path in paths for each in _at_scale(path, scale)]
    place = folder.absolute()  # workers do not share this folder
    watch = screen.ProgressWatch()
    works = figures.ordered(declared, scale, place, watch.say)
    if plan or (len(works) > 1 and not as_json):
        _tell_plan(works, workers or cluster.cores(), as_json=as_json)
    if plan:
        return
    cluster.quiet()
    need = max((work.need for work in works), key=lambda need: need.bytes, default=cluster.Need())
    told, worst = [], 0
    with contextlib.ExitStack() as stack:

        @functools.cache
        def connect() -> Client:
            return stack.enter_context(cluster.connect(where, workers, watch.say, patience(end), need, **access()))

        for work in works:
            try:
                done = figures.compute(work.declaration, scale, place, connect, batch=batch, deadline=end, watch=watch)
                worst = max(worst, *(_tell_run(store, summary) for store, summary in done), 0)
                client = connect() if connect.cache_info().currsize else None
                result, files = figures.publish(work.declaration, scale, place, client)
            except EnsembleError as error:
                if len(works) == 1:
                    raise
                screen.echo(f"ensemble: {work.declaration.name}: {error}", err=True)  # the others are still to come
                worst = max(worst, error.exit_code)
                continue
            if as_json:
                told.append(_plain(result, files))
            else:
                _tell(result, files)
    claims = os.path.relpath(figures.summarize(place / scale)) if (place / scale).is_dir() else None
    if as_json:
        screen.echo(json.dumps({"figures": told, "claims": claims}, indent=2, allow_nan=False))
    elif claims:
        screen.echo(f"claims  {claims}")
    raise SystemExit(worst)


def _at_scale(path: Path, scale: str) -> list[figures.Declaration]:
    """The figures that a path stands for; those of a folder that do not declare the scale are named and left out."""
    found = list(figures.declarations(path))
    there = [each for each in found if each.offers(scale)]
    if not path.is_dir() or not any(each.sweeps for each in there):
        for each in found:
            each.check_scale(scale)
    if left := [each.name for each in found if each not in there]:
        screen.echo(f"without the scale {scale}, and left out: {', '.join(left)}", err=True)
    return there


def _tell_plan(works: Sequence[figures.Work], cores: int, *, as_json: bool) -> None:
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
        screen.echo(json.dumps({"cores": cores, "figures": rows, "hours": seconds / cores / 3600}, indent=2))
        return
    screen.console().print(screen.work_table(works, cores))
    missing = sum(each.missing for each in works)
    screen.echo(
        f"{missing} realizations for {len(works)} figures, {size(total)} before compression, "
        f"about {duration(seconds / cores)} on {cores} cores"
    )


def _tell_run(store: Path, summary: Summary) -> int:
    """A line for a store that has grown; the end if a signal asked for it; else the exit code so far."""
    if summary.computed or summary.failed or summary.signal is not None:
        screen.echo(f"{store.name}: {screen.told(summary)}", err=True)
    if summary.signal is not None:
        raise SystemExit(128 + summary.signal)  # what has landed is safe
    for line, count in summary.exceptions.items():
        screen.echo(f"{count} x {line}", err=True)
    if summary.failed:
        screen.echo(
            f"ensemble: {summary.failed} realizations failed; their tracebacks are in the variable `exception` of "
            f"{os.path.relpath(store)}, and the figure is made of the others",
            err=True,
        )
    return min(1, summary.failed)


def _tell(result: figures.Result, files: Sequence[Path]) -> None:
    """All that a figure says, on the terminal."""
    declared = result.declaration
    screen.console().print(Text.assemble((declared.name, "bold"), f"  {declared.title} ({result.scale})"))
    if declared.note:
        screen.echo(declared.note)
    for name, fitted in result.fitted.items():
        if fitted:
            screen.console().print(screen.fit_table(fitted, name))
        for line in screen.verdicts(fitted):
            screen.echo(f"{name}, {line}")
    for line in result.warnings:
        screen.echo(line)
    if result.compared:
        screen.console().print(screen.claim_table(result.compared))
    for path in files:
        screen.echo(f"wrote   {os.path.relpath(path)}")


def _plain(result: figures.Result, files: Sequence[Path]) -> object:
    """The same for scripts."""
    return plain(
        {
            "figure": result.declaration.name,
            "scale": result.scale,
            "fits": list(fit_rows(result)),
            "published": list(claim_rows(result)),
            "warnings": list(result.warnings),
            "files": [os.path.relpath(path) for path in files],
        }
    )
