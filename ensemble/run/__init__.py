"""From what the store misses to receipts: a bounded window of Dask tasks, whatever the size of the sweep.

    driver         look at the store, find out what things cost, hold the lock
    group          how far points are to go: to all realizations, or from one judgement to the next
    agenda         what is to be computed next: portions of all groups in turn
    window         the tasks in flight: submitted a few for each worker, topped up as they land
    flight         what one of them is
    pace           how fast it goes, and how long it will take
    deadline       a time of day, a span, the walltime of a SLURM job
    interruption   Ctrl-C and SIGTERM
    summary        what a run found and did, and how it tells

The driver never sees a trajectory: tasks write their chunk and return a receipt, receipts become status about
once a second. Killed at any moment, a run loses what was in flight; run again, it computes just that.
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.run.deadline import Deadline
    from ensemble.run.driver import in_time, need, run_on, run_sweep, stock, survey
    from ensemble.run.summary import Summary, Watch
else:
    __getattr__ = deferred(
        __name__,
        {
            "ensemble.run.deadline": ("Deadline",),
            "ensemble.run.driver": ("in_time", "need", "run_on", "run_sweep", "stock", "survey"),
            "ensemble.run.summary": ("Summary", "Watch"),
        },
    )

__all__ = ["Deadline", "Summary", "Watch", "in_time", "need", "run_on", "run_sweep", "stock", "survey"]
