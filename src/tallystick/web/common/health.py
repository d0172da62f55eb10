"""Liveness and readiness probes: whether the process and its database answer."""

from litestar import MediaType, get
from litestar.response import Response
from litestar.status_codes import HTTP_503_SERVICE_UNAVAILABLE

from tallystick.db.connections import UNAVAILABLE
from tallystick.services.operations import monitoring
from tallystick.web.common.protection.hosts import ANY_HOST
from tallystick.web.common.shared import PageRequest, service_of


@get("/healthz", media_type=MediaType.TEXT, opt=ANY_HOST)
async def alive() -> str:
    """The process answers."""
    return "alive\n"


@get("/readyz", media_type=MediaType.TEXT, opt=ANY_HOST)
async def ready(request: PageRequest) -> Response[str]:
    """The database answers too and is in order, the clocks agree, and the process is not about to end."""
    service = service_of(request)
    if service.ending.begun:
        return Response("the process is about to end\n", status_code=HTTP_503_SERVICE_UNAVAILABLE)
    if not await monitoring.database_answers(service):
        return Response("the database does not answer\n", status_code=HTTP_503_SERVICE_UNAVAILABLE)
    try:
        problems = await monitoring.out_of_order(service)
    except UNAVAILABLE:
        problems = ["the database does not answer"]
    if problems:
        return Response("".join(f"{each}\n" for each in problems), status_code=HTTP_503_SERVICE_UNAVAILABLE)
    if wrong := monitoring.wrong_clock(service):
        return Response(f"{wrong}\n", status_code=HTTP_503_SERVICE_UNAVAILABLE)
    return Response("ready\n")
