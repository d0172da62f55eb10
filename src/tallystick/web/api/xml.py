"""Answers of the query API in XML, byte for byte as clients of the original expect them.

A declaration, a line break, then the whole document on one line: some clients read it with regular expressions in
which a dot does not match a line break. Source: docs/protocol/transport.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from tallystick.domain.moments import format_moment
from tallystick.services.api.types import COMPLEX_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.services.api.read_budget import StepAside
    from tallystick.services.api.registry import Action
    from tallystick.services.api.types import Element, Result, Value

CONTENT_TYPE: Final = b"text/xml; charset=utf-8"
DECLARATION: Final = '<?xml version="1.0"?>\n'
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;"})
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_PLAIN: Final = re.compile("[^ -%'-;=?-~]")
"""What may need replacing: all but ASCII without control characters, ``&``, ``<`` and ``>``."""

PIECE: Final = 10
"""Members of a list that are written at a time: half a millisecond's work."""

_MAPPINGS: Final = (dict, Mapping)  # most are plain dicts, for which isinstance is quickest


def namespace(version: str) -> str:
    """The namespace of a version of the interface."""
    return f"http://fps.amazonaws.com/doc/{version}/"


def render_success(action: Action, version: str, result: Result, request_id: str) -> bytes:
    """The answer to a call that was carried out; the namespace is the default one, without a prefix."""
    return f"{DECLARATION}{success_element(action, version, result, request_id)}".encode()


async def in_pieces(action: Action, result: Result, step_aside: StepAside) -> Result:
    """The same result, whose lists are XML already. `step_aside` is awaited after each piece of a list.

    A full page of transactions is 10 ms of work; whoever pays meanwhile would wait for all of it.
    """
    written = dict(result)
    for element in action.result or ():
        value = result.get(element.name)
        if element.repeated and isinstance(value, list) and len(value) > PIECE:
            written[element.name] = await written_in_pieces(partial(_occurrences, element), value, step_aside)
    return written


async def written_in_pieces(
    write: Callable[[Sequence[Value]], str], values: Sequence[Value], step_aside: StepAside
) -> Written:
    """All of `values` as XML, which `write` makes of a few at a time."""
    pieces: list[str] = []
    for start in range(0, len(values), PIECE):
        pieces.append(write(values[start : start + PIECE]))
        await step_aside()
    return Written("".join(pieces))


def success_element(action: Action, version: str, result: Result, request_id: str) -> str:
    """The element of such an answer alone, for other envelopes."""
    body = ""
    if action.result is not None and result:  # nothing refunded: no result either
        body = tagged(f"{action.name}Result", members(action.result, result))
    return (
        f'<{action.name}Response xmlns="{namespace(version)}">{body}<ResponseMetadata><RequestId>'
        f"{request_id}:0</RequestId></ResponseMetadata></{action.name}Response>"
    )


def render_error(code: str, message: str, request_id: str) -> bytes:
    """The error document of the original: no namespace, RequestID with a capital D.

    Line breaks in the message, which may quote what the caller sent, become blanks.
    """
    content = text(" ".join(message.split()))
    return (
        f"{DECLARATION}<Response><Errors><Error><Code>{code}</Code><Message>{content}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    ).encode()


def members(elements: Sequence[Element], values: Mapping[str, Value]) -> str:
    """The elements of a complex value, in schema order. Raises ValueError for what the schema does not allow."""
    parts: list[str] = []
    known = 0
    for element in elements:
        name = element.name
        known += name in values
        value = values.get(name)
        if value is None or (element.repeated and value == []):
            if not element.optional:
                raise ValueError(f"{name} is missing from a result")
        elif element.repeated:
            parts.append(_occurrences(element, value))
        else:
            parts.append(tagged(name, _content(element, value)))
    if known != len(values):
        raise ValueError(f"the schema has no {values.keys() - {element.name for element in elements}}")
    return "".join(parts)


class Written(str):
    """The occurrences of a repeated element, which are XML already."""

    __slots__ = ()


def _occurrences(element: Element, value: Value) -> str:
    if isinstance(value, Written):
        return value
    if value is None or isinstance(value, str | int | datetime | Mapping):
        raise TypeError(f"{element.name} is a list")
    return "".join(tagged(element.name, _content(element, member)) for member in value)


def _content(element: Element, value: Value) -> str:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return format_moment(value)
    if isinstance(value, _MAPPINGS):
        return members(COMPLEX_TYPES[element.type], value)
    raise TypeError(f"{element.name} is neither text nor a complex value")


def tagged(name: str, content: str) -> str:
    """One element; `content` is XML already."""
    return f"<{name}>{content}</{name}>" if content else f"<{name}/>"


def text(value: str) -> str:
    """A value as the content of an element."""
    if (value.isalnum() and value.isascii()) or _NOT_PLAIN.search(value) is None:  # ids and words need no search
        return value
    return _NOT_XML.sub("\ufffd", value).translate(_ESCAPES)
