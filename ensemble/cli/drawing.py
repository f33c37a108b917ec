"""Draw the default figure of a store, for the commands `run` and `plot`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


def draw_averages(averages: "xr.Dataset", path: Path) -> Path:
    """Draw the figure; Matplotlib is imported only here, because it slows down the start of other commands."""
    from ensemble.plot.store_plot import plot as draw

    return draw(averages, path)
