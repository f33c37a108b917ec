"""What is lost becomes todo, and damaged files go: then a run computes it again as if it had never been there.

The status first: from then on nobody relies on what is being taken away, wherever this is interrupted.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import LockLost, StoreError
from ensemble.proof.book import arrays_of
from ensemble.proof.damage import Damage
from ensemble.store.damage import file_of, region_of, trouble
from ensemble.store.group import attributes, commit, member, open_group
from ensemble.store.place import Place

MOST_PARTS = 100
"""Entries of a record; a repair of more says how many more."""


@final
@dataclass(frozen=True)
class Repair:
    """A record of a repair, kept in the attributes of the store."""

    time: str
    """When, in UTC."""
    realizations: int
    """How many realizations became todo."""
    parts: Sequence[str]
    """Which ones, and why: at most `MOST_PARTS`, and then how many more."""

    @classmethod
    def all_of(cls, path: Place) -> list[Self]:
        """The repairs of a store, in order."""
        told = attributes(open_group(path))["repairs"]
        return [cls(each["time"], each["realizations"], tuple(each["parts"])) for each in told]


def repair(
    path: Place, lost: NDArray[np.bool_], damages: Sequence[Damage], others: Sequence[str], check: Callable[[], None]
) -> int:
    """Mark the lost realizations of a store, whose lock is held, and take the damaged chunks away; tells how many.

    The damages and the descriptions in `others` are recorded in the store. `check` is called before each write, and
    raises an error if the lock was lost.
    """
    told = [*map(str, damages), *others]
    parts = told[:MOST_PARTS] + [f"and {len(told) - MOST_PARTS} more"] * (len(told) > MOST_PARTS)
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


def _forget(path: Place, lost: NDArray[np.bool_], check: Callable[[], None]) -> None:
    """Put the fill value into all of the book where something is lost, and take away its blocks that are damaged."""
    group = open_group(path, writable=True)
    names = arrays_of(open_group(path))  # as committed: a listing of the folder would warn of any stray file in it
    arrays = {name: member(group, name) for name in names}
    for block in np.ndindex(arrays["status"].cdata_shape):
        region = region_of(arrays["status"], block)
        forgotten = lost[region]
        if not forgotten.any():
            continue
        for array in arrays.values():
            check()
            if trouble(array, block):
                file_of(array, block).unlink()
            values = np.array(array[region])
            values[np.nonzero(forgotten)] = array.fill_value
            array[region] = values
