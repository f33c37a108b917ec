"""The type of STORE arguments."""

from typing import Any, final

import click

from ensemble.store.location import Location, parse_location


@final
class _Store(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of Click
    """Argument type: a folder, or a URL on object storage."""

    name = "store"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> Location:
        """The location that a text names."""
        return parse_location(value)


STORE = _Store()
"""A folder, or s3://BUCKET/NAME."""
