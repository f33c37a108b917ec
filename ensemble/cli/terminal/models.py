"""Print the description of a model: parameters, presets and observables."""

from typing import Any

from rich.console import Console
from rich.text import Text

from ensemble.cli.terminal.styles import empty_table
from ensemble.models.model import Model, fields, required
from ensemble.sweep.sweep import format_value

_LONG = 6
"""Maximum number of values of a list that are all printed."""


def model_card(out: Console, name: str, model: type[Model]) -> None:
    """Print parameters, presets, derived quantities and observables of a model.

    Parameters
    ----------
    out : rich.console.Console
        Where to print.
    name : str
        Name of the model.
    model : type of Model
        Class of the model.
    """
    first = (model.__doc__ or "").strip().partition("\n")[0]
    out.print(Text.assemble((name, "bold"), f"  {first}"))
    table = empty_table("parameter", "default", "unit", "what it is")
    table.columns[0].justify = table.columns[3].justify = "left"
    for field in fields(model).values():
        if field.name == "t":
            continue
        value: Any = field.default
        default = "must be given" if required(field) else _default(value)
        note = f"{field.metadata.get('long_name', '')}{'' if field.name in model.draw_fields else ' *'}"
        table.add_row(field.name, default, field.metadata.get("units", "1"), note)
    out.print(table)
    out.print("* the disorder does not depend on it: realizations are the same for all its values")
    for key, values in model.presets.items():
        settings = ", ".join(f"{parameter} = {format_value(value)}" for parameter, value in values.items())
        out.print(f"preset {key}: {settings}")
    for key, derived in model.functions_of_parameters.items():
        unit = "" if derived.units == "1" else f", in {derived.units}"
        out.print(f"implies {key}: {derived.long_name}{unit}")
    for key, observable in model.observables.items():
        request = ", on request" if observable.on_request else ""
        out.print(f"measures {key}({', '.join(observable.dims)}): {observable.long_name}{request}")
    for key, function in model.functions_of_means.items():
        dims, means = ", ".join(function.dims), " and ".join(function.of)
        out.print(f"makes {key}({dims}) of the means of {means}: {function.long_name}")
    out.print()


def _default(value: Any) -> str:
    """A default value as text; of a long list, only the first two values and the last."""
    if isinstance(value, tuple) and len(value) > _LONG:
        return f"{format_value(value[0])}, {format_value(value[1])}, … {format_value(value[-1])}"
    return format_value(value)
