"""Files that are kept in the database: certificates to check our messages with, sellers' pictures."""

import re
from typing import Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_410_GONE

from tallystick.services.operations import signing_certificates
from tallystick.services.seller import logos
from tallystick.web.common.shared import PageRequest, service_of

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@get("/certs/{name:str}/PKICert.pem", media_type="application/x-pem-file")
async def show_certificate(request: PageRequest, name: FromPath[str]) -> Response[str]:
    """The certificate with which answers and notifications can be checked. It never changes, and may be revoked."""
    key = await signing_certificates.find(service_of(request), name)
    if key is None:
        raise NotFoundException
    if key.revoked_at is not None:
        said = f"The key {name} was revoked on {key.revoked_at:%Y-%m-%d}: nothing that it signed is genuine any more.\n"
        return Response(said, media_type="text/plain", status_code=HTTP_410_GONE)
    return Response(
        key.certificate_pem, media_type="application/x-pem-file", headers={"cache-control": "public, max-age=86400"}
    )


@get("/logos/{digest:str}")
async def show_logo(request: PageRequest, digest: FromPath[str]) -> Response[bytes]:
    """The picture of a seller. Its address changes with it: browsers may keep it."""
    found = await logos.find(service_of(request), digest) if _DIGEST.fullmatch(digest) else None
    if found is None:
        raise NotFoundException
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(found.picture, media_type=found.media_type, headers=headers)
