"""Dask's dashboard: off by default, and bound to loopback.

It has no password and no TLS: every user of the machine can read what a run does. Dask always starts the HTTP server
of the dashboard; without a dashboard the server has no pages.
"""

import importlib.util
from typing import Any

import dask
from distributed import Client
from distributed.utils import format_dashboard_link

from ensemble.errors import ClusterError

_HOST = "127.0.0.1"
_PROXY = "distributed.http.proxy"
"""Pages that forward to the dashboards of workers, which are off."""


def check_dashboard() -> None:
    """Raise ClusterError if the packages for a dashboard are missing."""
    if importlib.util.find_spec("bokeh") is None:
        raise ClusterError("a dashboard needs the package bokeh, which is not installed: `pip install bokeh`")


def scheduler_options(*, dashboard: bool) -> dict[str, Any]:
    """Options of the scheduler."""
    return {"dashboard": dashboard, "dashboard_address": f"{_HOST}:0"}


def page_settings(*, dashboard: bool) -> dict[str, Any]:
    """Dask settings for the HTTP pages of scheduler and workers."""
    pages = [name for name in dask.config.get("distributed.scheduler.http.routes") if name != _PROXY]
    return {"distributed.scheduler.http.routes": pages if dashboard else []}


def dashboard_link(client: Client) -> str:
    """Address of the dashboard, in the format of Dask's configuration, for example behind a proxy."""
    return str(format_dashboard_link(_HOST, client.scheduler_info()["services"]["dashboard"]))
