"""Where visits begin: the signed link of a seller."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import structlog
from litestar import get, post
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST

from tallystick.services.consent import pipelines
from tallystick.services.consent.pipelines import SentBack, VisitOpened
from tallystick.services.consent.requests import NotTrustedError, PipelineRequest
from tallystick.services.context import Service
from tallystick.web.common.headers import request_id
from tallystick.web.common.protection.form_tokens import FROM_ELSEWHERE
from tallystick.web.common.reading import ANY_TEXT
from tallystick.web.common.shared import PageRequest, go, go_back_to_seller, page, service_of
from tallystick.web.common.visit.context import visit_path
from tallystick.web.hosted.known_browser import asker_of

PATH: Final = "/cobranded-ui/actions/start"
BUTTON_PATH: Final = "/pba/paypipeline"

Begin = Callable[[Service, PipelineRequest, str], Awaitable[VisitOpened | SentBack]]

_log = structlog.get_logger(__name__)


@get(PATH, opt=ANY_TEXT)
async def start(request: PageRequest) -> Response[Any]:
    """Begin a visit from a link or a form with method GET."""
    return await _begin(request, b"", partial(pipelines.begin, asker=await asker_of(request)))


@post(PATH, status_code=HTTP_200_OK, opt=ANY_TEXT | FROM_ELSEWHERE)
async def start_posted(request: PageRequest) -> Response[Any]:
    """Begin a visit from a POSTed form."""
    return await _begin(request, await request.body(), partial(pipelines.begin, asker=await asker_of(request)))


@post(BUTTON_PATH, status_code=HTTP_200_OK, opt=ANY_TEXT | FROM_ELSEWHERE)
async def pay_button(request: PageRequest) -> Response[Any]:
    """Begin a purchase from the form of a Simple Pay button."""
    return await _begin(request, await request.body(), pipelines.begin_purchase)


async def _begin(request: PageRequest, body: bytes, begin: Begin) -> Response[Any]:
    scope = request.scope
    raw_path = scope.get("raw_path") or scope["path"].encode()
    asked = PipelineRequest(
        verb=scope["method"],
        host=request.headers.get("host", ""),
        path=raw_path.partition(b"?")[0].decode("latin-1"),
        query=scope["query_string"],
        body=body,
    )
    ours = request_id(scope)
    try:
        begun = await begin(service_of(request), asked, ours)
    except NotTrustedError as error:
        _log.info("co-branded request refused", request_id=ours, reason=error.technical)
        return page("hosted/not_trusted.html", status=HTTP_400_BAD_REQUEST, error=error, request_id=ours)
    if isinstance(begun, SentBack):
        return go_back_to_seller(begun.url)
    return go(visit_path(begun.visit_id, "sign-in"))
