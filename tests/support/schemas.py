"""Every answer against the published schema of its version, that of 2007 included, or that of the error envelope."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import httpx
from lxml import etree
from tests.support.http import NO_AUTHORITIES
from tests.support.paths import DATA

from tallystick.services.api.fields import V2007
from tallystick.web.api.schema.xsd import SCHEMA_VERSIONS, schema
from tallystick.web.api.xml import namespace

ERRORS = DATA / "error_form_a.xsd"
ANSWERS_OF_2007 = DATA / "answers_of_2007.xsd"


@cache
def published(version: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(schema(version).encode()))


@cache
def error_envelope() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(ERRORS)))


@cache
def answers_of_2007() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(ANSWERS_OF_2007)))


def check_answer(text: str) -> None:
    """Raises etree.DocumentInvalid with the place at which an answer differs from its schema."""
    root = etree.fromstring(text.encode())
    space = etree.QName(root).namespace or ""
    if space == namespace(V2007):
        answers_of_2007().assertValid(root)
        return
    versions = {namespace(version): version for version in SCHEMA_VERSIONS}
    (published(versions[space]) if space else error_envelope()).assertValid(root)


async def check_response(response: httpx.Response) -> None:
    """Checks what came from the query API. SOAP's answers, at the same place, are checked by its own client."""
    is_xml = response.headers.get("content-type", "").startswith("text/xml")
    if response.request.url.path in {"", "/"} and is_xml:
        await response.aread()
        if response.text and "Envelope" not in response.text[:100]:
            check_answer(response.text)


CHECKED: Final[dict[str, Any]] = {"event_hooks": {"response": [check_response]}, "verify": NO_AUTHORITIES}
"""Options of a client whose every answer is checked."""
