"""Machine code of all models, compiled before several tests at a time would each compile it.

    python -m tests.warm NAME ...

measures one realization at a few points of the cases of `test_conformance.py` whose names begin so.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ensemble import Sweep

SHARES = (["tls_glass", "random_state"], ["driven", "electron", "spin_glass"])
"""What is compiled side by side: the glass takes longest by far, and the other models share none of its kernels."""


def start(folder: Path) -> "list[subprocess.Popen[bytes]]":
    """Processes that compile everything, in the folder that holds the tests."""
    return [subprocess.Popen([sys.executable, "-m", "tests.warm", *share], cwd=folder) for share in SHARES]


def compile_all(beginnings: Sequence[str]) -> None:
    """Measure what these cases measure."""
    from tests.test_conformance import CASES  # which imports the fixtures, and those this module

    for name, (table, _) in CASES.items():
        if name.startswith(tuple(beginnings)):
            sweep = Sweep.from_table({"realizations": 1, "seed": 1, **table})
            for point in sweep.points[:3]:
                measured = point.model.measure(point.model.draw(np.random.default_rng(1)))
                for observable in sweep.observables:
                    np.asarray(measured[observable])


if __name__ == "__main__":
    compile_all(sys.argv[1:])
