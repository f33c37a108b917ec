"""Reductions over realizations: from a store of trajectories to a small labelled Dataset.

    chunk      what a task makes of the done realizations in a run of store chunks
    combine    what the runs of a point make together, in the order of the realizations
    finalize   numbers with errors and labels

    reading         selected points, and runs of their chunks as tasks; shared by all that follow
    moments         count, mean and spread, combined without cancellation
    plateaus        the late-time mean of every realization
    averages        mean and standard error of every observable, and its plateau
    blocks          means over blocks of realizations, for jackknife errors of whatever is derived from a mean
    quantities      what a model makes of means, such as the ratio of two, with jackknife errors
    distribution    typical value, zeros, quantiles
    histograms      how often a value occurs at chosen times
    rare            which realizations carry the late-time mean, and whether they are a handful

Runs are cut and combined in a fixed order, so a result has the same bits for any number of workers and without a
cluster. They count what the status calls done when they begin, so they work while a run is writing.
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.reduce.averages import average, curves
    from ensemble.reduce.blocks import block_means
    from ensemble.reduce.distribution import statistics
    from ensemble.reduce.histograms import histogram
    from ensemble.reduce.quantities import of_means
    from ensemble.reduce.rare import audit
else:
    __getattr__ = deferred(
        __name__,
        {
            "ensemble.reduce.averages": ("average", "curves"),
            "ensemble.reduce.blocks": ("block_means",),
            "ensemble.reduce.distribution": ("statistics",),
            "ensemble.reduce.histograms": ("histogram",),
            "ensemble.reduce.quantities": ("of_means",),
            "ensemble.reduce.rare": ("audit",),
        },
    )

__all__ = ["audit", "average", "block_means", "curves", "histogram", "of_means", "statistics"]
