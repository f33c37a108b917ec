"""Connect to a Dask cluster that is already running."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

from distributed import Client, Security

from ensemble.errors import ClusterError

_PATIENCE = 20.0
"""Timeout for the scheduler, and then for its first worker, in seconds."""


@contextlib.contextmanager
def client(where: str) -> Iterator[Client]:
    """A client for an address or a scheduler file, with the TLS files of Dask's configuration, if any."""
    _check_keys(where)
    try:
        if "://" in where:
            client = Client(where, timeout=_PATIENCE, set_as_default=False)
        else:
            client = Client(scheduler_file=where, timeout=_PATIENCE, set_as_default=False)
    except Exception as error:  # Dask raises many types here, from AssertionError to UnpicklingError
        text = " ".join(f"{type(error).__name__} {error}".split())
        raise ClusterError(f"a Dask scheduler must be running at {where}, but it cannot be reached: {text}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise ClusterError(f"the cluster at {where} must have a worker, but none came; start one") from error
        check_versions(client)
        yield client


def _check_keys(where: str) -> None:
    """Refuse TLS without keys and keys without TLS; Dask's client also refuses, but then hangs at exit."""
    try:
        address = where if "://" in where else Path(where).read_text(errors="replace")
        given = Security().get_connection_args("client")
    except (OSError, ssl.SSLError) as error:
        raise ClusterError(
            f"TLS files must be a certificate and its key in PEM, but they cannot be used: {error}"
        ) from error
    if "tls://" in address and given["ssl_context"] is None:
        raise ClusterError(f"{where} has TLS and needs keys: give --tls-ca-file, --tls-cert and --tls-key")
    if "tcp://" in address and given["require_encryption"]:
        raise ClusterError(f"keys need a scheduler with TLS, but {where} has none: start it with --protocol tls")


def check_versions(client: Client) -> None:
    """Raise ClusterError if a worker does not have the same version of this package as the driver."""

    def installed_version() -> str | None:  # pickled by value, so that it runs where this package is missing
        from importlib import metadata

        try:
            return metadata.version("ensemble")
        except metadata.PackageNotFoundError:
            return None

    expected = installed_version()
    for worker, version in client.run(installed_version).items():
        if version != expected:
            raise ClusterError(
                f"every worker must have ensemble {expected} as this driver, but {worker} has {version or 'none'}; "
                "install it there"
            )
