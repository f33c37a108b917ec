"""From what the store misses to receipts: a bounded window of Dask tasks, whatever the size of the sweep.

    driver         look at the store, measure, hold the lock, order the work
    window         the tasks in flight: submitted a few for each worker, topped up as they land
    interruption   Ctrl-C and SIGTERM
    summary        what a run found and did, and how it tells

The driver never sees a trajectory: tasks write their chunk and return a receipt, receipts become status about
once a second. Killed at any moment, a run loses what was in flight; run again, it computes just that.
"""

from ensemble.run.driver import run_on, run_sweep, stock, survey
from ensemble.run.summary import Summary, Watch

__all__ = ["Summary", "Watch", "run_on", "run_sweep", "stock", "survey"]
