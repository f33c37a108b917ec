"""The numbers behind a figure, in files beside it: curves as netCDF, fits and claims as CSV."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ensemble import export
from ensemble.figure.results import Result
from ensemble.fit.family import Family
from ensemble.fit.told import quality
from ensemble.wording import with_error

_CLAIMS = ("figure", "claim", "where", "published", "value", "error", "count", "verdict", "note")


def save(result: Result, folder: Path) -> list[Path]:
    """Write `<name>.nc`, `<name>_fits.csv` and `<name>_published.csv`; those without content are left out."""
    name, written = result.declaration.name, []
    if result.families:
        written.append(folder / f"{name}.nc")
        export.write(curves(result), written[-1])
    if fits := list(fit_rows(result)):
        written.append(folder / f"{name}_fits.csv")
        _csv(written[-1], list(dict.fromkeys(key for row in fits for key in row)), fits)
    if result.compared:
        written.append(folder / f"{name}_published.csv")
        _csv(written[-1], _CLAIMS, list(claim_rows(result)))
    return written


def summarize(folder: Path) -> Path:
    """Put the claims of all figures in a folder into one table, `claims.md`."""
    rows = []
    for path in sorted(folder.glob("*_published.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows += list(csv.DictReader(file))
    lines = ["| figure | published | at | says | here | n | verdict |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        ours = with_error(float(row["value"]), float(row["error"]))
        verdict = ": ".join(filter(None, (row["verdict"], row["note"])))
        cells = (row["figure"], row["claim"], row["where"], row["published"], ours, row["count"], verdict)
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    path = folder / "claims.md"
    with export.whole(path) as aside:
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def curves(result: Result) -> xr.Dataset:
    """All curves of a figure with their errors, each over its own axes."""
    found = xr.Dataset(attrs={"title": result.declaration.title, "scale": result.scale})
    for name, family in result.families.items():
        found = found.merge(_labelled(name, family, result.labels[name]), join="outer")
    for axis, coord in found.coords.items():
        coord.attrs.update(result.coords[str(axis)])
    return found


def _labelled(name: str, family: Family, label: Mapping[str, str]) -> xr.Dataset:
    axes = {axis: sorted({each.point[axis] for each in family}) for axis in family.members[0].point}
    along = {family.dim: family.x} if family.dim else {}
    shape = (*map(len, axes.values()), *family.members[0].curve.value.shape)
    value, error = np.full(shape, np.nan), np.full(shape, np.nan)
    for each in family:
        cell = tuple(values.index(each.point[axis]) for axis, values in axes.items())
        value[cell], error[cell] = each.curve.value, each.curve.error
    said = {"long_name": label["long_name"], "units": label["units"]}
    doubt = {**said, "long_name": f"standard error of the {said['long_name']}"}
    dims = (*axes, *along)
    return xr.Dataset({name: (dims, value, said), f"{name}_error": (dims, error, doubt)}, coords={**axes, **along})


def fit_rows(result: Result) -> Iterator[dict[str, Any]]:
    """A row for every parameter of every fit."""
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
                    **quality(each),
                }


def claim_rows(result: Result) -> Iterator[dict[str, Any]]:
    """A row for every claim."""
    for each in result.compared:
        yield {"figure": result.declaration.name, **{key: getattr(each, key) for key in _CLAIMS[1:]}}


def _csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    with export.whole(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
