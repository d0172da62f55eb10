"""Why a message did not arrive, in the words of whoever has to mend it: "nobody listens at shop.example:9000"."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Iterator, Sequence
from typing import Final

import httpx

from tallystick.notify.safety import NoAddressFoundError, UnsafeTargetError

_MAX_CHARACTERS: Final = 300
_PORTS: Final = {"http": 80, "https": 443}
_NO_WAY: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL})


_WORDS: Final[Sequence[tuple[type[BaseException], str]]] = (
    (UnsafeTargetError, "{error}"),
    (NoAddressFoundError, "the name {host} leads nowhere: it has no address"),
    (ssl.SSLCertVerificationError, "the certificate of {host} does not count: {error.verify_message}"),
    (ssl.SSLError, "{at} does not speak https: {error.reason}"),
    (ConnectionRefusedError, "nobody listens at {at}"),
    (ConnectionResetError, "{at} closed the connection at once"),
    (httpx.ConnectTimeout, "{at} could not be reached in time"),
    (httpx.TimeoutException, "no answer in time"),
    (TimeoutError, "no answer in time"),
    (httpx.InvalidURL, "the address cannot be read: {error}"),
    (httpx.RemoteProtocolError, "what {at} answered is not HTTP: {error}"),
    (httpx.ReadError, "the connection to {at} broke off before there was an answer"),
    (httpx.WriteError, "the connection to {at} broke off before there was an answer"),
)
"""What to say of an error, or of one that it came from: the first line that fits."""


def in_words(error: Exception) -> str:
    """What went wrong with a request, as part of a sentence. What has no words here keeps the error's own."""
    host, at = _target(error)
    if isinstance(error, httpx.RemoteProtocolError) and "without sending" in str(error):
        return f"{at} closed the connection without an answer"
    causes: list[BaseException] = [error] if not isinstance(error, httpx.ConnectError) else [*_causes(error)]
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in _NO_WAY:
            return f"no way leads to {at}"
        for kind, words in _WORDS:
            if isinstance(cause, kind):
                return words.format(error=cause, host=host, at=at)[:_MAX_CHARACTERS]
    return f"{type(error).__name__}: {error}"[:_MAX_CHARACTERS]


def _target(error: Exception) -> tuple[str, str]:
    """Host, and host with port, that the request was for: never the path, which may hold a secret."""
    try:
        url = error.request.url if isinstance(error, httpx.RequestError) else None
    except RuntimeError:  # httpx's way to say that it does not know
        url = None
    if url is None:
        return "the receiver", "the receiver"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return host, f"{host}:{url.port or _PORTS.get(url.scheme, 0)}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Everything that an error came from, the nearest first; of several tries at once, each."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for one in error.exceptions:
                yield from _causes(one)
        error = error.__cause__ or error.__context__
