"""Under which names the pages are answered.

A name that somebody else chose (a Host header made up, a name of theirs that leads to our address) would otherwise get
the same pages: caches could mix them up, and a browser could be made to ask us as if we were another site.
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.status_codes import HTTP_421_MISDIRECTED_REQUEST

from tallystick.settings import Settings
from tallystick.web.common.protection.host_names import is_allowed


def refuse_foreign_host(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """A guard against names that are not ours. Raises HTTPException: 421."""
    settings: Settings = connection.app.state["service"].settings
    if not is_allowed(connection.headers.get("host", ""), settings):
        raise HTTPException(status_code=HTTP_421_MISDIRECTED_REQUEST)
