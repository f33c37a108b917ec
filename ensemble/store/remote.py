"""A place on object storage, with those verbs of a `Path` that a store needs.

An object is put whole or not at all, so every write is atomic by itself; whoever reads after it sees it. Endpoint and
credentials are what s3fs and botocore find in the environment and the home folder of each process: they are part of no
store, no task and no message.
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
_UNMET = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
"""What an endpoint answers where the condition of a request is not met, or another request is about to change it."""


@final
@dataclass(frozen=True)
class Found:
    """An object as it was read."""

    data: bytes
    tag: str
    """What is another one as soon as the object is."""
    age: float
    """Seconds since it was put, by the clock of the object storage alone."""


@final
@dataclass(frozen=True)
class Remote:
    """An object, or what stands for a folder: all objects whose names begin with its name and a slash."""

    url: str
    """s3://BUCKET/KEY, without a slash at the end."""

    @classmethod
    def of(cls, text: str) -> Self:
        """The place that a URL names."""
        parts = [part for part in text.removeprefix(_SCHEME).split("/") if part]
        if not text.startswith(_SCHEME) or len(parts) < 2:
            raise StoreError(f"a store must be a folder or {_SCHEME}BUCKET/NAME, got {text!r}")
        return cls(_SCHEME + "/".join(parts))

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: object) -> "Remote":
        return Remote(f"{self.url}/{name}")

    @property
    def path(self) -> str:
        """Bucket and key."""
        return self.url.removeprefix(_SCHEME)

    @property
    def name(self) -> str:
        """The last part."""
        return self.url.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The last part without what stands behind its last dot."""
        return self.name.rpartition(".")[0] or self.name

    @property
    def parent(self) -> "Remote":
        """All but the last part."""
        return Remote(self.url.rpartition("/")[0])

    def with_name(self, name: str) -> "Remote":
        """What lies beside it."""
        return self.parent / name

    def with_suffix(self, suffix: str) -> Path:
        """What goes with a store and not into it, such as its figure: a file in the current folder."""
        return Path(self.name).with_suffix(suffix)

    def absolute(self) -> "Remote":
        """Itself: it is the same for everybody."""
        return self

    def stat(self) -> None:
        """An error if there is no such object."""
        self._ask("head_object")

    def is_file(self) -> bool:
        """Whether there is such an object."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def exists(self) -> bool:
        """Whether there is such an object or folder."""
        return self.is_file() or self.is_dir()

    def is_dir(self) -> bool:
        """Whether there is such a folder."""
        bucket, _, key = self.path.partition("/")
        listed = self._files_do("_call_s3", "list_objects_v2", Bucket=bucket, Prefix=f"{key}/", MaxKeys=1)
        return bool(listed.get("Contents"))

    def iterdir(self) -> "Iterator[Remote]":
        """What lies in the folder."""
        try:
            names = self._files_do("_ls", self.path, detail=False)
        except FileNotFoundError:
            names = []
        return (Remote(_SCHEME + name) for name in names)

    def tree(self) -> "list[Remote]":
        """All objects in the folder and in those below it."""
        return [Remote(_SCHEME + name) for name in self._files_do("_find", self.path)]

    def total_size(self) -> int:
        """Bytes of all objects in the folder."""
        return sum(int(each["size"]) for each in self._files_do("_find", self.path, detail=True).values())

    def read_bytes(self) -> bytes:
        """The whole object."""
        return bytes(self._files_do("_cat_file", self.path))

    def read_text(self) -> str:
        """The whole object as text."""
        return self.read_bytes().decode()

    def get(self) -> Found:
        """The whole object, and what is known of it."""

        async def found() -> Found:
            answer = await self._request("get_object")
            async with answer["Body"] as body:
                data = await body.read()
            now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
            return Found(data, answer["ETag"], (now - answer["LastModified"]).total_seconds())

        answered: Found = sync(self._answered(found()))
        return answered

    def put(self, data: bytes, *, new: bool = False, instead_of: str | None = None) -> str:
        """Write the object and tell its tag; on condition that there is none, or that it is the one with a tag.

        A FileExistsError or FileNotFoundError says that the condition was not met.
        """
        condition = {"mode": "create"} if new else {"IfMatch": instead_of} if instead_of else {}
        return str(self._files_do("_pipe_file", self.path, data, **condition)["ETag"])

    def unlink(self, missing_ok: bool = True) -> None:  # noqa: ARG002 - as a Path has it
        """Remove the object; one that is not there is no error on object storage."""
        self._files_do("_rm_file", self.path)

    def put_all(self, objects: Mapping[str, bytes]) -> None:
        """Objects below it, by their names as seen from it, written at the same time."""
        files = _files()
        sync(self._answered(_together(files._pipe_file((self / name).path, objects[name]) for name in objects)))

    def _ask(self, method: str) -> Any:
        return sync(self._answered(self._request(method)))

    def _request(self, method: str) -> Coroutine[Any, Any, Any]:
        """A request of S3 itself about this object."""
        bucket, _, key = self.path.partition("/")
        request: Coroutine[Any, Any, Any] = _files()._call_s3(method, Bucket=bucket, Key=key)
        return request

    def _files_do(self, verb: str, *arguments: Any, **more: Any) -> Any:
        """A verb of s3fs."""
        return sync(self._answered(getattr(_files(), verb)(*arguments, **more)))

    async def _answered(self, request: Coroutine[Any, Any, Any]) -> Any:
        with plain(self.url):
            return await request


def read_together(objects: Iterable[Remote]) -> list[bytes | OSError]:
    """Objects read at the same time; in the place of one that is not there the error that says so."""

    async def found(each: Remote) -> bytes | OSError:
        try:
            return bytes(await each._answered(_files()._cat_file(each.path)))
        except FileNotFoundError as error:
            return error

    return sync(_together(map(found, objects)))


@final
class ObjectStore(FsspecStore):
    """What Zarr reads and writes through; to another process it travels as a URL, and finds its credentials there."""

    def __init__(self, url: str, read_only: bool = False) -> None:
        super().__init__(_files(), read_only=read_only, path=url.removeprefix(_SCHEME))
        self.url = url

    def __reduce__(self) -> tuple[type, tuple[str, bool]]:
        return type(self), (self.url, self.read_only)

    def with_read_only(self, read_only: bool = False) -> "ObjectStore":
        """The same, to be read alone or to be written as well."""
        return type(self)(self.url, read_only)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Read an object, a chunk only if it becomes no larger than its array says; None if there is none."""
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
    """Turn what a request raises into a FileNotFoundError, a FileExistsError, or one sentence."""
    try:
        yield
    except (MemoryError, StoreError):
        raise
    except Exception as error:
        code = _code(error)
        if code in _UNMET:
            raise FileExistsError(errno.EEXIST, "it is not what it was", url) from error
        if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
            raise
        raise StoreUnreachable(f"{url} must be within reach, but {_reason(code, error)}") from error


def _reason(code: str, error: Exception) -> str:
    """Why an endpoint does not do what it was asked for."""
    said = " ".join(str(error.args[-1] if error.args else error).split()).rstrip(".") or type(error).__name__
    if code == "NoSuchBucket":
        return "there is no such bucket; make it, or give another --store"
    if isinstance(error, PermissionError) or type(error).__name__ == "NoCredentialsError":
        return f"access is denied: {said}; check the credentials that the environment or ~/.aws gives"
    return f"{said}; check the network, and the endpoint that the environment or ~/.aws gives"


def _code(error: Exception) -> str:
    """The code of S3 for what went wrong, if it was S3 that said so."""
    answer = getattr(error.__cause__, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))


async def _together(requests: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    return await asyncio.gather(*requests)


@functools.cache
def _files() -> Any:
    """The one connection of this process; it lives on the event loop of Zarr, so that both can use it."""
    try:
        from s3fs import S3FileSystem
    except ImportError as error:
        raise StoreError("a store on object storage needs a package more: pip install 'ensemble[s3]'") from error
    # One request for an object: with more at a time s3fs would ask for its size first.
    files = S3FileSystem(asynchronous=True, use_listings_cache=False, skip_instance_cache=True, max_concurrency=1)
    atexit.register(_close, files)  # later than Zarr has registered the end of its loop, so done before that
    return files


def _close(files: Any) -> None:
    if files._s3 is not None:
        with contextlib.suppress(Exception):  # the process ends
            sync(files._s3.close())
