"""Figures to test with, declared over a small glass and over the toy model."""

from pathlib import Path

from tests.support.toy_model import TOY

GLASS = """
model = "tls_glass"
observables = ["concurrence"]
realizations = 10
seed = 2021
[axes]
N = [4]
epsilon = [0.0]
eta = [1e5]
[time]
start = 1e-3
stop = 1e5
num = 17
spacing = "log"
[store]
chunk = 20
"""
"""Twice a decade, so that a factor of ten in eta moves times onto times."""

WALK = f"""
model = "{TOY}"
observables = ["walk", "final"]
realizations = 5
seed = 1
axes.size = [2]
store.chunk = 5
"""

FIGURE = """
title = "A small glass, and a walk"

[sweeps.glass]
file = "glass.toml"
axes = { epsilon = [0.0, 1e-6], eta = [1e5] }
quick = { realizations = 40, axes = { N = [4, 5, 6] } }
paper = { realizations = 60, axes = { N = [4, 5, 6, 7] } }

[sweeps.clocks]
file = "glass.toml"
axes = { N = [4], eta = [1e4, 1e5] }
quick = { realizations = 40, axes = { epsilon = [0.0, 1.0] } }
paper = { realizations = 60, axes = { epsilon = [0.0, 1.0] } }

[sweeps.walk]
file = "walk.toml"
axes = { drift = [0.0, 8.0] }
quick = { realizations = 12, axes = { size = [2, 3, 5] } }
paper = { realizations = 60, axes = { size = [2, 3, 5] } }

[curves.C]
sweep = "glass"
observable = "concurrence"

[curves.alone]
sweep = "glass"
observable = "concurrence"
select = { epsilon = 0.0, N = [4, 6, 8] }
per = "N"

[curves.ratio]
sweep = "glass"
observable = "concurrence"
relative_to = { epsilon = 0.0 }

[curves.isolated]
sweep = "clocks"
observable = "concurrence"
select = { epsilon = 0.0 }

[curves.damped]
sweep = "clocks"
observable = "concurrence"
select = { epsilon = 1.0 }

[curves.final]
sweep = "walk"
observable = "final"
select = { drift = 8.0 }

[fits.plateau]
of = "C"
law = "plateau"

[fits.decay]
of = "C"
law = "power"
window = [1e-1, 1e4]

[fits.departure]
of = "C"
law = "stretched"
reference = { epsilon = 0.0 }
window = [1e-1, 1e4]
shifted = false

[fits.short]
of = "C"
law = "power"
window = [2e-3, 3e-3]

[fits.laws]
of = "C"
law = "compare"
window = [1e-1, 1e4]

[fits.same]
of = "isolated"
law = "collapse"
clock = { eta = 1e5 }

[fits.other]
of = "damped"
law = "collapse"
clock = { eta = 1e5 }

[fits.sign]
of = "final"
law = "mean"

[laws.alpha]
of = "plateau"
parameter = "c"
law = "exponential_in_size"

[laws.alpha_even]
of = "plateau"
parameter = "c"
law = "exponential_in_size"
unweighted = true
min = 5

[laws.limit]
of = "plateau"
parameter = "c"
law = "extrapolate"
max = 6

[laws.nothing]
of = "short"
parameter = "beta"
law = "extrapolate"

[derived.materials]
model = "tls_glass"
presets = ["SiO2", "PMMA"]
quantities = ["tunnelling", "confinement", "ratio"]
fixed = { N = 60, epsilon = 1.0, eta = 1.0 }

[[panels]]
title = "curves with laws"
curves = ["C", "alone"]
fits = ["plateau", "decay", "short", "departure"]
show = { N = [4, 6] }
colour = "epsilon"
guides = [
    { label = "t^-1", power = -1.0, through = [1.0, 0.1], span = [1e-1, 1e2] },
    { label = "ln t", slope = 0.01, through = [1.0, 0.1], span = [1e-1, 1e2] },
]

[[panels]]
curves = ["isolated"]
clock = { eta = 1e5 }
yscale = "linear"
xlim = [1e-3, 1e5]

[[panels]]
values = ["plateau"]
parameter = "c"
laws = ["alpha", "alpha_even"]
yscale = "log"

[[panels]]
values = ["plateau"]
parameter = "c"
inverse = true
laws = ["limit", "alpha"]

[[panels]]
values = ["short"]
parameter = "beta"
inverse = true
laws = ["nothing"]

[[panels]]
map = "materials"
quantity = "ratio"
x = "tunnelling"
y = "confinement"
x_spread = "spread"
along = { delta_bar = { start = 1e-8, stop = 1.0, num = 9, spacing = "log" }, W = [1e-3, 1e-2, 1.0] }

[[published]]
claim = "C(∞) ~ exp(-α N), |α| > 0"
of = "alpha"
parameter = "alpha"
select = { epsilon = 0.0 }
value = 0.8
error = 0.1

[[published]]
claim = "dissipation takes the plateau away"
of = "plateau"
parameter = "c"
select = { epsilon = 1e-6 }
statistic = "ratio"
to = { epsilon = 0.0 }
below = 1.0

[[published]]
claim = "so it does at N = 7"
of = "plateau"
parameter = "c"
select = { N = 7, epsilon = 1e-6 }
statistic = "ratio"
to = { epsilon = 0.0 }
below = 1.0

[[published]]
claim = "interactions only set the clock"
of = "same"
parameter = "deviation"
below = 1e-9

[[published]]
claim = "nothing"
of = "short"
parameter = "beta"
select = { N = 4, epsilon = 0.0 }
above = 0.0

[[published]]
claim = "ratio (24)"
of = "materials"
parameter = "ratio"
below = 1.0
"""


def written(folder: Path, figure: str = FIGURE, name: str = "glass") -> Path:
    """The file of a declaration in a folder that has the sweep files as well."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "glass.toml").write_text(GLASS)
    (folder / "walk.toml").write_text(WALK)
    path = folder / f"fig_{name}.toml"
    path.write_text(figure)
    return path
