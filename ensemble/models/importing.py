"""A model in a file travels to workers as its source, and is imported there from its text.

Wherever the files of a model are imported, on the driver, on a worker that has no such folder, or in a process beside a
worker, the text that the driver has read is compiled, under the path that it was read from, so that tracebacks and
debuggers show file, line and text. A file that is edited during a run changes nothing in that run.

The modules have a private name for each content, `ensemble_model_0123456789ab.my_model`, so that two models whose
folders hold different modules of one name do not share them; `sys.path` is not extended.
"""

import builtins
import contextlib
import functools
import importlib.machinery
import importlib.util
import linecache
import pickle
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, final

from ensemble.models.source import NOT_BESIDE, ModelSource, SourceFile

_sources: dict[str, ModelSource] = {}
"""The sources that this process imports from, by the private names of their packages; `_Finder` looks them up."""


def import_source(source: ModelSource) -> ModuleType:
    """The main module of a model; it is imported once in a process."""
    _sources.setdefault(source.package, source)
    return importlib.import_module(f"{source.package}.{source.main}")


def source_of(model: type) -> ModelSource | None:
    """The source that a class was imported from; None for a class that `import_source` has not imported."""
    return _sources.get(model.__module__.partition(".")[0])


def pack_source(source: ModelSource) -> bytes:
    """The source of a model that was imported here, as it travels; all points of a sweep share it."""
    return _packed(source.package)


def unpack_source(packed: bytes) -> ModelSource:
    """The source that has travelled."""
    source: ModelSource = pickle.loads(zlib.decompress(packed))
    return source


def remember_text(path: str, text: str) -> None:
    """Have tracebacks and debuggers of this process show the text that was compiled, whatever lies at that path."""
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)


@functools.lru_cache(maxsize=64)
def _packed(package: str) -> bytes:
    return zlib.compress(pickle.dumps(_sources[package]))


@final
class _Finder(MetaPathFinder):
    """Finds the modules of models in files; it stands in `sys.meta_path`, and finds no name without PREFIX."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - Python's protocol
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """How to import a module, by its private name."""
        package, _, name = fullname.partition(".")
        source = _sources.get(package)
        if source is None:
            return None
        if not name:
            return importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        file = dict(source.modules).get(name)
        if file is None:
            return None
        return importlib.util.spec_from_file_location(
            fullname,
            file.path,
            loader=_Loader(source, file),
            submodule_search_locations=[] if file.is_package else None,
        )


sys.meta_path.append(_Finder())


@final
class _Loader(InspectLoader):
    """Imports a module from its text."""

    def __init__(self, source: ModelSource, file: SourceFile) -> None:
        self._source, self._file = source, file

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        """The text, for `linecache` and `inspect`."""
        return self._file.text

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        """The text, compiled under the path that it was read from."""
        code: CodeType = compile(self._file.text, self._file.path, "exec", dont_inherit=True)
        return code

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002
        """Whether it is the `__init__` of a package."""
        return self._file.is_package

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, with an `import` of its own that finds the other files of the model."""
        remember_text(self._file.path, self._file.text)
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import_in(self._source)}
        with _cached_machine_code(self._file):
            exec(self.get_code(module.__name__), vars(module))


def _import_in(source: ModelSource) -> Callable[..., ModuleType]:
    """The `__import__` of a model's modules: names of its own files first, then all that Python finds."""
    package = source.package
    own = {name for name, _ in source.modules if "." not in name} - NOT_BESIDE

    def import_(
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - the names are Python's
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        top = name.partition(".")[0]
        if level or top not in own:
            return __import__(name, globals, locals, fromlist or (), level)
        module = __import__(f"{package}.{name}", globals, locals, fromlist or (), 0)
        return module if fromlist else sys.modules[f"{package}.{top}"]

    return import_


@contextlib.contextmanager
def _cached_machine_code(file: SourceFile) -> Iterator[None]:
    """Let Numba keep machine code on disk only where the file there is the source.

    `cache=True` raises where the file does not exist, and takes the machine code of another version for this one where
    the file has been edited since it was read. Numba has no setting for that, so the method that starts caching is
    replaced while such a module is imported.
    """
    try:
        same = importlib.util.decode_source(Path(file.path).read_bytes()) == file.text
    except (OSError, SyntaxError, UnicodeDecodeError):
        same = False
    if same or "cache" not in file.text or importlib.util.find_spec("numba") is None:
        yield
        return
    from numba.core.ccallback import CFunc
    from numba.core.dispatcher import Dispatcher
    from numba.np.ufunc.ufuncbuilder import UFuncDispatcher

    methods = [(each, each.enable_caching) for each in (CFunc, Dispatcher, UFuncDispatcher)]
    try:
        for each, _ in methods:
            each.enable_caching = lambda _: None  # type: ignore[method-assign]
        yield
    finally:
        for each, method in methods:
            each.enable_caching = method  # type: ignore[method-assign]
