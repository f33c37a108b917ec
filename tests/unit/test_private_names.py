"""Private names of dependencies that the package uses: each still exists, and each is listed here.

A private name begins with an underscore, or is in a module that its library does not document. A library may remove it
in any release. Settings and loggers of Dask are listed as well, since Dask ignores a setting that it does not know.
"""

import ast
import dis
import functools
import importlib
import importlib.metadata
import inspect
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dask
import pytest
import zarr

import ensemble

ROOT = Path(ensemble.__file__).parent
SOURCES = {str(path.relative_to(ROOT.parent)): path.read_text() for path in sorted(ROOT.rglob("*.py"))}
TREES = {path: ast.parse(text) for path, text in SOURCES.items()}

NAMES = {
    "distributed.batched:BatchedSend.waker": "a worker's messages are late by hours when the clock is set back",
    "distributed.batched:locks": "messages of Dask are late by hours when the clock is set back",
    "distributed.batched:time": "messages of Dask are late by hours when the clock is set back",
    "distributed.cli.dask_worker": "worker jobs of SLURM do not start",
    "distributed.system:MEMORY_LIMIT": "the local cluster cannot limit its workers to those that fit into memory",
    "distributed:Worker.batched_stream": "a worker's messages are late by hours when the clock is set back",
    "distributed.http.proxy": "the dashboard links to pages that are not there",
    "distributed.utils:format_dashboard_link": "the link of the dashboard cannot be told",
    "numba.core.ccallback:CFunc": "machine code of another version of a model is taken for this one",
    "numba.core.dispatcher:Dispatcher": "a model with cache=True fails on workers without its file",
    "numba.np.ufunc.ufuncbuilder:UFuncDispatcher": "the same, for vectorized functions",
    "numpy.random.bit_generator:ISpawnableSeedSequence": "random streams cannot be made for many realizations at once",
    "s3fs:S3FileSystem._call_s3": "a store on object storage has no lock",
    "s3fs:S3FileSystem._cat_file": "a store on object storage cannot be read",
    "s3fs:S3FileSystem._find": "a store on object storage cannot be created",
    "s3fs:S3FileSystem._ls": "a store on object storage cannot be opened",
    "s3fs:S3FileSystem._pipe_file": "a store on object storage cannot be written",
    "s3fs:S3FileSystem._rm_file": "chunks on object storage cannot be deleted",
    "s3fs:S3FileSystem._s3": "the connection to object storage is not closed when the process ends",
    "tornado.locks:Event.wait": "messages of Dask are late by hours when the clock is set back",
    "zarr.core.buffer:Buffer": "no store can be opened",
    "zarr.core.buffer:BufferPrototype": "no store can be opened",
    "zarr.core.sync:sync": "a store on object storage cannot be read or written",
    "zarr.storage:LocalStore._check_writable": "no store can be written",
    "zarr.storage:LocalStore._ensure_open_sync": "files are written below the mount point of a disk that is unmounted",
    "zarr.storage:LocalStore._is_open": "files are written below the mount point of a disk that is unmounted",
    "zarr.storage:LocalStore._open": "files are written below the mount point of a disk that is unmounted",
}
"""Modules, and names in a module as module:name, and what happens without them."""

SINCE = {"zarr.storage:LocalStore._ensure_open_sync": (3, 1, 6)}
"""The first version that has a name, where older ones do without it."""

SETTINGS = {
    "async.concurrency": "Zarr reads several chunks at a time on a worker with one core",
    "distributed.admin.tick.interval": "a worker spends more time on statistics",
    "distributed.comm.require-encryption": "a client with keys accepts a scheduler without TLS",
    "distributed.comm.tls": "keys that are given on the command line are ignored",
    "distributed.deploy.lost-worker-timeout": "a local run loses workers that take long to restart",
    "distributed.nanny.pre-spawn-environ": "reading a chunk takes longer, because its memory is cleared each time",
    "distributed.scheduler.allowed-failures": "a few jobs that are cancelled make a realization fail",
    "distributed.scheduler.http.routes": "pages of the dashboard are served although nobody asked for them",
    "distributed.scheduler.worker-ttl": "workers are restarted during long realizations",
    "distributed.worker.http.routes": "workers serve pages although nobody asked for them",
    "distributed.worker.multiprocessing-method": "each worker imports everything by itself, which takes longer",
    "distributed.worker.profile.enabled": "a worker spends more time on profiles",
    "threading.max_workers": "Zarr starts several threads on a worker with one core",
}
"""Settings of Dask and Zarr, and what happens where they are ignored."""

LOGGERS = {
    "distributed.batched": "a connection that is closed as a run ends is reported with a traceback",
    "distributed.client": "a cluster that is lost is reported twice",
    "distributed.nanny": "a worker that ends slowly is reported as a problem",
    "distributed.worker": "a missed heartbeat is reported at the end of a run",
    "distributed.worker.memory": "a worker that runs out of memory is not reported",
    "tornado.application": "a cluster that is lost is reported twice",
}
"""Loggers whose level is set, and what happens where they have another name."""

TABLE = {**NAMES, **SETTINGS, **LOGGERS}

DOCUMENTED = {
    *("click", "cloudpickle", "dask", "distributed", "s3fs", "threadpoolctl", "xarray"),
    *("matplotlib", "matplotlib.axes", "matplotlib.figure", "matplotlib.lines", "matplotlib.text"),
    "matplotlib.ticker",
    *("numba", "numba.config", "numba.extending", "numba.types", "numpy", "numpy.polynomial.chebyshev", "numpy.typing"),
    *("rich", "rich.box", "rich.console", "rich.live", "rich.markup", "rich.progress", "rich.table", "rich.text"),
    *("scipy", "scipy.constants", "scipy.fft", "scipy.linalg", "scipy.linalg.lapack", "scipy.sparse"),
    *("scipy.sparse.linalg", "scipy.special", "zarr", "zarr.abc.store", "zarr.codecs", "zarr.storage"),
}
"""Modules of dependencies that their libraries document."""

OWN: set[str] = set()
"""Private names of the package itself that the search takes for those of a dependency."""

_TAKE_A_NAME = ("getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller", "_files_do")
"""Functions that take the name of an attribute as a string."""
_SETTING = re.compile(r"(distributed|tornado|async|threading)(\.[\w-]+)+\.?")


@pytest.mark.parametrize("listed", NAMES)
def test_the_name_exists(listed: str) -> None:
    installed = tuple(int(part) for part in version(listed).split(".")[:3])
    assert exists(listed) or installed < SINCE.get(listed, ()), message("name", listed)


@pytest.mark.parametrize("listed", SETTINGS)
def test_the_setting_exists(listed: str) -> None:
    config, missing = (dask.config if library(listed) == "distributed" else zarr.config), object()
    assert config.get(listed, missing) is not missing, message("setting", listed)


@pytest.mark.parametrize("listed", LOGGERS)
def test_the_logger_exists(listed: str) -> None:
    assert listed in logging.root.manager.loggerDict, message("logger", listed)


def test_what_is_listed_is_used() -> None:
    unused = [listed for listed in TABLE if not users(listed)]
    assert not unused, f"the package does not use {unused} any more: remove them from the table"


def test_what_is_used_is_listed() -> None:
    listed = {*TABLE, *OWN, *map(written, NAMES), *(name.partition(":")[0] for name in NAMES)}
    missing = [
        f"{path}, line {line}: {name}"
        for path, tree in TREES.items()
        for line, name in private_names(tree)
        if name not in listed
    ]
    assert not missing, (
        f"private names of dependencies that are not in the table: {missing}; use a public name, or add it with what "
        "happens without it; a name that is defined in this package goes into OWN"
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import zarr\nzarr.open('a')._async_group", "_async_group"),
        ("getattr(worker, '_step')", "_step"),
        ("from distributed._asyncio import RLock", "distributed._asyncio:RLock"),
        ("from distributed import core", "distributed.core"),
        ("import tornado.ioloop", "tornado.ioloop"),
        ("dask.config.set({'distributed.made.up': 1})", "distributed.made.up"),
        ("import zarr\nclass A(zarr.storage.LocalStore):\n    def _open(self): pass", "_open"),
        ("from zarr.storage import LocalStore as B\nclass A(B):\n    def f(self): self._is_open = 1", "_is_open"),
    ],
)
def test_the_search_finds(text: str, name: str) -> None:
    assert [found for _, found in private_names(ast.parse(text))] == [name]


def test_the_search_passes_over_names_of_the_package() -> None:
    text = "class A:\n    def __init__(self): self._a = 1\n    def f(self, other): return self._a + other._a"
    assert not list(private_names(ast.parse(text)))


def library(listed: str) -> str:
    name = re.split(r"[.:]", listed)[0]
    return "zarr" if name in ("async", "threading") else name


def version(listed: str) -> str:
    return importlib.metadata.version(library(listed))


def written(listed: str) -> str:
    """What of a listed name stands in the source."""
    return re.split(r"[.:]", listed)[-1] if ":" in listed else listed


def users(listed: str) -> list[str]:
    """The files of the package in which a listed name occurs, together with its module and its library."""
    module = listed.partition(":")[0]
    words = {library(listed), module.split(".")[-1], written(listed)} if ":" in listed else {listed}
    patterns = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)") for word in words]
    return [path for path, text in SOURCES.items() if all(pattern.search(text) for pattern in patterns)]


def message(kind: str, listed: str) -> str:
    used = ", ".join(users(listed))
    return f"{library(listed)} {version(listed)} has no {kind} {listed}, used in {used}: without it {TABLE[listed]}"


def exists(listed: str) -> bool:
    module, _, path = listed.partition(":")
    try:
        owner: Any = importlib.import_module(module)
    except ImportError:
        return False
    for name in filter(None, path.split(".")):
        if not has(owner, name):
            return False
        owner = getattr(owner, name, None)
    return True


def has(owner: Any, name: str) -> bool:
    """Whether an object has an attribute, or a method of a class sets it."""
    classes = owner.mro() if inspect.isclass(owner) else []
    return hasattr(owner, name) or any(name in {*inspect.get_annotations(each), *set_by(each)} for each in classes)


def set_by(owner: type) -> Iterator[str]:
    """Attributes that the methods of a class set."""
    for method in filter(inspect.isfunction, vars(owner).values()):
        yield from (step.argval for step in dis.get_instructions(method) if step.opname == "STORE_ATTR")


def private_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Private names, settings and loggers of dependencies in the source of a module, with their lines."""
    here, imports = defined(tree), dict(imported(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from ((node.lineno, name.name) for name in node.names if is_undocumented(name.name))
            case ast.ImportFrom(module=str(module)) if is_dependency(module):
                yield from ((node.lineno, name) for name in undocumented(module, node.names))
            case ast.Attribute(value=value, attr=name) if is_private(name):
                if name not in (defined_anywhere() | here if is_instance(value) else here):
                    yield node.lineno, name
            case ast.Call(func=ast.Name(id=function) | ast.Attribute(attr=function), args=arguments) if (
                function in _TAKE_A_NAME
            ):
                names = [each.value for each in arguments[:2] if isinstance(each, ast.Constant)]
                yield from ((node.lineno, str(name)) for name in names if is_private(str(name)) and name not in here)
            case ast.Constant(value=str(text)) if _SETTING.fullmatch(text):
                yield node.lineno, text.rstrip(".")
            case ast.ClassDef():
                yield from ((node.lineno, name) for name in inherited(node, imports))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def is_instance(node: ast.expr) -> bool:
    """Whether an expression is `self`, `cls` or `super()`."""
    name = node.func if isinstance(node, ast.Call) else node
    return isinstance(name, ast.Name) and name.id in ("self", "cls", "super")


def is_dependency(module: str) -> bool:
    return module.partition(".")[0] not in {"ensemble", *sys.stdlib_module_names}


def is_undocumented(module: str) -> bool:
    return is_dependency(module) and module not in DOCUMENTED


def undocumented(module: str, names: list[ast.alias]) -> Iterator[str]:
    """Of the names that are imported from a module, those that are private."""
    for name in (each.name for each in names):
        if inspect.ismodule(getattr(importlib.import_module(module), name, None)):
            if is_undocumented(f"{module}.{name}"):
                yield f"{module}.{name}"
        elif is_undocumented(module) or is_private(name):
            yield f"{module}:{name}"


@functools.cache
def defined(tree: ast.AST) -> set[str]:
    """Private names that a module or a class defines."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Attribute(value=value, attr=name, ctx=ast.Store()) if is_instance(value):
                names.add(name)
    return {name for name in names if is_private(name)}


@functools.cache
def defined_anywhere() -> set[str]:
    """Private names that any module of the package defines."""
    return set().union(*map(defined, TREES.values()))


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names under which a module has things from dependencies, and where those are."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((each.asname or each.name, each.name) for each in names if is_dependency(each.name))
            case ast.ImportFrom(module=str(module), names=names) if is_dependency(module):
                yield from ((each.asname or each.name, f"{module}:{each.name}") for each in names)


def inherited(node: ast.ClassDef, imports: Mapping[str, str]) -> Iterator[str]:
    """Private names of a class that its base, from a dependency, has too."""
    for base in node.bases:
        name, _, rest = ast.unparse(base).partition(".")
        if name in imports:
            module, _, path = imports[name].partition(":")
            owner: Any = importlib.import_module(module)
            for each in filter(None, [path, *rest.split(".")]):
                owner = getattr(owner, each)
            yield from (each for each in sorted(defined(node)) if has(owner, each))
