"""Where sellers under torture have their events delivered to: it checks each signature, and loses some on purpose.

Of what arrives, some is answered as by a server that fails, and some gets no answer: the same event must come again.
"""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from zlib import crc32

import msgspec

from tallystick.torture.proxy import HOST
from tallystick.torture.told import Told, told_of

_MOST_BYTES: Final = 64 * 1024
_OF: Final = 64
"""Of so many events one is lost with its answer the first time, and so are a few more that a failure answers."""

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with


@dataclass(frozen=True, slots=True)
class Arrived:
    """One event as it arrived. `answered`: it was taken, and the service was told so."""

    told: Told
    answered: bool


@dataclass(slots=True)
class Hooks:
    """Receivers of events, by the path of each. `fails`: some are answered wrongly the first time.

    `secrets`: what signs at each path. `wrong`: what nobody could have sent who keeps to the documentation.
    """

    port: int = 0
    fails: bool = True
    secrets: dict[str, str] = field(default_factory=dict)
    arrived: dict[str, list[Arrived]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Hooks]:
        """Listen on a port that the system chooses, while this is open."""
        server = await asyncio.start_server(self._connected, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    def url(self, path: str) -> str:
        """Where the service finds a receiver."""
        return f"http://{HOST}:{self.port}{path}"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while (status := await self._one(reader)) is not None:
                writer.write(b"HTTP/1.1 %d So\r\ncontent-length: 0\r\n\r\n" % status)
                await writer.drain()
        writer.close()

    async def _one(self, reader: asyncio.StreamReader) -> int | None:
        """Take a request; the status of its answer, None: there is none."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(min(int(headers["content-length"]), _MOST_BYTES))
        path, message_id = first.split(" ")[1], headers["webhook-id"]
        if not self._is_genuine(path, headers, body):
            self.wrong.append(f"what arrived as {message_id} at {path} is not signed as it must be")
            return 400
        try:
            told = told_of(msgspec.json.decode(body, type=dict[str, Any]))
        except (KeyError, ValueError) as error:
            self.wrong.append(f"what arrived as {message_id} is no event: {error!r}")
            return 400
        if told.event_id != message_id:
            self.wrong.append(f"{told.event_id} arrived as {message_id}")
        status = self._status(message_id)
        if status != 500:  # noqa: PLR2004 - who fails has not taken it
            self.arrived.setdefault(path, []).append(Arrived(told, status is not None))
        return status

    def _status(self, message_id: str) -> int | None:
        luck = crc32(message_id.encode()) % _OF if self.fails and message_id not in self._seen else _OF
        self._seen.add(message_id)
        return {0: None, 1: 500, 2: 500, 3: 500}.get(luck, 204)

    def _is_genuine(self, path: str, headers: dict[str, str], body: bytes) -> bool:
        """As docs/webhooks.md tells receivers to look. The moment is not looked at: clocks jump here."""
        key = b64decode(self.secrets.get(path, "").removeprefix(_SECRET_PREFIX))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = b64encode(hmac.digest(key, signed, sha256)).decode()
        return any(one == f"v1,{expected}" for one in headers["webhook-signature"].split())
