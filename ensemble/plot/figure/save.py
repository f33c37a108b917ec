"""Write the numbers behind a figure to files: curves as netCDF, fits and comparisons with published values as CSV."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ensemble.fit.curve_family import CurveFamily
from ensemble.fit.fit_tables import fit_quality
from ensemble.plot.figure.results import Result
from ensemble.reduce import export
from ensemble.sweep.units import format_with_error

_CLAIM_COLUMNS = ("figure", "claim", "where", "published", "value", "error", "count", "verdict", "note")
"""Columns of the table of published values."""


def save(result: Result, folder: Path) -> list[Path]:
    """Write the curves, fits and comparisons of a figure; files without content are omitted.

    The files are `<name>.nc`, `<name>_fits.csv` and `<name>_published.csv`.
    """
    name, written = result.declaration.name, []
    if result.families:
        written.append(folder / f"{name}.nc")
        export.write(curves(result), written[-1])
    if fits := list(fit_rows(result)):
        written.append(folder / f"{name}_fits.csv")
        _write_csv(written[-1], list(dict.fromkeys(key for row in fits for key in row)), fits)
    if result.compared:
        written.append(folder / f"{name}_published.csv")
        _write_csv(written[-1], _CLAIM_COLUMNS, list(claim_rows(result)))
    return written


def summary(folder: Path) -> Path:
    """Write one table of the comparisons of all figures in a folder, `claims.md`.

    Parameters
    ----------
    folder
        Folder with the files `<name>_published.csv` of the figures.

    Returns
    -------
    Path
        The table, in Markdown.

    Raises
    ------
    StoreError
        If the table cannot be written.
    """
    rows = []
    for path in sorted(folder.glob("*_published.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows += list(csv.DictReader(file))
    lines = ["| figure | published | at | says | here | n | verdict |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        computed = format_with_error(float(row["value"]), float(row["error"]))
        verdict = ": ".join(filter(None, (row["verdict"], row["note"])))
        cells = (row["figure"], row["claim"], row["where"], row["published"], computed, row["count"], verdict)
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    path = folder / "claims.md"
    with export.whole(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def curves(result: Result) -> xr.Dataset:
    """Return all curves of a figure with their errors, each over its own axes."""
    dataset = xr.Dataset(attrs={"title": result.declaration.title, "scale": result.scale})
    for name, family in result.families.items():
        dataset = dataset.merge(_family_dataset(name, family, result.labels[name]), join="outer")
    for axis, coord in dataset.coords.items():
        coord.attrs.update(result.coords[str(axis)])
    return dataset


def _family_dataset(name: str, family: CurveFamily, label: Mapping[str, str]) -> xr.Dataset:
    """Return the curves of a family as a Dataset over its axes and its coordinate, with errors and labels."""
    axes = {axis: sorted({each.point[axis] for each in family}) for axis in family.members[0].point}
    along = {family.dim: family.x} if family.dim else {}
    shape = (*map(len, axes.values()), *family.members[0].curve.value.shape)
    value, error = np.full(shape, np.nan), np.full(shape, np.nan)
    for each in family:
        cell = tuple(values.index(each.point[axis]) for axis, values in axes.items())
        value[cell], error[cell] = each.curve.value, each.curve.error
    attrs = {"long_name": label["long_name"], "units": label["units"]}
    error_attrs = {**attrs, "long_name": f"standard error of the {attrs['long_name']}"}
    dims = (*axes, *along)
    return xr.Dataset(
        {name: (dims, value, attrs), f"{name}_error": (dims, error, error_attrs)}, coords={**axes, **along}
    )


def fit_rows(result: Result) -> Iterator[dict[str, Any]]:
    """Yield a row for every parameter of every fit."""
    for name, fits in result.fitted.items():
        for each in fits:
            fit = each.fit
            for parameter, value in fit.values.items():
                yield {
                    "figure": result.declaration.name,
                    "part": name,
                    **each.point,
                    "law": fit.law,
                    "parameter": parameter,
                    "value": value,
                    "error": fit.errors[parameter],
                    "moves": fit.sensitivity(parameter),
                    **fit_quality(each),
                }


def claim_rows(result: Result) -> Iterator[dict[str, Any]]:
    """Yield a row for every comparison with a published value."""
    for each in result.compared:
        yield {"figure": result.declaration.name, **{key: getattr(each, key) for key in _CLAIM_COLUMNS[1:]}}


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Write rows to a CSV file."""
    with export.whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
