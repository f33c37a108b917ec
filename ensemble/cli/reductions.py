"""`ensemble average` and `ensemble plot`: tables, files and figures of the averages of a store."""

import json
from pathlib import Path

import click
import xarray as xr
from distributed import Client

from ensemble import reduce
from ensemble.cli import terminal
from ensemble.cli.drawing import draw_averages
from ensemble.cli.options import (
    PATH,
    model_option,
    reading,
    reading_options,
    select_option,
)
from ensemble.cli.stores import STORE
from ensemble.errors import ModelError, ModelNotNamed, ReductionError, remedy
from ensemble.models.model import Model
from ensemble.reduce import export, table_rows
from ensemble.reduce.reading import Select
from ensemble.store import Layout
from ensemble.store.location import Location
from ensemble.store.select import parse_selection
from ensemble.sweep.units import to_json

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
@select_option
@reading_options
def average(
    store: Location,
    observable: str | None,
    output: Path | None,
    as_json: bool,
    statistics: bool,
    model: str | None,
    selected: tuple[str, ...],
    where: str | None,
    workers: int | None,
) -> None:
    """Print the averages of STORE: for every point n, peak and plateau, or the mean of a number, with their errors.

    Points where half of a plateau comes from a handful of realizations are named below the tables.
    """
    if output:
        export.check(output)
    select = parse_selection(store, selected)
    with reading(where, workers) as client:
        if statistics:
            one = observable or table_rows.only_observable(store, "--statistics")
            result = reduce.statistics(store, one, select=select, client=client)
            rows, tables, warnings = table_rows.statistics_rows(result), [terminal.statistics_table(result)], []
        else:
            result = _averages(store, observable, select, client, model, audited=True)
            rows, tables, warnings = (
                table_rows.average_rows(result),
                terminal.average_tables(result),
                table_rows.handfuls(result),
            )
    if output:
        export.write(result, output)
    if as_json:
        terminal.echo(json.dumps({"store": str(store), "points": to_json(rows)}, indent=2, allow_nan=False))
    else:
        terminal.console().print(*tables)
        for line in warnings:
            terminal.echo(line)
        if output:
            terminal.echo(f"wrote   {output}")


def _averages(
    store: Location, name: str | None, select: Select, client: Client | None, named: str | None, *, audited: bool
) -> xr.Dataset:
    """Averages of all observables or of one, or a function of means of the model."""
    if name and (model := _model_of_function(store, name, named)):
        return reduce.functions_of_means(store, name, select=select, client=client, model=model)
    some = [name] if name else None
    return reduce.average(store, observables=some, audited=audited, select=select, client=client)


def _model_of_function(store: Location, name: str, named: str | None) -> type[Model] | None:
    """The model of a store if `name` is one of its functions of means; None if it is an observable of the store.

    Raises ReductionError with all possible names if it is neither.
    """
    layout = Layout.read(store)
    if name in layout.observables:
        return None
    try:
        model = layout.find_model(store, named, terminal.warn)
    except ModelError as error:
        if named:
            raise
        hint = "; what its model makes of means needs --model FILE.py" if isinstance(error, ModelNotNamed) else ""
        suggestion = remedy(name, layout.observables, "it has")
        raise ReductionError(
            f"the observable must be one that {store} has, got {name!r}: {suggestion}{hint}"
        ) from error
    if name not in model.functions_of_means:
        suggestion = remedy(name, (*layout.observables, *model.functions_of_means), "they are")
        raise ReductionError(
            f"the observable must be one that {store} has or its model makes of means, got {name!r}: {suggestion}"
        )
    return model


@click.command()
@click.argument("store", type=STORE)
@_observable_option
@click.option("--output", type=PATH, help="Where the figure goes; by default beside the store, as .png.")
@model_option
@select_option
def plot(
    store: Location, observable: str | None, output: Path | None, model: str | None, selected: tuple[str, ...]
) -> None:
    """Draw the averages of STORE with their error bands."""
    averages = _averages(store, observable, parse_selection(store, selected), None, model, audited=False)
    terminal.echo(draw_averages(averages, output or store.with_suffix(".png")))
