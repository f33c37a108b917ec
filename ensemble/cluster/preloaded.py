"""Imported by the fork server, so that the workers of this machine share its modules.

The process must have a single thread: importing these modules starts no other. Each worker still has its own
environment and folder.
"""

import os
import signal

import numpy as np

import ensemble.cluster.worker
import ensemble.task  # noqa: F401 - to have it in memory

signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it may be sent to the whole process group; the driver handles it
os.register_at_fork(after_in_child=np.random.seed)
