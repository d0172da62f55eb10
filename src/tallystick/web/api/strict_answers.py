"""Headers that keep browsers strict, on the answers of the API too: somebody may look at one in a browser.

Pages have more of them, from a hook of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Final

from tallystick.web.api.asgi import BATCH_PATH

if TYPE_CHECKING:
    from tallystick.settings import Settings
    from tallystick.web.api.asgi import Application, Message, Receive, Scope, Send

_OF_API: Final = frozenset({"/", "", BATCH_PATH})
_STRICT: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class StrictAnswers:
    """An application whose API answers with those headers."""

    __slots__ = ("_application", "_headers")

    def __init__(self, application: Application, settings: Settings) -> None:
        self._application = application
        hsts = ((b"strict-transport-security", settings.hsts.encode()),) if settings.secure_cookies else ()
        self._headers = (*_STRICT, *hsts)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"] in _OF_API:
            send = partial(self._send, send)
        return self._application(scope, receive, send)

    def _send(self, send: Send, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *self._headers]
        return send(message)
