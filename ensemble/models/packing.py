"""Serialize a model, with its parameters and the source of its class, to send it to a worker.

- The class of an installed model is found by its name.
- The class of a model in a file is sent with the source of the file.
- A class without a file, from a notebook or an interactive session, is pickled by value. The text of its notebook cells
  is sent with it, so tracebacks on a worker show the lines that raised the exception.
"""

import io
import linecache
import marshal
import pickle
from dataclasses import dataclass
from types import CodeType
from typing import Any, final

import cloudpickle

from ensemble.models.importing import import_source, pack_source, remember_text, source_of, unpack_source
from ensemble.models.model import Model


@final
@dataclass(frozen=True)
class PackedModel:
    """A serialized model."""

    model: bytes
    """The model with its parameters, pickled."""
    source: bytes = b""
    """Source files of its class; empty if workers import the class by name, or if it is pickled by value."""
    texts: tuple[tuple[str, str], ...] = ()
    """Names and texts of notebook cells whose code is pickled by value."""


def pack(model: Model) -> PackedModel:
    """Serialize a model for a worker."""
    source = source_of(type(model))
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    pickler.dump(model)
    texts = {name: "".join(linecache.getlines(name)) for name in sorted(pickler.files)}
    packed = pack_source(source) if source else b""
    return PackedModel(buffer.getvalue(), packed, tuple((name, text) for name, text in texts.items() if text))


def unpack(packed: PackedModel) -> Model:
    """Restore the model on the worker."""
    if packed.source:
        import_source(unpack_source(packed.source))
    for name, text in packed.texts:
        remember_text(name, text)
    model: Model = pickle.loads(packed.model)
    return model


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """Pickler that keeps the file name of code objects; cloudpickle replaces it from version 3.1.3 on."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.files: set[str] = set()
        """Names of the files of all code that travels by value."""

    def reducer_override(self, obj: Any) -> Any:
        """Pickle code objects with `marshal`, and everything else as cloudpickle does."""
        if isinstance(obj, CodeType):
            self.files.add(obj.co_filename)
            return marshal.loads, (marshal.dumps(obj),)
        return super().reducer_override(obj)
