"""Under which names the pages are answered.

A name that somebody else chose (a Host header made up, a name of theirs that leads to our address) would otherwise get
the same pages: caches could mix them up, and a browser could be made to ask us as if we were another site.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.status_codes import HTTP_421_MISDIRECTED_REQUEST

from tallystick.settings import Settings

ANY_HOST: Final = {"answers_any_host": True}
"""Options of a handler for whatever watches over the process, which reaches it by any address that it has."""


def refuse_foreign_host(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard against names that are not ours. Raises HTTPException: 421."""
    if handler.opt.get("answers_any_host"):
        return
    settings: Settings = connection.app.state["service"].settings
    if not is_allowed(connection.headers.get("host", ""), settings):
        raise HTTPException(status_code=HTTP_421_MISDIRECTED_REQUEST)


def is_allowed(host: str, settings: Settings) -> bool:
    """Whether pages are answered under the name in a Host header."""
    if settings.allowed_hosts is None and names_this_machine(urlsplit(settings.public_url).netloc):
        return True  # nobody else gets here; old clients are tried out under the names that are written into them
    return is_named(host, settings)


def is_named(host: str, settings: Settings) -> bool:
    """Whether the name in a Host header is one that the settings give us."""
    ours = {_name(urlsplit(url).netloc) for url in (settings.public_url, settings.staff_url) if url is not None}
    return _name(host) in ours.union(settings.allowed_hosts or ())


def names_this_machine(host: str) -> bool:
    """Whether the name in a Host header is one that every machine has for itself."""
    name = _name(host)
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """The name without its port, in the one way in which we compare names."""
    name = f"{host.partition(']')[0]}]" if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".")
