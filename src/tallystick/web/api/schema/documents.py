"""The interface as documents: schema and WSDL of each version."""

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.web.api.schema.wsdl import description
from tallystick.web.api.schema.xsd import SCHEMA_VERSIONS, schema
from tallystick.web.common.shared import PageRequest, service_of

_XML = "text/xml"
_HEADERS = {"cache-control": "public, max-age=300"}


@get("/doc/{version:str}/AmazonFPS.xsd", media_type=_XML)
async def show_schema(version: FromPath[str]) -> Response[str]:
    """The XML Schema of a version."""
    return Response(schema(_known(version)), media_type=_XML, headers=_HEADERS)


@get("/doc/{version:str}/AmazonFPS.wsdl", media_type=_XML)
async def show_wsdl(request: PageRequest, version: FromPath[str]) -> Response[str]:
    """The WSDL of a version, for the service at its public address."""
    address = f"{service_of(request).settings.public_url}/"
    return Response(description(_known(version), address), media_type=_XML, headers=_HEADERS)


def _known(version: str) -> str:
    if version not in SCHEMA_VERSIONS:
        raise NotFoundException
    return version
