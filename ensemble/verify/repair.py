"""Repair a store: set lost realizations to todo and delete damaged files, so that a run computes them again.

The status is changed before files are deleted. So no reader uses the deleted data, even if a repair is interrupted.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import LockLost, StoreError
from ensemble.store.group import attributes, commit, member, open_group
from ensemble.store.integrity import damage_of_chunk, file_of, region_of
from ensemble.store.location import Location
from ensemble.verify.file_checks import Damage
from ensemble.verify.ledger_blocks import arrays_of

MOST_PARTS = 100
"""Maximum number of entries in the record of one repair; one more entry gives the number of those left out."""


@final
@dataclass(frozen=True)
class Repair:
    """The record of one repair, stored in the attributes of the store."""

    time: str
    """Time of the repair, UTC, in ISO 8601 format."""
    realizations: int
    """Number of realizations that were set to todo."""
    parts: Sequence[str]
    """Damages and differences that were repaired, at most `MOST_PARTS`, then the number of those left out."""

    @classmethod
    def all_of(cls, path: Location) -> list[Self]:
        """Read the repairs of a store.

        Parameters
        ----------
        path
            Location of the store.

        Returns
        -------
        list of Repair
            All repairs, the oldest first.
        """
        records = attributes(open_group(path))["repairs"]
        return [cls(each["time"], each["realizations"], tuple(each["parts"])) for each in records]


def repair(
    path: Location, lost: NDArray[np.bool_], damages: Sequence[Damage], others: Sequence[str], check: Callable[[], None]
) -> int:
    """Set the lost realizations of a store to todo, delete its damaged files, and return the number of realizations.

    The lock of the store must be held. The damages and the descriptions in `others` are recorded in the store. `check`
    is called before each write, and raises an error if the lock was lost.
    """
    entries = [*map(str, damages), *others]
    parts = entries[:MOST_PARTS] + [f"and {len(entries) - MOST_PARTS} more"] * (len(entries) > MOST_PARTS)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        repairs = [*Repair.all_of(path), Repair(now, int(np.count_nonzero(lost)), parts)]
        commit(path, {"repairs": json.dumps([asdict(each) for each in repairs])}, check)
        _forget(path, lost, check)
        for damage in damages:
            if damage.removable:
                check()
                (path / damage.file).unlink(missing_ok=True)
    except LockLost:
        raise
    except OSError as error:
        raise StoreError(f"{path} must be writable to be repaired, but: {error}") from error
    return int(np.count_nonzero(lost))


def _forget(path: Location, lost: NDArray[np.bool_], check: Callable[[], None]) -> None:
    """Set the ledger entries of lost realizations to the fill value, and delete damaged blocks of the ledger."""
    group = open_group(path, writable=True)
    names = arrays_of(open_group(path))  # committed arrays only: listing the folder would warn about stray files
    arrays = {name: member(group, name) for name in names}
    for block in np.ndindex(arrays["status"].cdata_shape):
        region = region_of(arrays["status"], block)
        forgotten = lost[region]
        if not forgotten.any():
            continue
        for array in arrays.values():
            check()
            if damage_of_chunk(array, block):
                file_of(array, block).unlink()
            values = np.array(array[region])
            values[np.nonzero(forgotten)] = array.fill_value
            array[region] = values
