"""TLS keys of a cluster: made for one run, readable only by its user, deleted at its end."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Security

FILES = ("cert.pem", "key.pem")
"""Files of the self-signed certificate, which is also the CA certificate of all sides, and of its private key."""


def make(folder: Path) -> "Security":
    """Write new keys to a folder; only processes that have them can connect, and traffic is encrypted."""
    from distributed import Security

    temporary = Security.temporary()
    for name, text in zip(FILES, (temporary.tls_ca_file, temporary.tls_client_key), strict=True):
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
