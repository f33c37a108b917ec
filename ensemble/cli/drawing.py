"""The default figure, for the commands that draw it."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


def draw_averages(averages: "xr.Dataset", path: Path) -> Path:
    """Draw the figure; Matplotlib is loaded only here, since every other command starts faster without it."""
    from ensemble.plot import plot as draw

    return draw(averages, path)
