"""The end of a visit: exactly what is agreed to, and agreeing. The words that were shown are kept."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT

from tallystick.services.consent import evidence, pipelines, visits
from tallystick.services.consent.evidence import Agreement
from tallystick.services.consent.pipelines import ChoicesChangedError
from tallystick.services.consent.visits import Visit
from tallystick.services.consent.wallet import Choice
from tallystick.web.common.agreements.wording import wording_of
from tallystick.web.common.browser.sessions import last_proof
from tallystick.web.common.browser.signing_in import client_of, proved_lately
from tallystick.web.common.browser.visitors import user_agent
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.common.visit.context import VisitContext
from tallystick.web.hosted.known_browser import known_or_new, remember
from tallystick.web.hosted.steps import VISIT, finished, keep_choices, payment_choices, with_visit


@get(f"{VISIT}/confirm")
async def show_confirm(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Show exactly what is agreed to."""

    async def step(context: VisitContext) -> Response[Any]:
        choice = await _choice(context)
        return await _missing(context, choice) or _confirm_page(context, choice)

    return await with_visit(request, visit_id, step)


@post(f"{VISIT}/confirm", status_code=HTTP_200_OK)
async def do_confirm(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Grant what is agreed to, once, and redirect to the seller with the answer."""

    async def step(context: VisitContext) -> Response[Any]:
        choice = await _choice(context)
        if missing := await _missing(context, choice):
            return missing
        agreement = _agreement(context, choice)
        if (await form_of(request)).get("agreed") != agreement.digest.hex():
            return _confirm_page(context, choice, changed=True)
        visit, browser = context.visit if context.pays else await _claimed(context), known_or_new(request)
        await visits.keep_browser(context.service, visit, context.buyer.party_id, browser)
        try:
            visit = await pipelines.confirm(context.service, visit, context.buyer, choice, agreement)
        except ChoicesChangedError:
            return go(context.to("confirm"))
        response = await finished(request, context.service, visit)
        remember(request, response, browser)
        return response

    return await with_visit(request, visit_id, step)


async def _choice(context: VisitContext) -> Choice | None:
    if not context.pays:
        return None
    method = context.chosen.method
    under_way = context.visit.answer is not None  # paid already, perhaps: the balance may no longer suffice
    found = (one for one in await payment_choices(context) if one.chosen == method)
    return next((one for one in found if one.usable or under_way), None)


async def _claimed(context: VisitContext) -> Visit:
    """The visit with this person as its sender; where no choice had to be made, the visit has no sender yet."""
    if context.visit.sender_id == context.buyer.party_id:
        return context.visit
    return await keep_choices(context, context.chosen)


async def _missing(context: VisitContext, choice: Choice | None) -> Response[Any] | None:
    """The redirect to what is still missing: a choice, or a recent reauthentication. None when nothing is."""
    if choice is None and context.pays:
        return go(context.to("method"))
    if context.terms.collect_address and context.chosen.address is None:
        return go(context.to("address"))
    return None if await proved_lately(context.request, context.buyer) else go(context.to("prove"))


def _confirm_page(context: VisitContext, choice: Choice | None, *, changed: bool = False) -> Response[Any]:
    agreement = _agreement(context, choice)
    return context.page(
        "hosted/confirm.html",
        status=HTTP_409_CONFLICT if changed else HTTP_200_OK,
        choice=choice,
        wording=agreement.wording,
        unchanged=choice is not None and choice.key == context.current_key,
        agreed=agreement.digest.hex(),
        changed=changed,
    )


def _agreement(context: VisitContext, choice: Choice | None) -> Agreement:
    """Who agrees to which wording. A form that was shown before a change in another window has another digest."""
    proof = last_proof(context.request)
    wording = wording_of(context.visit, context.subject, choice, context.now)
    if proof is None:
        raise LookupError("nobody is signed in")
    return Agreement(
        wording=wording,
        digest=evidence.digest_of(context.buyer.party_id, context.chosen, wording),
        proved_at=proof.at,
        proved_by=proof.by,
        client=client_of(context.request),
        user_agent=user_agent(context.request),
    )


confirm_routes = [show_confirm, do_confirm]
