"""The text of a file with the smallest model: tests change a line of it."""

MODEL = """
from dataclasses import dataclass
import numpy as np
from ensemble import Coordinate, Model, Observable, FunctionOfMeans, parameter

@dataclass(frozen=True)
class Mine(Model):
    size: int = parameter(2, long_name="size")
    t: tuple[float, ...] = parameter((0.0, 1.0), long_name="time")
    observables = {"signal": Observable("signal")}
    draw_fields = ("size",)

    def draw(self, rng):
        return rng.random(2)

    def measure(self, disorder):
        return {"signal": disorder}
"""
