"""The request explorer for JSON: choose an endpoint, fill it in, see it for curl and both clients, send it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, cast

import httpx
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.api.callers import AccessKey, by_key
from tallystick.services.context import Service
from tallystick.web.common.browser.addresses import network_address
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.developer.inputs import Input
from tallystick.web.console.developer.json_call import JsonCall, value_of
from tallystick.web.console.developer.sandbox_picks import Suggestions, key_choices, suggestions, usable_keys
from tallystick.web.console.developer.shown_answer import ShownAnswer
from tallystick.web.v1.app import JsonApi
from tallystick.web.v1.endpoint import JSON, Endpoint
from tallystick.web.v1.inputs import JsonInput
from tallystick.web.v1.table import ENDPOINTS

BY_NAME: Final[Mapping[str, Endpoint]] = {endpoint.name: endpoint for endpoint in ENDPOINTS}
FIELD: Final = "json."
"""Before the names of the call's own fields in the form, where others are beside them."""

SEND: Final = "send"
ANY_SCOPE: Final = 0


def grouped() -> list[tuple[str, list[Endpoint]]]:
    """Every endpoint, by what it is about, in the order of the table."""
    groups: dict[str, list[Endpoint]] = {}
    for endpoint in ENDPOINTS:
        groups.setdefault(endpoint.name.partition(".")[0], []).append(endpoint)
    return [(name.replace("_", " ").capitalize(), endpoints) for name, endpoints in groups.items()]


async def show(console: ConsoleContext, endpoint: Endpoint, typed: Mapping[str, str]) -> Response[Any]:
    """The form of an endpoint, with a name for the request where it needs one."""
    named = {"idempotency_key": f"try-{secrets.token_hex(4)}"} if endpoint.moves_money or endpoint.takes_key else {}
    return await _form_page(console, endpoint, named | dict(typed))


async def explore(console: ConsoleContext, endpoint: Endpoint, typed: Mapping[str, str]) -> Response[Any]:
    """Show what was filled in, and send it if asked to. Errors in it are left for the API's answer to tell."""
    keys = {key.access_key_id for key in await usable_keys(console, ANY_SCOPE)}
    if typed.get("key") not in keys:
        problems = {"key": "Choose one of the sandbox's keys."}
        return await _form_page(console, endpoint, typed, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problems)
    given = {
        one.name: value_of(one, text.replace("\r\n", "\n"))
        for one in endpoint.inputs
        if (text := typed.get(FIELD + one.name, ""))
    }
    call = JsonCall(endpoint, typed.get("id", "").strip(), given, typed.get("idempotency_key", "").strip())
    answer = None
    if typed.get("do") == SEND:
        answer = await _send(console, call, typed["key"])
        path = f"{endpoint.method} {endpoint.path}"
        await console.record("request.send", path, key=typed["key"], status=answer.status)
    return await _form_page(console, endpoint, typed, call=call, answer=answer)


async def _form_page(
    console: ConsoleContext,
    endpoint: Endpoint,
    typed: Mapping[str, str],
    status: int = HTTP_200_OK,
    **more: Any,  # noqa: ANN401 - what came of it
) -> Response[Any]:
    inputs = [_input(one) for one in endpoint.inputs]
    defaults = {
        "endpoint": endpoint,
        "typed": typed,
        "filled": {name.removeprefix(FIELD) for name, value in typed.items() if value},
        "wanted": [one for one in inputs if one.required],
        "others": [one for one in inputs if not one.required],
        "key_choices": key_choices(await usable_keys(console, ANY_SCOPE)),
        "suggestions": _by_field(await suggestions(console, endpoint.action)),
        "service_address": console.service.settings.public_url,
        "call": None,
        "answer": None,
    }
    return console.page("console/developer/json_request.html", status=status, **(defaults | more))


def _input(one: JsonInput) -> Input:
    hint = one.field.meaning.replace("`", "")
    several = bool(one.members or one.many)
    if several:
        hint = f"{hint} As JSON, such as {json.dumps(one.example)}"
    choices = ("true", "false") if one.field.type == "boolean" else one.field.allowed
    return Input(one.name, hint, one.required, choices, one.field.max_length or 0, lines=several)


def _by_field(found: Suggestions) -> Suggestions:
    """The latest ids of the sandbox by the names of fields here; `id` may be of either."""
    agreed = [*found["PrepaidInstrumentId"], *found["CreditInstrumentId"], *found["SenderTokenId"]]
    moved = list(found["TransactionId"])
    return {"authorization": agreed, "transaction": moved, "id": [*agreed, *moved]}


async def _send(console: ConsoleContext, call: JsonCall, access_key_id: str) -> ShownAnswer:
    """Call the application of /v1 as the HTTP server would; who calls is known here, so no secret is needed.

    It comes from where the person is, for keys that are for some networks only.
    """

    async def chosen(service: Service, _secret: str, now: datetime) -> AccessKey:
        return await by_key(service, access_key_id, "key", now)

    at = network_address(console.request.scope, console.service.settings)
    transport = httpx.ASGITransport(cast("Any", JsonApi(console.service, lambda _: at, caller_of=chosen)))
    begun = time.monotonic()
    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        named = call.headers | {"authorization": "Bearer of-the-console"}
        headers = {name.encode(): value.encode() for name, value in named.items()}  # what is no ASCII, the answer tells
        url = f"{console.service.settings.public_url}{call.path}"
        response = await http.request(call.endpoint.method, url, content=call.body, headers=headers)
    took = round((time.monotonic() - begun) * 1000)
    kind = response.headers.get("content-type", "")
    if kind.startswith(JSON) or "+json" in kind:
        text = json.dumps(response.json(), indent=2, ensure_ascii=False)
    else:
        text = f"{len(response.content)} bytes" if response.content else HTTPStatus(response.status_code).phrase
    return ShownAnswer(response.status_code, kind, text, took)
