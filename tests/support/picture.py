"""The picture in README: the figure of the quickstart, with fewer pixels and colours.

ensemble run workflows/quickstart.toml && python -m tests.support.picture quickstart.png
"""

import sys
from pathlib import Path

from PIL import Image

from tests.support.documents import ROOT

PICTURE = ROOT / "workflows" / "quickstart.png"
WIDTH, COLOURS = 1200, 64


def shrink(figure: Path, picture: Path = PICTURE) -> None:
    """Write a figure as a small PNG."""
    with Image.open(figure) as image:
        height = round(image.height * WIDTH / image.width)
        image.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS).quantize(COLOURS).save(
            picture, optimize=True
        )


if __name__ == "__main__":
    shrink(Path(sys.argv[1]))
