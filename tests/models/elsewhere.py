"""Another process, for what must not depend on the one that it is computed in."""

import os
import subprocess
import sys

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def printed(code: str, threads: int, leftover: int, **others: str) -> str:
    """What code prints there, with so many threads and a byte in all memory that nobody has written to."""
    settings = dict.fromkeys(THREADS, str(threads)) | {"PYTHONMALLOC": "malloc", "MALLOC_PERTURB_": str(leftover)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **settings, **others},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
