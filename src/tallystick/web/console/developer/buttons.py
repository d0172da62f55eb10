"""The button maker: fill in what a pipeline wants, get the signed link or form as HTML, and try it."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.client import buttons
from tallystick.client.fps import Credentials, SignedRequest, cobranded_request, simple_pay_request
from tallystick.domain.scopes import KeyScope
from tallystick.services.consent.checks import find_faults
from tallystick.services.consent.parameters import INTERFACE_VERSION, PIPELINES, SIMPLE_PAY, Pipeline
from tallystick.services.consent.values import ValueKind
from tallystick.web.api.pipeline_reference import samples
from tallystick.web.common.browser.ways_back import SANDBOX_RETURN
from tallystick.web.common.headers import allow_form_redirects
from tallystick.web.common.shared import PageRequest, form_of
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.developer.inputs import input_of
from tallystick.web.console.developer.sandbox_gate import for_developer
from tallystick.web.console.developer.sandbox_picks import credentials, key_choices, usable_keys

PATH: Final = "/console/{business:int}/{environment:str}/tools/buttons"
KINDS: Final[Mapping[str, Pipeline]] = {**PIPELINES, SIMPLE_PAY.name: SIMPLE_PAY}
LINK: Final = "link"
FORM: Final = "form"

_GIVEN_BY_KEY: Final = frozenset({"callerKey", "accessKey", "pipelineName", "version"})
_LABELS: Final = {"SetupPrepaid": "Pay Now", "SetupPostpaid": "Authorize Now", "SimplePay": "Pay Now"}
_LABEL: Final = "Authorize"
_NO_LEEWAY: Final = timedelta(0)

_WANTED: Final[Mapping[ValueKind, str]] = {
    ValueKind.URL: "Type an http or https address without a fragment, a password, .. in its path, or a parameter given"
    " twice or called like one of ours.",
    ValueKind.BOOLEAN: "Choose True or False.",
    ValueKind.FLAG: "Choose 1 or 0.",
    ValueKind.AMOUNT: "Type an amount from 0.01, such as 25.00.",
    ValueKind.CENTS: "Type an amount in whole cents, such as 9.95.",
    ValueKind.LINE: "Type an amount, such as 0.50.",
    ValueKind.DOLLARS: "Type USD and an amount in whole cents, such as USD 9.95.",
    ValueKind.PERCENT: "Type a percentage from 0 to 100, such as 2.5.",
    ValueKind.NUMBER: "Type an amount or, for a limit of counts, a whole number.",
    ValueKind.EPOCH: "Type seconds since 1970; a start is not past and at most a year ahead, an end is to come.",
    ValueKind.PERIOD: "Type a period, such as 1 Month.",
    ValueKind.REFERENCE: "Type a reference of at most 128 bytes, another one for each token.",
    ValueKind.METHODS: "Type ABT, CC or ACH, or several of them with commas between.",
    ValueKind.TOKEN: "Type a token id: 64 letters and digits.",
    ValueKind.TOKENS: "Type at most 20 token ids with commas between.",
}
_OTHERWISE: Final = "Check this: it is missing, too long, or does not go with another one."


@get(PATH)
async def show_maker(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """All kinds of buttons, or the form of the one that is asked for."""

    async def step(console: ConsoleContext) -> Response[Any]:
        pipeline = KINDS.get(request.query_params.get("kind", ""))
        if pipeline is None:
            return console.page("console/developer/buttons.html", kinds=KINDS.values())
        return await _page(console, pipeline, typed=_prefilled(console, pipeline))

    return await for_developer(request, business, environment, step)


@post(PATH, status_code=HTTP_200_OK)
async def make_button(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Check what was filled in as the hosted pages will, sign it, and show the HTML."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        pipeline = KINDS.get(typed.get("kind", ""))
        if pipeline is None:
            return console.page(
                "console/developer/buttons.html", status=HTTP_422_UNPROCESSABLE_ENTITY, kinds=KINDS.values()
            )
        signer = await credentials(console, typed.get("key", ""), KeyScope.HOSTED_LINKS)
        problems = _problems(console, pipeline, typed)
        if signer is None:
            problems["key"] = "Choose one of the sandbox's keys that sign links."
        if signer is None or problems:
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return await _page(console, pipeline, typed=typed, problems=problems, status=status)
        params = _params(pipeline, typed)
        signed, html = _made(console, pipeline, signer, params, typed)
        allow_form_redirects(request, params.get("returnURL") or params["returnUrl"])
        await console.record("button.make", pipeline.name, key=signer.access_key_id)
        return await _page(console, pipeline, typed=typed, signed=signed, html=html)

    return await for_developer(request, business, environment, step)


async def _page(console: ConsoleContext, pipeline: Pipeline, **more: Any) -> Response[Any]:  # noqa: ANN401 - what came of it
    inputs = [input_of(one) for one in pipeline.parameters if one.name not in _GIVEN_BY_KEY]
    shapes = [(FORM, "a form")] if pipeline is SIMPLE_PAY else [(LINK, "a link"), (FORM, "a form")]
    defaults = {
        "kind": pipeline,
        "wanted": [one for one in inputs if one.required],
        "others": [one for one in inputs if not one.required],
        "key_choices": key_choices(await usable_keys(console, KeyScope.HOSTED_LINKS)),
        "shapes": shapes,
        "signed": None,
        "html": None,
    }
    return console.page("console/developer/button.html", **(defaults | more))


def _made(
    console: ConsoleContext,
    pipeline: Pipeline,
    signer: Credentials,
    params: Mapping[str, str],
    typed: Mapping[str, str],
) -> tuple[SignedRequest, str]:
    """What the button asks for, and its HTML."""
    address, label = console.service.settings.public_url, typed.get("label", "").strip() or _label(pipeline)
    if pipeline is SIMPLE_PAY:
        signed = simple_pay_request(address, signer, params)
        return signed, buttons.simple_pay_form(address, signer, params, label)
    make = buttons.form if typed.get("shape") == FORM else buttons.link
    return cobranded_request(address, signer, params), make(address, signer, params, label)


def _params(pipeline: Pipeline, typed: Mapping[str, str]) -> dict[str, str]:
    """What is signed besides the key, in the order of the table; what is empty is left out."""
    fixed = {} if pipeline is SIMPLE_PAY else {"pipelineName": pipeline.name}
    names = [one.name for one in pipeline.parameters if one.name not in _GIVEN_BY_KEY]
    return fixed | {name: typed[name].replace("\r\n", "\n") for name in names if typed.get(name)}


def _problems(console: ConsoleContext, pipeline: Pipeline, typed: Mapping[str, str]) -> dict[str, str]:
    """What the hosted pages would send back as not well formed, and what to do about it."""
    # the key's own parameters are not typed, and always right
    given = _params(pipeline, typed) | {"callerKey": "-", "accessKey": "-", "version": INTERFACE_VERSION}
    faults = find_faults(pipeline, given, console.now, _NO_LEEWAY)
    kinds = {one.name: one.kind for one in pipeline.parameters}
    return {name: _WANTED.get(kinds[name], _OTHERWISE) for name in faults.names}


def _prefilled(console: ConsoleContext, pipeline: Pipeline) -> dict[str, str]:
    """What is needed, as in the documents' example, and ending on a page that shows what came back."""
    shown = {one.name for one in pipeline.parameters if one.required and one.kind is not ValueKind.TOKEN}
    shown = shown - _GIVEN_BY_KEY | {"paymentReason"}
    typed = {name: value for name, value in samples(pipeline).items() if name in shown}
    fresh = secrets.token_hex(4)
    for number, name in enumerate(pipeline.references, start=1):
        typed[name] = f"try-{fresh}-{number}"
    back = "returnUrl" if pipeline is SIMPLE_PAY else "returnURL"
    return typed | {back: f"{console.service.settings.public_url}{SANDBOX_RETURN}", "label": _label(pipeline)}


def _label(pipeline: Pipeline) -> str:
    return _LABELS.get(pipeline.name, _LABEL)


button_routes = [show_maker, make_button]
