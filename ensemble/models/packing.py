"""How a model travels to a worker: an instance with its parameters, and what it takes to have its class there.

The class of an installed model is found by name. That of a model in a file comes with the file's source. A class
without a file, from a notebook or an interactive session, travels by value; the texts of its cells go with it, so that
tracebacks on a worker show the lines that raised.
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
    """A model as bytes."""

    model: bytes
    """The model with its parameters, pickled."""
    source: bytes = b""
    """The files that its class is from; empty if workers can import it by name, or if it travels by value."""
    texts: tuple[tuple[str, str], ...] = ()
    """Names and texts of the notebook cells that travel by value."""


def pack(model: Model) -> PackedModel:
    """A model on its way to a worker."""
    source = source_of(type(model))
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    pickler.dump(model)
    texts = {name: "".join(linecache.getlines(name)) for name in sorted(pickler.files)}
    packed = pack_source(source) if source else b""
    return PackedModel(buffer.getvalue(), packed, tuple((name, text) for name, text in texts.items() if text))


def unpack(packed: PackedModel) -> Model:
    """The model on the worker."""
    if packed.source:
        import_source(unpack_source(packed.source))
    for name, text in packed.texts:
        remember_text(name, text)
    model: Model = pickle.loads(packed.model)
    return model


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """Pickles code with the name of its file, which cloudpickle replaces from its version 3.1.3 on."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.files: set[str] = set()
        """Names of the files of all code that travels by value."""

    def reducer_override(self, obj: Any) -> Any:
        """How an object is pickled, as `pickle.Pickler` asks."""
        if isinstance(obj, CodeType):
            self.files.add(obj.co_filename)
            return marshal.loads, (marshal.dumps(obj),)
        return super().reducer_override(obj)
