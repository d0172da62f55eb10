"""The page at ``/`` for browsers: what this is, and where to go. Programs get the query API there."""

from typing import Any

from litestar import get
from litestar.response import Response

from tallystick.client.fps import COBRANDED_PATH
from tallystick.services.api.fields import V2010
from tallystick.web.common.protection.staff_address import has_staff_pages
from tallystick.web.common.shared import PageRequest, page, service_of
from tallystick.words import gettext as _


@get("/")
async def show_landing(request: PageRequest) -> Response[Any]:
    """The same for everybody, but for the pages of staff, where those are at another address."""
    interfaces = [
        (_("Address of this service"), service_of(request).settings.public_url, "", ""),
        (_("Query API, signed requests"), "/", f"/doc/{V2010}/AmazonFPS.wsdl", "WSDL"),
        (_("JSON over HTTP"), "/v1", "/v1/openapi.json", "OpenAPI"),
        (_("Pages on which buyers agree"), COBRANDED_PATH, "", ""),
    ]
    response = page("common/landing.html", interfaces=interfaces, staff=has_staff_pages(request))
    response.headers["vary"] = "Accept"
    return response
