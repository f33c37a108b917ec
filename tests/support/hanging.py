"""A model whose realizations really hang, in every way that Python knows."""

import ctypes
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numba import njit

from ensemble import Model, Observable, parameter


@njit("void()")
def circle() -> None:
    """A compiled loop without an end, which holds the interpreter's lock; compiled before any time is limited."""
    number = 1
    while number:
        number = (3 * number) % 7


class TimeLimit(Exception):
    """What a realization raises that shall look as if it hung."""


@final
@dataclass(frozen=True)
class Hanging(Model):
    """A number, unless it is small: then nothing, for ever."""

    size: int = parameter(2, long_name="what the number depends on")
    how: str = parameter("sleep", long_name="how it hangs")
    raises: bool = parameter(False, long_name="whether it raises instead")
    unless: str = parameter("", long_name="a file; while it exists, nothing hangs")

    observables = {"number": Observable("number", dims=())}
    draw_fields = ("size",)

    def draw(self, rng: np.random.Generator) -> float:
        return float(rng.random())

    def measure(self, disorder: float) -> Mapping[str, Any]:
        if disorder < 0.25 and not (self.unless and Path(self.unless).exists()):
            if self.raises:
                raise TimeLimit("took longer than 500 ms")
            self.hang()
        return {"number": disorder}

    def hang(self) -> None:
        if self.how == "sleep":
            time.sleep(1000)
        elif self.how == "loop":
            while True:
                pass
        elif self.how == "C":
            ctypes.PyDLL(None).sleep(1000)
        elif self.how == "regex":
            re.fullmatch("(a+)+", 64 * "a" + "b")
        elif self.how == "compiled":
            circle()
        raise AssertionError(f"{self.how} came to an end")
