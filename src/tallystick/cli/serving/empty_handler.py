"""The empty handler: the HTTP server by itself, an answer as long as that to a Pay, and nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tallystick.cli.console import run_until_stopped, while_running
from tallystick.cli.serving.http_server import listening
from tallystick.web.api.asgi import respond

if TYPE_CHECKING:
    from tallystick.web.api.asgi import Receive, Scope, Send

HOST: Final = "127.0.0.1"
_BODY: Final = b"<PayResponse>" + b" " * 300 + b"</PayResponse>"
_HEADERS: Final = ((b"content-type", b"text/xml; charset=utf-8"), (b"cache-control", b"no-store"))


async def nothing(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer at once."""
    if scope["type"] == "http":
        await respond(send, 200, _HEADERS, _BODY)


async def _serve(port: int, *, shared: bool) -> None:
    async with listening(nothing, HOST, port, shared=shared, direct=False) as server:
        await while_running(server)


if __name__ == "__main__":
    run_until_stopped(_serve(int(sys.argv[1]), shared=sys.argv[2:] == ["shared"]))
