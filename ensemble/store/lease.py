"""One driver at a time on object storage, where no kernel drops the lock of a process that dies: a lease.

The lease is a small object beside the store, which tells who holds it and how it goes. It is created on condition that
there is none, and replaced on condition that it is the one which was read (If-None-Match and If-Match of S3), so of
drivers that come in the same instant one gets it. Its holder renews it every few seconds, from a thread of its own. One
that nobody has renewed for two minutes, by the clock of the object storage, is stale, and so is at once that of a
process of this machine which is no more: the next driver takes it over. At its end a driver renews it once more, which
tells that it is still its own, and removes it.

What it guarantees: two drivers do not work on one store knowingly. One that had to be silent for two minutes, because
its machine slept or the network was gone, finds out before it writes the book again, and stops. What it cannot: a
request that was under way when the lease ran out may arrive when another driver has begun, and workers of the former
may land a chunk then. They put the same bits as anybody would, but into a chunk that another worker may be writing as
well; `ensemble verify` tells. An endpoint must keep to the conditions of S3; one that ignores them is refused.
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
from ensemble.store.lock_file import lost
from ensemble.store.remote import Found, Remote

_RENEWED = 5.0
"""Seconds from one renewal to the next."""
_DOUBTFUL = 60.0
"""A lease that was not renewed for so long is renewed before anything is written that counts."""
_STALE = 120.0
"""A lease that was not renewed for so long is anybody's."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that goes on while the machine sleeps, where there is one."""


@final
class Lease:
    """The lock of a store while it is held; what it tells is for those who look at the store."""

    def __init__(self, store: Remote) -> None:
        self._file = place(store)
        self._who = {"host": socket.gethostname(), "pid": os.getpid(), "machine": _machine(), "since": time.time()}
        self.token = uuid.uuid4().hex
        self._news: dict[str, Any] = {}
        self._tag, self._renewed, self._lost = "", _now(), False
        self._one_at_a_time, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._go_on_renewing, name="lease", daemon=True)

    @classmethod
    def take(cls, store: Remote) -> Self | None:
        """The lease of a store, if nobody has it."""
        lease = cls(store)
        while (found := lease._create()) is not None:
            if not _is_stale(found):
                return None
            if lease._put(instead_of=found.tag):
                break
        lease._refuse_the_careless()
        lease._thread.start()
        return lease

    def tell(self, **facts: Any) -> None:
        """Say what is going on; it is told with the next renewal."""
        self._news = facts

    def check(self) -> None:
        """An error if it is no longer ours."""
        if not self._lost and _now() - self._renewed > _DOUBTFUL:
            self._renew()
        if self._lost:
            raise lost(self._file, "was removed, or another driver has taken it over after two minutes of silence")

    def drop(self) -> None:
        """Let others have it."""
        self._over.set()
        self._thread.join()
        with contextlib.suppress(StoreError):  # the network may have gone; then it becomes stale
            self._renew()
            if not self._lost:
                self._file.unlink()

    def _create(self) -> Found | None:
        """Put it where none is; else tell what is there."""
        while not self._put(new=True):
            with contextlib.suppress(FileNotFoundError):  # it has gone meanwhile
                return self._file.get()
        return None

    def _put(self, **condition: Any) -> bool:
        """Put it on a condition; False if that is not met, and not because an earlier attempt has met it."""
        text = json.dumps({**self._who, "own": self.token, "renewed": time.time(), **self._news})
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
        with self._one_at_a_time:
            self._lost = self._lost or not self._put(instead_of=self._tag)

    def _go_on_renewing(self) -> None:
        while not self._over.wait(_RENEWED):
            with contextlib.suppress(StoreError):  # the next one may get through
                self._renew()

    def _refuse_the_careless(self) -> None:
        """An endpoint that puts an object whatever the condition cannot keep two drivers apart."""
        unmet: tuple[dict[str, Any], ...] = ({"new": True}, {"instead_of": '"another"'})
        for condition in unmet:
            with contextlib.suppress(FileExistsError):
                self._file.put(b"{}", **condition)
                self._file.unlink()
                raise StoreError(
                    f"the endpoint of {self._file.parent} must keep to If-None-Match and If-Match of S3, but it does "
                    "not: give another --store"
                )


def place(store: Remote) -> Remote:
    """The lease of a store: beside it, so that it can be held before there is a store."""
    return store.with_name(f".{store.name}.lock")


def told(store: Remote) -> dict[str, Any] | None:
    """What the holder of a lease tells; None if nobody holds it."""
    try:
        found = place(store).get()
    except FileNotFoundError:
        return None
    hidden = ("own", "machine", "renewed")
    return None if _is_stale(found) else {name: fact for name, fact in _facts(found).items() if name not in hidden}


def _is_stale(found: Found) -> bool:
    facts = _facts(found)
    here = facts.get("machine") == _machine() != ""
    return (here and _has_ended(facts.get("pid"))) or found.age > _STALE


def _has_ended(pid: Any) -> bool:
    """Whether there is no such process; that of another user may be invisible in /proc, and is there nevertheless."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError, TypeError):
        pass
    return False


def _facts(found: Found) -> dict[str, Any]:
    try:
        return dict(json.loads(found.data))
    except ValueError:
        return {}


def _now() -> float:
    return time.clock_gettime(_CLOCK)


def _machine() -> str:
    """What the processes have in common that see each other; empty where that cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
