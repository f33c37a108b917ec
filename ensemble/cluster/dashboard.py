"""Dask's dashboard: off unless it is asked for, and then on loopback.

It has neither a password nor TLS: every user of the machine can read in it what a run does. Dask starts the server of
these pages in any case; without a dashboard it has no page at all.
"""

import importlib.util
from typing import Any

import dask
from distributed import Client
from distributed.utils import format_dashboard_link

from ensemble.errors import ClusterError

_HOST = "127.0.0.1"
_PROXY = "distributed.http.proxy"
"""Pages through which a browser reaches other ports: for the dashboards of workers, which are off."""


def check_dashboard() -> None:
    """An error if the packages for a dashboard are missing."""
    if importlib.util.find_spec("bokeh") is None:
        raise ClusterError("a dashboard needs the package bokeh, which is not installed: `pip install bokeh`")


def scheduler_options(*, dashboard: bool) -> dict[str, Any]:
    """What a scheduler is started with."""
    return {"dashboard": dashboard, "dashboard_address": f"{_HOST}:0"}


def page_settings(*, dashboard: bool) -> dict[str, Any]:
    """Dask's settings for the pages of scheduler and workers."""
    pages = [name for name in dask.config.get("distributed.scheduler.http.routes") if name != _PROXY]
    return {"distributed.scheduler.http.routes": pages if dashboard else []}


def dashboard_link(client: Client) -> str:
    """The address of the dashboard, in the form that Dask's configuration asks for, such as behind a proxy."""
    return str(format_dashboard_link(_HOST, client.scheduler_info()["services"]["dashboard"]))
