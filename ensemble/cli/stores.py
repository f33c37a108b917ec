"""Where a store is, as commands take it."""

from typing import Any, final

import click

from ensemble.store.place import Place, place


@final
class _Store(click.ParamType):  # type: ignore[type-arg]  # it is generic in newer versions of Click
    """A folder, or a URL on object storage."""

    name = "store"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> Place:
        """The place that a text names."""
        return place(value)


STORE = _Store()
"""A folder, or s3://BUCKET/NAME."""
