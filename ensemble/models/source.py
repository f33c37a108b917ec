"""Read the files of a model: its own file and the modules in the same folder that it imports.

The driver reads these files once. As in a script, `import helper` in a model means the file `helper.py` in its folder.
Names of the standard library always mean the standard library.
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
"""Prefix of the private package names of all models in files."""
DIGITS = 12
"""Number of hexadecimal digits that are kept of a SHA-256 hash, enough to distinguish contents."""
MOST_BYTES = 4 * 2**20
"""Maximum total size of the files of a model, in bytes; they are sent with every task."""

NOT_BESIDE = sys.stdlib_module_names | {"ensemble"}
"""Module names that never mean a file in the folder of the model."""


@final
@dataclass(frozen=True)
class SourceFile:
    """Source of one module of a model."""

    path: str
    """Path that the driver read the file from."""
    text: str
    """Text of the file."""
    is_package: bool = False
    """Whether the file is the `__init__` of a package."""


@final
@dataclass(frozen=True)
class ModelSource:
    """All files of a model, as they are imported and sent to workers."""

    main: str
    """Name of the module that contains the class of the model."""
    modules: tuple[tuple[str, SourceFile], ...]
    """All modules by name, relative to the folder of the model; the main module is the first."""
    digest: str
    """Hash of the names and contents; for a single file, of its bytes."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the source of a model from its file.

        Parameters
        ----------
        path
            The file that contains the class of the model.

        Returns
        -------
        ModelSource
            The file, and the modules in its folder that it imports directly or indirectly.

        Raises
        ------
        ModelError
            If a file cannot be read or decoded, or if the files are larger than `MOST_BYTES` in total.
        """
        path = path.resolve()
        main = path.stem.replace(".", "_")
        contents = {main: _File(path, is_package=False)}
        wanted = list(contents[main].imports(package=""))
        while wanted:
            name = wanted.pop()
            if name not in contents and (found := _module_in(path.parent, name)):
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
        """Private package name of the modules; it depends on their content and on the path of the main file."""
        path = dict(self.modules)[self.main].path
        return PREFIX + hashlib.sha256(f"{self.digest} {path}".encode()).hexdigest()[:DIGITS]


@final
class _File:
    """A file of a model, read once."""

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
        """Yield the modules in all `import` statements, also those inside functions, and their parent packages."""
        try:
            tree = ast.parse(self.text)
        except (SyntaxError, ValueError, RecursionError):
            return  # importing the file reports the error
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
    """Return the absolute name of a module, relative to the folder of the model; `level` counts the leading dots."""
    if level:
        parts = package.split(".") if package else []
        name = ".".join([*parts[: len(parts) - level + 1], *filter(None, [name])])
    return name


def _module_in(folder: Path, name: str) -> _File | None:
    """Return the module with this name from the folder of the model; None if the folder does not contain it."""
    parts = name.split(".")
    if parts[0] in NOT_BESIDE:
        return None
    target = folder.joinpath(*parts)
    with contextlib.suppress(OSError, ValueError):
        if (init := target / "__init__.py").is_file():
            return _File(init, is_package=True)
        if (file := target.with_name(f"{target.name}.py")).is_file():
            return _File(file, is_package=False)
        if any(target.glob("*.py")) and not (len(parts) == 1 and _is_installed(name)):
            return _File(target, is_package=True)  # a namespace package, without an __init__
    return None


def _is_installed(name: str) -> bool:
    """Return whether Python can import this name from a module or regular package, not from a plain folder."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def _digest(contents: Mapping[str, _File]) -> str:
    """Return the hash of the file if there is only one module, else the hash of all names and contents."""
    first, *others = contents.values()
    if not others:
        return hashlib.sha256(first.content).hexdigest()[:DIGITS]
    digest = hashlib.sha256()
    for name, each in contents.items():
        digest.update(f"{name} {len(each.content)}\n".encode() + each.content)
    return digest.hexdigest()[:DIGITS]
