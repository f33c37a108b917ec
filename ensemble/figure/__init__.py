"""Figures as declarations: what has to be computed, what is fitted, what is drawn, and what others have claimed.

declaration   the TOML file, read and checked            parts      its tables, key by key
check         what it asks of its sweeps is there        sweeps     what it has computed, at each scale
curves        what its stores hold, as it wants them
work          what figures still need, in which order    make       run, reduce, fit, draw, save
results       curves, fits and claims in numbers         claims     what was claimed beside what came out
draw          panels on a page                           save       the numbers behind it, as files
curve_panel, value_panel, map_panel, series              how curves, parameters and maps are drawn
"""

from ensemble.figure.claims import Compared
from ensemble.figure.declaration import Declaration, declarations
from ensemble.figure.make import compute, publish
from ensemble.figure.results import Result, evaluate
from ensemble.figure.save import summarize
from ensemble.figure.work import Work, ordered

__all__ = [
    "Compared",
    "Declaration",
    "Result",
    "Work",
    "compute",
    "declarations",
    "evaluate",
    "ordered",
    "publish",
    "summarize",
]
