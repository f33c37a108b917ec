"""Allowed values of the parameters of the glass: a rule for each parameter, and two rules for combinations."""

from collections.abc import Mapping
from typing import Any

from ensemble.errors import ParameterError
from ensemble.models.rules import (
    Rule,
    checked,
    finite,
    increasing_from_zero,
    integer,
    not_negative,
    one_of,
    positive,
)


def accepted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of all parameters, converted to their types; raise a `ParameterError` for an invalid value."""
    found = checked(RULES, values)
    if found["dipoles"] == "elastic" and found["convention"] == "preprint":
        raise ParameterError(
            'dipoles must be "gaussian" in the preprint\'s convention, which has numbers instead of tensors, '
            'got "elastic": take convention = "published"'
        )
    if found["dipoles"] == "elastic" and found["d"] != 3:
        raise ParameterError(
            f"d must be 3 for elastic dipoles, which are tensors in space, got {found['d']}: "
            'take d = 3, or dipoles = "gaussian"'
        )
    return found


RULES: Mapping[str, Rule] = {
    "N": integer(2),
    "epsilon": not_negative,
    "eta": finite,
    "delta_bar": positive,
    "n_delta": not_negative,
    "L0": positive,
    "W": positive,
    "gamma": positive,
    "density": positive,
    "v_L": positive,
    "v_T": positive,
    "temperature": not_negative,
    "dipoles": one_of("gaussian", "elastic"),
    "convention": one_of("published", "preprint"),
    "angles": one_of("sphere", "uniform"),
    "d": integer(1, 3),
    "power": not_negative,
    "bubbles": integer(0),
    "pairs": integer(0),
    "sites": integer(0),
    "cluster": integer(1, 8),
    "t": increasing_from_zero,
}
