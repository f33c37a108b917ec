"""Other users, for what root may do and others may not."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Without root's rights, if the tests have them: root may read every file and write to every folder."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
