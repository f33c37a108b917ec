"""Keys for a cluster that spans machines: made for one run, readable by its owner alone, gone with it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Security

FILES = ("cert.pem", "key.pem")
"""One certificate, which vouches for itself and for all sides, and its key."""


def make(folder: Path) -> "Security":
    """Write new keys to a folder; every side that has them talks to every other one, encrypted, and to nobody else."""
    from distributed import Security

    made = Security.temporary()
    for name, text in zip(FILES, (made.tls_ca_file, made.tls_client_key), strict=True):
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(str(text))
    certificate, key = (str(folder / name) for name in FILES)
    roles = {
        f"tls_{role}_{part}": path
        for role in ("client", "scheduler", "worker")
        for part, path in (("cert", certificate), ("key", key))
    }
    return Security(tls_ca_file=certificate, require_encryption=True, **roles)
