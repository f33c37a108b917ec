"""Import the modules of workers in the fork server, so that local workers share them.

The process must stay single-threaded, and importing these modules starts no threads. Each worker still has its own
environment and folder.
"""

import os
import signal

import numpy as np

import ensemble.cluster.worker
import ensemble.realization.compute  # noqa: F401 - loads it into memory

signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the whole process group may receive it; the driver handles it
os.register_at_fork(after_in_child=np.random.seed)
