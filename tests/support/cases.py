"""A small sweep of every model in the repository, and for each of its parameters another value."""

from typing import Any

from ensemble.models.driven_spins import DrivenSpins
from ensemble.models.mean_field import ElectronGlass, MeanFieldTLSGlass
from ensemble.models.tls_glass.observables import OBSERVABLES
from tests.support.spectra import LINES
from tests.support.toy_model import QUICK, TOY

GLASS_CHANGES = {
    "epsilon": 0.5,
    "eta": 10.0,
    "delta_bar": 0.01,
    "n_delta": 4.0,
    "L0": 2.0,
    "W": 0.1,
    "gamma": 0.8,
    "density": 2.2,
    "v_L": 5.8,
    "v_T": 3.8,
    "temperature": 300.0,
    "dipoles": "elastic",
    "convention": "preprint",
    "angles": "uniform",
    "d": 2,
    "power": 6.0,
    "bubbles": 2,
    "pairs": 3,
    "sites": 2,
    "cluster": 1,
}
SPINS_CHANGES = {
    "temperature": 12.0,
    "drive": 0.3,
    "dynamics": "hilbert",
    "microwave": 0.0,
    "larmor": 34.0,
    "spread": 1.0,
    "coupling": 2.0,
    "T_1": 10.0,
    "T_star": 1.0,
    "T_0": 1.0,
    "width": 0.2,
    "kept": 1,
    "ranks": 8,
    "bins": 4,
    "spins": 2,
    "tolerance": 1e-6,
    "frequency": (0.0, 1.0),
}
MEAN_FIELD_CHANGES = {
    "W": 0.3,
    "J": 0.3,
    "T": 0.7,
    "box": "neighbour",
    "tolerance": 1e-6,
    "energy_range": 2.0,
    "energy_bins": 7,
    "gap_range": 2.0,
    "gap_bins": 3,
    "gap_width": 0.3,
    "slowest": -5.0,
    "fastest": 1.0,
    "rate_bins": 9,
    "modes": 2,
    "ranks": 2,
    "gap_window": (0.0, 1.0),
    "rate_window": (-3.0, 0.0),
    "quantile": (0.1,),
}
MEAN_FIELD_TLS_CHANGES = {
    **MEAN_FIELD_CHANGES,
    "c": 0.3,
    "amplitude_min": 1e-3,
    "amplitude_max": 1.0,
    "time_window": (1.0, 2.0),
}
CHAIN_CHANGES = {"alpha": 0.9, "distance": "chord"}
CHAIN_FIELDS_CHANGES = {
    **CHAIN_CHANGES,
    "state": "hot",
    "smallest": 0.2,
    "largest": 2.0,
    "bins": 5,
    "near": 0.3,
    "window": (0.2, 0.8),
}
CHAIN_AVALANCHES_CHANGES = {
    **CHAIN_CHANGES,
    "h": 0.3,
    "state": "stable_index",
    "runaway_from": 0.5,
    "growth_window": (1.0, 5.0),
    "step": (0, 3),
}
CHAIN_SPECTRUM_CHANGES = {
    **CHAIN_CHANGES,
    "h": 0.7,
    "sectors": "plus",
    "whole": 9,
    "targets": (0.2, 0.5),
    "levels": 5,
    "bins": 20,
}
CHAIN_REMNANT_CHANGES = {**CHAIN_CHANGES, "h": 0.3, "free": 2, "state": "hot", "ranks": 2}
CHAIN_PAIRS_CHANGES = {**CHAIN_CHANGES, "h": 0.3, "state": "stable_greedy", "p": 0.25}
ELECTRON_CHANGES = {**MEAN_FIELD_CHANGES, "length": 1.0, "precise": False}
TOY_CHANGES = {
    "drift": 1.0,
    "raises_below": 0.0,
    "kills_below": 0.0,
    "unless": "/nowhere",
    "seconds": 0.001,
    "raises_in": "walk",
    "walkers": (0, 1),
}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "tls_glass": (
        {
            "model": "tls_glass",
            "axes": {"N": [2, 5], "epsilon": [0.0, 1e-2], "eta": [1e5]},
            "parameters": {"temperature": 50.0},
            "time": {"start": 1e-3, "stop": 1e3, "num": 7, "spacing": "log"},
        },
        GLASS_CHANGES,
    ),
    "tls_glass, everything": (
        {
            "model": "tls_glass",
            "observables": sorted(OBSERVABLES),
            "axes": {"N": [2, 5], "epsilon": [1e-6, 1e-2], "eta": [1e5]},
            "parameters": {"bubbles": 3, "pairs": 4, "sites": 3, "temperature": 1e3},
            "time": {"start": 1e-3, "stop": 1e3, "num": 7, "spacing": "log"},
        },
        GLASS_CHANGES,
    ),
    "driven_spins": (
        {
            "model": "driven_spins",
            "realizations": 9,
            "axes": {
                "N": [2, 3, 4],
                "temperature": [1.2, 12.0],
                "drive": [0.628],
                "dynamics": ["nonsecular", "hilbert"],
            },
            "parameters": {"frequency": [-3.0, -1.2, 0.0, 2.0]},
        },
        SPINS_CHANGES,
    ),
    "driven_spins, everything": (
        {
            "model": "driven_spins",
            "realizations": 9,
            "observables": sorted(DrivenSpins.observables),
            "axes": {
                "N": [3],
                "temperature": [1.2],
                "drive": [0.0, 0.1],
                "dynamics": ["nonsecular", "hilbert"],
            },
            "parameters": {"frequency": [-3.0, -1.2, 0.0, 2.0], "spins": 3, "ranks": 16, "bins": 5},
        },
        SPINS_CHANGES,
    ),
    "tls_glass_mean_field": (
        {
            "model": "tls_glass_mean_field",
            "realizations": 9,
            "axes": {"N": [2, 9], "W": [0.0, 1.0], "J": [1.0], "T": [0.1]},
            "time": {"start": 1.0, "stop": 1e9, "num": 7, "spacing": "log"},
        },
        MEAN_FIELD_TLS_CHANGES,
    ),
    "tls_glass_mean_field, everything": (
        {
            "model": "tls_glass_mean_field",
            "observables": sorted(MeanFieldTLSGlass.observables),
            "realizations": 9,
            "axes": {"N": [3, 20], "T": [0.1]},
            "parameters": {"modes": 5, "ranks": 6, "c": 0.25, "box": "density", "energy_bins": 20},
            "time": [0.0, 1e3, 1e6],
        },
        MEAN_FIELD_TLS_CHANGES,
    ),
    "electron_glass": (
        {
            "model": "electron_glass",
            "realizations": 9,
            "axes": {"N": [2, 9], "W": [1.0], "J": [0.0, 1.0], "T": [0.1]},
            "time": {"start": 1.0, "stop": 1e9, "num": 7, "spacing": "log"},
        },
        ELECTRON_CHANGES,
    ),
    "electron_glass, everything": (
        {
            "model": "electron_glass",
            "observables": sorted(ElectronGlass.observables),
            "realizations": 9,
            "axes": {"N": [3, 20], "T": [0.1]},
            "parameters": {"modes": 5, "ranks": 6, "box": "density", "energy_bins": 20},
            "time": [0.0, 1e3, 1e6],
        },
        ELECTRON_CHANGES,
    ),
    "random_state": (
        {"model": "random_state", "axes": {"N": [2, 4], "states": [1, 3]}},
        {},
    ),
    "spin_glass_fields": (
        {
            "model": "ensemble.models.spin_glass:SpinGlassFields",
            "realizations": 9,
            "axes": {"L": [2, 30], "alpha": [0.7], "state": ["stable", "stable_reluctant", "hot"]},
            "parameters": {"bins": 6, "smallest": 0.1, "window": [0.1, 3.0]},
        },
        CHAIN_FIELDS_CHANGES,
    ),
    "spin_glass_avalanches": (
        {
            "model": "ensemble.models.spin_glass:SpinGlassAvalanches",
            "realizations": 9,
            "axes": {"L": [2, 30], "alpha": [0.7], "h": [0.1, 1.0], "state": ["stable", "hot"]},
            "parameters": {"step": [0, 1, 5, 20]},
        },
        CHAIN_AVALANCHES_CHANGES,
    ),
    "spin_glass_pairs": (
        {
            "model": "ensemble.models.spin_glass:SpinGlassPairs",
            "realizations": 9,
            "axes": {"L": [2, 30], "alpha": [0.7], "h": [0.1, 1.0], "state": ["stable", "hot"]},
        },
        CHAIN_PAIRS_CHANGES,
    ),
    "spin_glass_spectrum": (
        {
            "model": "ensemble.models.spin_glass:SpinGlassSpectrum",
            "axes": {"L": [2, 6, 9], "alpha": [0.7], "h": [0.3]},
            "parameters": {"whole": 8, "targets": [0.4, 0.7], "levels": 10},
            "realizations": 9,
        },
        CHAIN_SPECTRUM_CHANGES,
    ),
    "spin_glass_remnant": (
        {
            "model": "ensemble.models.spin_glass:SpinGlassRemnant",
            "axes": {"L": [5, 40], "alpha": [0.7, 1.0], "h": [0.1], "free": [1, 5]},
            "parameters": {"ranks": 4},
            "realizations": 9,
        },
        CHAIN_REMNANT_CHANGES,
    ),
    "toy": ({"model": TOY, "axes": {"size": [2, 3], "drift": [0.0, 0.5]}}, TOY_CHANGES),
    "toy, on request": (
        {
            "model": TOY,
            "axes": {"size": [2, 3], "drift": [0.0, 0.5]},
            "observables": ["wave", "final", "paths", "walk"],
            "parameters": {"walkers": [0, 1, 2]},
        },
        TOY_CHANGES,
    ),
    "quick": (
        {"model": QUICK, "axes": {"drift": [0.0, 0.5]}, "observables": ["walk", "final"]},
        {"drift": 1.0, "raises_below": 0.0},
    ),
    "spectra": (
        {
            "model": LINES,
            "axes": {"spread": [0.5, 1.5], "shape": ["gauss", "slope"], "mirrored": [False, True]},
            "observables": ["line", "beside", "place", "square", "signal", "wave"],
        },
        {"spread": 2.0, "shape": "lorentz", "mirrored": True, "span": 5.0, "raises_below": -2.0},
    ),
    "README": (
        {"model": "random_field.py:RandomField", "axes": {"spins": [5, 50], "width": [0.5, 1.0]}},
        {"width": 2.0},
    ),
}
