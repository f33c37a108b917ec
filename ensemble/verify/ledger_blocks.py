"""Read the ledger of a store block by block, and find which realizations are lost if a block cannot be read.

The ledger consists of all arrays with the same dimensions and chunks as `status`: one entry for each realization. A
block is one Zarr chunk of these arrays and holds many points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.store import Status
from ensemble.store.digest import NO_DIGEST
from ensemble.store.group import ABSENT, attributes, dims, member
from ensemble.store.integrity import damage_of_chunk, file_of, is_intact, region_of
from ensemble.sweep.toml_values import Value
from ensemble.verify.file_checks import Damage, check_chunk_file

_NEEDED = ("provenance", "digest")
"""Arrays that are needed to verify a done realization."""


def arrays_of(group: zarr.Group) -> dict[str, zarr.Array[Any]]:
    """The arrays of the ledger by name, `status` first."""
    status = member(group, "status")
    shape = (dims(status), status.chunks)
    return {"status": status, **{name: each for name, each in group.arrays() if (dims(each), each.chunks) == shape}}


@final
@dataclass
class LedgerBlocks:
    """The ledger entries of all realizations, as far as they can be read; arrays are (axes..., realization)."""

    status: NDArray[np.uint8]
    """Status of every realization; todo where it cannot be read."""
    provenance: NDArray[np.int16]
    """Row in `codes` of the code that computed it; -1 if it is not computed, or where this cannot be read."""
    digest: NDArray[np.uint32]
    """Recorded digest; 0 if there is none."""
    codes: Sequence[Mapping[str, str]]
    """Table of code versions: version, commit, libraries and machine."""
    lost: NDArray[np.bool_]
    """Mask of the realizations that must be recomputed, as far as is known by now."""
    damages: list[Damage] = field(default_factory=list)
    """Damages that were found."""

    @classmethod
    def read(cls, group: zarr.Group, axes: Mapping[str, Sequence[Value]], *, quiet: bool) -> Self:
        """Read the ledger. `quiet` means that no driver is writing to it, so that all arrays must agree."""
        arrays = arrays_of(group)
        shape = arrays["status"].shape
        status, provenance = np.zeros(shape, np.uint8), np.full(shape, -1, np.int16)
        digests, lost = np.full(shape, NO_DIGEST, np.uint32), np.zeros(shape, np.bool_)
        ledger = cls(status, provenance, digests, attributes(group)["provenance"], lost)
        for block in np.ndindex(arrays["status"].cdata_shape):
            wrong = ledger._enter(arrays, block) or ledger._contradiction(arrays, block, quiet=quiet)
            ledger.damages += [check_chunk_file(arrays[name], block, axes, said) for name, said in wrong.items()]
            ledger._lose(region_of(arrays["status"], block), set(wrong))
        return ledger

    def _enter(self, arrays: Mapping[str, zarr.Array[Any]], block: Sequence[int]) -> dict[str, str]:
        """Read a block of all arrays; returns the arrays that cannot be read, with the reason."""
        wrong = {}
        for name, array in arrays.items():  # read status before provenance: a driver writes status after provenance
            region = region_of(array, block)
            if said := damage_of_chunk(array, block):
                wrong[name] = said
            elif name == "status":
                self.status[region] = array[region]
            elif name == "provenance":
                self.provenance[region] = array[region]
            elif name == "digest":
                self.digest[region] = array[region]
        return wrong

    def _contradiction(
        self, arrays: Mapping[str, zarr.Array[Any]], block: Sequence[int], *, quiet: bool
    ) -> dict[str, str]:
        """Find a contradiction in a block: the array that must be wrong, and what is wrong; empty if there is none."""
        region = region_of(arrays["status"], block)
        states, rows = self.status[region], self.provenance[region]
        exists = {name: file_of(array, block).exists() for name, array in arrays.items()}
        if (states > max(Status)).any():
            return {"status": "it holds what is no status"}
        if quiet and (rows >= 0).any() and not exists["status"]:
            return {"status": ABSENT}
        if ((states != Status.TODO) & ((rows < 0) | (rows >= len(self.codes)))).any():
            return {"provenance": "it names no row of the table of codes" if exists["provenance"] else ABSENT}
        without = (states == Status.DONE) & (self.digest[region] == NO_DIGEST)
        if without.any() and "digest" in arrays and is_intact(arrays["digest"]):
            return {"digest": "it has no digest of realizations that are done" if exists["digest"] else ABSENT}
        return {}

    def _lose(self, region: tuple[slice, ...], wrong: set[str]) -> None:
        """Mark the realizations of a block as lost: all that may have been computed, as far as is known.

        Damage of other arrays, such as the number of attempts or the times, does not make a realization lost.
        """
        if "status" not in wrong:
            self.lost[region] = (not wrong.isdisjoint(_NEEDED)) & (self.status[region] != Status.TODO)
            return
        self.status[region] = Status.TODO
        self.lost[region] = (not wrong.isdisjoint(_NEEDED)) | (self.provenance[region] >= 0)
