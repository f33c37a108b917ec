"""Dipolar electron spins, driven by microwaves, each in a bath of its own: nuclear polarization and its breakdown.

The model of Maimbourg, Basko, Holzmann and Rosso, PRL 126, 120603 (2021). Times are in us; frequencies are in MHz where
a user meets them and in rad/us, 2π of them, in `physics`. In the order in which a realization passes through them:

    disorder.py     bare random numbers, the same for every option and every parameter but N; frequencies and couplings
    times.py        Table I: how fast the bath is at two temperatures
    state.py        the stationary state by either dynamics, and all that is derived from it once
    observables.py  what is measured
    averages.py     what is made of averages: polarization against frequency, its slope or its hole
    model.py        DrivenSpins: the parameters, and all this as the framework sees it
"""

from ensemble.models.driven_spins.disorder import SpinDisorder, SpinDraw
from ensemble.models.driven_spins.model import DrivenSpins

__all__ = ["DrivenSpins", "SpinDisorder", "SpinDraw"]
