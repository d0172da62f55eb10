"""Where to go on after signing in, for requests without a session, or whose session has ended."""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from litestar.response import Response
from litestar.routes import HTTPRoute

from tallystick.web.common.shared import PageRequest, go

ENDED: Final = "ended"
"""The parameter of a sign-in page that says that a form was sent after the session had ended."""

SANDBOX_RETURN: Final = "/sandbox/return"
"""The return page for sandbox buttons of sellers that have no shop yet."""


def ask_to_sign_in(request: PageRequest, sign_in: str, own_path: Callable[[str], str]) -> Response[None]:
    """Redirect to a sign-in page, and from there back. A POST is not repeated: the way back leads to its form.

    `own_path`: returns the address if signing in may lead on to it, else another one.
    """
    if request.method != "GET":
        return go(f"{sign_in}?{ENDED}&next={quote(own_path(form_page(request)), safe='/')}")
    query = request.url.query
    asked = f"{request.url.path}?{query}" if query else request.url.path
    return go(f"{sign_in}?next={quote(own_path(asked), safe='/')}")


def form_page(request: PageRequest) -> str:
    """The address of the page with the form that was sent: where it was sent to or the next above; empty if none."""
    shown = {
        route.path_format for route in request.app.routes if isinstance(route, HTTPRoute) and "GET" in route.methods
    }
    template, path = request.scope["path_template"], request.url.path
    while template and template not in shown:
        template, path = template.rpartition("/")[0], path.rpartition("/")[0]
    return path if template else ""
