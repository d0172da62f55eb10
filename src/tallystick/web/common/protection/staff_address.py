"""Console and operator's pages where a setting puts them: at an address of their own, for networks of their own."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler

from tallystick.settings import Settings
from tallystick.web.common.browser.addresses import network_address

PLACES: Final = ("/console", "/admin")

_USUAL_PORTS: Final = {"http": ":80", "https": ":443"}

Connection = ASGIConnection[Any, Any, Any, Any]


def refuse_staff_pages_elsewhere(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard: to others, and at other addresses, there are no such pages. Raises NotFoundException."""
    path = connection.scope["path"]
    if not any(path == place or path.startswith(f"{place}/") for place in PLACES):
        return
    if not has_staff_pages(connection):
        raise NotFoundException


def has_staff_pages(connection: Connection) -> bool:
    """Whether there are console and operator's pages for who asks, at the address that they ask at."""
    settings: Settings = connection.app.state["service"].settings
    return _is_at_staff_address(connection, settings) and _is_from_staff_network(connection, settings)


def _is_at_staff_address(connection: Connection, settings: Settings) -> bool:
    if settings.staff_url is None:
        return True
    parts = urlsplit(settings.staff_url)
    usual = _USUAL_PORTS[parts.scheme]
    asked = connection.headers.get("host", "").lower().removesuffix(usual)
    return asked == parts.netloc.lower().removesuffix(usual)


def _is_from_staff_network(connection: Connection, settings: Settings) -> bool:
    """Whether the client is in one of the networks; a client that is not known is in none."""
    if settings.staff_networks is None:
        return True
    address = network_address(connection.scope, settings)
    return address is not None and any(address in network for network in settings.staff_networks)
