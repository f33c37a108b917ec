"""What a store is worth: `replay`, one realization again before your eyes, and `verify`, its files and a sample."""

import json
import pdb
from collections.abc import Iterator
from dataclasses import asdict

import click

from ensemble import cluster, proof, screen
from ensemble.cli.options import access, cluster_options, model_option
from ensemble.cli.stores import STORE
from ensemble.failure import traceback_of
from ensemble.store import Status
from ensemble.store.place import Place

_TOLD = 20
"""Differences that are printed one by one; --json prints all of them."""


@click.command()
@click.argument("store", type=STORE)
@click.argument("point")
@click.argument("index", type=int)
@click.option("--pdb", "debug", is_flag=True, help="Open the debugger where it raises.")
@model_option
def replay(store: Place, point: str, index: int, debug: bool, model: str | None) -> None:
    """Compute realization INDEX at POINT of STORE again, in this process, to see why it fails or what it gives.

    POINT is such as N=8,epsilon=0,eta=1e5; axes with a single value may be left out, and - stands for none at all.
    """
    again = proof.Replay.of(store, point, index, model, screen.warn)
    _tell_key(again)
    try:
        arrays = again.compute()
    except BaseException as error:  # SystemExit of the model as well
        if isinstance(error, KeyboardInterrupt):
            raise
        inside = error.__traceback__
        screen.echo(traceback_of(error), newline=False, err=True)
        if debug:
            pdb.post_mortem(inside)
        raise SystemExit(1) from None
    if again.status != Status.DONE:
        retry = "; `ensemble run --retry-failed` computes it" if again.status == Status.FAILED else ""
        screen.echo(f"now     it comes out, and there is nothing in the store to compare it with{retry}")
        return
    apart = again.deviations(arrays)
    for name, found in apart.items():
        screen.echo(f"now     {name} {f'differs {found}' if found else 'has the bits of the store'}")
    if any(apart.values()):
        for line in again.libraries:
            screen.echo(f"with    {line}")
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
    store: Place,
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
    cluster.quiet()
    verdict = proof.verify(
        store,
        fraction=fraction,
        choice=choice,
        repair=repair,
        model=model,
        cluster=where,
        workers=workers,
        reading=screen.ProgressWatch("chunks", "read"),
        computing=screen.ProgressWatch("realizations", "computed again"),
        **access(),
    )
    if as_json:
        screen.echo(json.dumps({"store": str(store), **_rows(verdict)}, indent=2, allow_nan=False))
    else:
        for line in _lines(verdict):
            screen.echo(line)
    if not verdict.well:
        screen.echo(f"ensemble: {_what_to_do(store, verdict)}", err=True)
        raise SystemExit(1)


def _tell_key(again: proof.Replay) -> None:
    """The key of a realization, and what the store says of it."""
    screen.echo(f"key     seed {again.layout.seed}, {again.point}, realization {again.index}")
    screen.echo(f"        numpy.random.SeedSequence({again.layout.seed}, spawn_key={again.spawn_key})")
    screen.echo(f"store   {again.status.name.lower()}")
    if again.code:
        screen.echo(f"        with {', '.join(f'{name} {version}' for name, version in again.code.items())}")
    for line in again.exception.rstrip().splitlines() if again.status == Status.FAILED else ():
        screen.echo(f"        {line}".rstrip())


def _lines(verdict: proof.Verdict) -> Iterator[str]:
    """What was found, a line for each thing."""
    told = verdict.recomputed
    if verdict.driver:
        yield f"{verdict.driver} is at work on it: only what was done when this began is verified"
    yield from (f"damaged {damage}" for damage in verdict.damages)
    yield from (f"differs {difference}" for difference in told.differences[:_TOLD])
    if len(told.differences) > _TOLD:
        yield f"differs {len(told.differences) - _TOLD} times more; --json tells all"
    yield from (f"changed {each}" for each in verdict.changed_points)
    yield from (_repair_line(each) for each in verdict.repairs)
    if verdict.without_digest:
        yield f"{verdict.without_digest} realizations have no digest, because an older version recorded them"
    yield from (f"{count} realizations were computed with {library}" for library, count in told.libraries.items())
    if told.rounded:
        yield f"{told.rounded} of them are the same but for rounding"
    if verdict.doubtful:
        yield f"{verdict.doubtful} chunks are not there; only computing again tells whether they should be"
    if verdict.well:
        same = "the same but for rounding" if told.rounded else "the same to the last bit"
        again = f"{told.count} realizations computed again are {same}" if told.count else "nothing was computed again"
        yield f"all well: {verdict.chunks} chunks read, and {again}"


def _repair_line(each: proof.Repair) -> str:
    """One repair: how much, and the first that was wrong."""
    more = f" and {len(each.parts) - 1} more" if len(each.parts) > 1 else ""
    return f"repaired at {each.time}, {_counted(each.realizations, 'realization')}: {each.parts[0]}{more}"


def _what_to_do(store: Place, verdict: proof.Verdict) -> str:
    """What is wrong with a store, and the next thing to do about it, in one sentence."""
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


def _rows(verdict: proof.Verdict) -> dict[str, object]:
    """The same for scripts."""
    told = verdict.recomputed
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
        "computed_again": told.count,
        "different": [
            {
                "point": dict(each.point.values),
                "realization": each.realization,
                "observable": each.observable or None,
                "said": each.said,
            }
            for each in told.differences
        ],
        "changed_points": [
            {"point": dict(each.point.values), "computed_again": each.count} for each in verdict.changed_points
        ],
        "without_digest": verdict.without_digest,
        "repairs": [asdict(each) for each in verdict.repairs],
        "rounded": told.rounded,
        "libraries": dict(told.libraries),
        "doubtful": verdict.doubtful,
        "lost": verdict.lost,
        "repaired": verdict.repaired,
    }
