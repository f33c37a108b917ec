"""Reductions over realizations: from a store of trajectories to a small labelled Dataset.

    averages             mean and standard error of every observable, and its late-time plateau
    blocks               means over blocks of realizations, the input of the jackknife
    distribution         typical value, fraction of zeros, quantiles
    export               write a reduction to a netCDF or CSV file
    function_values      functions of averages that a model declares, such as ratios, with jackknife errors
    histograms           histograms of the values at chosen times
    jackknife            `Estimate`: a value with its delete-one-block jackknife error
    moments              count, mean and variance, combined without cancellation
    plateaus             late-time mean of every realization
    rare_events          which realizations carry the late-time mean, and whether they are only a few
    reading              read the selected points of a store, in tasks; used by all reductions
    table_rows           results of reductions as rows of tables and of JSON, and warnings

Every reduction has three steps:

    chunk      one task reads consecutive chunks of one point and reduces their done realizations
    combine    the partial results of a point are combined in the order of the realizations
    finalize   numbers with errors and labels

Chunks are grouped and combined in a fixed order. So a result has the same bits for any number of workers, and without
a cluster. A reduction uses the realizations whose status is done when it begins, so it also works while a run is
writing.
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.reduce.averages import average, curves
    from ensemble.reduce.blocks import block_means
    from ensemble.reduce.distribution import statistics
    from ensemble.reduce.function_values import functions_of_means
    from ensemble.reduce.histograms import histogram
    from ensemble.reduce.rare_events import rare_realizations
else:
    __getattr__ = deferred(
        __name__,
        {
            "ensemble.reduce.averages": ("average", "curves"),
            "ensemble.reduce.blocks": ("block_means",),
            "ensemble.reduce.distribution": ("statistics",),
            "ensemble.reduce.histograms": ("histogram",),
            "ensemble.reduce.function_values": ("functions_of_means",),
            "ensemble.reduce.rare_events": ("rare_realizations",),
        },
    )

__all__ = ["average", "block_means", "curves", "functions_of_means", "histogram", "rare_realizations", "statistics"]
