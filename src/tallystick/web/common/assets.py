"""Style sheet and pictures: their addresses change with their content, so browsers may keep them for good."""

from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from litestar import Router, route
from litestar.connection import ASGIConnection
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.response import Response
from litestar.static_files import create_static_files_router

STATIC: Final = Path(__file__).parents[1] / "static"
STYLE_SHEET: Final = "style.css"
STYLES: Final = ("tokens", "base", "forms", "components", "hosted", "account", "console", "books", "admin", "print")
"""The sections of the one style sheet, in order: where two rules are equally strong, the later one counts."""

_FOR_GOOD: Final = CacheControlHeader(public=True, max_age=31_536_000, immutable=True)


def style_sheet() -> str:
    """All sections as one sheet: one request, whichever page comes first."""
    return "\n".join((STATIC / "styles" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)


_STYLE: Final = style_sheet()


def _version(content: bytes) -> str:
    return sha256(content).hexdigest()[:12]


_VERSIONS: Final = {STYLE_SHEET: _version(_STYLE.encode())} | {
    file.name: _version(file.read_bytes()) for file in STATIC.iterdir() if file.is_file()
}


def asset(name: str) -> str:
    """Where a style sheet, script or picture is."""
    return f"/static/{name}?v={_VERSIONS[name]}"


@route(f"/static/{STYLE_SHEET}", http_method=["GET", "HEAD"], media_type="text/css", cache_control=_FOR_GOOD)
async def show_style_sheet() -> Response[str]:
    """The one style sheet, as it was when the process started."""
    return Response(_STYLE, media_type="text/css")


def static_files() -> Router:
    """The files beside it. Only known names reach the file system: it raises for names that no file can have."""
    return create_static_files_router(path="/static", directories=[STATIC], cache_control=_FOR_GOOD, guards=[_known])


def _known(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    if connection.scope["path"].removeprefix("/static/") not in _VERSIONS:
        raise NotFoundException
