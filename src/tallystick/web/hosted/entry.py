"""The first step of a visit, identifying the buyer: sign-in, sign-up, address verification, reauthentication."""

from dataclasses import replace
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.services.form_errors import FormError
from tallystick.services.identity import addresses
from tallystick.services.identity.accounts import Party
from tallystick.services.identity.hosted import sign_up
from tallystick.services.identity.hosted.sign_up import PendingSignUp
from tallystick.services.identity.reauthentication import CodeNeededError
from tallystick.web.common.browser.sessions import sign_browser_in
from tallystick.web.common.browser.signing_in import UNUSABLE, enter, means_of, prove, proved_lately, visitor_of
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.common.visit.context import VisitContext
from tallystick.web.hosted.carried_form import KEPT, kept_of
from tallystick.web.hosted.method import shown_again
from tallystick.web.hosted.steps import VISIT, path_after, sign_in_page, with_visit


@get(f"{VISIT}/sign-in")
async def show_sign_in(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """The sign-in page."""

    async def step(context: VisitContext) -> Response[Any]:
        came_from = request.query_params.get("step", "")
        return go(path_after(context, came_from)) if context.someone else sign_in_page(context, came_from)

    return await with_visit(request, visit_id, step, buyer_needed=False)


@post(f"{VISIT}/sign-in", status_code=HTTP_200_OK)
async def do_sign_in(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Sign in, and go on with the step at which the session had ended, with what was typed there."""

    async def step(context: VisitContext) -> Response[Any]:
        typed = await form_of(request)
        try:
            party = await enter(request, typed)
        except CodeNeededError as asked:
            return _second_step(context, asked, typed)
        except FormError as error:
            kept = kept_of(typed)
            return sign_in_page(
                context, typed.get("step", ""), kept, typed=typed, status=UNUSABLE, problems=error.problems
            )
        return await _go_on(replace(context, someone=party), typed)

    return await with_visit(request, visit_id, step, buyer_needed=False)


def _second_step(context: VisitContext, asked: CodeNeededError, typed: dict[str, str]) -> Response[Any]:
    """Ask for the code after the password; what the sign-in page carried is carried on."""
    carried = {name: value for name, value in typed.items() if name == "step" or name.startswith(KEPT)}
    status = UNUSABLE if asked.problems else HTTP_200_OK
    return context.page(
        "hosted/code.html", status=status, ticket=asked.ticket, carried=carried, problems=asked.problems
    )


async def _go_on(context: VisitContext, typed: dict[str, str]) -> Response[Any]:
    """The step at which the session had ended, its form filled in as it was sent; else the step of the path."""
    if (kept := kept_of(typed)) and not context.stopped and not context.unverified:
        return await shown_again(context, typed["step"], kept)
    return go(path_after(context, typed.get("step", "")))


@get(f"{VISIT}/sign-up")
async def show_sign_up(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """The sign-up page."""

    async def step(context: VisitContext) -> Response[Any]:
        if context.someone:
            return go(context.after_sign_in)
        return context.page("hosted/sign_up.html") if context.pays else go(context.to("sign-in"))

    return await with_visit(request, visit_id, step, buyer_needed=False)


@post(f"{VISIT}/sign-up", status_code=HTTP_200_OK)
async def do_sign_up(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Open the account and sign in; where addresses must be verified, ask for the code that was mailed first."""

    async def step(context: VisitContext) -> Response[Any]:
        if not context.pays:  # accounts of businesses are not opened here
            return go(context.to("sign-in"))
        typed = await form_of(request)
        name, email, password = (typed.get(field, "") for field in ("name", "email", "password"))
        try:
            begun = await sign_up.begin(context.service, name, email, password, visitor_of(request))
        except FormError as error:
            return context.page("hosted/sign_up.html", status=UNUSABLE, typed=typed, problems=error.problems)
        if isinstance(begun, PendingSignUp):
            return _code_page(context, begun.ticket, begun.email)
        return _signed_in(context, begun)

    return await with_visit(request, visit_id, step, buyer_needed=False)


@post(f"{VISIT}/code", status_code=HTTP_200_OK)
async def do_code(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Open the account with the code that was mailed."""

    async def step(context: VisitContext) -> Response[Any]:
        typed = await form_of(request)
        ticket, email = typed.get("ticket", ""), typed.get("email", "")
        try:
            party = await sign_up.finish(context.service, ticket, typed.get("code", ""))
        except FormError as error:
            return _code_page(context, ticket, email, status=UNUSABLE, problems=error.problems)
        return _signed_in(context, party)

    return await with_visit(request, visit_id, step, buyer_needed=False)


def _code_page(context: VisitContext, ticket: str, email: str, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    return context.page("hosted/sign_up_code.html", ticket=ticket, email=email, **more)


def _signed_in(context: VisitContext, party: Party) -> Response[Any]:
    sign_browser_in(context.request, party)
    return go(context.after_sign_in)


@get(f"{VISIT}/verify")
async def show_verify(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """The page that asks for the mailed code, where settings require verified addresses."""

    async def step(context: VisitContext) -> Response[Any]:
        if context.someone is None:
            return go(context.to("sign-in"))
        return context.page("hosted/verify.html", sent=False) if context.unverified else go(context.after_sign_in)

    return await with_visit(request, visit_id, step, buyer_needed=False)


@post(f"{VISIT}/verify", status_code=HTTP_200_OK)
async def do_verify(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Verify the address with the code, or mail another one."""

    async def step(context: VisitContext) -> Response[Any]:
        if context.someone is None:
            return go(context.to("sign-in"))
        typed = await form_of(request)
        try:
            if "again" in typed:
                await addresses.send_again(context.service, context.someone)
                return context.page("hosted/verify.html", sent=True)
            await addresses.verify_by_code(context.service, context.someone, typed.get("code", ""))
        except FormError as error:
            return context.page("hosted/verify.html", status=UNUSABLE, sent=False, problems=error.problems)
        return go(context.after_sign_in)

    return await with_visit(request, visit_id, step, buyer_needed=False)


@get(f"{VISIT}/prove")
async def show_prove(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """The page for reauthentication, before something that cannot be undone."""

    async def step(context: VisitContext) -> Response[Any]:
        return go(context.to("confirm")) if await proved_lately(request, context.buyer) else await _prove_page(context)

    return await with_visit(request, visit_id, step)


@post(f"{VISIT}/prove", status_code=HTTP_200_OK)
async def do_prove(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Check password or passkey, and go on to the confirmation."""

    async def step(context: VisitContext) -> Response[Any]:
        try:
            await prove(request, context.buyer, await form_of(request))
        except FormError as error:
            return await _prove_page(context, status=UNUSABLE, problems=error.problems)
        return go(context.to("confirm"))

    return await with_visit(request, visit_id, step)


async def _prove_page(context: VisitContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    return context.page("hosted/prove.html", means=await means_of(context.request, context.buyer), **more)


entry_routes = [
    show_sign_in,
    do_sign_in,
    show_sign_up,
    do_sign_up,
    do_code,
    show_verify,
    do_verify,
    show_prove,
    do_prove,
]
