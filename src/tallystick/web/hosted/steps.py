"""A step of a visit: who may take it, and where they have to go instead."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from litestar.exceptions import HTTPException, NotFoundException
from litestar.response import Response
from litestar.status_codes import HTTP_410_GONE

from tallystick.services.consent import pipelines, visits, wallet
from tallystick.services.consent.choices import BuyerChoices
from tallystick.services.consent.subject import brand_of_subject
from tallystick.services.consent.visits import AnswerRequester, Visit
from tallystick.services.consent.wallet import Choice
from tallystick.services.context import Service
from tallystick.services.identity.password_hashing import BusyError
from tallystick.web.common.headers import allow_form_redirects, request_id
from tallystick.web.common.shared import PageRequest, form_of, go, go_back_to_seller, service_of, signed_in
from tallystick.web.common.visit.context import VISITS, PageBrand, VisitContext, visit_path
from tallystick.web.hosted.carried_form import STEPS, to_keep
from tallystick.web.hosted.known_browser import asker_of

VISIT: Final = f"{VISITS}/{{visit_id:str}}"
"""The address of a visit; its steps are below it."""

ENTRANCES: Final = ("/sign-in", "/email", "/email-code")
"""Pages of a visit for whoever comes back for its answer, and is not known yet."""

_VISIT_ID: Final = re.compile(r"[A-Za-z0-9_-]{32}")
_log = structlog.get_logger(__name__)

Step = Callable[[VisitContext], Awaitable[Response[Any]]]


async def with_visit(request: PageRequest, visit_id: str, step: Step, *, buyer_needed: bool = True) -> Response[Any]:
    """Take one step of a visit, or send the buyer to where this visit stands.

    A finished visit leads back to the seller with its one answer. Whatever breaks in a step is logged and told to the
    seller with status SE.
    """
    service = service_of(request)
    visit = await visits.find(service, visit_id) if _VISIT_ID.fullmatch(visit_id) else None
    if visit is None:
        raise NotFoundException
    for url in visit.way_back.urls:
        allow_form_redirects(request, url)
    if visit.too_old(service.clock()):
        raise HTTPException(status_code=HTTP_410_GONE)
    try:
        return await _step(request, service, visit, step, buyer_needed=buyer_needed)
    except (HTTPException, BusyError):
        raise
    except Exception:
        if service.settings.allow_unsigned_cobranded:
            raise  # the return URL may be anybody's; an error page goes nowhere
        _log.exception("visit failed", request_id=request_id(request.scope), visit=visit.visit_id[:8])
        return go_back_to_seller(await pipelines.system_error(service, visit, request_id(request.scope)))


async def _step(
    request: PageRequest, service: Service, visit: Visit, step: Step, *, buyer_needed: bool
) -> Response[Any]:
    someone = await signed_in(request)
    if visit.finished_at is not None and not _to_be_asked(request, visit, await asker_of(request)):
        return await finished(request, service, visit)
    subject = await pipelines.subject_of_visit(service, visit)
    brand = PageBrand.of(await brand_of_subject(service, subject), wide=subject.terms.banner)
    context = VisitContext(request, service, visit, subject, brand, someone)
    if buyer_needed:
        if someone is None:
            return await _ask_to_sign_in(context)
        if context.unverified and visit.answer is None:
            return go(context.to("verify"))
        if ended := await pipelines.ended_before(service, visit, subject, someone):
            return await finished(request, service, ended)
        if reason := context.stopped:
            return await finished(request, service, await pipelines.leave(service, visit, reason))
    return await step(context)


async def _ask_to_sign_in(context: VisitContext) -> Response[Any]:
    """Ask for a sign-in, because there is no session; what was just typed is carried along."""
    step = context.request.url.path.rpartition("/")[2]
    if context.request.method == "POST":
        return sign_in_page(context, step, await form_of(context.request), ended=True)
    return go(context.to(f"sign-in?step={step}" if step in STEPS else "sign-in"))


def _to_be_asked(request: PageRequest, visit: Visit, asker: AnswerRequester) -> bool:
    """Whether this is the sign-in page of a visit whose answer nobody may have who is not known yet."""
    return asker.party_id is None and not visit.answers_to(asker) and request.url.path.endswith(ENTRANCES)


async def finished(request: PageRequest, service: Service, visit: Visit) -> Response[Any]:
    """Back to the seller; or to the confirmation that is under way and cannot be left any more.

    The answer of a visit is for who gave it. Others have to sign in; to those who are, there is no such visit.
    """
    if visit.finished_at is None:
        return go(visit_path(visit.visit_id, "confirm"))
    asker = await asker_of(request)
    if not visit.answers_to(asker):
        if asker.party_id is None:
            return go(visit_path(visit.visit_id, "sign-in"))
        raise NotFoundException
    return go_back_to_seller(await pipelines.way_back(service, visit, request_id(request.scope)))


def sign_in_page(
    context: VisitContext,
    step: str = "",
    carried: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401 - status and problems
) -> Response[Any]:
    """Ask who it is; `step` and what was typed there, `carried`, come back with the answer."""
    kept = to_keep(step, carried or {})
    shown = {"ended": False, "typed": {}, "step": step if step in STEPS else "", "kept": kept}
    return context.page("hosted/sign_in.html", **(shown | more))


def path_after(context: VisitContext, step: str) -> str:
    """The path of the step at which somebody was asked to sign in, else of the one that follows signing in."""
    return context.to(step) if step in STEPS and context.pays else context.after_sign_in


async def payment_choices(context: VisitContext) -> list[Choice]:
    """What the buyer can pay with. For a payment at once, the account balance must suffice."""
    return await wallet.choices(
        context.service,
        context.buyer.party_id,
        context.visit.environment,
        context.terms.methods,
        due_micros=context.due_micros,
    )


async def keep_choices(context: VisitContext, choices: BuyerChoices) -> Visit:
    """Keep what this buyer chose so far; gives the visit with it."""
    return await visits.choose(context.service, context.visit, context.buyer.party_id, choices)
