"""A small disk of its own: it can be full, read-only, or gone, and harms nobody else.

It is mounted in a mount namespace that ends with the test. Root may make one, and others where the kernel lets them be
root in a user namespace. Commands are started inside; the test looks at the disk from outside.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pytest

from tests.support.processes import finish, read_output, read_until, start

PAGE = 4096
"""What the smallest file takes."""
_ROOT = () if os.geteuid() == 0 else ("--user", "--map-root-user")


@final
@dataclass(frozen=True)
class Disk:
    """A file system in memory, mounted where only some commands see it."""

    mounted: Path
    """Where it is for those who are inside."""
    keeper: int
    """The process that keeps the namespace."""

    @property
    def path(self) -> Path:
        """Where it is for those who are outside."""
        return Path(f"/proc/{self.keeper}/root{self.mounted}")

    def do(self, *command: str) -> None:
        """Have something done to the disk, from inside but not on it."""
        read_output(command, "/", mounts_of=self.keeper)

    def fill(self, leave: int = 0) -> None:
        """Use up all room but so many pages."""
        room = os.statvfs(self.path).f_bavail - leave
        assert room >= 0, "the disk is fuller than that"
        with contextlib.suppress(OSError):  # a run may write meanwhile, and then it is full before that
            (self.path / "ballast").write_bytes(bytes(room * PAGE))

    def make_room(self) -> None:
        """Free what `fill` used up."""
        (self.path / "ballast").unlink()

    def remount(self, how: str) -> None:
        """Make it read-only, "ro", or writable again, "rw"."""
        self.do("mount", "-o", f"remount,{how}", str(self.mounted))


@contextlib.contextmanager
def disk(at: Path, pages: int = 512) -> Iterator[Disk]:
    """A disk with room for so many pages; where none can be mounted, the test is skipped and says why."""
    at.mkdir()
    mount = f"mount -t tmpfs -o size={pages * PAGE} tmpfs {at} && echo mounted && exec sleep infinity"
    keep = ["unshare", "--mount", *_ROOT, "sh", "-c", mount]
    with start(keep, stdout=subprocess.PIPE) as keeper:
        assert keeper.stdout is not None
        try:
            read_until(keeper.stdout.fileno(), "mounted\n")
        except EOFError:
            pytest.skip(f"a disk of its own cannot be mounted here: {finish(keeper)[1].strip()}")
        yield Disk(at, keeper.pid)
