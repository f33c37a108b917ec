"""A Dask cluster that is running already, whoever started it."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

from distributed import Client, Security

from ensemble.errors import ClusterError

_PATIENCE = 20.0
"""Seconds to wait for a scheduler to answer, and then for its first worker."""


@contextlib.contextmanager
def client(where: str) -> Iterator[Client]:
    """A client for an address or a scheduler file, with the TLS keys that Dask's configuration names, if any."""
    _check_keys(where)
    try:
        if "://" in where:
            client = Client(where, timeout=_PATIENCE, set_as_default=False)
        else:
            client = Client(scheduler_file=where, timeout=_PATIENCE, set_as_default=False)
    except Exception as error:  # Dask raises anything here, from AssertionError to UnpicklingError
        told = " ".join(f"{type(error).__name__} {error}".split())
        raise ClusterError(f"a Dask scheduler must be running at {where}, but it cannot be reached: {told}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise ClusterError(f"the cluster at {where} must have a worker, but none came; start one") from error
        check_versions(client)
        yield client


def _check_keys(where: str) -> None:
    """Refuse TLS without keys and keys without TLS: Dask's client would, but then hangs as it ends."""
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
    """Refuse workers that could not load a task, or would load one of another version."""

    def ask() -> str | None:  # travels by value: it must run where this package is missing
        from importlib import metadata

        try:
            return metadata.version("ensemble")
        except metadata.PackageNotFoundError:
            return None

    ours = ask()
    for worker, theirs in client.run(ask).items():
        if theirs != ours:
            raise ClusterError(
                f"every worker must have ensemble {ours} as this driver, but {worker} has {theirs or 'none'}; "
                "install it there"
            )
