"""What a figure has computed: a sweep file, and how much of it at each scale."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, final

from ensemble.errors import EnsembleError, FigureError
from ensemble.sweep import Sweep
from ensemble.values import load


@final
@dataclass(frozen=True)
class SweepPart:
    """A sweep file, and how much of it a figure needs at each scale."""

    file: Path
    base: Mapping[str, Any]
    """The table of the sweep file."""
    scales: Mapping[str, Mapping[str, Any]]
    """`axes`, `together` and `realizations` by the name of the scale."""

    @classmethod
    def of(cls, table: Mapping[str, Any], where: str, path: Path) -> Self:
        """What the table of a sweep says, in the declaration at a path."""
        if not isinstance(table.get("file"), str):
            raise FigureError(f"{where} must have a file, the sweep that it belongs to")
        file = path.parent / table["file"]
        scales = {name: each for name, each in table.items() if name not in ("file", "axes", "together")}
        if not scales:
            raise FigureError(f"{where} must have a scale, such as quick = {{ realizations = 100 }}")
        made = {}
        for scale, each in scales.items():
            known = {"realizations", "axes", "together"}
            if not isinstance(each, Mapping) or set(each) - known or "realizations" not in each:
                raise FigureError(f"{where}: {scale} must be a table of realizations, axes and together, got {each!r}")
            given = {**table, **each}  # the lists of a scale take the place of those for all
            made[scale] = {
                **{key: given[key] for key in ("realizations", "together") if key in given},
                "axes": {**inner(table, "axes", where), **inner(each, "axes", where)},
            }
        return cls(file, load(file, FigureError)[1], made)

    @property
    def store(self) -> str:
        """The store that holds it, by the name of its folder."""
        return f"{self.file.stem}.zarr"

    def at(self, scale: str) -> Sweep:
        """What is to be computed at a scale: as many realizations as it says, whatever their error."""
        kept = {key: each for key, each in self.base.items() if key not in ("stop", "together")}
        table = {**kept, **self.scales[scale]}
        try:
            return Sweep.from_table(table, folder=self.file.parent, text=_toml(table))
        except EnsembleError as error:
            raise type(error)(f"{self.file} at the scale {scale}: {error}") from error


def inner(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """A table within a table; an empty one where there is none."""
    found = table.get(key, {})
    if not isinstance(found, Mapping):
        raise FigureError(f"{where}: {key} must be a table, got {found!r}")
    return found


def _toml(table: Mapping[str, Any]) -> str:
    """A sweep as the text of a file that would ask for the same."""
    plain = [f"{key} = {_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    for key, part in table.items():
        if isinstance(part, Mapping):
            plain += ["", f"[{key}]", *(f"{name} = {_value(value)}" for name, value in part.items())]
    return "\n".join(plain) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str) else repr(value)
