"""The files of a model: its own and the modules beside it that it imports, read once by the driver.

`import helper` in a model means the file `helper.py` beside it, as it does in a script. Names of the standard library
always mean the standard library.
"""

import ast
import contextlib
import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

from ensemble.errors import ModelError

PREFIX = "ensemble_model_"
"""What the private names of all models in files begin with."""
DIGITS = 12
"""Of a SHA-256 in hexadecimal: enough to tell contents apart."""
MOST_BYTES = 4 * 2**20
"""A model's files may have so many bytes in all: they travel with every task."""

NOT_BESIDE = sys.stdlib_module_names | {"ensemble"}
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
    if parts[0] in NOT_BESIDE:
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
