"""Another process, for what must not depend on the one that it is computed in."""

import os
import sys

from tests import ROOT
from tests.support.processes import read_output

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def python(code: str) -> list[str]:
    """The command line of a process that runs code; it imports what this one does."""
    return [sys.executable, "-P", "-c", f"import sys; sys.path.append({str(ROOT)!r})\n{code}"]


def printed(code: str, threads: int, leftover: int, **others: str) -> str:
    """What code prints there, with so many threads and a byte in all memory that nobody has written to."""
    settings = dict.fromkeys(THREADS, str(threads)) | {"PYTHONMALLOC": "malloc", "MALLOC_PERTURB_": str(leftover)}
    environment = {**os.environ, **settings, **others}
    return read_output(python(code), env=environment).strip()
