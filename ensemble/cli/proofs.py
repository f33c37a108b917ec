"""Check a store: `replay` computes one realization again, `verify` reads all files and recomputes a sample."""

import json
import pdb
from collections.abc import Iterator
from dataclasses import asdict

import click

from ensemble import cluster
from ensemble.cli import terminal
from ensemble.cli.options import access, cluster_options, model_option
from ensemble.cli.stores import STORE
from ensemble.errors import error_traceback
from ensemble.store import Status
from ensemble.store.location import Location
from ensemble.verify import Repair, Replay, VerifyResult
from ensemble.verify import verify as verify_store

_PRINTED = 20
"""Maximum number of differences that are printed; --json prints all."""


@click.command()
@click.argument("store", type=STORE)
@click.argument("point")
@click.argument("index", type=int)
@click.option("--pdb", "debug", is_flag=True, help="Open the debugger where it raises.")
@model_option
def replay(store: Location, point: str, index: int, debug: bool, model: str | None) -> None:
    """Compute realization INDEX at POINT of STORE again, in this process, to see why it fails or what it gives.

    POINT is such as N=8,epsilon=0,eta=1e5; axes with a single value may be left out, and - stands for none at all.
    """
    again = Replay.of(store, point, index, model, terminal.warn)
    _print_key(again)
    try:
        arrays = again.compute()
    except BaseException as error:  # also SystemExit raised by the model
        if isinstance(error, KeyboardInterrupt):
            raise
        traceback = error.__traceback__
        terminal.echo(error_traceback(error), newline=False, err=True)
        if debug:
            pdb.post_mortem(traceback)
        raise SystemExit(1) from None
    if again.status != Status.DONE:
        retry = "; `ensemble run --retry-failed` computes it" if again.status == Status.FAILED else ""
        terminal.echo(f"now     it comes out, and there is nothing in the store to compare it with{retry}")
        return
    deviations = again.deviations(arrays)
    for name, found in deviations.items():
        terminal.echo(f"now     {name} {f'differs {found}' if found else 'has the bits of the store'}")
    if any(deviations.values()):
        for line in again.libraries:
            terminal.echo(f"with    {line}")
        raise SystemExit(1)


@click.command()
@click.argument("store", type=STORE)
@click.option("--fraction", type=float, default=0.01, show_default=True, help="How many realizations to compute again.")
@click.option("--choice", type=click.IntRange(min=0), default=0, show_default=True, help="Another number, other ones.")
@click.option("--repair", is_flag=True, help="Mark what is damaged or different to be computed again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
@model_option
@cluster_options("local")
def verify(
    store: Location,
    fraction: float,
    choice: int,
    repair: bool,
    as_json: bool,
    model: str | None,
    where: str,
    workers: int | None,
) -> None:
    """Read every chunk of STORE, and compute a fraction of its realizations again from their keys.

    At every point that has any, at least one realization is computed again, unless the fraction is 0; and all that
    are in a chunk that is not there, since a chunk of nothing but zeros or missing values never is. Bits have to be
    the same; where a realization was computed with other versions of libraries, values up to rounding: 1e-9 of
    themselves and 1e-10 of the largest one.
    """
    cluster.silence_logs()
    verdict = verify_store(
        store,
        fraction=fraction,
        choice=choice,
        repair=repair,
        model=model,
        cluster=where,
        workers=workers,
        reading=terminal.ProgressWatch("chunks", "read"),
        computing=terminal.ProgressWatch("realizations", "computed again"),
        **access(),
    )
    if as_json:
        terminal.echo(json.dumps({"store": str(store), **_rows(verdict)}, indent=2, allow_nan=False))
    else:
        for line in _lines(verdict):
            terminal.echo(line)
    if not verdict.well:
        terminal.echo(f"ensemble: {_what_to_do(store, verdict)}", err=True)
        raise SystemExit(1)


def _print_key(again: Replay) -> None:
    """Print the random-number key of a realization and its record in the store."""
    terminal.echo(f"key     seed {again.layout.seed}, {again.point}, realization {again.index}")
    terminal.echo(f"        numpy.random.SeedSequence({again.layout.seed}, spawn_key={again.spawn_key})")
    terminal.echo(f"store   {again.status.name.lower()}")
    if again.code:
        terminal.echo(f"        with {', '.join(f'{name} {version}' for name, version in again.code.items())}")
    for line in again.exception.rstrip().splitlines() if again.status == Status.FAILED else ():
        terminal.echo(f"        {line}".rstrip())


def _lines(verdict: VerifyResult) -> Iterator[str]:
    """The result of `verify` as lines."""
    recomputed = verdict.recomputed
    if verdict.driver:
        yield f"{verdict.driver} is at work on it: only what was done when this began is verified"
    yield from (f"damaged {damage}" for damage in verdict.damages)
    yield from (f"differs {difference}" for difference in recomputed.differences[:_PRINTED])
    if len(recomputed.differences) > _PRINTED:
        yield f"differs {len(recomputed.differences) - _PRINTED} times more; --json tells all"
    yield from (f"changed {each}" for each in verdict.changed_points)
    yield from (_repair_line(each) for each in verdict.repairs)
    if verdict.without_digest:
        yield f"{verdict.without_digest} realizations have no digest, because an older version recorded them"
    yield from (f"{count} realizations were computed with {library}" for library, count in recomputed.libraries.items())
    if recomputed.rounded:
        yield f"{recomputed.rounded} of them are the same but for rounding"
    if verdict.doubtful:
        yield f"{verdict.doubtful} chunks are not there; only computing again tells whether they should be"
    if verdict.well:
        same = "the same but for rounding" if recomputed.rounded else "the same to the last bit"
        again = (
            f"{recomputed.count} realizations computed again are {same}"
            if recomputed.count
            else "nothing was computed again"
        )
        yield f"all well: {verdict.chunks} chunks read, and {again}"


def _repair_line(each: Repair) -> str:
    """One repair: time, number of realizations, and the first damaged part."""
    more = f" and {len(each.parts) - 1} more" if len(each.parts) > 1 else ""
    return f"repaired at {each.time}, {_counted(each.realizations, 'realization')}: {each.parts[0]}{more}"


def _what_to_do(store: Location, verdict: VerifyResult) -> str:
    """One sentence: what is wrong with the store, and the command that repairs it."""
    wrong = []
    if verdict.damages:
        wrong.append(_counted(len(verdict.damages), "damaged file"))
    if verdict.recomputed.differences:
        wrong.append(_counted(len(verdict.recomputed.differences), "difference"))
    found = f"{store} has {' and '.join(wrong)}"
    if verdict.repaired:
        lost = _counted(verdict.lost, "realization")
        next_step = f"`ensemble run SWEEP.toml --store {store}` computes what is todo"
        return f"{found}; {lost} became todo: {next_step}" if verdict.lost else f"{found}; what was damaged is gone"
    if verdict.changed_points and not verdict.damages and not verdict.lost:
        points = _counted(len(verdict.changed_points), "point")
        return (
            f"{found}, at {points} where everything recomputed differs although it matches its digest: recorded with "
            "other parameters or another model, so --repair changes nothing; restore the model as it was, "
            "or run the sweep with another --store"
        )
    if not verdict.mendable:
        files = ", ".join(damage.file for damage in verdict.damages if not damage.mendable)
        return (
            f"{found}; computing again does not bring back {files}: take that from a copy of the store, "
            "or run the sweep with another --store"
        )
    many = len(verdict.damages) + len(verdict.recomputed.differences) > 1
    others = "; where all is different, the model has changed" if verdict.recomputed.differences else ""
    concerned = "they concern" if many else "it concerns"
    return f"{found}; `ensemble verify {store} --repair` marks what {concerned} to be computed again{others}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"


def _rows(verdict: VerifyResult) -> dict[str, object]:
    """The same for `--json`."""
    recomputed = verdict.recomputed
    return {
        "driver": verdict.driver,
        "chunks": verdict.chunks,
        "damaged": [
            {
                "file": damage.file,
                "holds": damage.holds,
                "said": damage.said,
                "point": {name: list(values) for name, values in (damage.axes or {}).items()},
                "realizations": list(damage.realizations),
            }
            for damage in verdict.damages
        ],
        "computed_again": recomputed.count,
        "different": [
            {
                "point": dict(each.point.values),
                "realization": each.realization,
                "observable": each.observable or None,
                "said": each.said,
            }
            for each in recomputed.differences
        ],
        "changed_points": [
            {"point": dict(each.point.values), "computed_again": each.count} for each in verdict.changed_points
        ],
        "without_digest": verdict.without_digest,
        "repairs": [asdict(each) for each in verdict.repairs],
        "rounded": recomputed.rounded,
        "libraries": dict(recomputed.libraries),
        "doubtful": verdict.doubtful,
        "lost": verdict.lost,
        "repaired": verdict.repaired,
    }
