"""Find the class of a model by its name: an installed model by entry point, other models by file or module.

"tls_glass"              an entry point of the group `ensemble.models`
"my_model.py:MyModel"    a class in a file; the path is relative to the folder of the sweep file
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
from ensemble.models.model import Coordinate, FunctionOfMeans, FunctionOfParameters, Model, Observable, fields
from ensemble.models.source import ModelSource

GROUP = "ensemble.models"
"""Entry-point group of installed models."""

RESERVED = (
    *("realization", "status", "provenance", "attempts", "landed", "exception", "n_done", "count"),
    *("core_seconds", "target_n", "target_value", "target_error"),
)
"""Names of variables of stores and averages; no parameter or observable may have one of them."""


def installed() -> dict[str, EntryPoint]:
    """Return the entry points of all installed models, by name."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def find(reference: str, folder: Path | None = None, announce: Callable[[str], None] = lambda _: None) -> type[Model]:
    """Return the model class with the name `reference`.

    Parameters
    ----------
    reference
        Name of an installed model, FILE.py:CLASS or MODULE:CLASS.
    folder
        Folder of relative file names; default: the working directory.
    announce
        Called with the path of a file, or with the name of a module, before it is imported.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ModelError
        If the model cannot be found or imported, or violates the protocol.
    """
    if ":" not in reference:
        return check_model(_from_entry_point(reference), reference)
    location, _, name = reference.rpartition(":")
    if location.endswith(".py"):
        module = _from_file((folder or Path.cwd()) / location, announce)
    else:
        announce(location)
        module = _from_module(location)
    if not hasattr(module, name):
        raise ModelError(f"model = {reference!r} must name a class, but {location} has no {name!r}")
    return check_model(getattr(module, name), reference)


def canonical(reference: str) -> str:
    """Return the name of a model as a store records it: a file without its folder, any other name unchanged."""
    location, colon, name = reference.rpartition(":")
    return f"{Path(location).name}{colon}{name}" if location.endswith(".py") else reference


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
        raise ModelError(f"model {name!r} is installed but cannot be loaded: {_describe(error)}") from error


def _from_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ModelError(f"module {name!r} of the model cannot be imported: {_describe(error)}") from error


def _from_file(path: Path, announce: Callable[[str], None]) -> ModuleType:
    """Import the module of a model file from its text; workers receive the text, so they need no copy of the file."""
    if not _is_file(path):
        raise ModelError(f"the model's file must exist, but there is no {path.absolute()}")
    announce(str(path.absolute()))
    try:
        return import_source(ModelSource.read(path))
    except ModelError:
        raise
    except (Exception, SystemExit) as error:
        message = f"the model's file {path.resolve()} cannot be imported: {_describe(error)}"
        if isinstance(error, ModuleNotFoundError) and (file := _missing_file(path, error.name or "")):
            message += f"; {file} does not travel with it: only Python files that `import` statements name do"
        raise ModelError(message) from error


def _missing_file(path: Path, module: str) -> str:
    """Return the name of a file in the folder of the model that may contain a module whose import failed."""
    name = module.rpartition(".")[2]
    beside = (each.name for each in path.resolve().parent.glob(f"{name}.*") if name)
    return next(beside, "")


def _is_file(path: Path) -> bool:
    """Return whether the file exists; False for a path that the operating system rejects."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


_RENAMED = {"of_means": "functions_of_means", "derived": "functions_of_parameters"}
"""Former names of attributes that a model declares, and their current names."""


def check_model(found: object, reference: str) -> type[Model]:
    """Check that an object is a model class that follows the protocol, and return it.

    Parameters
    ----------
    found
        The object to check.
    reference
        Name of the model, for error messages.

    Returns
    -------
    type
        The same object.

    Raises
    ------
    ModelError
        If the object violates the protocol; the message says how.
    """

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
    for old, new in _RENAMED.items():
        if old in vars(found):
            raise refuse(f"declares {old}, which is called {new} now: rename it")
    functions: Any = found.functions_of_parameters
    if not isinstance(functions, Mapping) or not all(
        isinstance(each, FunctionOfParameters) for each in functions.values()
    ):
        raise refuse(f"must declare functions_of_parameters = {{name: FunctionOfParameters(...)}}, got {functions!r}")
    if taken := sorted(set(functions) & set(names)):
        raise refuse(f"must find another name in functions_of_parameters for {taken[0]!r}: it is a parameter")
    if wrong := _functions_of_means_error(found) or _coordinates_error(found):
        raise refuse(wrong)
    return found


def _functions_of_means_error(model: type[Model]) -> str:
    """Return an error message for invalid `functions_of_means` of a model; empty if they are valid."""
    table: Any = model.functions_of_means
    if not isinstance(table, Mapping) or not all(isinstance(each, FunctionOfMeans) for each in table.values()):
        return f"must declare functions_of_means = {{name: FunctionOfMeans(...)}}, got {table!r}"
    if taken := sorted(set(table) & {*RESERVED, *fields(model), *model.observables}):
        return f"must find another name in functions_of_means for {taken[0]!r}: it is taken"
    for name, quantity in table.items():
        if not isinstance(quantity.of, tuple) or not quantity.of or not set(quantity.of) <= set(model.observables):
            return (
                f"must make {name} in functions_of_means of its own observables, a tuple of names, got {quantity.of!r}"
            )
    return ""


def _coordinates_error(model: type[Model]) -> str:
    """Return an error message for invalid `coordinates` of a model; empty if they are valid."""
    table: Any = model.coordinates
    if not isinstance(table, Mapping) or not all(isinstance(each, Coordinate) for each in table.values()):
        return f"must declare coordinates = {{name: Coordinate(...)}}, got {table!r}"
    if taken := sorted(set(table) & set(fields(model))):
        return f"must label {taken[0]!r} where it is declared and not in coordinates: it is a parameter"
    return ""


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
