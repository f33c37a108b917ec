"""A location on object storage, with the methods of a `Path` that a store needs.

An object is written as a whole or not at all, so every write is atomic, and a later read sees it. s3fs and botocore
find the endpoint and the credentials in the environment and the home folder of each process. They are never part of a
store, a task or a message.
"""

import asyncio
import atexit
import contextlib
import errno
import functools
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self, final

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.core.sync import sync
from zarr.storage import FsspecStore

from ensemble.errors import StoreError, StoreUnreachable
from ensemble.store.decompression import FREE, METADATA, compare, decompressed_size, metadata_of

_SCHEME = "s3://"
_CONDITION_FAILED = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
"""Error codes of an endpoint if the condition of a request is not met, or another request is in conflict with it."""


@final
@dataclass(frozen=True)
class ObjectInfo:
    """Content of an object, and its tag and age."""

    data: bytes
    tag: str
    """ETag; it changes when the object changes."""
    age: float
    """Seconds since it was written, by the clock of the object storage."""


@final
@dataclass(frozen=True)
class ObjectStorageLocation:
    """An object, or a folder: all objects whose names begin with its name and a slash."""

    url: str
    """s3://BUCKET/KEY, without a slash at the end."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse a URL."""
        parts = [part for part in text.removeprefix(_SCHEME).split("/") if part]
        if not text.startswith(_SCHEME) or len(parts) < 2:
            raise StoreError(f"a store must be a folder or {_SCHEME}BUCKET/NAME, got {text!r}")
        return cls(_SCHEME + "/".join(parts))

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: object) -> "ObjectStorageLocation":
        return ObjectStorageLocation(f"{self.url}/{name}")

    @property
    def path(self) -> str:
        """Bucket and key."""
        return self.url.removeprefix(_SCHEME)

    @property
    def name(self) -> str:
        """Last part of the key."""
        return self.url.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """Last part of the key without its suffix."""
        return self.name.rpartition(".")[0] or self.name

    @property
    def parent(self) -> "ObjectStorageLocation":
        """Location without the last part."""
        return ObjectStorageLocation(self.url.rpartition("/")[0])

    def with_name(self, name: str) -> "ObjectStorageLocation":
        """Return the location with another last part."""
        return self.parent / name

    def with_suffix(self, suffix: str) -> Path:
        """Return a path in the current folder for files that belong to a store, such as its figure."""
        return Path(self.name).with_suffix(suffix)

    def absolute(self) -> "ObjectStorageLocation":
        """Return the location itself: a URL is always absolute."""
        return self

    def stat(self) -> None:
        """Raise an error if there is no such object."""
        self._ask("head_object")

    def is_file(self) -> bool:
        """Return whether there is such an object."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def exists(self) -> bool:
        """Return whether there is such an object or folder."""
        return self.is_file() or self.is_dir()

    def is_dir(self) -> bool:
        """Return whether there is such a folder."""
        bucket, _, key = self.path.partition("/")
        listed = self._files_do("_call_s3", "list_objects_v2", Bucket=bucket, Prefix=f"{key}/", MaxKeys=1)
        return bool(listed.get("Contents"))

    def iterdir(self) -> "Iterator[ObjectStorageLocation]":
        """Iterate over the objects and folders in the folder."""
        try:
            names = self._files_do("_ls", self.path, detail=False)
        except FileNotFoundError:
            names = []
        return (ObjectStorageLocation(_SCHEME + name) for name in names)

    def tree(self) -> "list[ObjectStorageLocation]":
        """Return all objects in the folder and its subfolders."""
        return [ObjectStorageLocation(_SCHEME + name) for name in self._files_do("_find", self.path)]

    def total_size(self) -> int:
        """Return the size of all objects in the folder, in bytes."""
        return sum(int(each["size"]) for each in self._files_do("_find", self.path, detail=True).values())

    def read_bytes(self) -> bytes:
        """Read the object."""
        return bytes(self._files_do("_cat_file", self.path))

    def read_text(self) -> str:
        """Read the object as text."""
        return self.read_bytes().decode()

    def get(self) -> ObjectInfo:
        """Read the object with its tag and age."""

        async def found() -> ObjectInfo:
            answer = await self._request("get_object")
            async with answer["Body"] as body:
                data = await body.read()
            now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
            return ObjectInfo(data, answer["ETag"], (now - answer["LastModified"]).total_seconds())

        answered: ObjectInfo = sync(self._answered(found()))
        return answered

    def put(self, data: bytes, *, new: bool = False, instead_of: str | None = None) -> str:
        """Write the object and return its tag; `new`: only if there is none; `instead_of`: only if it has this tag.

        If the condition is not met, a FileExistsError or FileNotFoundError is raised.
        """
        condition = {"mode": "create"} if new else {"IfMatch": instead_of} if instead_of else {}
        return str(self._files_do("_pipe_file", self.path, data, **condition)["ETag"])

    def unlink(self, missing_ok: bool = True) -> None:  # noqa: ARG002 - the signature of Path
        """Remove the object; on object storage it is no error if there is none."""
        self._files_do("_rm_file", self.path)

    def put_all(self, objects: Mapping[str, bytes]) -> None:
        """Write several objects in parallel; the names are relative to this location."""
        files = _files()
        sync(self._answered(_gather(files._pipe_file((self / name).path, objects[name]) for name in objects)))

    def _ask(self, method: str) -> Any:
        return sync(self._answered(self._request(method)))

    def _request(self, method: str) -> Coroutine[Any, Any, Any]:
        """Create an S3 request about this object."""
        bucket, _, key = self.path.partition("/")
        request: Coroutine[Any, Any, Any] = _files()._call_s3(method, Bucket=bucket, Key=key)
        return request

    def _files_do(self, verb: str, *arguments: Any, **more: Any) -> Any:
        """Call a method of s3fs."""
        return sync(self._answered(getattr(_files(), verb)(*arguments, **more)))

    async def _answered(self, request: Coroutine[Any, Any, Any]) -> Any:
        with plain(self.url):
            return await request


def read_together(objects: Iterable[ObjectStorageLocation]) -> list[bytes | OSError]:
    """Read objects in parallel; a missing object gives a FileNotFoundError in its place."""

    async def found(each: ObjectStorageLocation) -> bytes | OSError:
        try:
            return bytes(await each._answered(_files()._cat_file(each.path)))
        except FileNotFoundError as error:
            return error

    return sync(_gather(map(found, objects)))


@final
class ObjectStore(FsspecStore):
    """Zarr store on object storage; it is pickled as a URL, and each process finds its own credentials."""

    def __init__(self, url: str, read_only: bool = False) -> None:
        super().__init__(_files(), read_only=read_only, path=url.removeprefix(_SCHEME))
        self.url = url

    def __reduce__(self) -> tuple[type, tuple[str, bool]]:
        return type(self), (self.url, self.read_only)

    def with_read_only(self, read_only: bool = False) -> "ObjectStore":
        """Return the same store, read-only or writable."""
        return type(self)(self.url, read_only)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Read an object, None if there is none; a chunk must not decompress to more than its metadata allow."""
        with plain(f"{self.url}/{key}"):
            data = await super().get(key, prototype, byte_range)
        if data is not None and not key.endswith(METADATA):
            size = decompressed_size(memoryview(data.as_buffer_like()))
            if size > FREE:
                metadata = await self.get(metadata_of(key), prototype)
                compare(size, metadata.to_bytes() if metadata else b"{}")
        return data

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        """Write an object."""
        with plain(f"{self.url}/{key}"):
            await super().set(key, value, byte_range)

    async def delete(self, key: str) -> None:
        """Remove an object if there is one, in a single request."""
        with plain(f"{self.url}/{key}"):
            await self.fs._rm_file(f"{self.path}/{key}")


@contextlib.contextmanager
def plain(url: str) -> Iterator[None]:
    """Convert errors of a request to FileNotFoundError, FileExistsError, or a StoreUnreachable with one sentence."""
    try:
        yield
    except (MemoryError, StoreError):
        raise
    except Exception as error:
        code = _code(error)
        if code in _CONDITION_FAILED:
            raise FileExistsError(errno.EEXIST, "it is not what it was", url) from error
        if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
            raise
        raise StoreUnreachable(f"{url} must be within reach, but {_reason(code, error)}") from error


def _reason(code: str, error: Exception) -> str:
    """Return why a request failed."""
    said = " ".join(str(error.args[-1] if error.args else error).split()).rstrip(".") or type(error).__name__
    if code == "NoSuchBucket":
        return "there is no such bucket; make it, or give another --store"
    if isinstance(error, PermissionError) or type(error).__name__ == "NoCredentialsError":
        return f"access is denied: {said}; check the credentials that the environment or ~/.aws gives"
    return f"{said}; check the network, and the endpoint that the environment or ~/.aws gives"


def _code(error: Exception) -> str:
    """Return the S3 error code of an error; empty if it does not come from S3."""
    answer = getattr(error.__cause__, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))


async def _gather(requests: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    return await asyncio.gather(*requests)


@functools.cache
def _files() -> Any:
    """Return the s3fs connection of this process; it runs on Zarr's event loop, so that both can use it."""
    try:
        from s3fs import S3FileSystem
    except ImportError as error:
        raise StoreError("a store on object storage needs a package more: pip install 'ensemble[s3]'") from error
    # One request per object: with a higher concurrency s3fs would request the size first.
    files = S3FileSystem(asynchronous=True, use_listings_cache=False, skip_instance_cache=True, max_concurrency=1)
    # Registered after Zarr's own exit function, so it is called before Zarr stops its event loop.
    atexit.register(_close, files)
    return files


def _close(files: Any) -> None:
    if files._s3 is not None:
        with contextlib.suppress(Exception):  # the process ends
            sync(files._s3.close())
