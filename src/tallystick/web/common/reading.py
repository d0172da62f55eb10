"""How requests for pages are read: HEAD as GET, and no character that PostgreSQL cannot store."""

import itertools
import re
from typing import Any, Final, cast

from litestar.connection import ASGIConnection, Request
from litestar.datastructures import FormMultiDict
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.types import HTTPScope, Message, Scope, Send

ANY_TEXT: Final = {"reads_any_text": True}
"""Options of a handler whose protocol says how to answer text that cannot be stored: `refuse_no_text` lets it pass."""

FILE_FIELD: Final = "file"
"""The only field of our forms that takes a file."""

_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL takes into no text: NUL, and halves of a UTF-16 pair."""


_ODD_SPELLING: Final = re.compile(rb"//|%(?:2[def]|3[0-9]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9ae])", re.IGNORECASE)
"""Two slashes, or a character encoded that needs no encoding (or is a slash): the same address for us, but another one
for a proxy that is to keep people from it. Source: RFC 3986, 6.2.2.2.
"""


def head_as_get(scope: HTTPScope, send: Send) -> tuple[Scope, Send]:
    """The same request as GET, answered without the body, if it is a HEAD. Source: RFC 9110, 9.1 and 9.3.2."""
    if scope["method"] != "HEAD":
        return scope, send

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.body":
            message["body"] = b""
        await send(message)

    return cast("Scope", {**scope, "method": "GET"}), answer


def refuse_no_text(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard that refuses paths and queries with characters that no stored text has. Raises NotFoundException."""
    if handler.opt.get("reads_any_text"):
        return
    raw_path = cast("bytes | None", connection.scope.get("raw_path"))
    if raw_path is not None and _ODD_SPELLING.search(raw_path.partition(b"?")[0]):
        raise NotFoundException
    texts = [connection.scope["path"], *itertools.chain(*connection.query_params.multi_items())]
    if any(map(_NO_TEXT.search, texts)):
        raise NotFoundException


class TextRequest(Request[Any, Any, Any]):
    """A request whose forms hold texts, and a file in the one field that is for files."""

    async def form(self) -> FormMultiDict:
        """What was sent as a form. Raises ClientException where that is no text in an encoding that we know."""
        try:
            form = await super().form()
        except (UnicodeError, LookupError) as error:
            raise ClientException from error
        if not all(_readable(name, value) for name, value in form.multi_items()):
            await form.close()
            raise ClientException
        return form


def _readable(name: str, value: object) -> bool:
    if isinstance(value, str):
        return _NO_TEXT.search(name + value) is None
    return name == FILE_FIELD
