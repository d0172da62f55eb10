"""The receiver behind `tallystick ipn listen`: checks what arrives as a seller's program should, and prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from tallystick.cli.console import settings_of_process, tell, tell_json
from tallystick.cli.serving.http_server import listening
from tallystick.client.notifications import NotGenuineError, Verifier
from tallystick.web.api.asgi import BodyTooLargeError, ClientGoneError, Receive, Scope, Send, header, read_body, respond

HOST: Final = "127.0.0.1"
MAX_BODY_BYTES: Final = 64 * 1024
_LONG_VALUES: Final = frozenset({"signature"})
_TEXT: Final = ((b"content-type", b"text/plain; charset=utf-8"),)


async def listen_for(port: int, public_url: str | None, *, json: bool) -> None:
    """Listen until cancelled. Raises ProblemError: the port is taken."""
    service_url = (public_url or settings_of_process().public_url).rstrip("/")
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        application = Listener(Verifier(service_url, http), json=json)
        async with listening(application, HOST, port) as server:
            if not json:
                tell(f"Listening on http://{HOST}:{port}/ for notifications of {service_url}; any path will do.")
            await server


@dataclass(frozen=True, slots=True)
class Listener:
    """Answers 200 to genuine notifications, so that the service does not retry them."""

    verifier: Verifier
    json: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one notification."""
        if scope["type"] != "http":
            return
        if scope["method"] != "POST":
            await respond(send, 405, (*_TEXT, (b"allow", b"POST")), b"notifications are posted\n")
            return
        try:
            body = await read_body(scope, receive, MAX_BODY_BYTES)
        except BodyTooLargeError:
            await respond(send, 413, _TEXT, b"too large\n")
            return
        except ClientGoneError:
            return
        status, answer = await self._take(_url(scope), body)
        await respond(send, status, _TEXT, answer)

    async def _take(self, url: str, body: bytes) -> tuple[int, bytes]:
        try:
            params = await self.verifier.verify(url, body)
        except NotGenuineError as error:
            self._print(url, {}, problem=str(error))
            return 400, b"not genuine\n"
        except httpx.HTTPError as error:
            self._print(url, {}, problem=f"the certificate cannot be fetched: {error}")
            return 503, b"try again\n"
        self._print(url, params, problem=None)
        return 200, b"thank you\n"

    def _print(self, url: str, params: Mapping[str, str], problem: str | None) -> None:
        if self.json:
            tell_json({"url": url, "genuine": problem is None, "problem": problem, "parameters": params})
            return
        if problem is not None:
            tell(f"REFUSED  {url}: {problem}")
            return
        what = params.get("transactionStatus") or params.get("notificationType", "")
        tell(f"GENUINE  {url}: {params.get('operation', '')} {what}".rstrip())
        for name in sorted(params.keys() - _LONG_VALUES):
            tell(f"    {name} = {params[name]}")


def _url(scope: Scope) -> str:
    """The address that the sender meant: as in its request line and Host header."""
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    return f"http://{header(scope, b'host')}{path.decode('latin-1')}" + (f"?{query.decode('latin-1')}" if query else "")
