"""Which page somebody may have meant who asked for one that there is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar.connection import Request
from litestar.routes import HTTPRoute

from tallystick.domain.names.spelling import closest
from tallystick.web.common.protection.staff_address import PLACES, has_staff_pages

OTHER_WORDS: Final[Mapping[str, str]] = {
    "/api": "/",
    "/dashboard": "/console",
    "/docs": "/",
    "/login": "/account/sign-in",
    "/signin": "/account/sign-in",
    "/v1": "/v1/openapi.json",
}
"""Where other services have what is elsewhere here."""

_ALIKE: Final = 0.8  # the addresses of pages of one place begin alike


def meant_page(request: Request[Any, Any, Any]) -> str | None:
    """The path of a page that needs no id, and is for who asks; None: none is much like what was asked for."""
    asked, staff = request.scope["path"].rstrip("/"), has_staff_pages(request)
    known = {
        route.path
        for route in request.app.routes
        if isinstance(route, HTTPRoute)
        and "GET" in route.methods
        and not route.path_parameters
        and (staff or not route.path.startswith(PLACES))
    }
    if asked in known:  # it is there, but not for this request
        return None
    other = OTHER_WORDS.get(asked.lower())
    if other is not None and (staff or not other.startswith(PLACES)):
        return other
    return closest(asked, sorted(known), _ALIKE)
