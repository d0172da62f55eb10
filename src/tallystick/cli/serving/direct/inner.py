"""Where the HTTP server listens when its clients come through us: a Unix socket that nobody else can reach.

It lies in a directory of our user alone. Each connection that is passed on is bound to a name there that tells who its
client is and where it has connected: the HTTP server gives that name as the address of the client, and `Behind` puts
the addresses in its place before the application sees it. So there is no list to keep, and no address to be believed
that somebody else could have sent: who connects without such a name is refused.
"""

from __future__ import annotations

import asyncio
import socket
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tallystick.web.api.asgi import CLOSE, respond

if TYPE_CHECKING:
    from tallystick.web.api.asgi import Application, Message, Receive, Scope, Send

Address: TypeAlias = tuple[str, int]

_SOCKET: Final = "http"
_LONGEST_PATH: Final = 100
"""Of a Unix socket: 108 bytes on Linux, 104 elsewhere."""
_LONGEST_NAME: Final = 48
_PREFIX: Final = "tallystick-http-"
_RANDOM: Final = 10
"""What a temporary directory's name has beside its prefix, and two separators."""
_SHORT_PLACE: Final = Path("/tmp")  # noqa: S108 - the directory that is made there is our user's alone
_FAMILIES: Final = {6: socket.AF_INET, 18: socket.AF_INET6}
"""By the length of an address and its port."""


@contextmanager
def inner_listener(backlog: int, place: Path | None = None) -> Iterator[tuple[socket.socket, Path]]:
    """A listening socket and the directory in which it lies, which is removed at the end.

    `place`: where that directory is made; None: among the system's temporary files. Raises OSError: there is no place.
    """
    parent = Path(gettempdir()) if place is None else place
    if len(str(parent)) + len(_PREFIX) + _RANDOM + _LONGEST_NAME > _LONGEST_PATH:
        parent = _SHORT_PLACE
    with TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True) as made:
        directory = Path(made)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(directory / _SOCKET))
            listener.listen(backlog)
            listener.setblocking(False)
            yield listener, directory


def connect(directory: Path, client: Address, address: Address) -> socket.socket:
    """A connection to the HTTP server for a client that has connected to `address`. Raises OSError."""
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        ours.setblocking(False)
        name = directory / _name_of(client, address)
        ours.bind(str(name))
        try:
            ours.connect(str(directory / _SOCKET))  # at once, or not at all where too many wait
        finally:
            name.unlink()
    except BaseException:
        ours.close()
        raise
    return ours


def _name_of(client: Address, address: Address) -> str:
    return urlsafe_b64encode(_packed(client) + _packed(address)).decode()


def _packed(address: Address) -> bytes:
    host = address[0].partition("%")[0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host) + address[1].to_bytes(2, "big")


def addresses_of(path: str) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """Whose connection has this path, and where it has connected to; None: it is none of ours."""
    try:
        packed = urlsafe_b64decode(path.rpartition("/")[2])
    except ValueError:
        return None
    half = len(packed) // 2
    if half not in _FAMILIES or len(packed) % 2:
        return None
    return _unpacked(packed[:half]), _unpacked(packed[half:])


def _unpacked(packed: bytes) -> tuple[str, str]:
    host = socket.inet_ntop(_FAMILIES[len(packed)], packed[:-2])
    return host, str(int.from_bytes(packed[-2:], "big"))


class Behind:
    """An application as the HTTP server sees it when all its clients come through us.

    `state`: what the application has put there when it started. `started`: set when it has, or does not tell; where it
    could not, the HTTP server ends.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self.state: dict[str, Any] = {}
        self.started = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, with the addresses of its client."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        client = scope.get("client")
        addresses = addresses_of(client[0]) if client else None
        if addresses is None:
            await respond(send, 403, (CLOSE,), b"")
            return
        scope["client"], scope["server"] = addresses
        await self._application(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.state = scope.get("state", self.state)

        failed = False

        async def tell(message: Message) -> None:
            nonlocal failed
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self.started.set()
            failed = failed or message["type"] == "lifespan.startup.failed"

        try:
            await self._application(scope, receive, tell)
        finally:
            if not failed:
                self.started.set()
