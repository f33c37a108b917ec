"""README's code blocks, so that the tests can run them as they are printed."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    """All fenced blocks in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), flags=re.MULTILINE | re.DOTALL)


def block(name: str) -> str:
    """The one block whose first line says that it is the file `name`."""
    found = [text for language in ("python", "toml") for text in blocks(language) if text.startswith(f"# {name}\n")]
    assert len(found) == 1, f"README must show {name} once"
    return found[0]
