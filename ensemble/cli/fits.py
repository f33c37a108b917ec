"""`ensemble fit`: fit a law at every point of a store, and then another one along an axis."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import click

from ensemble import reduce
from ensemble.cli import terminal
from ensemble.cli.options import PATH, reading, reading_options, select_option
from ensemble.cli.stores import STORE
from ensemble.errors import FitError
from ensemble.fit import fit_tables, store_fits
from ensemble.fit.curve_family import CurveFamily
from ensemble.fit.result import RARE
from ensemble.fit.store_fits import COMPARE, LAWS, MEAN, SIZE_LAWS, fit_each, is_curve
from ensemble.reduce import export, table_rows
from ensemble.reduce.reading import StoreReader
from ensemble.store.location import Location
from ensemble.store.select import parse_selection
from ensemble.sweep.sweep import format_point
from ensemble.sweep.toml_values import Value
from ensemble.sweep.units import to_json

_TITLES = {COMPARE: "laws side by side", MEAN: "its mean"}
"""Table titles of laws without a formula."""
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
    """Parse FIRST:LAST."""
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
    """Parse AXIS:LAW."""
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
@select_option
@reading_options
def fit(
    store: Location,
    law: str,
    observable: str | None,
    window: tuple[float, float] | None,
    reference: str | None,
    across: tuple[str, str] | None,
    parameter: str | None,
    output: Path | None,
    as_json: bool,
    selected: tuple[str, ...],
    where: str | None,
    workers: int | None,
) -> None:
    """Fit a law to every point of STORE: values with jackknife errors, windows, and what to be wary of.

    ensemble fit STORE --law plateau --across N:exponential_in_size
    """
    if output:
        export.check(output)
    options = {"window": window} if window else {}
    name = observable or table_rows.only_observable(store, "fit")
    select, other = parse_selection(store, selected), _reference(store, reference) if reference is not None else None
    source = StoreReader.of(store, select)
    kind = source.observable(name)
    curve = is_curve(name, kind.dims, kind.dtype, law)
    store_fits.check(law, curve, reference=other is not None, window=window is not None)
    parameter_name = _parameter_across(law, parameter, across, source, other or {})
    for axis, value in (other or {}).items():
        if axis in select:
            select[axis] = [*select[axis], value]
    with reading(where, workers) as client:
        family = CurveFamily.of(reduce.block_means(store, name, select=select, client=client), name)
    fitted = fit_each(family, law, reference=other, **options)
    if not fitted:
        why = "; ".join(family.missing) or "there is none"
        raise FitError(f"a fit needs a point with at least two realizations, other than its reference: {why}")
    across_fits = (
        store_fits.fit_across(fitted, *across, parameter_name, zipped_axes=source.layout.zipped_axes) if across else ()
    )
    if output:
        export.write(fit_tables.table(fitted, across_fits), output)
    if as_json:
        rows = {
            "fits": fit_tables.rows(fitted),
            "across": fit_tables.rows(across_fits),
            "missing": list(family.missing),
        }
        header = {"store": str(store), "observable": name}
        terminal.echo(json.dumps({**header, **to_json(rows)}, indent=2, allow_nan=False))
        return
    what = f"{name} over its plateau at {format_point(other)}" if other else name
    terminal.console().print(terminal.fit_table(fitted, f"{what}: {_TITLES.get(law, fitted[0].fit.law)}"))
    on = f"{parameter_name} across {across[0]}" if across else ""
    if across_fits:
        terminal.console().print(terminal.fit_table(across_fits, f"{on}: {across_fits[0].fit.law}"))
    for line in (
        *terminal.comparison_lines(fitted),
        *family.missing,
        *fit_tables.warning_lines(fitted),
        *fit_tables.warning_lines(across_fits, on),
    ):
        terminal.echo(line)
    if output:
        terminal.echo(f"wrote   {output}")


def _parameter_across(
    law: str, parameter: str | None, across: tuple[str, str] | None, source: StoreReader, reference: Mapping[str, Value]
) -> str:
    """The parameter that is fitted along an axis, "" if there is none; raises FitError if it cannot be fitted."""
    if parameter is not None and not across:
        raise FitError(f"--parameter must be given with --across, got {parameter!r} alone")
    name = parameter if parameter is not None else store_fits.TELLING.get(law, "")
    if across:
        axes = {
            axis: [value for value in values if value != reference.get(axis)]
            for axis, values in source.layout.axes.items()
        }
        store_fits.check_across(law, name, across[0], axes, across[1])
    return name


def _reference(store: Location, text: str) -> dict[str, Value]:
    """Parse AXIS=VALUE of a reference, which must be one value of one axis."""
    given = parse_selection(store, [text], "--reference")
    StoreReader.of(store, given)  # raises if the store does not have it
    for axis, values in given.items():
        if len(values) != 1:
            raise FitError(f"--reference must be an axis with one value, got {text!r}: leave out all but one of {axis}")
    return {axis: values[0] for axis, values in given.items()}
