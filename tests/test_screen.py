"""Numbers as people write them."""

import pytest

from ensemble.screen import duration, size, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.0321, 0.0012, "0.0321(12)"),
        (1.5, 0.25, "1.50(25)"),
        (-0.067, 0.032, "-0.067(32)"),
        (123.4, 5.6, "123.4(56)"),
        (5.8e-5, 5.4e-5, "5.8(54)e-05"),
        (0.0, 0.0, "0"),
        (0.5, 0.0, "0.5"),
        (float("nan"), 0.1, "nan"),
        (1.25, float("nan"), "1.25"),
        (0.1, 0.0996, "0.10(10)"),
        (4321.0, 17.0, "4321(17)"),
        (1.0e7, 1.2e5, "1.000(12)e+07"),
    ],
)
def test_a_value_with_its_error(value: float, error: float, text: str) -> None:
    assert with_error(value, error) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12.3 ms"), (5.0, "5 s"), (600.0, "10 min"), (36000.0, "10 h"), (864000.0, "10 days")],
)
def test_a_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(100, "100 B"), (2048, "2 KiB"), (3 * 2**30, "3 GiB"), (2**41, "2 TiB")])
def test_a_size(count: int, text: str) -> None:
    assert size(count) == text
