"""Digests of a store made anew: what is there then counts as what was recorded, as if a model had given it."""

from pathlib import Path

import numpy as np
import zarr

from ensemble.store import Layout, Ledger, Status, digest


def record(store: Path) -> None:
    """Record every realization that is done as it is in the store now."""
    layout, ledger = Layout.read(store), Ledger.reading(store)
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    found = np.zeros(layout.shape, np.uint32)
    for cell in np.ndindex(layout.shape[:-1]):
        rows = np.flatnonzero(ledger.status[cell] == Status.DONE)
        parts = np.zeros(len(rows), np.uint32)
        for name in layout.observables:
            parts += digest.of_rows(layout.key(cell), name, rows, np.asarray(group[name][cell])[rows])  # type: ignore[index]
        found[cell][rows] = digest.of_realizations(layout.key(cell), rows, parts, ledger.provenance[cell][rows])
    group["digest"][...] = found  # type: ignore[index]
