"""The request explorer: choose a request, fill it in, see it signed, send it and read the answer.

Here is the query API's; that of JSON is in json_explorer.py.
"""

import re
import secrets
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, cast

import httpx
from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.client.fps import FORM_TYPE, METHOD, SignedRequest, api_request
from tallystick.domain.messages.signing import HMAC_METHODS
from tallystick.services.api.action import Action
from tallystick.services.api.fields import V2010
from tallystick.services.api.registry import ACTIONS
from tallystick.web.api.query_api import VERBS, QueryApi
from tallystick.web.common.browser.addresses import network_address
from tallystick.web.common.shared import PageRequest, form_of
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.developer import json_explorer
from tallystick.web.console.developer.inputs import inputs_of, sent
from tallystick.web.console.developer.sandbox_gate import for_developer
from tallystick.web.console.developer.sandbox_picks import credentials, key_choices, suggestions, usable_keys
from tallystick.web.console.developer.shown_answer import ShownAnswer

PATH: Final = "/console/{business:int}/{environment:str}/tools/requests"
SEND: Final = "send"
NO_SCOPE: Final = 0
"""Any key may be tried: what it lacks, the answer tells."""
INDENT: Final = "  "

_TAG: Final = re.compile(r"<(/?)([^<>]*?)(/?)>([^<]*)")
_GROUPS: Final = (
    ("Move money", lambda action: action.moves_money),
    ("Look something up", lambda action: action.name.startswith("Get") or action.name == "VerifySignature"),
    ("Tokens and subscriptions", lambda _: True),
)


@get(PATH)
async def show_explorer(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """All endpoints and actions, or the form of the one that is asked for."""

    async def step(console: ConsoleContext) -> Response[Any]:
        endpoint = json_explorer.BY_NAME.get(request.query_params.get("endpoint", ""))
        if endpoint is not None:
            return await json_explorer.show(console, endpoint, request.query_params)
        action = ACTIONS.get(request.query_params.get("action", ""))
        if action is None:
            return _choice(console, signed=request.query_params.get("face") == "query")
        return await _form_page(console, action, typed=_prefilled(console, action) | dict(request.query_params))

    return await for_developer(request, business, environment, step)


@post(PATH, status_code=HTTP_200_OK)
async def explore(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Sign what was filled in, show it, and send it if asked to. Errors in it are left for the API's answer to tell."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        endpoint = json_explorer.BY_NAME.get(typed.get("endpoint", ""))
        if endpoint is not None:
            return await json_explorer.explore(console, endpoint, typed)
        action = ACTIONS.get(typed.get("action", ""))
        if action is None:
            return _choice(console, signed="action" in typed, status=HTTP_422_UNPROCESSABLE_ENTITY)
        signer = await credentials(console, typed.get("key", ""), NO_SCOPE)
        if signer is None:
            problems = {"key": "Choose one of the sandbox's keys."}
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return await _form_page(console, action, typed=typed, problems=problems, status=status)
        signed = api_request(
            console.service.settings.public_url,
            signer,
            action.name,
            sent(inputs_of(action.tables[V2010].fields), typed),
            console.service.clock(),
            verb=typed["verb"] if typed.get("verb") in VERBS else VERBS[0],
            method=typed["method"] if typed.get("method") in HMAC_METHODS else METHOD,
        )
        answer = None
        if typed.get("do") == SEND:
            answer = await _send(console, signed)
            await console.record("request.send", action.name, key=signer.access_key_id, status=answer.status)
        return await _form_page(console, action, typed=typed, signed=signed, answer=answer)

    return await for_developer(request, business, environment, step)


def _choice(console: ConsoleContext, *, signed: bool, status: int = HTTP_200_OK) -> Response[Any]:
    """What there is to choose from, of one interface. `signed`: of the query API's."""
    shown = {"signed": signed, "groups": _grouped(), "kinds": json_explorer.grouped()}
    return console.page("console/developer/requests.html", status=status, **shown)


async def _form_page(
    console: ConsoleContext,
    action: Action,
    typed: Mapping[str, str],
    **more: Any,  # noqa: ANN401 - what came of it
) -> Response[Any]:
    inputs = inputs_of(action.tables[V2010].fields)
    defaults = {
        "action": action,
        "typed": typed,
        "filled": {name for name, value in typed.items() if value},
        "wanted": [one for one in inputs if one.required],
        "others": [one for one in inputs if not one.required],
        "key_choices": key_choices(await usable_keys(console, NO_SCOPE)),
        "suggestions": await suggestions(console, action.name),
        "verb_choices": [(verb, verb) for verb in VERBS],
        "method_choices": [(method, method) for method in HMAC_METHODS],
        "signed": None,
        "answer": None,
    }
    return console.page("console/developer/request.html", **(defaults | more))


def _grouped() -> list[tuple[str, list[Action]]]:
    """Every action once, in the first group that it matches."""
    left = sorted(ACTIONS.values(), key=lambda action: action.name)
    groups = []
    for title, takes in _GROUPS:
        groups.append((title, [action for action in left if takes(action)]))
        left = [action for action in left if not takes(action)]
    return groups


def _prefilled(console: ConsoleContext, action: Action) -> dict[str, str]:
    """Default values: a random reference, a start a day ago."""
    typed = {"CallerReference": f"try-{secrets.token_hex(4)}"} if action.moves_money else {}
    if action.name == "GetAccountActivity":
        typed["StartDate"] = (console.now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return typed


async def _send(console: ConsoleContext, signed: SignedRequest) -> ShownAnswer:
    """Call the query API's application as the HTTP server would: every check runs, but nothing leaves this process.

    It comes from where the person is, for keys that are for some networks only.
    """
    at = network_address(console.request.scope, console.service.settings)
    transport = httpx.ASGITransport(cast("Any", QueryApi(console.service, lambda _: at)))
    begun = time.monotonic()
    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        headers = {"content-type": FORM_TYPE} if signed.body else {}
        response = await http.request(signed.verb, signed.url, content=signed.body or None, headers=headers)
    took = round((time.monotonic() - begun) * 1000)
    return ShownAnswer(response.status_code, response.headers["content-type"], indented(response.text), took)


def indented(xml: str) -> str:
    """XML with an element on each line; only white space between elements is added."""
    lines: list[str] = []
    depth, leaf = 0, False
    for closing, name, empty, text in _TAG.findall(xml):
        tag = f"<{closing}{name}{empty}>{text.strip()}"
        if closing:
            depth -= 1
        if closing and leaf:
            lines[-1] += tag
        else:
            lines.append(INDENT * depth + tag)
        leaf = not (closing or empty or name.startswith("?"))
        depth += leaf
    return "\n".join(lines)


request_routes = [show_explorer, explore]
