"""Lock of a store on object storage: a lease that the driver renews, as no kernel releases the lock of a dead process.

The lease is a small object beside the store with its holder and the progress of the run. It is created only if there
is none, and replaced only if it is the one that was read (If-None-Match and If-Match of S3), so only one of several
drivers that start at the same time gets it. A thread of the holder renews it every 5 seconds. A lease is stale if it
was not renewed for two minutes, by the clock of the object storage, or if its process on this machine has ended. The
next driver takes over a stale lease. At the end a driver renews its lease once more, which shows that it is still its
own, and removes it.

Guarantee: two drivers do not knowingly work on one store. A driver that could not renew its lease for two minutes,
because its machine slept or the network failed, notices this before it writes the ledger again, and stops. Not
guaranteed: a request that was in flight when the lease expired may arrive after another driver has started, and workers
of the first driver may then write a chunk. They write the same bits as any other worker, but possibly into a chunk that
another worker is writing; `ensemble verify` finds this. An endpoint that ignores the conditions of S3 is refused.
"""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Self, final

from ensemble.errors import StoreError
from ensemble.store.lock_file import lock_lost_error
from ensemble.store.object_storage import ObjectInfo, ObjectStorageLocation

_RENEWED = 5.0
"""Seconds between renewals."""
_DOUBTFUL = 60.0
"""Seconds after which a lease is renewed before it passes a check."""
_STALE = 120.0
"""Seconds without renewal after which another driver may take over a lease."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that continues while the machine sleeps, if there is one."""


@final
class Lease:
    """The lock of a store on object storage while it is held; other processes read its content."""

    def __init__(self, store: ObjectStorageLocation) -> None:
        self._file = place(store)
        self._who = {"host": socket.gethostname(), "pid": os.getpid(), "machine": _machine(), "since": time.time()}
        self.token = uuid.uuid4().hex
        self._progress: dict[str, Any] = {}
        self._tag, self._renewed, self._lost = "", _now(), False
        self._put_lock, self._stopped = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._keep_renewing, name="lease", daemon=True)

    @classmethod
    def take(cls, store: ObjectStorageLocation) -> Self | None:
        """Take the lease of a store; None if another driver holds it."""
        lease = cls(store)
        while (found := lease._create()) is not None:
            if not _is_stale(found):
                return None
            if lease._put(instead_of=found.tag):
                break
        lease._check_conditions()
        lease._thread.start()
        return lease

    def tell(self, **facts: Any) -> None:
        """Report facts about the progress of the run; the next renewal writes them."""
        self._progress = facts

    def check(self) -> None:
        """Raise LockLost if this driver no longer holds the lease."""
        if not self._lost and _now() - self._renewed > _DOUBTFUL:
            self._renew()
        if self._lost:
            raise lock_lost_error(
                self._file, "was removed, or another driver has taken it over after two minutes of silence"
            )

    def drop(self) -> None:
        """Release the lease."""
        self._stopped.set()
        self._thread.join()
        with contextlib.suppress(StoreError):  # without a network the lease becomes stale
            self._renew()
            if not self._lost:
                self._file.unlink()

    def _create(self) -> ObjectInfo | None:
        """Create the lease if there is none; else return the existing object."""
        while not self._put(new=True):
            with contextlib.suppress(FileNotFoundError):  # removed in the meantime
                return self._file.get()
        return None

    def _put(self, **condition: Any) -> bool:
        """Write the lease on a condition; False if it is not met, unless an earlier attempt has written this lease."""
        text = json.dumps({**self._who, "own": self.token, "renewed": time.time(), **self._progress})
        began = _now()
        try:
            self._tag = self._file.put(text.encode(), **condition)
        except (FileExistsError, FileNotFoundError):
            try:
                found = self._file.get()
            except FileNotFoundError:
                return False
            if _facts(found).get("own") != self.token:
                return False
            self._tag = found.tag
        self._renewed = began
        return True

    def _renew(self) -> None:
        with self._put_lock:
            self._lost = self._lost or not self._put(instead_of=self._tag)

    def _keep_renewing(self) -> None:
        while not self._stopped.wait(_RENEWED):
            with contextlib.suppress(StoreError):  # the next renewal may succeed
                self._renew()

    def _check_conditions(self) -> None:
        """Raise a StoreError if the endpoint ignores conditions: it cannot keep two drivers apart."""
        unmet: tuple[dict[str, Any], ...] = ({"new": True}, {"instead_of": '"another"'})
        for condition in unmet:
            with contextlib.suppress(FileExistsError):
                self._file.put(b"{}", **condition)
                self._file.unlink()
                raise StoreError(
                    f"the endpoint of {self._file.parent} must keep to If-None-Match and If-Match of S3, but it does "
                    "not: give another --store"
                )


def place(store: ObjectStorageLocation) -> ObjectStorageLocation:
    """Return the location of the lease: beside the store, so that it can be held before the store exists."""
    return store.with_name(f".{store.name}.lock")


def told(store: ObjectStorageLocation) -> dict[str, Any] | None:
    """Return what the holder of a lease reports; None if there is no holder."""
    try:
        found = place(store).get()
    except FileNotFoundError:
        return None
    hidden = ("own", "machine", "renewed")
    return None if _is_stale(found) else {name: fact for name, fact in _facts(found).items() if name not in hidden}


def _is_stale(found: ObjectInfo) -> bool:
    facts = _facts(found)
    is_local = facts.get("machine") == _machine() != ""
    return (is_local and _has_ended(facts.get("pid"))) or found.age > _STALE


def _has_ended(pid: Any) -> bool:
    """Return whether there is no process with this id; a process of another user counts as running."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError, TypeError):
        pass
    return False


def _facts(found: ObjectInfo) -> dict[str, Any]:
    try:
        return dict(json.loads(found.data))
    except ValueError:
        return {}


def _now() -> float:
    return time.clock_gettime(_CLOCK)


def _machine() -> str:
    """Identify the machine and its process namespace: boot id and pid namespace; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
