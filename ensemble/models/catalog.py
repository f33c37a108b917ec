"""From the name of a model to its class: installed models by entry point, your own by file or module.

"tls_glass"              an entry point of the group `ensemble.models`
"my_model.py:MyModel"    a class in a file, relative to the folder of the sweep file
"my_package.glass:Glass" a class in an importable module
"""

import importlib
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from ensemble.errors import ModelError
from ensemble.models.importing import import_source
from ensemble.models.model import Coordinate, Derived, Model, Observable, OfMeans, fields
from ensemble.models.source import ModelSource

GROUP = "ensemble.models"

RESERVED = (
    *("realization", "status", "provenance", "attempts", "landed", "exception", "n_done", "count"),
    *("core_seconds", "target_n", "target_value", "target_error"),
)
"""Names that stores and averages use themselves; no parameter or observable may have them."""


def installed() -> dict[str, EntryPoint]:
    """The models that installed packages offer, by name."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def find(reference: str, folder: Path | None = None, announce: Callable[[str], None] = lambda _: None) -> type[Model]:
    """The model class that `reference` names; relative files are looked up in `folder`.

    `announce` is called with the path of a file, or with the name of a module, before it is imported.
    """
    if ":" not in reference:
        return check_model(_from_entry_point(reference), reference)
    place, _, name = reference.rpartition(":")
    if place.endswith(".py"):
        module = _from_file((folder or Path.cwd()) / place, announce)
    else:
        announce(place)
        module = _from_module(place)
    if not hasattr(module, name):
        raise ModelError(f"model = {reference!r} must name a class, but {place} has no {name!r}")
    return check_model(getattr(module, name), reference)


def canonical(reference: str) -> str:
    """The name under which a store remembers a model: a file without its folder, anything else as it is."""
    place, colon, name = reference.rpartition(":")
    return f"{Path(place).name}{colon}{name}" if place.endswith(".py") else reference


def _from_entry_point(name: str) -> object:
    known = installed()
    if name not in known:
        raise ModelError(
            f"model must be one of {', '.join(known) or 'the installed models'}, or FILE.py:CLASS for your own, "
            f"got {name!r}"
        )
    try:
        return known[name].load()
    except Exception as error:
        raise ModelError(f"model {name!r} is installed but cannot be loaded: {_told(error)}") from error


def _from_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ModelError(f"module {name!r} of the model cannot be imported: {_told(error)}") from error


def _from_file(path: Path, announce: Callable[[str], None]) -> ModuleType:
    """The module of a model's file; its text travels to workers, so they need no copy of the file."""
    if not _is_file(path):
        raise ModelError(f"the model's file must exist, but there is no {path.absolute()}")
    announce(str(path.absolute()))
    try:
        return import_source(ModelSource.read(path))
    except ModelError:
        raise
    except (Exception, SystemExit) as error:
        said = f"the model's file {path.resolve()} cannot be imported: {_told(error)}"
        if isinstance(error, ModuleNotFoundError) and (file := _left_behind(path, error.name or "")):
            said += f"; {file} does not travel with it: only Python files that `import` statements name do"
        raise ModelError(said) from error


def _left_behind(path: Path, module: str) -> str:
    """The name of a file beside a model that a module of it may be in, although it was not imported from there."""
    name = module.rpartition(".")[2]
    beside = (each.name for each in path.resolve().parent.glob(f"{name}.*") if name)
    return next(beside, "")


def _is_file(path: Path) -> bool:
    """Whether there is a file; a name that no file can have is that of none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def check_model(found: object, reference: str) -> type[Model]:
    """Return the class itself if it keeps the protocol; an error says what is missing otherwise."""

    def refuse(reason: str) -> ModelError:
        return ModelError(f"model {reference!r} {reason}")

    if not (isinstance(found, type) and issubclass(found, Model)):
        raise refuse("must be a class that derives from ensemble.Model")
    if not getattr(vars(found).get("__dataclass_params__"), "frozen", False):
        raise refuse("must be a frozen dataclass: put @dataclass(frozen=True) above it")
    if missing := sorted(found.__abstractmethods__):
        raise refuse(f"must define {' and '.join(missing)}")
    observables = getattr(found, "observables", None)
    if not observables or not all(isinstance(each, Observable) for each in observables.values()):
        raise refuse("must declare observables = {name: Observable(...)}, at least one")
    if getattr(found, "draw_fields", None) is None:
        raise refuse("must declare draw_fields, the names of the fields that draw() reads; () if it reads none")
    names = fields(found)
    if taken := sorted(({*names, *observables} & set(RESERVED)) | (set(names) & set(observables))):
        raise refuse(f"must find another name for {taken[0]!r}: it is taken")
    for table in ("draw_fields", "axes"):
        listed = getattr(found, table)
        if not isinstance(listed, tuple) or not set(listed) <= set(names):
            raise refuse(f"must list its own fields in {table}, as a tuple of names, got {listed!r}")
    if not isinstance(found.presets, Mapping):
        raise refuse(f"must declare presets = {{name: {{field: value}}}}, got {found.presets!r}")
    for preset, values in found.presets.items():
        if not isinstance(values, Mapping) or not set(values) <= set(names):
            raise refuse(f"must set its own fields in presets, as a table of values, got {values!r} for {preset!r}")
    if not isinstance(found.derived, Mapping) or not all(isinstance(each, Derived) for each in found.derived.values()):
        raise refuse(f"must declare derived = {{name: Derived(...)}}, got {found.derived!r}")
    if taken := sorted(set(found.derived) & set(names)):
        raise refuse(f"must find another name in derived for {taken[0]!r}: it is a parameter")
    if wrong := _of_means(found) or _coordinates(found):
        raise refuse(wrong)
    return found


def _of_means(model: type[Model]) -> str:
    """What is wrong with the quantities of means that a model declares."""
    table: Any = model.of_means
    if not isinstance(table, Mapping) or not all(isinstance(each, OfMeans) for each in table.values()):
        return f"must declare of_means = {{name: OfMeans(...)}}, got {table!r}"
    if taken := sorted(set(table) & {*RESERVED, *fields(model), *model.observables}):
        return f"must find another name in of_means for {taken[0]!r}: it is taken"
    for name, quantity in table.items():
        if not isinstance(quantity.of, tuple) or not quantity.of or not set(quantity.of) <= set(model.observables):
            return f"must make {name} in of_means of its own observables, a tuple of names, got {quantity.of!r}"
    return ""


def _coordinates(model: type[Model]) -> str:
    """What is wrong with the labels of coordinates that a model declares."""
    table: Any = model.coordinates
    if not isinstance(table, Mapping) or not all(isinstance(each, Coordinate) for each in table.values()):
        return f"must declare coordinates = {{name: Coordinate(...)}}, got {table!r}"
    if taken := sorted(set(table) & set(fields(model))):
        return f"must label {taken[0]!r} where it is declared and not in coordinates: it is a parameter"
    return ""


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
