"""A model on a card: its parameters, presets and observables."""

from typing import Any

from rich.console import Console
from rich.text import Text

from ensemble.models.model import Model, fields, required
from ensemble.screen.terminal import empty_table
from ensemble.sweep import shown

_LONG = 6
"""Values of a list that is still told in full."""


def model_card(out: Console, name: str, model: type[Model]) -> None:
    """A model's name, what it is, its parameters and presets, what follows from them, what it measures and makes."""
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
        told = ", ".join(f"{parameter} = {shown(value)}" for parameter, value in values.items())
        out.print(f"preset {key}: {told}")
    for key, derived in model.derived.items():
        unit = "" if derived.units == "1" else f", in {derived.units}"
        out.print(f"implies {key}: {derived.long_name}{unit}")
    for key, observable in model.observables.items():
        request = ", on request" if observable.on_request else ""
        out.print(f"measures {key}({', '.join(observable.dims)}): {observable.long_name}{request}")
    for key, quantity in model.of_means.items():
        dims, means = ", ".join(quantity.dims), " and ".join(quantity.of)
        out.print(f"makes {key}({dims}) of the means of {means}: {quantity.long_name}")
    out.print()


def _default(value: Any) -> str:
    """A default as people write it; of a long list its ends."""
    if isinstance(value, tuple) and len(value) > _LONG:
        return f"{shown(value[0])}, {shown(value[1])}, … {shown(value[-1])}"
    return shown(value)
