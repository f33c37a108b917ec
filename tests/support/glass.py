"""A sweep of the glass at one point, and what its kernel alone costs."""

import statistics
from pathlib import Path
from typing import Any

from distributed import Client

from ensemble import Sweep
from ensemble.realization.compute import ComputeTask, compute_realizations


def sweep_of(N: int, realizations: int, times: int = 96) -> Sweep:
    """One point of the glass, without dissipation."""
    return Sweep.from_table(
        {
            "model": "tls_glass",
            "realizations": realizations,
            "seed": 2021,
            "observables": ["concurrence"],
            "axes": {"N": [N], "epsilon": [0.0], "eta": [1e5]},
            "time": {"start": 1e-3, "stop": 1e6, "num": times, "spacing": "log"},
        }
    )


def kernel_seconds(client: Client, sweep: Sweep, workers: int) -> float:
    """Mean seconds of a realization, drawn and measured, in that many of the cluster's processes at a time.

    Processes that share caches and memory slow each other down: two are the fair comparison for a run on two.
    """
    job = ComputeTask.at(Path("unused"), sweep.points[0].model, sweep.seed, sweep.observables)
    indices = range(sweep.realizations // 10)
    chosen = sorted(client.scheduler_info()["workers"])[:workers]
    tasks: list[Any] = [
        client.submit(compute_realizations, job, indices, workers=[each], pure=False) for each in chosen
    ]
    return statistics.fmean(outcome.seconds for outcomes in client.gather(tasks) for outcome in outcomes)
