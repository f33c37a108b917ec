"""Compute the realizations that a store does not have yet, as Dask tasks with a bounded number in flight.

    session            one run: check the store, measure costs, hold the lock, start the dispatcher
    plan               cost estimate per point before a run: realizations, tasks, core time, bytes
    timing             seconds per realization at each point: from the store, or measured
    batching           batch size, chunk length and bytes per realization
    work_queue         the work items that are submitted next
    targets            work items, and how many realizations each group of points needs
    dispatcher         submits tasks, a few per worker, and records their receipts
    in_flight          the tasks that are running
    adaptive_stopping  evaluate the stop rule at checkpoints
    prefix_sums        block sums over the first realizations of points
    pace               throughput and remaining time
    deadline           deadline from a time of day, a duration, or the walltime of a SLURM job
    interruption       Ctrl-C and SIGTERM
    summary            the result of a run, and the progress callbacks

The driver never holds trajectories: a task writes its chunk and returns a receipt, and the driver writes receipts to
the ledger about once a second. If a run is killed, only the tasks in flight are lost; the next run computes them again.
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.run.deadline import Deadline
    from ensemble.run.session import before_deadline, count_done, count_missing, memory_need, run_on, run_sweep
    from ensemble.run.summary import Summary, Watch
else:
    __getattr__ = deferred(
        __name__,
        {
            "ensemble.run.deadline": ("Deadline",),
            "ensemble.run.session": (
                "before_deadline",
                "memory_need",
                "run_on",
                "run_sweep",
                "count_done",
                "count_missing",
            ),
            "ensemble.run.summary": ("Summary", "Watch"),
        },
    )

__all__ = [
    "Deadline",
    "Summary",
    "Watch",
    "before_deadline",
    "count_done",
    "count_missing",
    "memory_need",
    "run_on",
    "run_sweep",
]
