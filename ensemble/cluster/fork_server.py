"""What is imported once for all workers of this machine: the process that they are forked from imports this module.

A worker that starts by itself takes two seconds of a core to import Dask, NumPy and Zarr, and memory for them; forked
ones share both. Nothing here starts a thread, and each worker still has an environment and a folder of its own.
"""

import os
import signal

import numpy as np

import ensemble.cluster.worker
import ensemble.task  # noqa: F401 - to have it in memory

signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it may be sent to the whole group, and is for the driver to deal with
os.register_at_fork(after_in_child=np.random.seed)
