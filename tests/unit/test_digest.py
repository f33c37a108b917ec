"""Digests: whatever is changed in a row, or about its place, changes them; how rows come together does not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.store import digest

ROWS = np.random.default_rng(3).random((6, 5))


def of(rows: NDArray[np.generic], key: int = 7, name: str = "walk", first: int = 0) -> list[int]:
    found: list[int] = digest.of_rows(key, name, range(first, first + len(rows)), rows).tolist()
    return found


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "int64", "int8", "bool", "uint16"])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3)])
def test_every_bit_of_a_row_counts(dtype: str, shape: tuple[int, ...]) -> None:
    rows = (np.random.default_rng(1).random((2, *shape)) * 100).astype(dtype)
    before = of(rows)
    raw = rows.view(np.uint8) if rows.ndim > 1 else rows.reshape(2, 1).view(np.uint8)
    for bit in range(8 * raw[0].size):
        raw[0].flat[bit // 8] ^= 1 << bit % 8
        assert of(rows)[0] != before[0]
        assert of(rows)[1] == before[1]
        raw[0].flat[bit // 8] ^= 1 << bit % 8
    assert of(rows) == before


def test_two_changes_do_not_cancel() -> None:
    """The sign of two numbers: their highest bits, which a sum of products modulo 2^64 would lose."""
    for i in range(5):
        for j in range(i):
            other = ROWS.copy()
            other[0, [i, j]] *= -1
            assert of(other)[0] != of(ROWS)[0]
            other = ROWS.copy()
            other[0, [i, j]] = other[0, [j, i]]
            assert of(other)[0] != of(ROWS)[0]


def test_the_place_counts() -> None:
    """The same row elsewhere, of another observable or at another point."""
    same = np.repeat(ROWS[:1], 6, axis=0)
    assert len(set(of(same))) == 6
    for other in (of(same, key=8), of(same, name="final"), of(same, first=6)):
        assert not set(of(same)) & set(other)


def test_neither_batches_nor_order_count() -> None:
    whole = of(ROWS)
    assert of(ROWS[:2]) + of(ROWS[2:], first=2) == whole
    picked = [4, 1, 3]
    assert digest.of_rows(7, "walk", picked, ROWS[picked]).tolist() == [whole[at] for at in picked]
    assert of(np.asfortranarray(ROWS)) == whole
    assert of(ROWS[:0]) == []
    assert len(of(ROWS[:, :0])) == 6


def test_digests_are_what_they_were() -> None:
    """Stores on disk hold them: they never change."""
    assert of(np.arange(6.0).reshape(2, 3)) == [2631805214, 7191080]
    assert digest.key_of("toy_model.py:ToyModel", 1, {"a": 0.1}, [["size", 2]]) == 8096394245384048530
    assert digest.of_values(np.array([0.0, 0.5])) == "d1478959067a01146ee9de3e6d8d77cc"


def test_rows_collide_by_chance_alone() -> None:
    """Of a million rows that differ by little, pairs with equal digests come as often as among random numbers."""
    found = digest.of_rows(7, "walk", np.zeros(1_000_000, np.int64), np.arange(1_000_000.0))
    pairs = len(found) - len(np.unique(found))
    expected = 1e12 / 2 / 2**32  # 116
    assert abs(pairs - expected) < 5 * expected**0.5
