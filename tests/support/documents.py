"""Code blocks of README, the guide and the pages of papers, so that the tests can run them as they are printed."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README, GUIDE = ROOT / "README.md", ROOT / "workflows" / "README.md"
PAGES = (README, GUIDE, *sorted(ROOT.glob("workflows/*/README.md")))


def blocks(language: str) -> list[str]:
    """All fenced blocks in a language, page by page."""
    text = "\n".join(page.read_text() for page in PAGES)
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def block(name: str) -> str:
    """The one block whose first line says that it is the file `name`."""
    found = [text for language in ("python", "toml") for text in blocks(language) if text.startswith(f"# {name}\n")]
    assert len(found) == 1, f"the documents must show {name} once"
    return found[0]
