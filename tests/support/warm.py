"""Machine code of all models, compiled before several tests at a time would each compile it."""

import contextlib
from collections.abc import Sequence

import numpy as np

from ensemble import Sweep
from tests.support.cases import CASES
from tests.support.elsewhere import python
from tests.support.processes import start

SHARES = (["tls_glass", "random_state"], ["driven", "electron", "spin_glass"])
"""What is compiled side by side: the glass takes longest by far, and the other models share none of its kernels."""

_TIMEOUT = 1200.0
"""Time limit in seconds: compiling everything anew takes some minutes."""


def compile_models() -> None:
    """Compile everything, in a process for each share."""
    with contextlib.ExitStack() as stack:
        lines = [python(f"from tests.support import warm; warm.compile_share({share})") for share in SHARES]
        for process in [stack.enter_context(start(line, stdout=None, stderr=None)) for line in lines]:
            assert process.wait(_TIMEOUT) == 0


def compile_share(beginnings: Sequence[str]) -> None:
    """Measure a realization at a few points of the cases of `cases.py` whose names begin so."""
    for name, (table, _) in CASES.items():
        if name.startswith(tuple(beginnings)):
            sweep = Sweep.from_table({"realizations": 1, "seed": 1, **table})
            for point in sweep.points[:3]:
                measured = point.model.measure(point.model.draw(np.random.default_rng(1)))
                for observable in sweep.observables:
                    np.asarray(measured[observable])
