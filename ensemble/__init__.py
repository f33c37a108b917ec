"""Disorder ensembles of quantum systems: from random couplings to a labelled dataset with error bars.

    sweep -> realization -> run -> store -> reduce -> fit -> plot

    sweep         what is asked for: model, axes, realizations, seed, times, stop rule
    realization   random streams, and what a worker does to compute realizations and write them
    run           what is missing in the store becomes Dask tasks; plan, deadline, adaptive stopping
    store         one Zarr group that xarray opens as one Dataset, with its ledger and lock
    reduce        averages, distributions and functions of averages, with errors
    fit           plateaus, exponents and rates, with errors
    plot          plots of a store, and figures declared in a file

`models` holds the physical models behind one protocol, `physics` pure functions of general use. `cluster` finds the
workers: on this machine, on SLURM, or on a running Dask cluster. `verify` computes realizations again and repairs a
store. `cli` is the command line. `errors` holds all exceptions.
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.errors import EnsembleError
    from ensemble.models.model import Coordinate, FunctionOfMeans, LazyObservables, Model, Observable, parameter
    from ensemble.reduce import average
    from ensemble.run import run_sweep
    from ensemble.store import open_store as open  # noqa: A004 - ensemble.open reads as it should
    from ensemble.sweep import Sweep

    __version__: str
else:
    __getattr__ = deferred(
        __name__,
        {
            "ensemble.errors": ("EnsembleError",),
            "ensemble.models.model": (
                "Coordinate",
                "Model",
                "Observable",
                "FunctionOfMeans",
                "LazyObservables",
                "parameter",
            ),
            "ensemble.store.provenance": ("__version__=VERSION",),
            "ensemble.reduce": ("average",),
            "ensemble.run": ("run_sweep",),
            "ensemble.store": ("open=open_store",),
            "ensemble.sweep.sweep": ("Sweep",),
        },
    )

__all__ = [
    "Coordinate",
    "EnsembleError",
    "FunctionOfMeans",
    "LazyObservables",
    "Model",
    "Observable",
    "Sweep",
    "average",
    "open",
    "parameter",
    "run_sweep",
]
