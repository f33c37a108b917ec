"""When a point has enough realizations: the error of a quantity is small enough.

    [stop]
    observable = "concurrence"   # left out where there is only one
    quantity = "plateau"         # or mean (with at = TIME), peak, power, growth, stretched (with a reference)
    parameter = "c"              # of a law; left out: the one that it is asked for most
    relative = 0.02              # the standard error over the value; or
    absolute = 1e-4              # the standard error itself; with both, whichever is reached first
    min = 200                    # a point is judged for the first time when it has so many
    max = 10_000                 # and has no more than so many; or `realizations`, which means the same

A point is judged when its first min realizations are there, and then at min times 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5
and so on: at numbers that are fixed before anything is computed, and on all of the first so many realizations or not at
all. Checkpoints that can hardly do, by the error at the one before, are passed over. So which realizations a point gets
depends neither on workers nor on kills, only on what they say.

To judge, realizations are cut into 32 to 64 consecutive groups whose sums are kept from one checkpoint to the next.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, final

from ensemble.errors import SweepError, cure
from ensemble.values import Value, coerce

_GROUPS = 32
"""A point is cut into so many groups of realizations when it is judged first, and then into up to twice as many."""
_PARTS = 4
"""Checkpoints between a number of realizations and its double."""
_HARDLY = 0.5
"""A checkpoint is passed over where this part of the realizations that are expected to do has not been reached."""
_FEWEST = _PARTS
"""With fewer realizations checkpoints would coincide, and errors would mean nothing."""
_KEYS = ("observable", "quantity", "parameter", "at", "window", "reference", "relative", "absolute", "min", "max")


@final
@dataclass(frozen=True)
class Stop:
    """A quantity, the error that it should have, and the fewest realizations that may tell."""

    observable: str
    """What the quantity is derived from."""
    quantity: str
    """`mean`, or the name of a law."""
    parameter: str | None = None
    """Of the law; None is the one that it is asked for most."""
    at: float | None = None
    """Of a mean that is a function of t, the time that counts."""
    window: tuple[float, float] | None = None
    """The times that the law is fitted to; None leaves them to its own rule."""
    reference: tuple[tuple[str, Value], ...] = ()
    """Of a ratio, values of axes: the points below the line."""
    relative: float = 0.0
    """Largest error over the value; 0 asks nothing."""
    absolute: float = 0.0
    """Largest error; 0 asks nothing."""
    least: int = 100
    """Realizations that a point is judged with for the first time."""

    @classmethod
    def read(cls, table: Mapping[str, Any], observables: Mapping[str, object], most: int) -> Self:
        """The rule that the table [stop] of a sweep describes; `most` is the number of realizations at most."""
        for key in table:
            if key not in _KEYS:
                raise SweepError(f"[stop] holds an unknown key {key!r}: {cure(key, _KEYS, 'it may hold')}")
        observable = coerce("[stop] observable", str, table.get("observable", next(iter(observables))))
        if observable not in observables or ("observable" not in table and len(observables) > 1):
            told = "it is missing" if "observable" not in table else f"got {observable!r}"
            raise SweepError(f"[stop] observable must be one of those measured, {', '.join(observables)}, but {told}")
        if "quantity" not in table:
            raise SweepError("[stop] quantity must be given, such as mean or plateau, but it is missing")
        targets = {key: coerce(f"[stop] {key}", float, table[key]) for key in ("relative", "absolute") if key in table}
        if not targets:
            raise SweepError("[stop] must hold the error to reach, relative or absolute, but there is neither")
        for key, value in targets.items():
            if value <= 0:
                raise SweepError(f"[stop] {key} must be positive, got {value:g}")
        if most < _FEWEST:
            raise SweepError(f"a point must have at least {_FEWEST} realizations to be judged by [stop], got {most}")
        least = coerce("[stop] min", int, table.get("min", min(cls.least, most)))
        if not _FEWEST <= least <= most:
            raise SweepError(
                f"[stop] min must be from {_FEWEST} to the most realizations of a point, {most}, got {least}"
            )
        return cls(
            observable,
            coerce("[stop] quantity", str, table["quantity"]),
            coerce("[stop] parameter", str, table["parameter"]) if "parameter" in table else None,
            coerce("[stop] at", float, table["at"]) if "at" in table else None,
            _window(table["window"]) if "window" in table else None,
            _reference(table.get("reference", {})),
            targets.get("relative", 0.0),
            targets.get("absolute", 0.0),
            least,
        )

    def __str__(self) -> str:
        """What is asked, as people say it."""
        name = self.quantity if self.parameter is None else f"{self.parameter} of {self.quantity}"
        where = "" if self.at is None else f" at {self.at:g}"
        asked = [f"{self.relative * 100:g} %"] * (self.relative > 0) + [f"{self.absolute:g}"] * (self.absolute > 0)
        return f"{name} of {self.observable}{where} to {' or '.join(asked)}"

    @property
    def told(self) -> dict[str, Any]:
        """The rule as JSON keeps it, to tell it from another one."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**told, "window": self.window and list(self.window), "reference": dict(self.reference)}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """The rule that `told` has told."""
        window = told["window"] and (told["window"][0], told["window"][1])
        return cls(**{**told, "window": window, "reference": _reference(told["reference"])})

    def met(self, value: float, error: float) -> bool:
        """Whether an error is small enough; one that is no number never is."""
        if not (math.isfinite(value) and math.isfinite(error)):
            return False
        return bool((self.relative and 0 < abs(value) * self.relative >= error) or 0 < self.absolute >= error)

    def excess(self, value: float, error: float) -> float:
        """The error in units of the one that is asked for; nan where it cannot be told."""
        if not (math.isfinite(value) and math.isfinite(error)):
            return math.nan
        allowed = max(abs(value) * self.relative, self.absolute)
        return error / allowed if allowed else math.nan

    def refers_to(self, point: Mapping[str, Value]) -> bool:
        """Whether a point is a reference, below the line of the ratios at others."""
        return bool(self.reference) and all(point[name] == value for name, value in self.reference)

    def checkpoint(self, number: int, most: int) -> int:
        """How many realizations a point has when it is judged for the `number`-th time, counted from 0."""
        return min(most, self.edges(number)[-1])

    def checkpoints(self, most: int) -> Iterator[int]:
        """All of them, up to the last at `most`."""
        for number in itertools.count():
            yield (count := self.checkpoint(number, most))
            if count == most:
                return

    def enough(self, count: int, excess: float, most: int) -> int:
        """The checkpoint that is expected to do, given the excess at some number of realizations.

        Errors fall like 1/sqrt(n). Where the excess cannot be told, only `most` is sure.
        """
        needed = math.inf if math.isnan(excess) else count * excess**2
        return next((each for each in self.checkpoints(most) if each >= needed), most)

    def following(self, number: int, excess: float, most: int) -> int:
        """The number of the checkpoint after one that found this excess; those that can hardly do are passed over."""
        count = self.checkpoint(number, most)
        least = 0.0 if math.isnan(excess) else min(most, _HARDLY * count * excess**2)
        return next(each for each in itertools.count(number + 1) if self.checkpoint(each, most) >= least)

    def doubles(self, number: int) -> bool:
        """Whether the groups of a checkpoint are twice as long as those of the one before."""
        return number % _PARTS == 0

    def edges(self, number: int) -> tuple[int, ...]:
        """Where the groups of a checkpoint begin and end; every second one is an edge of later checkpoints too."""
        doubled, part = divmod(number, _PARTS)
        groups = _GROUPS + part * _GROUPS // _PARTS
        return tuple(((each * self.least) << doubled) // _GROUPS for each in range(groups + 1))


def _window(given: Any) -> tuple[float, float]:
    times = coerce("[stop] window", tuple[float, ...], given)
    if len(times) != 2 or not times[0] < times[1]:
        raise SweepError(f"[stop] window must be two times, the first below the second, got {given!r}")
    return times[0], times[1]


def _reference(given: Any) -> tuple[tuple[str, Value], ...]:
    if not isinstance(given, Mapping) or not all(isinstance(value, int | float | str) for value in given.values()):
        raise SweepError(
            f"[stop] reference must be a table of values of axes, such as {{ epsilon = 0 }}, got {given!r}"
        )
    return tuple(sorted(given.items()))
