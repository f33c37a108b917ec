"""A local folder as a Zarr store.

The root folder is never created: if it is gone, such as after a disk was unmounted, that is an error. Only regular
files are read, and no chunk that decompresses to more than its array's metadata allow.
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
    """Zarr store in a local folder that must exist.

    Zarr's own `LocalStore` would create the folder again under the mount point of an unmounted disk. Files there are
    hidden when the disk is mounted again.
    """

    def __dask_tokenize__(self) -> tuple[str, str, int]:
        """Token by which Dask identifies datasets: it changes with the store, not only with its path."""
        return type(self).__name__, str(self.root), self.root.stat().st_mtime_ns

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read a file; None if it does not exist."""
        check_regular(self.root / key)
        return self._checked(key, await super().get(key, prototype, byte_range))

    def get_sync(
        self, key: str, *, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read a file; None if it does not exist."""
        check_regular(self.root / key)
        return self._checked(key, super().get_sync(key, prototype=prototype, byte_range=byte_range))

    def _checked(self, key: str, data: Buffer | None) -> Buffer | None:
        """Return what was read, unless it decompresses to more than allowed."""
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
    """Raise a ValueError for a device or a pipe, from which reading may never end."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return  # reading the file raises the error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ValueError(f"{file} must be a file, but it is a device or a pipe")


def read_bytes(file: Path) -> bytes:
    """Read a regular file."""
    check_regular(file)
    return file.read_bytes()


def replace(file: Path, data: bytes) -> None:
    """Write a file in one atomic step: readers see the old content or the new one."""
    aside = file.with_name(f"{file.name}.{uuid.uuid4().hex}.partial")
    try:
        aside.write_bytes(data)
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
