"""Disorder ensembles of quantum systems: from random couplings to a labelled dataset with error bars.

    sweep -> realization -> task -> run -> store -> reduce -> fit -> plot -> figure

    sweep         which model, which parameters, how many realizations, which times
    realization   a point and an index give a stream of random numbers
    task          what a worker does: realize a few, land a chunk
    run           what the store misses becomes a bounded window of Dask tasks
    store         one Zarr group that xarray opens as one Dataset
    reduce        averages and distributions over realizations, with errors
    fit           plateaus, exponents and rates, with errors and doubts
    plot          a figure of the averages
    figure        declared figures: all of the above in one file, and what others have claimed beside it

Around them: `cluster` finds the workers, `steady` keeps their messages from waiting for a clock, `guard` ends what
hangs, `together` has axes go value by value, `stop` says when a point has enough realizations, `tally` sums them up and
`judge` finds out, `forecast` knows what things cost, `provenance` what code computes here, `proof` computes
realizations again to see whether a store is what its keys make it, `selection` picks points of a store, `report` is
what reductions tell in numbers, `wording` how numbers are written, `screen` what appears on the terminal, `export`
writes files, `cli` is the command line, `deferred` what makes it start fast, `errors` all that can go wrong. `models`
holds the physical models behind one protocol, `physics` pure functions on arrays.
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.errors import EnsembleError
    from ensemble.models.model import Coordinate, Model, Observable, OfMeans, OnDemand, parameter
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
            "ensemble.models.model": ("Coordinate", "Model", "Observable", "OfMeans", "OnDemand", "parameter"),
            "ensemble.provenance": ("__version__=VERSION",),
            "ensemble.reduce": ("average",),
            "ensemble.run": ("run_sweep",),
            "ensemble.store": ("open=open_store",),
            "ensemble.sweep": ("Sweep",),
        },
    )

__all__ = [
    "Coordinate",
    "EnsembleError",
    "Model",
    "Observable",
    "OfMeans",
    "OnDemand",
    "Sweep",
    "average",
    "open",
    "parameter",
    "run_sweep",
]
