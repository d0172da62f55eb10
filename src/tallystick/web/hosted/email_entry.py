"""The first step of a visit without a password: an e-mail address, and the code that is mailed there."""

from dataclasses import replace
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.services.form_errors import FormError
from tallystick.services.identity.hosted import mailed_codes
from tallystick.services.identity.reauthentication import CodeNeededError, Means
from tallystick.web.common.browser.sessions import sign_browser_in
from tallystick.web.common.browser.signing_in import UNUSABLE, means_of, proved_lately, visitor_of
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.common.visit.context import VisitContext
from tallystick.web.hosted.steps import VISIT, with_visit


@get(f"{VISIT}/email")
async def show_email(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """The page that asks for the address; also for who is signed in, has no password, and proves again who they are."""

    async def step(context: VisitContext) -> Response[Any]:
        if not context.takes_codes:
            return go(context.to("sign-in"))
        someone = context.someone
        if someone is None:
            return context.page("hosted/email.html")
        if await means_of(request, someone) != "none" or await proved_lately(request, someone):
            return go(context.after_sign_in)
        return context.page("hosted/email.html", typed={"email": someone.email})

    return await with_visit(request, visit_id, step, buyer_needed=False)


@post(f"{VISIT}/email", status_code=HTTP_200_OK)
async def do_email(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Mail a code, where the address may be signed in to with one; the page is the same if not."""

    async def step(context: VisitContext) -> Response[Any]:
        if not context.takes_codes:
            return go(context.to("sign-in"))
        typed = await form_of(request)
        try:
            asked = await mailed_codes.ask(
                context.service, context.visit.visit_id, typed.get("email", ""), visitor_of(request)
            )
        except FormError as error:
            return context.page("hosted/email.html", status=UNUSABLE, typed=typed, problems=error.problems)
        return _code_page(context, asked.ticket, asked.email)

    return await with_visit(request, visit_id, step, buyer_needed=False)


@post(f"{VISIT}/email-code", status_code=HTTP_200_OK)
async def do_email_code(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Sign in with the code that was mailed; where the account has an app, ask for its code first."""

    async def step(context: VisitContext) -> Response[Any]:
        if not context.takes_codes:
            return go(context.to("sign-in"))
        typed = await form_of(request)
        ticket, email = typed.get("ticket", ""), typed.get("email", "")
        try:
            party = await mailed_codes.enter(
                context.service, context.visit.visit_id, ticket, typed.get("code", ""), visitor_of(request)
            )
        except CodeNeededError as asked:
            return context.page("hosted/code.html", ticket=asked.ticket, carried={}, problems={})
        except FormError as error:
            return _code_page(context, ticket, email, status=UNUSABLE, problems=error.problems)
        again = context.someone is not None and context.someone.party_id == party.party_id
        sign_browser_in(request, party, Means.MAILED)
        return go(context.to("confirm") if again else replace(context, someone=party).after_sign_in)

    return await with_visit(request, visit_id, step, buyer_needed=False)


def _code_page(context: VisitContext, ticket: str, email: str, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    return context.page("hosted/email_code.html", ticket=ticket, email=email, **more)


email_entry_routes = [show_email, do_email, do_email_code]
