"""Stop rule: a point has enough realizations when the standard error of a quantity is small enough.

    [stop]
    observable = "concurrence"   # may be omitted if the sweep measures only one observable
    quantity = "plateau"         # or mean (with at = TIME), peak, power, growth, stretched (with a reference)
    parameter = "c"              # a parameter of the law; default: the main parameter of the law
    relative = 0.02              # largest standard error divided by the value; or
    absolute = 1e-4              # largest standard error; with both, the first one that is reached counts
    min = 200                    # number of realizations at the first checkpoint
    max = 10_000                 # largest number of realizations of a point; the same as `realizations`

The standard error is checked at checkpoints: when the first `min` realizations of a point are complete, and then at
`min` times 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5 and so on. These numbers are fixed before anything is computed, and a
checkpoint uses all of the first realizations up to its number. From the error at one checkpoint the rule estimates how
many realizations are needed, and it skips checkpoints that are far below that number. The number of realizations of a
point therefore depends only on the results, and not on the number of workers or on interruptions.

At a checkpoint the realizations are divided into 32 to 64 consecutive blocks for the jackknife. The sums over the
blocks are kept from one checkpoint to the next.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, final

from ensemble.errors import SweepError, remedy
from ensemble.sweep.toml_values import Value, coerce

_BLOCKS = 32
"""Number of blocks at the first checkpoint; later checkpoints have up to twice as many."""
_PER_DOUBLING = 4
"""Checkpoints between a number of realizations and twice that number."""
_SKIP_BELOW = 0.5
"""A checkpoint is skipped if it has less than this fraction of the expected number of realizations."""
_MIN_REALIZATIONS = _PER_DOUBLING
"""Smallest `min`: below it checkpoints coincide, and the standard error has no meaning."""
_KEYS = ("observable", "law", "parameter", "at", "window", "reference", "relative", "absolute", "min", "max")


@final
@dataclass(frozen=True)
class StopRule:
    """Stop a point when the standard error of a quantity is small enough.

    Notes
    -----
    A point has enough realizations if ``error <= relative * abs(value)`` or ``error <= absolute``. The error is checked
    at fixed numbers of realizations only, the checkpoints. Checkpoint ``number`` (counted from 0) has
    ``least * 2**(number // 4) * (1 + (number % 4) / 4)`` realizations, rounded down. The last checkpoint is the
    largest number of realizations that the sweep allows for a point.

    Examples
    --------
    >>> rule = StopRule("concurrence", "mean", relative=0.02, least=100)
    >>> list(rule.checkpoints(400))
    [100, 125, 150, 175, 200, 250, 300, 350, 400]
    >>> rule.met(value=0.5, error=0.01)
    True
    >>> rule.excess(value=0.5, error=0.02)
    2.0
    """

    observable: str
    """Name of the observable that the law is fitted to."""
    law: str
    """`mean`, or the name of a law such as `plateau`."""
    parameter: str | None = None
    """Parameter of the law; None: the main parameter of the law."""
    at: float | None = None
    """Time at which a mean over t is checked, in the unit of t; only for `mean`."""
    window: tuple[float, float] | None = None
    """First and last time of the fit, in the unit of t; None: the law chooses."""
    reference: tuple[tuple[str, Value], ...] = ()
    """Axes and values that select the reference points of a ratio, the denominators; () without a ratio."""
    relative: float = 0.0
    """Largest standard error divided by the absolute value; 0: not used."""
    absolute: float = 0.0
    """Largest standard error, in the unit of the quantity; 0: not used."""
    least: int = 100
    """Number of realizations at the first checkpoint, `min` in the sweep file."""

    @classmethod
    def read(cls, table: Mapping[str, Any], observables: Mapping[str, object], most: int) -> Self:
        """Read the table [stop] of a sweep.

        Parameters
        ----------
        table
            The table [stop] as a mapping.
        observables
            The observables that the sweep measures, by name.
        most
            Largest number of realizations of a point.

        Returns
        -------
        StopRule
            The validated rule.

        Raises
        ------
        SweepError
            If a key is unknown or missing, or a value cannot be used.
        """
        for key in table:
            if key not in _KEYS:
                raise SweepError(f"[stop] holds an unknown key {key!r}: {remedy(key, _KEYS, 'it may hold')}")
        observable = coerce("[stop] observable", str, table.get("observable", next(iter(observables))))
        if observable not in observables or ("observable" not in table and len(observables) > 1):
            got = "it is missing" if "observable" not in table else f"got {observable!r}"
            raise SweepError(f"[stop] observable must be one of those measured, {', '.join(observables)}, but {got}")
        if "law" not in table:
            raise SweepError("[stop] law must be given, such as mean or plateau, but it is missing")
        targets = {key: coerce(f"[stop] {key}", float, table[key]) for key in ("relative", "absolute") if key in table}
        if not targets:
            raise SweepError("[stop] must hold the error to reach, relative or absolute, but there is neither")
        for key, value in targets.items():
            if value <= 0:
                raise SweepError(f"[stop] {key} must be positive, got {value:g}")
        if most < _MIN_REALIZATIONS:
            raise SweepError(
                f"a point must have at least {_MIN_REALIZATIONS} realizations to be judged by [stop], got {most}"
            )
        least = coerce("[stop] min", int, table.get("min", min(cls.least, most)))
        if not _MIN_REALIZATIONS <= least <= most:
            raise SweepError(
                f"[stop] min must be from {_MIN_REALIZATIONS} to the most realizations of a point, {most}, got {least}"
            )
        return cls(
            observable,
            coerce("[stop] law", str, table["law"]),
            coerce("[stop] parameter", str, table["parameter"]) if "parameter" in table else None,
            coerce("[stop] at", float, table["at"]) if "at" in table else None,
            _window(table["window"]) if "window" in table else None,
            _reference(table.get("reference", {})),
            targets.get("relative", 0.0),
            targets.get("absolute", 0.0),
            least,
        )

    def __str__(self) -> str:
        """One phrase for messages, such as `plateau of concurrence to 2 %`."""
        name = self.law if self.parameter is None else f"{self.parameter} of {self.law}"
        time = "" if self.at is None else f" at {self.at:g}"
        targets = [f"{self.relative * 100:g} %"] * (self.relative > 0) + [f"{self.absolute:g}"] * (self.absolute > 0)
        return f"{name} of {self.observable}{time} to {' or '.join(targets)}"

    @property
    def told(self) -> dict[str, Any]:
        """The rule as values that JSON can hold; `StopRule.of` reads them."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "window": self.window and list(self.window), "reference": dict(self.reference)}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Create the rule from the values that `told` returns."""
        window = told["window"] and (told["window"][0], told["window"][1])
        return cls(**{**told, "window": window, "reference": _reference(told["reference"])})

    def met(self, value: float, error: float) -> bool:
        """Return whether a standard error is small enough.

        Parameters
        ----------
        value, error
            The quantity and its standard error. If one of them is not finite, the result is False.
        """
        if not (math.isfinite(value) and math.isfinite(error)):
            return False
        return bool((self.relative and 0 < abs(value) * self.relative >= error) or 0 < self.absolute >= error)

    def excess(self, value: float, error: float) -> float:
        """Return the standard error divided by the largest error that the rule allows.

        Parameters
        ----------
        value, error
            The quantity and its standard error.

        Returns
        -------
        float
            At most 1 if the error is small enough; nan if a number is not finite or the allowed error is 0.
        """
        if not (math.isfinite(value) and math.isfinite(error)):
            return math.nan
        allowed = max(abs(value) * self.relative, self.absolute)
        return error / allowed if allowed else math.nan

    def refers_to(self, point: Mapping[str, Value]) -> bool:
        """Return whether a point is a reference point: the denominator of the ratios at other points."""
        return bool(self.reference) and all(point[name] == value for name, value in self.reference)

    def checkpoint(self, number: int, most: int) -> int:
        """Return the number of realizations at checkpoint `number`, counted from 0; at most `most`."""
        return min(most, self.edges(number)[-1])

    def checkpoints(self, most: int) -> Iterator[int]:
        """Iterate over the numbers of realizations at all checkpoints; the last one is `most`."""
        for number in itertools.count():
            yield (count := self.checkpoint(number, most))
            if count == most:
                return

    def enough(self, count: int, excess: float, most: int) -> int:
        """Return the first checkpoint that is expected to be enough, as a number of realizations.

        Parameters
        ----------
        count
            Number of realizations for which the excess is known.
        excess
            Standard error at `count` divided by the allowed error, see `excess`; nan if it is unknown.
        most
            Largest number of realizations of a point; it is returned if the excess is unknown.

        Notes
        -----
        The standard error falls as 1/sqrt(n), so ``count * excess**2`` realizations are needed.
        """
        needed = math.inf if math.isnan(excess) else count * excess**2
        return next((each for each in self.checkpoints(most) if each >= needed), most)

    def following(self, number: int, excess: float, most: int) -> int:
        """Return the number of the next checkpoint, counted from 0.

        Parameters
        ----------
        number
            The checkpoint that has just been checked.
        excess
            Standard error there divided by the allowed error; nan if it is unknown.
        most
            Largest number of realizations of a point.

        Notes
        -----
        Checkpoints with less than half of the expected ``count * excess**2`` realizations are skipped.
        """
        count = self.checkpoint(number, most)
        least = 0.0 if math.isnan(excess) else min(most, _SKIP_BELOW * count * excess**2)
        return next(each for each in itertools.count(number + 1) if self.checkpoint(each, most) >= least)

    def doubles(self, number: int) -> bool:
        """Return whether the blocks of a checkpoint are twice as long as those of the checkpoint before it."""
        return number % _PER_DOUBLING == 0

    def edges(self, number: int) -> tuple[int, ...]:
        """Return the first realization of each block of a checkpoint, and one past the last realization.

        Every second edge is also an edge of the later checkpoints, so sums over blocks can be kept.
        """
        doubled, part = divmod(number, _PER_DOUBLING)
        groups = _BLOCKS + part * _BLOCKS // _PER_DOUBLING
        return tuple(((each * self.least) << doubled) // _BLOCKS for each in range(groups + 1))


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
