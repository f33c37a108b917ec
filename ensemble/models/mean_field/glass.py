"""The base class of both mean-field glasses: common parameters and grids."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import ParameterError
from ensemble.models.mean_field.kernels.box import BOXES, side
from ensemble.models.mean_field.kernels.histogram import middles
from ensemble.models.model import Coordinate, FunctionOfParameters, Model, parameter
from ensemble.models.rules import (
    Rule,
    checked,
    finite,
    increasing,
    increasing_from_zero,
    integer,
    not_negative,
    one_of,
    parts,
    positive,
    two,
)

Array = NDArray[Any]

_SMALLEST, _LARGEST = 1e-50, 1e50


@dataclass(frozen=True)
class MeanFieldGlass(Model):
    """Sites in a periodic box, each in the mean field of all other sites."""

    N: int = parameter(long_name="number of sites")
    W: float = parameter(1.0, long_name="disorder")
    J: float = parameter(1.0, long_name="interaction at a distance of one")
    T: float = parameter(0.1, long_name="temperature")
    box: str = parameter(
        "paper", long_name="paper: side N^(1/d) - 1; density: N^(1/d); neighbour: nearest are one apart"
    )
    tolerance: float = parameter(1e-9, long_name="what an average may change by in a solution")
    energy_range: float = parameter(10.0, long_name="energies are counted from minus this to this")
    energy_bins: int = parameter(400, long_name="bins of energies")
    gap_range: float = parameter(1.0, long_name="energies of the gap are counted up to this")
    gap_bins: int = parameter(50, long_name="bins of energies of the gap")
    gap_width: float = parameter(0.1, long_name="energies that count as zero; two to three times that are the shoulder")
    slowest: float = parameter(-16.0, long_name="log10 of the rate from which on rates are counted")
    fastest: float = parameter(2.0, long_name="log10 of the rate up to which rates are counted")
    rate_bins: int = parameter(180, long_name="bins of log10 of a rate")
    modes: int = parameter(1000, long_name="rates that are kept one by one, the slowest ones")
    ranks: int = parameter(50, long_name="bins of the rank of a rate")
    gap_window: tuple[float, ...] = parameter((0.12, 0.6), long_name="energies between which the gap is fitted")
    rate_window: tuple[float, ...] = parameter((-11.5, -3.5), long_name="log10 of rates between which they are fitted")
    quantile: tuple[float, ...] = parameter((0.05, 0.25, 0.5, 0.75, 0.95), long_name="part of the sites")

    axes: ClassVar[tuple[str, ...]] = ("N", "W", "J", "T")
    draw_fields: ClassVar[tuple[str, ...]] = ("N",)
    dimension: ClassVar[int]
    """Dimension of the box."""
    functions_of_parameters: ClassVar[Mapping[str, FunctionOfParameters]] = {
        "density": FunctionOfParameters(
            "sites in a unit of volume", lambda glass: glass.N / glass.side**glass.dimension
        ),
        "side": FunctionOfParameters("side of the box", lambda glass: glass.side),
    }
    coordinates: ClassVar[Mapping[str, Coordinate]] = {
        "energy": Coordinate("energy E"),
        "depth": Coordinate("abs(E)"),
        "rate": Coordinate("rate λ"),
        "mode": Coordinate("number of a rate, the slowest first"),
        "rank": Coordinate("rank of a rate, from 0 for the slowest to 1"),
    }
    rules: ClassVar[Mapping[str, Rule]]
    """The validation rule of each parameter."""

    def __post_init__(self) -> None:
        for name, value in checked(
            self.rules, {field.name: getattr(self, field.name) for field in fields(self)}
        ).items():
            object.__setattr__(self, name, value)
        if not self.fastest > self.slowest:
            raise ParameterError(f"fastest must be above slowest, got {self.fastest:g} and {self.slowest:g}")

    @property
    def side(self) -> float:
        """Side of the box."""
        return side(self.box, self.N, self.dimension)

    def coords(self) -> dict[str, Array]:
        """Return the coordinates: centres of bins, numbers of rates, and the parameters that are lists."""
        return {
            **super().coords(),
            "energy": middles(-self.energy_range, self.energy_range, self.energy_bins),
            "depth": middles(0.0, self.gap_range, self.gap_bins),
            "rate": 10.0 ** middles(self.slowest, self.fastest, self.rate_bins),
            "mode": np.arange(self.modes),
            "rank": middles(0.0, 1.0, self.ranks),
        }


window = two(increasing_from_zero)
"""Rule of a fit window: two increasing numbers, not negative."""


def scale(name: str, value: Any) -> float:
    """Return a positive number, limited so that its powers and ratios do not overflow or underflow."""
    number: float = positive(name, value)
    if not _SMALLEST <= number <= _LARGEST:
        raise ParameterError(f"{name} must be from {_SMALLEST:g} to {_LARGEST:g}, got {number!r}")
    return number


def _scale_or_zero(name: str, value: Any) -> float:
    return scale(name, value) if not_negative(name, value) else 0.0


def _small(name: str, value: Any) -> float:
    number: float = positive(name, value)
    if not 1e-14 <= number <= 1e-3:
        raise ParameterError(f"{name} must be from 1e-14 to 1e-3, got {number!r}: nothing would be solved")
    return number


def _exponent(name: str, value: Any) -> float:
    number: float = finite(name, value)
    if abs(number) > 300:
        raise ParameterError(f"{name} must be from -300 to 300, got {number!r}: no number is so large or small")
    return number


RULES: Mapping[str, Rule] = {
    "N": integer(2, 50_000),
    "W": _scale_or_zero,
    "J": _scale_or_zero,
    "T": scale,
    "box": one_of(*BOXES),
    "tolerance": _small,
    "energy_range": scale,
    "energy_bins": integer(1, 100_000),
    "gap_range": scale,
    "gap_bins": integer(1, 100_000),
    "gap_width": scale,
    "slowest": _exponent,
    "fastest": _exponent,
    "rate_bins": integer(1, 100_000),
    "modes": integer(0, 50_000),
    "ranks": integer(1, 50_000),
    "gap_window": window,
    "rate_window": two(increasing),
    "quantile": parts,
}
"""Validation rules of the common parameters."""
