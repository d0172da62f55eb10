"""Calls of the interfaces as spans of traces. Only where a collector is set stands this before an interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.web.api.asgi import header

if TYPE_CHECKING:
    from tallystick.tracing.spans import Tracing
    from tallystick.web.api.asgi import Application, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class TracedCalls:
    """An interface whose calls are spans; what they came to is said where they are counted."""

    application: Application
    tracing: Tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        with self.tracing.call(header(scope, b"traceparent")):
            await self.application(scope, receive, send)
