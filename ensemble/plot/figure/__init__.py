"""Figures declared in TOML: what is computed, what is fitted, what is drawn, and which published values are compared.

declaration   read the TOML file of a figure and check its keys and references
parts         data classes for the tables of the file: curves, fits, laws, panels, published values
sweeps        the sweeps of a figure, at each scale
check         check a declaration against its sweeps before anything is computed
work          what is missing in the stores of figures, and the order to compute it
curves        read curves from the stores and transform them
results       evaluate a figure: curves, fits and comparisons with published values
claims        compare published values with the computed ones
make          run the sweeps, then evaluate, draw and save
draw          draw all panels of a figure on one page
curve_panel   draw curves with error bands and fitted laws
value_panel   draw parameters of fits against an axis
map_panel     draw a map of a function of parameters
series        colours, line styles and legends
save          write the numbers behind a figure to files
"""

from ensemble.plot.figure.claims import ClaimCheck
from ensemble.plot.figure.declaration import Declaration, declarations
from ensemble.plot.figure.make import compute, publish
from ensemble.plot.figure.results import Result, evaluate
from ensemble.plot.figure.save import summary
from ensemble.plot.figure.work import Work, ordered

__all__ = [
    "ClaimCheck",
    "Declaration",
    "Result",
    "Work",
    "compute",
    "declarations",
    "evaluate",
    "ordered",
    "publish",
    "summary",
]
