"""What a sweep will take, before anything starts.

measuring   what a realization costs at each point, timed here or on a cluster
portions    what follows from it: batches, chunks, bytes
plan        realizations, tasks and hours, point by point
"""

from ensemble.forecast.measuring import known, measure, measure_here
from ensemble.forecast.plan import Plan, PointPlan, plan
from ensemble.forecast.portions import batch_size, bytes_each, chunk_length, task_length

__all__ = [
    "Plan",
    "PointPlan",
    "batch_size",
    "bytes_each",
    "chunk_length",
    "known",
    "measure",
    "measure_here",
    "plan",
    "task_length",
]
