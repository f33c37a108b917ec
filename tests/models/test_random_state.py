"""The random-state model: what it averages, which keys it draws, which values it refuses."""

from typing import Any

import numpy as np
import pytest

from ensemble.errors import ParameterError
from ensemble.models.random_state import RandomState
from ensemble.physics import random_pair_concurrences
from ensemble.realization.random_streams import random_stream


def test_averages_over_states_and_pairs() -> None:
    """Reference: the concurrences themselves, from a generator with the realization's key."""
    model = RandomState(N=4, states=50)
    key = model.draw(random_stream(1, model, 0))
    measured = model.measure(key)
    values = random_pair_concurrences(np.random.Generator(np.random.Philox(key=key)), 4, 50)
    assert measured == {"concurrence": values.mean(), "entangled": np.count_nonzero(values) / values.size}
    assert 0.6 < measured["entangled"] < 0.9


def test_realizations_and_sizes_are_independent() -> None:
    keys = [
        RandomState(N=n).draw(random_stream(1, RandomState(N=n), index)).tolist() for n in (2, 3) for index in range(3)
    ]
    assert len({tuple(key) for key in keys}) == 6


def test_the_largest_system_has_no_entangled_pair() -> None:
    assert RandomState(N=16, states=1).measure(np.array([1, 2], dtype=np.uint64)) == {
        "concurrence": 0.0,
        "entangled": 0.0,
    }


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"N": 1}, "N must be an integer from 2 to 16, got 1"),
        ({"N": 17}, "N must be an integer from 2 to 16, got 17"),
        ({"N": 2.5}, "N must be"),
        ({"N": True}, "N must be"),
        ({"N": 3, "states": 0}, "states must be an integer from 1 to 1000000, got 0"),
    ],
)
def test_values_that_it_refuses(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        RandomState(**values)
