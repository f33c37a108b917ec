"""What a failed realization raised, as text that can be stored and printed, whatever the exception does.

An exception may raise in its `__str__`, hold characters that no encoding has, megabytes, or escape sequences that would
move the cursor of a terminal. Text from here is UTF-8 without control characters, and no longer than stated.
"""

import re
import traceback

LONGEST_LINE = 500
"""Characters of the line that says what was raised."""
LONGEST_TEXT = 100_000
"""Characters of the line and the traceback together; of a longer one, the beginning and the end are kept."""

_CONTROL = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def line_of(error: BaseException) -> str:
    """One line: the type of an exception and its message."""
    try:
        message = str(error)
    except BaseException as second:  # its own __str__, which may do anything
        message = f"(its __str__ raised {type(second).__name__})"
    return shorten(printable(" ".join(f"{type(error).__name__}: {message[: 2 * LONGEST_LINE]}".split())), LONGEST_LINE)


def text_of(error: BaseException, key: str) -> str:
    """The line, what it takes to compute the realization again, and the traceback."""
    return f"{line_of(error)}\n{key}\n\n{traceback_of(error)}"


def traceback_of(error: BaseException) -> str:
    """The traceback, with the message at its end."""
    try:
        told = "".join(traceback.format_exception(error))
    except BaseException as second:
        told = f"(its traceback cannot be formatted: {type(second).__name__})\n"
    return shorten(printable(shorten(told, LONGEST_TEXT)), LONGEST_TEXT)  # escaping takes seconds for megabytes


def printable(text: str) -> str:
    """A text with everything escaped that cannot be encoded or would control a terminal; line breaks and tabs stay."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def shorten(text: str, longest: int) -> str:
    """A text of at most so many characters: where it is longer, its middle is left out."""
    if len(text) <= longest:
        return text
    mark = f" [... {len(text) - longest} characters left out ...] "
    half = (longest - len(mark)) // 2
    return text[:half] + mark + text[-half:]
