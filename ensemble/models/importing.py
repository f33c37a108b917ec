"""Import a model from its source text, on the driver, on workers and in child processes of workers.

The driver reads the files of a model once and sends their text to the workers. Each process compiles this text under
the path that the driver read it from, so tracebacks and debuggers show file, line and text, also on a worker that has
no such folder. Editing a file during a run does not change the run.

The modules are imported under a private package name that depends on their content, such as
`ensemble_model_0123456789ab.my_model`. So two models whose folders contain different modules of the same name do not
share them. `sys.path` is not changed.
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
"""Sources that this process imports from, by their private package names; `_Finder` reads this table."""


def import_source(source: ModelSource) -> ModuleType:
    """Import the main module of a model and return it; a process imports it once."""
    _sources.setdefault(source.package, source)
    return importlib.import_module(f"{source.package}.{source.main}")


def source_of(model: type) -> ModelSource | None:
    """Return the source that a class was imported from; None if `import_source` did not import it."""
    return _sources.get(model.__module__.partition(".")[0])


def pack_source(source: ModelSource) -> bytes:
    """Return the pickled, compressed source of a model that this process imported; all points of a sweep share it."""
    return _packed(source.package)


def unpack_source(packed: bytes) -> ModelSource:
    """Return the source from the bytes of `pack_source`."""
    source: ModelSource = pickle.loads(zlib.decompress(packed))
    return source


def remember_text(path: str, text: str) -> None:
    """Make tracebacks and debuggers of this process show the compiled text, not the current content of the file."""
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)


@functools.lru_cache(maxsize=64)
def _packed(package: str) -> bytes:
    return zlib.compress(pickle.dumps(_sources[package]))


@final
class _Finder(MetaPathFinder):
    """Finder in `sys.meta_path` for modules of model files; it ignores names that do not start with PREFIX."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - Python's protocol
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the import spec of a module by its private name; None if it is not a module of a model."""
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
    """Loader that imports a module from its text."""

    def __init__(self, source: ModelSource, file: SourceFile) -> None:
        self._source, self._file = source, file

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        """Return the text, for `linecache` and `inspect`."""
        return self._file.text

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        """Compile the text under the path that the driver read it from."""
        code: CodeType = compile(self._file.text, self._file.path, "exec", dont_inherit=True)
        return code

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002
        """Return whether the file is the `__init__` of a package."""
        return self._file.is_package

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, with an `import` function that finds the other files of the model first."""
        remember_text(self._file.path, self._file.text)
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import_in(self._source)}
        with _cached_machine_code(self._file):
            exec(self.get_code(module.__name__), vars(module))


def _import_in(source: ModelSource) -> Callable[..., ModuleType]:
    """Return the `__import__` function for modules of a model; it looks for the model's own files first."""
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
    """Let Numba cache machine code on disk only if the file on this machine has the same text as the source.

    `cache=True` raises an exception if the file does not exist. If the file was edited after it was read, Numba would
    load machine code of the other version. Numba has no setting for this, so the method `enable_caching` of its
    dispatchers is replaced while such a module is imported.
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
