"""Another user of the same machine, who tries to get into a run: a process that gives up root's rights first.

It imports everything while it is root, since it may have no access to the packages afterwards.
"""

import asyncio
import functools
import json
import os
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from distributed import Security
from distributed.core import rpc
from distributed.protocol.pickle import dumps

from tests.support.elsewhere import python
from tests.support.processes import read_output

NOBODY = 65534
_PATIENCE = 10.0
"""Seconds for one attempt."""
_PLANTED = ("lock", "model.py")
"""Files that another user would like a run to find."""


def intrude(
    ports: Sequence[int], sockets: Sequence[Path], files: Sequence[Path], folders: Sequence[Path]
) -> Mapping[str, list[Any]]:
    """What another user reaches of a run: what lets it in, and what it has put into folders."""
    paths = {"sockets": sockets, "files": files, "folders": folders}
    told = json.dumps({"ports": list(ports), **{name: list(map(str, each)) for name, each in paths.items()}})
    found: dict[str, list[Any]] = json.loads(
        read_output(python("from tests.support.intruder import main; main()"), given=told)
    )
    return found


def main() -> None:
    """Try everything as another user, and print what has worked."""
    asked = json.loads(sys.stdin.read())
    keys = Security.temporary()
    asyncio.run(_uids([1], keys))  # imports what an attempt needs
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    print(
        json.dumps(
            {
                "run as": asyncio.run(_uids(asked["ports"], keys)),
                "pages": [port for port in asked["ports"] if _has_page(port)],
                "connected": [path for path in asked["sockets"] if _works(functools.partial(_connect, path))],
                "read": [file for file in asked["files"] if _works(Path(file).read_bytes)],
                "listed": [folder for folder in asked["folders"] if _works(functools.partial(os.listdir, folder))],
                "planted": [
                    (folder, name)
                    for folder in asked["folders"]
                    for name in _PLANTED
                    if _works(functools.partial(_plant, folder, name))
                ],
            }
        )
    )


async def _uids(ports: Sequence[int], keys: Security) -> list[tuple[int, int]]:
    """Ports that run code of whoever asks, and as which user: without TLS, with keys of its own, and without any."""
    ways = (("tcp", None), ("tls", keys), ("tls", _keyless()))
    names = ("run", "run_function")  # as workers and nannies call it, and the scheduler
    attempts = [_uid(port, protocol, key, name) for port in ports for protocol, key in ways for name in names]
    return sorted({found for found in await asyncio.gather(*attempts) if found})


async def _uid(port: int, protocol: str, security: Any, name: str) -> tuple[int, int] | None:
    arguments = security.get_connection_args("client") if security else {}
    server = rpc(f"{protocol}://127.0.0.1:{port}", connection_args=arguments, timeout=_PATIENCE)
    try:
        answer = await asyncio.wait_for(getattr(server, name)(function=dumps(os.geteuid)), _PATIENCE)
        if isinstance(answer, dict) and answer.get("status") == "OK":
            return port, int(answer["result"])
    except Exception:  # refused in whatever way
        pass
    finally:
        await server.close_rpc()
    return None


def _keyless() -> Any:
    """TLS that shows no certificate, and takes any."""

    class Keyless:
        def get_connection_args(self, role: str) -> dict[str, Any]:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return {"ssl_context": context, "require_encryption": True}

    return Keyless()


def _has_page(port: int) -> bool:
    """Whether a port answers a browser with more than that there is no such page."""
    for path in ("", "status", "info/main/workers.html", "json/counts.json", "metrics", "health", "sysmon"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5):
                return True
        except urllib.error.HTTPError as error:
            if error.code != 404:
                return True
        except Exception:  # no HTTP at all
            return False
    return False


def _connect(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def _plant(folder: str, name: str) -> None:
    Path(folder, name).write_text("")


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True
