"""Dipolar electron spins that are driven by microwaves, each in its own bath: nuclear polarization and its breakdown.

The model of Maimbourg, Basko, Holzmann and Rosso, PRL 126, 120603 (2021). Times are in us. Frequencies are in MHz in
parameters and observables, and in rad/us (2π times as large) in `kernels`. The modules, in the order in which a
realization uses them:

- disorder: random numbers, the same for all parameters but N; frequencies and couplings
- times: relaxation times of the bath at two temperatures, Table I
- state: the stationary state by either dynamics, and what is derived from it
- observables: the observables of a realization
- averages: functions of averages: polarization against frequency, and its contrast
- model: `DrivenSpins`, the parameters and the interface of a model
- kernels: numerical functions
"""

from ensemble.models.driven_spins.disorder import SpinDisorder, SpinDraw
from ensemble.models.driven_spins.model import DrivenSpins

__all__ = ["DrivenSpins", "SpinDisorder", "SpinDraw"]
