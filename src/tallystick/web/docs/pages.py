"""The documentation at /docs/: the files that were built, for anybody, kept by browsers until they change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.response import Redirect, Response
from litestar.status_codes import HTTP_304_NOT_MODIFIED, HTTP_308_PERMANENT_REDIRECT

from tallystick.web.common.headers import set_policy
from tallystick.web.common.shared import PageRequest
from tallystick.web.docs import site

PLACE: Final = "/docs/"

_NAMED_BY_CONTENT: Final = re.compile(r"\.[0-9a-f]{8}\.(?:min\.)?(?:js|css)$")
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_ASKED_AGAIN: Final = "public, no-cache"
_GZIP: Final = re.compile(r"(?:^|[\s,])(?:gzip|\*)(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)


@get(["/docs", "/docs/{page:path}"])
async def show_docs(request: PageRequest) -> Response[Any]:
    """A page of the documentation, or what belongs to it. Raises NotFoundException."""
    slash = "/" if request.scope["raw_path"].partition(b"?")[0].endswith(b"/") else ""  # the router takes it away
    path = request.scope["path"].rstrip("/") + slash
    found = _find(path)
    if found is None:
        other = path.removesuffix("/") if slash else f"{path}/"
        if _find(other) is not None:  # where the links of the page lead to what they mean
            return Redirect(other, status_code=HTTP_308_PERMANENT_REDIRECT)
        raise NotFoundException
    set_policy(request, policy(site.manifest().styles))
    headers = {
        "cache-control": _FOR_GOOD if _NAMED_BY_CONTENT.search(path) else _ASKED_AGAIN,
        "etag": f'W/"{found.tag}"',
        "vary": "Accept-Encoding",
    }
    if _has(request.headers.get("if-none-match", ""), found.tag):
        return Response(b"", status_code=HTTP_304_NOT_MODIFIED, headers=headers, media_type=found.type)
    compressed = site.packed(found) if _GZIP.search(request.headers.get("accept-encoding", "")) else None
    if compressed is not None:
        return Response(compressed, media_type=found.type, headers=headers | {"content-encoding": "gzip"})
    return Response(site.content(found), media_type=found.type, headers=headers)


def _find(path: str) -> site.BuiltFile | None:
    return site.find(path.removeprefix(PLACE)) if path.startswith(PLACE) else None


def policy(styles: Iterable[str]) -> str:
    """As strict as that of all pages, and: the style sheet has icons in it (data:), the search has a style of its own.

    The search also reads its index (connect) in a script of its own (worker), and the page to try requests on asks our
    own API.
    """
    allowed = " ".join(("'self'", *styles))
    return (
        f"default-src 'none'; style-src {allowed}; img-src 'self' data:; script-src 'self';"
        " connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def _has(asked: str, tag: str) -> bool:
    """Whether a browser has what a tag stands for, by its If-None-Match. Source: RFC 9110, 13.1.2."""
    return asked.strip() == "*" or f'"{tag}"' in asked
