"""`/.well-known/security.txt`: whom to tell of a weakness of this service. Source: RFC 9116."""

from datetime import timedelta
from typing import Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.response import Response

from tallystick.web.common.shared import PageRequest, service_of

PATH: Final = "/.well-known/security.txt"
GOOD_FOR: Final = timedelta(days=180)
"""Readers are to take nothing in it for true any longer; the service is asked anew by then."""


@get(PATH)
async def show_contact(request: PageRequest) -> Response[str]:
    """What the setting says. Without it there is no such page."""
    service = service_of(request)
    contacts = service.settings.security_contact
    if contacts is None:
        raise NotFoundException
    expires = (service.clock() + GOOD_FOR).strftime("%Y-%m-%dT00:00:00Z")
    lines = [
        *(f"Contact: {contact}" for contact in contacts),
        f"Expires: {expires}",
        f"Canonical: {service.settings.public_url}{PATH}",
    ]
    return Response("".join(f"{line}\n" for line in lines), media_type="text/plain")
