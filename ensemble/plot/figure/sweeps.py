"""The sweeps of a figure: a sweep file, with axes and realizations for each scale."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, final

from ensemble.errors import EnsembleError, FigureError
from ensemble.sweep import Sweep
from ensemble.sweep.toml_values import read_toml


@final
@dataclass(frozen=True)
class SweepPart:
    """A sweep file, with the axes and realizations that a figure needs at each scale."""

    file: Path
    """The sweep file."""
    base: Mapping[str, Any]
    """The content of the sweep file."""
    scales: Mapping[str, Mapping[str, Any]]
    """`axes`, `zipped_axes` and `realizations` for each scale, by the name of the scale."""

    @classmethod
    def of(cls, table: Mapping[str, Any], where: str, path: Path) -> Self:
        """Create the part from its table in the declaration; `path` is the file of the declaration."""
        if not isinstance(table.get("file"), str):
            raise FigureError(f"{where} must have a file, the sweep that it belongs to")
        file = path.parent / table["file"]
        scales = {name: each for name, each in table.items() if name not in ("file", "axes", "zipped_axes")}
        if not scales:
            raise FigureError(f"{where} must have a scale, such as quick = {{ realizations = 100 }}")
        by_scale = {}
        for scale, each in scales.items():
            known = {"realizations", "axes", "zipped_axes"}
            if not isinstance(each, Mapping) or set(each) - known or "realizations" not in each:
                raise FigureError(
                    f"{where}: {scale} must be a table of realizations, axes and zipped_axes, got {each!r}"
                )
            given = {**table, **each}  # lists of a scale replace the lists for all scales
            by_scale[scale] = {
                **{key: given[key] for key in ("realizations", "zipped_axes") if key in given},
                "axes": {**inner(table, "axes", where), **inner(each, "axes", where)},
            }
        return cls(file, read_toml(file, FigureError)[1], by_scale)

    @property
    def store(self) -> str:
        """Name of the store."""
        return f"{self.file.stem}.zarr"

    def at(self, scale: str) -> Sweep:
        """Return the sweep at a scale; a stop rule of the sweep file is ignored."""
        kept = {key: each for key, each in self.base.items() if key not in ("stop", "zipped_axes")}
        table = {**kept, **self.scales[scale]}
        try:
            return Sweep.from_table(table, folder=self.file.parent, text=_to_toml(table))
        except EnsembleError as error:
            raise type(error)(f"{self.file} at the scale {scale}: {error}") from error


def inner(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """Return a table inside a table; an empty one if the key is missing."""
    found = table.get(key, {})
    if not isinstance(found, Mapping):
        raise FigureError(f"{where}: {key} must be a table, got {found!r}")
    return found


def _to_toml(table: Mapping[str, Any]) -> str:
    """Return the text of a sweep file that declares the same sweep."""
    lines = [f"{key} = {_toml_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    for key, part in table.items():
        if isinstance(part, Mapping):
            lines += ["", f"[{key}]", *(f"{name} = {_toml_value(value)}" for name, value in part.items())]
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str) else repr(value)
