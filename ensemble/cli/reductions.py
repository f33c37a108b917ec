"""What goes from a store to tables, files and figures: `average`, `plot`."""

import json
from pathlib import Path

import click
import xarray as xr
from distributed import Client

from ensemble import export, reduce, report, screen
from ensemble.cli.drawing import draw_averages
from ensemble.cli.options import (
    PATH,
    at_option,
    model_option,
    reading,
    reading_options,
)
from ensemble.cli.stores import STORE
from ensemble.errors import ModelError, ModelNotNamed, ReductionError, cure
from ensemble.models.model import Model
from ensemble.reduce.reading import Select
from ensemble.selection import selection
from ensemble.store import Layout
from ensemble.store.place import Place
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
@model_option
@at_option
@reading_options
def average(
    store: Place,
    observable: str | None,
    output: Path | None,
    as_json: bool,
    statistics: bool,
    model: str | None,
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
            result = _averages(store, observable, select, client, model, audited=True)
            rows, tables, warnings = report.average_rows(result), screen.average_tables(result), report.handfuls(result)
    if output:
        export.write(result, output)
    if as_json:
        screen.echo(json.dumps({"store": str(store), "points": plain(rows)}, indent=2, allow_nan=False))
    else:
        screen.console().print(*tables)
        for line in warnings:
            screen.echo(line)
        if output:
            screen.echo(f"wrote   {output}")


def _averages(
    store: Place, name: str | None, select: Select, client: Client | None, named: str | None, *, audited: bool
) -> xr.Dataset:
    """The averages of all observables or of one, or what the model makes of means."""
    if name and (model := _maker(store, name, named)):
        return reduce.of_means(store, name, select=select, client=client, model=model)
    some = [name] if name else None
    return reduce.average(store, observables=some, audited=audited, select=select, client=client)


def _maker(store: Place, name: str, named: str | None) -> type[Model] | None:
    """The model of a store, if it makes a quantity of this name of means; None for an observable of the store.

    An error tells all that there is where it is neither; without a model, what the store has.
    """
    layout = Layout.read(store)
    if name in layout.observables:
        return None
    try:
        model = layout.find_model(store, named, screen.warn)
    except ModelError as error:
        if named:
            raise
        hint = "; what its model makes of means needs --model FILE.py" if isinstance(error, ModelNotNamed) else ""
        told = cure(name, layout.observables, "it has")
        raise ReductionError(f"the observable must be one that {store} has, got {name!r}: {told}{hint}") from error
    if name not in model.of_means:
        told = cure(name, (*layout.observables, *model.of_means), "they are")
        raise ReductionError(
            f"the observable must be one that {store} has or its model makes of means, got {name!r}: {told}"
        )
    return model


@click.command()
@click.argument("store", type=STORE)
@_observable_option
@click.option("--output", type=PATH, help="Where the figure goes; by default beside the store, as .png.")
@model_option
@at_option
def plot(store: Place, observable: str | None, output: Path | None, model: str | None, at: tuple[str, ...]) -> None:
    """Draw the averages of STORE with their error bands."""
    averages = _averages(store, observable, selection(store, at), None, model, audited=False)
    screen.echo(draw_averages(averages, output or store.with_suffix(".png")))
