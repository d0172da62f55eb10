"""Pages for when something went wrong, in the same look as all others."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from litestar.connection import Request
from litestar.exceptions import HTTPException
from litestar.response import Response
from litestar.status_codes import HTTP_404_NOT_FOUND, HTTP_500_INTERNAL_SERVER_ERROR, HTTP_503_SERVICE_UNAVAILABLE

from tallystick.db.connections import UNAVAILABLE
from tallystick.services.api.fair_shares import ThrottledError
from tallystick.services.identity.password_hashing import RETRY_AFTER_SECONDS
from tallystick.services.process import downloads
from tallystick.web.common.headers import request_id
from tallystick.web.common.meant_page import meant_page
from tallystick.web.common.shared import PageRequest, page, service_of
from tallystick.words import gettext as _
from tallystick.words import marked

_log = structlog.get_logger(__name__)

TEXTS: Final[Mapping[int, tuple[str, str]]] = {
    400: (marked("This cannot be read"), marked("Your browser sent something that this page does not understand.")),
    403: (
        marked("This form is no longer valid"),
        marked("Nothing was changed. Go back, reload the page and try again. Cookies must be allowed for this site."),
    ),
    404: (marked("There is no such page"), marked("Check the address, or go back to the site that sent you here.")),
    405: (
        marked("This page cannot be used that way"),
        marked("Go back to the site that sent you here and start again."),
    ),
    410: (
        marked("This page was open for too long"),
        marked("Nothing was agreed and nothing was charged. Go back to the seller's site and start again."),
    ),
    413: (marked("That is too much"), marked("Your browser sent more than this page can take.")),
    500: (marked("Something went wrong here"), marked("The fault is ours. Try again in a moment.")),
}

BUSY: Final = (
    marked("Many people are signing in just now"),
    marked("Nothing was changed. Go back and try again in a few seconds."),
)

MANY_FILES: Final = (
    marked("Many files are being downloaded just now"),
    marked("Wait until your other downloads are finished, then go back and try again."),
)

WAYS_BACK: Final = {"console": "Back to the console", "admin": "Back to the operator's pages"}
"""Where an error page leads back to, by the first part of the path. What is under these paths is in English."""


def http_error(request: PageRequest, error: HTTPException) -> Response[Any]:
    """The page for a known kind of error."""
    status = error.status_code if error.status_code in TEXTS else (400 if error.status_code < 500 else 500)  # noqa: PLR2004
    heading, text = TEXTS[status]
    meant = meant_page(request) if status == HTTP_404_NOT_FOUND else None
    response = _page(request, error.status_code, heading, text, meant)
    if allowed := (error.headers or {}).get("allow") or (error.headers or {}).get("Allow"):
        response.headers["allow"] = allowed
    return response


def too_busy(request: Request[Any, Any, Any], _error: Exception) -> Response[Any]:
    """The page for whoever came when too many passwords were being checked."""
    response = _page(request, HTTP_503_SERVICE_UNAVAILABLE, *BUSY)
    response.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return response


def too_many_files(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The page for whoever wants another file or statement while there are as many as there may be."""
    response = _page(request, HTTP_503_SERVICE_UNAVAILABLE, *MANY_FILES)
    seconds = error.seconds if isinstance(error, ThrottledError) else downloads.RETRY_SECONDS
    response.headers["retry-after"] = str(seconds)
    return response


def unexpected_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The page for a fault of ours. What happened goes to the log, not to the browser."""
    service_of(request).damage.note(error)
    _log.error("page failed", request_id=request_id(request.scope), path=request.scope.get("path"), exc_info=error)
    heading, text = TEXTS[HTTP_500_INTERNAL_SERVER_ERROR]
    known = isinstance(error, UNAVAILABLE)
    return _page(request, HTTP_503_SERVICE_UNAVAILABLE if known else HTTP_500_INTERNAL_SERVER_ERROR, heading, text)


def _page(
    request: Request[Any, Any, Any], status: int, heading: str, text: str, meant: str | None = None
) -> Response[Any]:
    place = request.scope["path"].removeprefix("/").partition("/")[0]
    return page(
        "common/error.html",
        status=status,
        heading=_(heading),
        text=_(text),
        request_id=request_id(request.scope),
        meant=meant,
        way_back=(f"/{place}", WAYS_BACK[place]) if place in WAYS_BACK else None,
    )
