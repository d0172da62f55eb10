"""Files that are kept in the database: certificates to check our messages with, sellers' pictures."""

import re
from typing import Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.services.operations import signing_certificates
from tallystick.services.seller import logos
from tallystick.web.common.shared import PageRequest, service_of

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@get("/certs/{name:str}/PKICert.pem", media_type="application/x-pem-file")
async def show_certificate(request: PageRequest, name: FromPath[str]) -> Response[str]:
    """The certificate with which answers and notifications can be checked. It never changes."""
    pem = await signing_certificates.find(service_of(request), name)
    if pem is None:
        raise NotFoundException
    return Response(pem, media_type="application/x-pem-file", headers={"cache-control": "public, max-age=86400"})


@get("/logos/{digest:str}")
async def show_logo(request: PageRequest, digest: FromPath[str]) -> Response[bytes]:
    """The picture of a seller. Its address changes with it: browsers may keep it."""
    found = await logos.find(service_of(request), digest) if _DIGEST.fullmatch(digest) else None
    if found is None:
        raise NotFoundException
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(found.picture, media_type=found.media_type, headers=headers)
