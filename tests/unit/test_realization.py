"""Random streams: keyed by content, so that they outlive grids, workers and batches."""

import dataclasses
import pickle

import numpy as np
import pytest

from ensemble.realization.random_streams import random_stream, random_streams
from tests.support.toy_model import ToyModel


def test_a_stream_is_pinned_for_good() -> None:
    """These numbers may never change: every published store depends on them."""
    drawn = random_stream(2021, ToyModel(size=4), 7).random(3)
    assert drawn.tolist() == [0.6967986048642624, 0.9262780927949423, 0.7449296600378164]


@pytest.mark.parametrize("seed", [0, 1, 2021, 2**32 - 1, 2**32, 2**64 + 7, 2**96, 2**128 - 1, 2**128, 2**160 + 5])
def test_many_streams_at_a_time_are_those_that_numpy_seeds_one_by_one(seed: int) -> None:
    """Against NumPy's `SeedSequence`: seeds of one to six words, indices of one and two, other words for each size."""
    dice = np.random.default_rng(seed)
    scattered = dice.integers(0, 2**32, size=50).tolist()
    for size, indices in enumerate([range(600), [*scattered, 0, 2**32 - 1], [3, 2**32, 2**40 + 1], [7], []]):
        model = ToyModel(size=size)
        for index, rng in zip(indices, random_streams(seed, model, indices), strict=True):
            expected = random_stream(seed, model, index)
            assert np.array_equal(rng.bit_generator.random_raw(5), expected.bit_generator.random_raw(5))


def test_each_of_many_streams_is_its_own_whatever_a_model_does_with_it() -> None:
    """Kept, drawn from late and in another order, spawned from, pickled: as the one that NumPy seeds."""
    model = ToyModel(size=4)
    for index, rng in reversed(list(enumerate(random_streams(2021, model, range(20))))):
        expected = random_stream(2021, model, index)
        for ours, theirs in zip(rng.spawn(2) + rng.spawn(1), expected.spawn(2) + expected.spawn(1), strict=True):
            assert np.array_equal(ours.random(3), theirs.random(3))
        assert np.array_equal(rng.standard_normal(3), expected.standard_normal(3))
        copied = pickle.loads(pickle.dumps(rng))
        assert np.array_equal(copied.random(3), expected.random(3))
        assert np.array_equal(copied.spawn(1)[0].random(3), expected.spawn(1)[0].random(3))
        for words, dtype in ((2, np.uint64), (2, np.uint32), (8, np.uint64)):
            state, other = (each.bit_generator.seed_seq.generate_state(words, dtype) for each in (rng, expected))
            assert np.array_equal(state, other)


def test_streams_of_one_key_are_the_same_and_of_others_are_not() -> None:
    first = random_stream(1, ToyModel(size=4), 0).random(4)
    assert np.array_equal(first, random_stream(1, ToyModel(size=4), 0).random(4))
    for other in (
        random_stream(2, ToyModel(size=4), 0),
        random_stream(1, ToyModel(size=5), 0),
        random_stream(1, ToyModel(size=4), 1),
    ):
        assert not np.array_equal(first, other.random(4))


def test_fields_outside_draw_fields_do_not_change_the_stream() -> None:
    model = ToyModel(size=4)
    for change in ({"drift": 0.7}, {"seconds": 1.0}, {"t": (0.0, 1.0)}):
        other = dataclasses.replace(model, **change)
        assert np.array_equal(random_stream(1, model, 3).random(4), random_stream(1, other, 3).random(4))


def test_equal_numbers_are_one_key_whatever_their_type() -> None:
    assert np.array_equal(
        random_stream(1, ToyModel(size=4), 0).random(4),
        random_stream(1, ToyModel(size=4.0), 0).random(4),  # type: ignore[arg-type]
    )


def test_neighbouring_streams_are_uncorrelated() -> None:
    """Against the law of large numbers: correlations of 1,000 streams of 100 numbers stay at the noise."""
    drawn = np.array([random_stream(0, ToyModel(size=4), index).random(100) for index in range(1000)]) - 0.5
    neighbours = (drawn[:-1] * drawn[1:]).mean() * 12.0
    assert abs(neighbours) < 4.0 / np.sqrt(drawn[1:].size)
    assert abs(drawn.mean()) < 4.0 * np.sqrt(1.0 / 12.0 / drawn.size)
