"""The innermost loops are vector instructions: a compiler that gives up on one makes it four times slower, silently."""

import platform
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit

from ensemble.models.tls_glass.kernels import double_flips, pair_concurrence, pair_tables, warm_site
from ensemble.models.tls_glass.kernels.site_solution import Sites, thermal_weights
from ensemble.physics import elementary, two_qubits
from ensemble.physics.elementary import LANES

ROW = np.ones(LANES)
TWO = np.ones((2, LANES))
FOUR = np.ones(4 * LANES)
SITES = Sites(np.ones((4, 4)), np.ones(4), np.zeros(4), np.ones(4), np.zeros(4))
TABLES = pair_tables.tables_for(4)
OTHERS = np.array([2, 3])
MATRICES = np.ones(32 * LANES)


def sweep_of_phases(x: Any, out: Any) -> None:
    for k in range(LANES):
        out[k], out[LANES + k] = elementary.cosine_sine(x[k])


def sweep_of_decays(x: Any, out: Any) -> None:
    for k in range(LANES):
        out[k] = elementary.decay(x[k])


def original(function: Any) -> Callable[..., None]:
    """The Python function, to compile it anew: what comes from the cache cannot be looked into."""
    return function.py_func  # type: ignore[no-any-return]


CASES: dict[str, tuple[Callable[..., None], tuple[Any, ...]]] = {
    "cosine and sine": (sweep_of_phases, (ROW, FOUR)),
    "decay": (sweep_of_decays, (ROW, FOUR)),
    "sites without relaxation": (original(double_flips._multiply_still), (SITES, TABLES, 0, 1, OTHERS, FOUR)),
    "sites that fall": (original(double_flips._multiply_cold), (SITES, TABLES, 0, 1, OTHERS, FOUR)),
    "exponentials": (
        original(warm_site._fill_exponentials),
        (thermal_weights(1.0, 0.5, 0.5, 0.5, 1.0), ROW, FOUR, FOUR.copy()),
    ),
    "series": (original(warm_site._fill_series), (thermal_weights(1.0, 0.5, 0.5, 0.5, 1.0), ROW, 5, 1.0, 1.0j, FOUR)),
    "determinants": (
        original(pair_concurrence._fill_determinants),
        (TABLES, np.ones((4, 3, LANES)), 0, 1, FOUR, ROW),
    ),
    "single flips": (
        original(pair_tables._multiply_on),
        (np.ones(2 * LANES), TABLES.single[0], 1, np.ones((4, 2 * LANES))),
    ),
    "single flips, backwards": (
        original(pair_tables._multiply_again),
        (np.ones(2 * LANES), TABLES.single[0], 1, np.ones((4, 2 * LANES))),
    ),
    "elements": (
        original(pair_tables.fill_elements),
        (SITES, TABLES, 0, 1.0, TWO, TWO, np.ones((2, 4 * LANES)), 1),
    ),
    "rotations": (original(two_qubits._orthogonalize), (MATRICES[: 8 * LANES], MATRICES[8 * LANES :], FOUR)),
    "columns": (original(two_qubits._take_element), (MATRICES, 1, ROW, ROW, MATRICES)),
    "rests": (original(two_qubits._subtract_element), (MATRICES, 1, 2, ROW, MATRICES)),
}


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads the assembly of x86")
@pytest.mark.parametrize("case", CASES)
def test_innermost_loops(case: str) -> None:
    """Fused multiply-adds, or products where there are none, on packed doubles."""
    function, arguments = CASES[case]
    compiled = njit(nogil=True, error_model="numpy")(function)
    compiled(*arguments)
    (assembly,) = compiled.inspect_asm().values()
    assert re.search(r"v?f?n?m(add|sub|ul)\w*pd\b", assembly), "no vector instructions"
