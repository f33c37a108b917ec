"""A folder as Zarr reads and writes it.

It is never made anew: where it has gone, as an unmounted disk has, that is an error. Nothing in it but regular files is
read, and no chunk that becomes larger than its array says.
"""

import asyncio
import stat
import uuid
from pathlib import Path
from typing import Any

from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore

from ensemble.store.decompression import FREE, METADATA, compare, decompressed_size, metadata_of


class Folder(LocalStore):
    """What Zarr goes through: its own would leave files where a disk was mounted, which hide there ever after."""

    def __dask_tokenize__(self) -> tuple[str, str, int]:
        """What Dask tells datasets apart by: the store as it is now, not its path alone."""
        return type(self).__name__, str(self.root), self.root.stat().st_mtime_ns

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read a file; None if there is none."""
        check_regular(self.root / key)
        return self._checked(key, await super().get(key, prototype, byte_range))

    def get_sync(
        self, key: str, *, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read a file; None if there is none."""
        check_regular(self.root / key)
        return self._checked(key, super().get_sync(key, prototype=prototype, byte_range=byte_range))

    def _checked(self, key: str, data: Buffer | None) -> Buffer | None:
        """What was read, if it becomes no larger than it may."""
        if data is not None and not key.endswith(METADATA):
            size = decompressed_size(memoryview(data.as_buffer_like()))
            if size > FREE:
                compare(size, (self.root / metadata_of(key)).read_bytes())
        return data

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file."""
        self._check_writable()
        await asyncio.to_thread(self._write, key, value)

    def set_sync(self, key: str, value: Buffer) -> None:
        """Write a file."""
        self._check_writable()
        self._write(key, value)

    async def _open(self, *, mode: Any = None) -> None:  # noqa: ARG002 - as Zarr calls it
        self.root.stat()
        await Store._open(self)

    def _ensure_open_sync(self) -> None:
        self.root.stat()
        self._is_open = True

    def _write(self, key: str, value: Buffer) -> None:
        file = self.root / key
        try:
            replace(file, value.to_bytes())
        except FileNotFoundError:
            for folder in [*file.relative_to(self.root).parents][-2::-1]:
                (self.root / folder).mkdir(exist_ok=True)
            replace(file, value.to_bytes())


def check_regular(file: Path) -> None:
    """Refuse what never ends, such as a device or a pipe."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return  # reading tells what is wrong
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ValueError(f"{file} must be a file, but it is a device or a pipe")


def read_bytes(file: Path) -> bytes:
    """What stands in a file."""
    check_regular(file)
    return file.read_bytes()


def replace(file: Path, data: bytes) -> None:
    """Write a file in one atomic step: readers see what was there before, or this."""
    aside = file.with_name(f"{file.name}.{uuid.uuid4().hex}.partial")
    try:
        aside.write_bytes(data)
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
