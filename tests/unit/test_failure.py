"""What a realization raises, as text: it can be stored and printed, whatever the exception does."""

import re

import pytest

from ensemble.errors import MAX_LINE_LENGTH, MAX_TEXT_LENGTH, error_line, error_text, printable, shorten


class Broken(Exception):
    """Raises where its message is asked for."""

    def __str__(self) -> str:
        raise SystemExit(9)


def raised(error: BaseException) -> BaseException:
    """An exception with a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


ODD = {
    "no message": (ValueError(), "ValueError:"),
    "several lines": (ValueError("a\n  b\tc"), "ValueError: a b c"),
    "broken": (Broken(), "Broken: (its __str__ raised SystemExit)"),
    "surrogate": (ValueError("a\udc80b"), r"ValueError: a\udc80b"),
    "escapes": (ValueError("\x1b[2J\x9b\x07gone\u202e"), r"ValueError: \x1b[2J\x9b\x07gone\u202e"),
    "exit": (SystemExit(3), "SystemExit: 3"),
    "interrupt": (KeyboardInterrupt(), "KeyboardInterrupt:"),
    "letters": (ValueError("χ² = 3 – naïve"), "ValueError: χ² = 3 – naïve"),
}


@pytest.mark.parametrize("case", ODD)
def test_the_line_and_the_text_of_odd_exceptions(case: str) -> None:
    error, line = ODD[case]
    text = error_text(raised(error), "realization 3 of Mine(size=2)")
    assert error_line(error) == line
    first, key, blank, *rest = text.split("\n")
    assert (first, key, blank) == (line, "realization 3 of Mine(size=2)", "")
    assert rest[0] == "Traceback (most recent call last):"
    assert 'test_failure.py", line ' in text
    assert text.encode().decode() == text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_long_texts_keep_their_beginning_and_their_end() -> None:
    error = raised(ValueError("begin " + 30_000_000 * "x" + " end"))
    text = error_text(error, "key")
    assert len(text) < MAX_TEXT_LENGTH + 2 * MAX_LINE_LENGTH
    assert text.startswith("ValueError: begin xxx")
    assert text.endswith("xxx end\n")
    assert "characters left out" in text


def test_shorter_texts_are_left_alone() -> None:
    text = "a line\n\tand another: ü, 漢字, 🎲\n"
    assert printable(text) == text
    assert shorten(text, len(text)) == text
    assert len(shorten(1000 * "ab", 500)) <= 500
