"""A folder that Zarr writes to and never makes anew: where it has gone, as an unmounted disk has, that is an error."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

from zarr.abc.store import Store
from zarr.core.buffer import Buffer
from zarr.storage import LocalStore


class Folder(LocalStore):
    """What Zarr writes through: its own would leave files where a disk was mounted, which hide there ever after."""

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


def replace(file: Path, data: bytes) -> None:
    """Write a file in one atomic step: readers see what was there before, or this."""
    aside = file.with_name(f"{file.name}.{uuid.uuid4().hex}.partial")
    try:
        aside.write_bytes(data)
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
