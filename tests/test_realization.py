"""Random streams: keyed by content, so that they outlive grids, workers and batches."""

import dataclasses

import numpy as np

from ensemble.realization import stream
from tests.toy_model import ToyModel


def test_a_stream_is_pinned_for_good() -> None:
    """These numbers may never change: every published store depends on them."""
    drawn = stream(2021, ToyModel(size=4), 7).random(3)
    assert drawn.tolist() == [0.6967986048642624, 0.9262780927949423, 0.7449296600378164]


def test_streams_of_one_key_are_the_same_and_of_others_are_not() -> None:
    first = stream(1, ToyModel(size=4), 0).random(4)
    assert np.array_equal(first, stream(1, ToyModel(size=4), 0).random(4))
    for other in (stream(2, ToyModel(size=4), 0), stream(1, ToyModel(size=5), 0), stream(1, ToyModel(size=4), 1)):
        assert not np.array_equal(first, other.random(4))


def test_fields_outside_draw_fields_do_not_change_the_stream() -> None:
    model = ToyModel(size=4)
    for change in ({"drift": 0.7}, {"seconds": 1.0}, {"t": (0.0, 1.0)}):
        other = dataclasses.replace(model, **change)
        assert np.array_equal(stream(1, model, 3).random(4), stream(1, other, 3).random(4))


def test_equal_numbers_are_one_key_whatever_their_type() -> None:
    assert np.array_equal(
        stream(1, ToyModel(size=4), 0).random(4),
        stream(1, ToyModel(size=4.0), 0).random(4),  # type: ignore[arg-type]
    )


def test_neighbouring_streams_are_uncorrelated() -> None:
    """Against the law of large numbers: correlations of 1,000 streams of 100 numbers stay at the noise."""
    drawn = np.array([stream(0, ToyModel(size=4), index).random(100) for index in range(1000)]) - 0.5
    neighbours = (drawn[:-1] * drawn[1:]).mean() * 12.0
    assert abs(neighbours) < 4.0 / np.sqrt(drawn[1:].size)
    assert abs(drawn.mean()) < 4.0 * np.sqrt(1.0 / 12.0 / drawn.size)
