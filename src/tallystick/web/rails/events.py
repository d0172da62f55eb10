"""Events that rails send: kept once each, and answered at once; the worker follows them up."""

from __future__ import annotations

from typing import Any

import structlog
from litestar import post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST

from tallystick.processors.rail import RailEventRefusedError
from tallystick.services.rails import events
from tallystick.services.rails.events import MAX_EVENT_BYTES, NoSuchRailError
from tallystick.web.common.protection.form_tokens import FROM_ELSEWHERE
from tallystick.web.common.shared import PageRequest, service_of

_log = structlog.get_logger(__name__)


@post(
    "/rails/{name:str}/events",
    status_code=HTTP_200_OK,
    opt=FROM_ELSEWHERE,
    request_max_body_size=MAX_EVENT_BYTES,
)
async def receive_event(request: PageRequest, name: FromPath[str]) -> Response[Any]:
    """Keep one event. One that came before is answered as it was then; one that the rail did not sign is refused."""
    headers = {key.lower(): value for key, value in request.headers.items()}
    try:
        await events.receive(service_of(request), name, headers, await request.body())
    except NoSuchRailError:
        raise NotFoundException from None
    except RailEventRefusedError as refused:
        _log.warning("rail_event_refused", rail=name, reason=str(refused))
        return Response("refused\n", status_code=HTTP_400_BAD_REQUEST, media_type="text/plain")
    return Response("kept\n", media_type="text/plain")
