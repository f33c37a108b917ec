"""The same realization of a chain has the same observables to the last bit, whoever measures it."""

from typing import Any

import numpy as np
import pytest

from ensemble.models.spin_glass import SpinGlassAvalanches, SpinGlassFields, SpinGlassPairs
from tests.support.elsewhere import printed

MODELS: list[Any] = [
    *(SpinGlassFields(L=150, alpha=alpha, state=state) for alpha in (0.7, 1.0) for state in ("hot", "stable")),
    *(SpinGlassFields(L=150, distance="chord", state=state) for state in ("stable_greedy", "stable_reluctant")),
    *(SpinGlassAvalanches(L=150, h=h, state="hot") for h in (0.03, 0.3)),
    *(SpinGlassPairs(L=150, h=0.3, p=p, state="stable_index") for p in (0.25, 1.0)),
]
CODE = "from tests.models.test_spin_glass_reproducible import bits; print(bits())"
OLDER = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX2"}
"""What Numba and NumPy take for a processor without any of their vector instructions."""


def bits() -> str:
    """All observables of one realization of each, to the last bit."""
    found = []
    for model in MODELS:
        measured = model.measure(model.draw(np.random.default_rng(5)))
        found.append([np.asarray(measured[name]).tobytes().hex() for name in sorted(type(model).observables)])
    return repr(found)


@pytest.mark.slow
def test_processes_and_leftovers_in_memory_change_no_bit() -> None:
    assert printed(CODE, 1, leftover=1) == printed(CODE, 2, leftover=127) == bits()


@pytest.mark.slow
def test_another_processor_changes_no_bit() -> None:
    assert printed(CODE, 1, leftover=1, **OLDER) == bits()
