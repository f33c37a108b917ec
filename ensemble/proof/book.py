"""The ledger of a store, block by block: its entries, and what is lost where a block cannot be read.

To the book belongs every array that lies in the store as `status` does: one entry for a realization, in blocks of
many points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.proof.damage import Damage, of_chunk
from ensemble.store import Status
from ensemble.store.damage import file_of, is_whole, region_of, trouble
from ensemble.store.digest import NO_DIGEST
from ensemble.store.group import ABSENT, attributes, dims, member
from ensemble.values import Value

_NEEDED = ("provenance", "digest")
"""Arrays without which a realization that is done cannot be verified."""


def arrays_of(group: zarr.Group) -> dict[str, zarr.Array[Any]]:
    """The arrays of the book by name, `status` first."""
    status = member(group, "status")
    shape = (dims(status), status.chunks)
    return {"status": status, **{name: each for name, each in group.arrays() if (dims(each), each.chunks) == shape}}


@final
@dataclass
class Book:
    """What became of every realization, as far as it can be read."""

    status: NDArray[np.uint8]
    """The status of every realization; todo where it cannot be read."""
    provenance: NDArray[np.int16]
    """Its row in the table of codes, -1 where that cannot be read."""
    digest: NDArray[np.uint32]
    """Its recorded digest, 0 if it has none."""
    codes: Sequence[Mapping[str, str]]
    """The table."""
    lost: NDArray[np.bool_]
    """The realizations to be computed again, as far as that is known by now."""
    damages: list[Damage] = field(default_factory=list)
    """What was found to be wrong."""

    @classmethod
    def read(cls, group: zarr.Group, axes: Mapping[str, Sequence[Value]], *, quiet: bool) -> Self:
        """The ledger as it is now; `quiet` means that no driver is writing it, so that all of its arrays must agree."""
        arrays = arrays_of(group)
        shape = arrays["status"].shape
        status, provenance = np.zeros(shape, np.uint8), np.full(shape, -1, np.int16)
        digests, lost = np.full(shape, NO_DIGEST, np.uint32), np.zeros(shape, np.bool_)
        book = cls(status, provenance, digests, attributes(group)["provenance"], lost)
        for block in np.ndindex(arrays["status"].cdata_shape):
            wrong = book._enter(arrays, block) or book._contradiction(arrays, block, quiet=quiet)
            book.damages += [of_chunk(arrays[name], block, axes, said) for name, said in wrong.items()]
            book._lose(region_of(arrays["status"], block), set(wrong))
        return book

    def _enter(self, arrays: Mapping[str, zarr.Array[Any]], block: Sequence[int]) -> dict[str, str]:
        """Read a block of all arrays; tells which of them cannot be read, and why."""
        wrong = {}
        for name, array in arrays.items():  # status before provenance, since a driver writes it after
            region = region_of(array, block)
            if said := trouble(array, block):
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
        """What a block that can be read says and what cannot be."""
        region = region_of(arrays["status"], block)
        states, rows = self.status[region], self.provenance[region]
        there = {name: file_of(array, block).exists() for name, array in arrays.items()}
        if (states > max(Status)).any():
            return {"status": "it holds what is no status"}
        if quiet and (rows >= 0).any() and not there["status"]:
            return {"status": ABSENT}
        if ((states != Status.TODO) & ((rows < 0) | (rows >= len(self.codes)))).any():
            return {"provenance": "it names no row of the table of codes" if there["provenance"] else ABSENT}
        without = (states == Status.DONE) & (self.digest[region] == NO_DIGEST)
        if without.any() and "digest" in arrays and is_whole(arrays["digest"]):
            return {"digest": "it has no digest of realizations that are done" if there["digest"] else ABSENT}
        return {}

    def _lose(self, region: tuple[slice, ...], wrong: set[str]) -> None:
        """Note which realizations of a block have to be computed again: all that had been, as far as that is known.

        How often and when they were computed is not worth computing them again.
        """
        if "status" not in wrong:
            self.lost[region] = (not wrong.isdisjoint(_NEEDED)) & (self.status[region] != Status.TODO)
            return
        self.status[region] = Status.TODO
        self.lost[region] = (not wrong.isdisjoint(_NEEDED)) | (self.provenance[region] >= 0)
