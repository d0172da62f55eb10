"""What every answer carries: a request id, and headers that keep browsers strict."""

from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from litestar.connection import Request
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from tallystick.settings import Settings
from tallystick.web.common.strict_headers import SHOWN, SHOWS, STRICT, content_security_policy

_REQUEST_ID: Final = "tallystick_request_id"
_FORM_TARGETS: Final = "tallystick_form_targets"
_FRAMING: Final = "tallystick_framing"
_POLICY: Final = "tallystick_policy"


def request_id(scope: Scope) -> str:
    """The id of this request, in logs and on error pages."""
    state = scope.setdefault("state", {})
    known = state.get(_REQUEST_ID)
    if not isinstance(known, str):
        known = state[_REQUEST_ID] = str(uuid4())
    return known


def allow_form_redirects(request: Request[Any, Any, Any], return_url: str) -> None:
    """Let the forms of this page end at the seller's site: browsers hold redirects after a form to form-action.

    Any https site, since the seller's site may redirect on; of http sites only this one.
    """
    parts = urlsplit(return_url)
    targets = "https:" if parts.scheme == "https" else f"https: http://{parts.netloc}"
    if "[" in targets:  # numeric IPv6 addresses cannot be named in a policy
        targets = "https: http:"
    known = request.scope["state"].get(_FORM_TARGETS, "")
    request.scope["state"][_FORM_TARGETS] = " ".join(dict.fromkeys([*known.split(), *targets.split()]))


def show_in_frame(request: Request[Any, Any, Any]) -> None:
    """Let this page show another one of ours in a frame."""
    request.scope["state"][_FRAMING] = SHOWS


def be_shown_in_frame(request: Request[Any, Any, Any]) -> None:
    """Let pages of ours show this one in a frame; no other site may."""
    request.scope["state"][_FRAMING] = SHOWN


def set_policy(request: Request[Any, Any, Any], policy: str) -> None:
    """Send this answer with a Content-Security-Policy of its own."""
    request.scope["state"][_POLICY] = policy


class Headers:
    """Hook for everything that is sent, error pages included."""

    def __init__(self, settings: Settings) -> None:
        self._hsts = settings.hsts if settings.secure_cookies else None

    async def __call__(self, message: Message, scope: Scope) -> None:
        """Add the headers to the start of an answer."""
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders.from_message(message)
        for name, value in STRICT.items():
            headers[name] = value
        state = scope.setdefault("state", {})
        framing = str(state.get(_FRAMING, ""))
        policy = state.get(_POLICY) or content_security_policy(str(state.get(_FORM_TARGETS, "")), framing)
        headers["content-security-policy"] = str(policy)
        if framing == SHOWN:
            headers["x-frame-options"] = "SAMEORIGIN"
        headers["x-request-id"] = request_id(scope)
        if self._hsts is not None:
            headers["strict-transport-security"] = self._hsts
        if "cache-control" not in headers:
            headers["cache-control"] = "no-store"
