"""A model in a file travels to workers as its source: its text and that of the modules beside it that it imports.

The driver reads the files once. Wherever they are imported, on the driver, on a worker that has no such folder, or in
a process beside a worker, it is this text that is compiled, under the path that it was read from, so that tracebacks
and debuggers show file, line and text. A file that is edited during a run changes nothing in that run.

The modules are imported under a private name for each content, `ensemble_model_0123456789ab.my_model`, so that two
models whose folders hold different modules of one name do not share them. `import helper` in such a module means the
file `helper.py` beside the model, as it does in a script; `sys.path` is not extended. Names of the standard library
always mean the standard library.
"""

import ast
import builtins
import contextlib
import functools
import hashlib
import importlib.machinery
import importlib.util
import linecache
import pickle
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import InspectLoader, MetaPathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Self, final

from ensemble.errors import ModelError

PREFIX = "ensemble_model_"
"""What the private names of all models in files begin with."""
DIGITS = 12
"""Of a SHA-256 in hexadecimal: enough to tell contents apart."""
MOST_BYTES = 4 * 2**20
"""A model's files may have so many bytes in all: they travel with every task."""

_NOT_BESIDE = sys.stdlib_module_names | {"ensemble"}
"""Names that never mean a file beside the model."""


@final
@dataclass(frozen=True)
class SourceFile:
    """One module of a model."""

    path: str
    """Where the driver has read it."""
    text: str
    """Its source."""
    is_package: bool = False
    """Whether it is the `__init__` of a package."""


@final
@dataclass(frozen=True)
class ModelSource:
    """The files of a model: what is imported, and what travels."""

    main: str
    """Name of the module with the model's class."""
    modules: tuple[tuple[str, SourceFile], ...]
    """All modules by their names, relative to the model's folder; the main module first."""
    digest: str
    """Hash of their contents; for a single file, of its bytes."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """The source of the model in a file.

        Raises
        ------
        ModelError
            If a file cannot be read or decoded, or all of them are too large to travel.
        """
        path = path.resolve()
        main = path.stem.replace(".", "_")
        contents = {main: _File(path, is_package=False)}
        wanted = list(contents[main].imports(package=""))
        while wanted:
            name = wanted.pop()
            if name not in contents and (found := _beside(path.parent, name)):
                contents[name] = found
                wanted += found.imports(package=name if found.is_package else name.rpartition(".")[0])
        if (size := sum(len(each.content) for each in contents.values())) > MOST_BYTES:
            raise ModelError(
                f"the files of a model may have {MOST_BYTES} bytes in all, since they travel with every task, but "
                f"{path} and the modules that it imports beside it have {size}: install them as a package"
            )
        files = [(name, SourceFile(str(each.path), each.text, each.is_package)) for name, each in contents.items()]
        return cls(main, tuple(files), _digest(contents))

    @property
    def package(self) -> str:
        """The private name under which its modules are imported; other folders with the same content have others."""
        path = dict(self.modules)[self.main].path
        return PREFIX + hashlib.sha256(f"{self.digest} {path}".encode()).hexdigest()[:DIGITS]

    def load(self) -> ModuleType:
        """The main module; it is imported once in a process."""
        package = self.package
        if package not in _sources:
            _sources[package] = self
        return importlib.import_module(f"{package}.{self.main}")

    def packed(self) -> bytes:
        """The source as it travels."""
        return _packed(self.package)

    @staticmethod
    def unpacked(packed: bytes) -> "ModelSource":
        """The source that has travelled."""
        source: ModelSource = pickle.loads(zlib.decompress(packed))
        return source


def source_of(model: type) -> ModelSource | None:
    """The source that a class was imported from by `ModelSource.load`; None for any other class."""
    return _sources.get(model.__module__.partition(".")[0])


def remember_text(path: str, text: str) -> None:
    """Have tracebacks and debuggers of this process show the text that was compiled, whatever lies at that path."""
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)


_sources: dict[str, ModelSource] = {}
"""The sources that this process imports from, by the private names of their packages; `_Finder` looks them up."""


@functools.lru_cache(maxsize=64)
def _packed(package: str) -> bytes:
    return zlib.compress(pickle.dumps(_sources[package]))


@final
class _File:
    """A file that is read once."""

    def __init__(self, path: Path, *, is_package: bool) -> None:
        try:
            self.content = path.read_bytes() if path.suffix == ".py" else b""
        except OSError as error:
            raise ModelError(f"the model's file {path} cannot be read: {error.strerror}") from error
        try:
            self.text = importlib.util.decode_source(self.content)
        except (SyntaxError, UnicodeDecodeError) as error:
            raise ModelError(f"the model's file {path} cannot be decoded: {error}") from error
        self.path, self.is_package = path, is_package

    def imports(self, package: str) -> Iterator[str]:
        """The modules that its import statements name, those in functions as well, and their packages."""
        try:
            tree = ast.parse(self.text)
        except (SyntaxError, ValueError, RecursionError):
            return  # importing it tells what is wrong
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = _absolute(node.module or "", node.level, package)
                names = [f"{base}.{alias.name}".strip(".") for alias in node.names]
            else:
                continue
            for each in names:
                parts = each.split(".")
                yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _absolute(name: str, level: int, package: str) -> str:
    """The name, from the model's folder, of a module that is imported in a package there."""
    if level:
        parts = package.split(".") if package else []
        name = ".".join([*parts[: len(parts) - level + 1], *filter(None, [name])])
    return name


def _beside(folder: Path, name: str) -> _File | None:
    """The module of that name in the folder of a model."""
    parts = name.split(".")
    if parts[0] in _NOT_BESIDE:
        return None
    place = folder.joinpath(*parts)
    with contextlib.suppress(OSError, ValueError):
        if (init := place / "__init__.py").is_file():
            return _File(init, is_package=True)
        if (file := place.with_name(f"{place.name}.py")).is_file():
            return _File(file, is_package=False)
        if any(place.glob("*.py")) and not (len(parts) == 1 and _is_installed(name)):
            return _File(place, is_package=True)  # a folder of modules without an __init__
    return None


def _is_installed(name: str) -> bool:
    """Whether Python finds a module of that name, and not just a folder."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def _digest(contents: Mapping[str, _File]) -> str:
    """Hash of the main module alone if there is no other, and else of all names and contents."""
    first, *others = contents.values()
    if not others:
        return hashlib.sha256(first.content).hexdigest()[:DIGITS]
    digest = hashlib.sha256()
    for name, each in contents.items():
        digest.update(f"{name} {len(each.content)}\n".encode() + each.content)
    return digest.hexdigest()[:DIGITS]


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
    own = {name for name, _ in source.modules if "." not in name} - _NOT_BESIDE

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
