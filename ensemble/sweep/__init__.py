"""Describe a sweep: model, axes, realizations, seed, times and stop rule, in Python or in a sweep file.

sweep         Sweep and Point; reads and validates a sweep file
zipped_axes   axes that vary together instead of as a product
stop_rule     StopRule: stop a point when its standard error is small enough
toml_values   read TOML files; check values against the type of their field; grids of values
units         format numbers with errors, durations and sizes as text; parse durations
"""

from ensemble.sweep.stop_rule import StopRule
from ensemble.sweep.sweep import Point, Sweep

__all__ = ["Point", "StopRule", "Sweep"]
