"""Reads requests by the table of endpoints, as the service does: what is missing, unknown or of the wrong form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import httpx
import msgspec

from tallystick_client.endpoint import Endpoint, Input
from tallystick_client.endpoints import ENDPOINTS
from tallystick_client.testing.refused import RefusedError

_AMOUNT: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,6})?", re.ASCII)


def find(method: str, path: str) -> tuple[Endpoint, str]:
    """The endpoint of a request, and the id in its path. Raises RefusedError."""
    found = [(one, subject) for one in ENDPOINTS if (subject := _subject(one.path, path)) is not None]
    for endpoint, subject in found:
        if endpoint.method == method:
            return endpoint, subject
    if found:
        raise RefusedError("method_not_allowed", "This path does not take this method.")
    raise RefusedError("not_found", "There is nothing at this path.")


def _subject(template: str, path: str) -> str | None:
    """The id, empty where the template has none; None: another path."""
    head, _, tail = template.partition("{id}")
    if head == template:
        return "" if path == template else None
    subject = path.removeprefix(head).removesuffix(tail)
    return subject if path == head + subject + tail and subject and "/" not in subject else None


def given(endpoint: Endpoint, request: httpx.Request) -> Mapping[str, Any]:
    """The fields of a request, checked. Raises RefusedError."""
    members = _query(endpoint, request) if endpoint.method == "GET" else _body(request)
    known = {one.name: one for one in endpoint.inputs}
    for name in members:
        if name not in known:
            raise RefusedError("unknown_field", f"The field {name!r} is not known here.", field=name)
    for name, one in known.items():
        value = members.get(name)
        if value is None or (value == "" and not one.required):
            if one.required:
                raise RefusedError("missing_field", f"The field {name} is missing.", field=name)
            continue
        _check(one, value)
    return {name: value for name, value in members.items() if value is not None and value != ""}


def _query(endpoint: Endpoint, request: httpx.Request) -> dict[str, Any]:
    integers = {one.name for one in endpoint.inputs if one.type == "integer"}
    pairs = parse_qsl(request.url.query.decode("ascii"), keep_blank_values=True)
    return {name: int(value) if name in integers and value.isdigit() else value for name, value in pairs}


def _body(request: httpx.Request) -> dict[str, Any]:
    if not request.content.strip():
        return {}
    try:
        found = msgspec.json.decode(request.content)
    except msgspec.DecodeError as error:
        raise RefusedError("invalid_request", f"The body is not JSON that can be read: {error}.") from None
    if not isinstance(found, dict):
        raise RefusedError("invalid_request", "The body must be a JSON object.")
    return found


def _check(one: Input, value: object) -> None:
    name = one.name
    if one.type == "integer":
        if type(value) is not int:
            raise RefusedError("invalid_request", f"{name} must be a whole number.", field=name)
        return
    if one.type in {"array", "object", "boolean"}:
        return
    if not isinstance(value, str):
        raise RefusedError("invalid_request", f"{name} must be a text.", field=name)
    if not value:
        raise RefusedError("missing_field", f"The field {name} is empty.", field=name)
    if one.type == "decimal" and not _AMOUNT.fullmatch(value):
        raise RefusedError("invalid_request", f"{name} must be decimal text with at most six decimals.", field=name)
    if one.type == "decimal" and not value.strip("0."):
        raise RefusedError("invalid_request", f"{name} must be more than nothing.", field=name)
    if one.choices and value not in one.choices:
        raise RefusedError("invalid_request", f"{name} must be one of {', '.join(one.choices)}.", field=name)
    if one.type == "date-time":
        _check_moment(name, value)


def _check_moment(name: str, value: str) -> None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RefusedError("invalid_request", f"{name} must be a moment with its time zone.", field=name)
