"""`fit`: a law at every point of a store, and then across them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import click

from ensemble import export, reduce, report, screen
from ensemble.cli.options import PATH, at_option, reading, reading_options
from ensemble.cli.stores import STORE
from ensemble.errors import FitError
from ensemble.fit import families, told
from ensemble.fit.families import COMPARE, LAWS, MEAN, SIZE_LAWS, fit_each, is_curve
from ensemble.fit.family import Family
from ensemble.fit.result import RARE
from ensemble.reduce.reading import Source
from ensemble.selection import selection
from ensemble.store.place import Place
from ensemble.sweep import told_point
from ensemble.values import Value
from ensemble.wording import plain

_TITLES = {COMPARE: "laws side by side", MEAN: "its mean"}
"""Where there is no formula to be told."""
_EPILOG = f"""\b
The laws, and what each of them gives:
  plateau     c, at late times
  power       a t^-beta, from the peak to the plateau
  growth      a t^alpha, before saturation
  peak        height of the highest point, and its time t
  stretched   a exp(-((t + t0) / tau)^delta), of the curve over the plateau of its reference
  compare     power law, exponential, stretched exponential, logarithm: which one the data prefer
  mean        of an observable that is a number at every point

\b
The laws across an axis:
  exponential_in_size   A exp(-alpha N)
  extrapolate           limit + slope / N; its window is one in 1 / N
  power_in_size         A N^beta
  volume_law            limit + slope / N, of the values divided by N
  double_exponential    exp(-a 2^(b N))

\b
The columns:
  n           realizations
  0.217(51)   a value, with one standard error in its last digits
  moves       the farthest that the value moves when the fit is repeated on parts of the window
  chance      of so bad a fit if the law were true; below {RARE:g} the law does not describe the data
  AIC above   that of the preferred law; its error is in the line below the table
"""


def _window(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[float, float] | None:
    """FIRST:LAST."""
    if text is None:
        return None
    try:
        first, last = map(float, text.split(":"))
    except ValueError:
        first, last = math.nan, math.nan
    if not first < last:
        raise FitError(f"--window must be two times, FIRST:LAST, such as 0.1:100, got {text!r}")
    return first, last


def _across(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, str] | None:
    """AXIS:LAW."""
    if text is None:
        return None
    axis, _, law = text.partition(":")
    if not axis or law not in SIZE_LAWS:
        raise FitError(f"--across must be an axis and a law, such as N:{next(iter(SIZE_LAWS))}, got {text!r}")
    return axis, law


@click.command(epilog=_EPILOG)
@click.argument("store", type=STORE)
@click.option("--law", metavar="LAW", required=True, help=f"One of {', '.join((*LAWS, COMPARE, MEAN))}.")
@click.option("--observable", metavar="NAME", help="Needed where the store has several.")
@click.option(
    "--window",
    metavar="FIRST:LAST",
    callback=_window,
    help="The times to fit; by default the law's own rule finds them.",
)
@click.option("--reference", metavar="AXIS=VALUE", help="For stretched: the same points but with this value.")
@click.option(
    "--across",
    metavar="AXIS:LAW",
    callback=_across,
    help=f"Then fit a law along an axis, such as N, to what has come out: {', '.join(SIZE_LAWS)}.",
)
@click.option(
    "--parameter", metavar="NAME", help="What is fitted across; by default c, beta, alpha, height, delta or the mean."
)
@click.option("-o", "--output", type=PATH, help="Write the numbers to a file as well: netCDF (.nc) or CSV (.csv).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@at_option
@reading_options
def fit(
    store: Place,
    law: str,
    observable: str | None,
    window: tuple[float, float] | None,
    reference: str | None,
    across: tuple[str, str] | None,
    parameter: str | None,
    output: Path | None,
    as_json: bool,
    at: tuple[str, ...],
    where: str | None,
    workers: int | None,
) -> None:
    """Fit a law to every point of STORE: values with jackknife errors, windows, and what to be wary of.

    ensemble fit STORE --law plateau --across N:exponential_in_size
    """
    if output:
        export.check(output)
    options = {"window": window} if window else {}
    name = observable or report.only_observable(store, "fit")
    select, other = selection(store, at), _reference(store, reference) if reference is not None else None
    source = Source.of(store, select)
    kind = source.observable(name)
    curve = is_curve(name, kind.dims, kind.dtype, law)
    families.check(law, curve, reference=other is not None, window=window is not None)
    telling = _telling(law, parameter, across, source, other or {})
    for axis, value in (other or {}).items():
        if axis in select:
            select[axis] = [*select[axis], value]
    with reading(where, workers) as client:
        family = Family.of(reduce.block_means(store, name, select=select, client=client), name)
    fitted = fit_each(family, law, reference=other, **options)
    if not fitted:
        why = "; ".join(family.missing) or "there is none"
        raise FitError(f"a fit needs a point with at least two realizations, other than its reference: {why}")
    along = families.across(fitted, *across, telling, together=source.layout.together) if across else ()
    if output:
        export.write(told.table(fitted, along), output)
    if as_json:
        rows = {"fits": told.rows(fitted), "across": told.rows(along), "missing": list(family.missing)}
        about = {"store": str(store), "observable": name}
        screen.echo(json.dumps({**about, **plain(rows)}, indent=2, allow_nan=False))
        return
    what = f"{name} over its plateau at {told_point(other)}" if other else name
    screen.console().print(screen.fit_table(fitted, f"{what}: {_TITLES.get(law, fitted[0].fit.law)}"))
    on = f"{telling} across {across[0]}" if across else ""
    if along:
        screen.console().print(screen.fit_table(along, f"{on}: {along[0].fit.law}"))
    for line in (*screen.verdicts(fitted), *family.missing, *told.doubts(fitted), *told.doubts(along, on)):
        screen.echo(line)
    if output:
        screen.echo(f"wrote   {output}")


def _telling(
    law: str, parameter: str | None, across: tuple[str, str] | None, source: Source, reference: Mapping[str, Value]
) -> str:
    """The parameter that is fitted across an axis, if one is; an error where it cannot be."""
    if parameter is not None and not across:
        raise FitError(f"--parameter must be given with --across, got {parameter!r} alone")
    telling = parameter if parameter is not None else families.TELLING.get(law, "")
    if across:
        axes = {
            axis: [value for value in values if value != reference.get(axis)]
            for axis, values in source.layout.axes.items()
        }
        families.check_across(law, telling, across[0], axes, across[1])
    return telling


def _reference(store: Place, text: str) -> dict[str, Value]:
    """The one value of the one axis that a reference has."""
    given = selection(store, [text], "--reference")
    Source.of(store, given)  # refuses what the store does not have
    for axis, values in given.items():
        if len(values) != 1:
            raise FitError(f"--reference must be an axis with one value, got {text!r}: leave out all but one of {axis}")
    return {axis: values[0] for axis, values in given.items()}
