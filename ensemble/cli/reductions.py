"""What goes from a store to tables, files and figures: `average`, `fit`, `plot`."""

import json
from collections.abc import Mapping
from pathlib import Path

import click
import xarray as xr
from distributed import Client

from ensemble import export, reduce, report, screen
from ensemble.cli.drawing import draw_averages
from ensemble.cli.options import (
    PATH,
    across_option,
    at_option,
    model_folder_option,
    reading,
    reading_options,
    window_option,
)
from ensemble.cli.stores import STORE
from ensemble.errors import FitError, ModelError, ReductionError, cure
from ensemble.fit import families, told
from ensemble.fit.families import COMPARE, LAWS, MEAN, fit_each, is_curve
from ensemble.fit.family import Family
from ensemble.fit.result import RARE
from ensemble.reduce.reading import Select, Source
from ensemble.selection import selection
from ensemble.store import Layout
from ensemble.store.place import Place
from ensemble.sweep import told_point
from ensemble.values import Value
from ensemble.wording import plain

_observable_option = click.option(
    "--observable", metavar="NAME", help="This one alone, or what the model makes of means; by default all of them."
)


@click.command()
@click.argument("store", type=STORE)
@_observable_option
@click.option("-o", "--output", type=PATH, help="Write the numbers to a file as well: netCDF (.nc) or CSV (.csv).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--statistics", is_flag=True, help="Typical values, zeros and quantiles of one observable instead.")
@model_folder_option
@at_option
@reading_options
def average(
    store: Place,
    observable: str | None,
    output: Path | None,
    as_json: bool,
    statistics: bool,
    model_folder: Path | None,
    at: tuple[str, ...],
    where: str | None,
    workers: int | None,
) -> None:
    """Print the averages of STORE: for every point n, peak and plateau, or the mean of a number, with their errors.

    Points where half of a plateau comes from a handful of realizations are named below the tables.
    """
    if output:
        export.check(output)
    select = selection(store, at)
    with reading(where, workers) as client:
        if statistics:
            one = observable or report.only_observable(store, "--statistics")
            result = reduce.statistics(store, one, select=select, client=client)
            rows, tables, warnings = report.statistics_rows(result), [screen.statistics_table(result)], []
        else:
            result = _averages(store, observable, select, client, model_folder, audited=True)
            rows, tables, warnings = report.average_rows(result), screen.average_tables(result), report.handfuls(result)
    if output:
        export.write(result, output)
    if as_json:
        click.echo(json.dumps({"store": str(store), "points": plain(rows)}, indent=2, allow_nan=False))
    else:
        screen.console().print(*tables)
        for line in warnings:
            click.echo(line)
        if output:
            click.echo(f"wrote   {output}")


def _averages(
    store: Place, name: str | None, select: Select, client: Client | None, folder: Path | None, *, audited: bool
) -> xr.Dataset:
    """The averages of all observables or of one, or what the model makes of means."""
    if name and _is_made(store, name, folder):
        return reduce.of_means(store, name, select=select, client=client, model_folder=folder)
    some = [name] if name else None
    return reduce.average(store, observables=some, audited=audited, select=select, client=client)


def _is_made(store: Place, name: str, folder: Path | None) -> bool:
    """Whether a name is no observable of a store, but what its model, if that is to be found, makes of means.

    An error tells all that there is where it is neither.
    """
    layout = Layout.read(store)
    if name in layout.observables:
        return False
    try:
        made = layout.find_model(store, folder).of_means
    except ModelError:
        if folder:
            raise
        return False
    if made and name not in made:
        told = cure(name, (*layout.observables, *made), "they are")
        raise ReductionError(
            f"the observable must be one that {store} has or its model makes of means, got {name!r}: {told}"
        )
    return name in made


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


@click.command(epilog=_EPILOG)
@click.argument("store", type=STORE)
@click.option("--law", metavar="LAW", required=True, help=f"One of {', '.join((*LAWS, COMPARE, MEAN))}.")
@click.option("--observable", metavar="NAME", help="Needed where the store has several.")
@window_option
@click.option("--reference", metavar="AXIS=VALUE", help="For stretched: the same points but with this value.")
@across_option
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
        click.echo(json.dumps({**about, **plain(rows)}, indent=2, allow_nan=False))
        return
    what = f"{name} over its plateau at {told_point(other)}" if other else name
    screen.console().print(screen.fit_table(fitted, f"{what}: {_TITLES.get(law, fitted[0].fit.law)}"))
    on = f"{telling} across {across[0]}" if across else ""
    if along:
        screen.console().print(screen.fit_table(along, f"{on}: {along[0].fit.law}"))
    for line in (*screen.verdicts(fitted), *family.missing, *told.doubts(fitted), *told.doubts(along, on)):
        click.echo(line)
    if output:
        click.echo(f"wrote   {output}")


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


@click.command()
@click.argument("store", type=STORE)
@_observable_option
@click.option("--output", type=PATH, help="Where the figure goes; by default beside the store, as .png.")
@model_folder_option
@at_option
def plot(
    store: Place, observable: str | None, output: Path | None, model_folder: Path | None, at: tuple[str, ...]
) -> None:
    """Draw the averages of STORE with their error bands."""
    averages = _averages(store, observable, selection(store, at), None, model_folder, audited=False)
    click.echo(draw_averages(averages, output or store.with_suffix(".png")))
