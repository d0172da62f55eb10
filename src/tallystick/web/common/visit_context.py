"""One step of a visit: the visit, what it is about, who walks; and where they have to go instead."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog
from litestar.exceptions import HTTPException, NotFoundException
from litestar.response import Response
from litestar.status_codes import HTTP_410_GONE

from tallystick.domain.commands import AmountRule, Method
from tallystick.services.consent import pipelines, wallet
from tallystick.services.consent.parameters import pipeline_of_visit
from tallystick.services.consent.subject import Answer, VisitSubject
from tallystick.services.consent.terms import AnyTerms, EditTerms, PurchaseTerms, RecipientTerms, SenderTerms
from tallystick.services.consent.wallet import Choice
from tallystick.services.context import Service
from tallystick.store.accounts import branding, logos
from tallystick.store.accounts.parties import Party
from tallystick.store.keys.access_keys import SANDBOX
from tallystick.store.queries import account_balances
from tallystick.store.records import visits
from tallystick.store.records.visits import Visit
from tallystick.web.common import accents
from tallystick.web.common.agreements.agreed import Agreed, agreed_in_visit
from tallystick.web.common.agreements.consent_text import LINE_NAMES, promises
from tallystick.web.common.agreements.offers import Offer, offer
from tallystick.web.common.headers import allow_form_redirects, request_id
from tallystick.web.common.shared import PageRequest, form_of, go, go_back_to_seller, page, service_of, signed_in
from tallystick.web.hosted.carried_form import STEPS, to_keep
from tallystick.words import dollars
from tallystick.words import gettext as _

VISIT: Final = "/cobranded-ui/visits/{visit_id:str}"
"""The address of a visit; its steps are below it."""

_VISIT_ID: Final = re.compile(r"[A-Za-z0-9_-]{32}")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose pages these seem to be. `logo` and `accent`: the addresses of a picture and a style sheet of ours.

    `support`: where the seller answers questions, an https or mailto address.
    """

    name: str
    logo: str | None
    wide: bool = False
    accent: str | None = None
    support: str | None = None


@dataclass(frozen=True, slots=True)
class VisitContext:
    """Where somebody stands in a visit: a buyer, or in a Recipient visit the business that is to receive."""

    request: PageRequest
    service: Service
    visit: Visit
    subject: VisitSubject
    brand: Brand
    someone: Party | None

    @property
    def buyer(self) -> Party:
        """Who is signed in; only for steps that need somebody."""
        if self.someone is None:
            raise LookupError("this step needs a buyer")
        return self.someone

    @property
    def terms(self) -> AnyTerms:
        """What is to be agreed to."""
        return self.subject.terms

    @property
    def seller(self) -> Party:
        """Whose program asks."""
        return self.subject.caller

    @property
    def now(self) -> datetime:
        """The present moment of the seller's book: a sandbox book has a clock of its own."""
        return self.service.clock() + self.subject.book.clock_offset

    @property
    def site(self) -> str:
        """The name in the link back: what the seller calls its site, or the seller's name."""
        return self.terms.website or self.seller.name

    @property
    def sandbox(self) -> bool:
        """Whether no real money moves."""
        return self.visit.environment == SANDBOX

    @property
    def agreed(self) -> Agreed:
        """What is to be agreed to, for the texts about it."""
        return agreed_in_visit(self.terms, self.subject.names, self.subject.edited)

    @property
    def offer(self) -> Offer:
        """What is asked for, at a glance."""
        return offer(self.agreed)

    @property
    def pays(self) -> bool:
        """Whether a means of payment is chosen; else somebody agrees to receive."""
        return not isinstance(self.terms, RecipientTerms)

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The steps of this visit, each with its name; the address only where it is asked for."""
        payment = [("payment", _("Payment"))] if self.pays else []
        address = [("address", _("Address"))] if self.terms.collect_address else []
        return [("sign-in", _("Sign in")), *payment, *address, ("confirm", _("Confirm"))]

    @property
    def after_sign_in(self) -> str:
        """The path of the step that follows signing in."""
        return self.to("method" if self.pays else "confirm")

    def after(self, step: str) -> str:
        """The path of the step at which somebody was asked to sign in, else of the one that follows signing in."""
        return self.to(step) if step in STEPS and self.pays else self.after_sign_in

    @property
    def unverified(self) -> bool:
        """Whether the code of a letter is needed before this person can go on."""
        return self.someone is not None and self.subject.email_verified and not self.someone.email_verified

    @property
    def stopped(self) -> Answer | None:
        """The answer when this person cannot go on at all."""
        return pipelines.why_stop(self.service, self.visit, self.subject, self.buyer)

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What the amount is made of, as the seller says, and the amount itself; empty where it says nothing."""
        terms = self.terms
        if not isinstance(terms, SenderTerms) or not terms.lines:
            return []
        minus = {"discount": "\N{MINUS SIGN}"}
        said = [(_(LINE_NAMES[name]), f"{minus.get(name, '')}{dollars(micros)}") for name, micros in terms.lines]
        return [*said, (_("To pay"), dollars(terms.agreed.amount_micros or 0))]

    def promises(self, source: str) -> list[str]:
        """What is agreed to, a sentence each; `source` is the means of payment within a sentence."""
        return promises(self.agreed, source, self.now)

    def to(self, step: str) -> str:
        """The path of a step of this visit."""
        return f"/cobranded-ui/visits/{self.visit.visit_id}/{step}"

    def page(self, template: str, **context: Any) -> Response[Any]:  # noqa: ANN401 - whatever the template shows
        """A page of this visit."""
        return page(template, visit_context=self, sandbox=self.sandbox, **context)

    def sign_in_page(self, step: str = "", carried: Mapping[str, str] | None = None, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
        """Ask who it is; `step` and what was typed there, `carried`, come back with the answer."""
        kept = to_keep(step, carried or {})
        context = {"ended": False, "typed": {}, "step": step if step in STEPS else "", "kept": kept}
        return self.page("hosted/sign_in.html", **(context | more))

    async def choices(self) -> list[Choice]:
        """What the buyer can pay with. For a payment at once, the account balance must suffice."""
        environment, party_id = self.visit.environment, self.buyer.party_id
        found = await wallet.choices(self.service, party_id, environment, self.terms.methods)
        if not isinstance(self.terms, PurchaseTerms):
            return found
        balance = await account_balances.of_person(self.service.pool, environment, party_id)
        if balance >= self.terms.amount_micros:
            return found
        return [replace(one, usable=False, suffices=False) if one.method is Method.ABT else one for one in found]

    @property
    def current_key(self) -> str | None:
        """The choice that the token of an EditToken visit pays with so far."""
        edited = self.subject.edited
        if not isinstance(self.terms, EditTerms) or edited is None:
            return None
        return wallet.BALANCE if edited.method is Method.ABT else str(edited.payment_method_id)

    @property
    def fixed_micros(self) -> int:
        """What each payment comes to, as far as that is agreed to here; else 0."""
        terms = self.terms
        if not isinstance(terms, SenderTerms) or terms.agreed.amount_rule is not AmountRule.EXACT:
            return 0
        return terms.agreed.amount_micros or 0

    @property
    def chosen(self) -> dict[str, str]:
        """What this buyer chose so far; nothing of what another one chose."""
        mine = self.someone is not None and self.visit.sender_id == self.someone.party_id
        return dict(self.visit.choices) if mine else {}

    async def choose(self, **choices: str) -> None:
        """Remember more choices of this buyer."""
        await visits.choose(self.service.pool, self.visit.visit_id, self.buyer.party_id, self.chosen | choices)

    async def taken_on(self) -> Visit:
        """The visit in this person's name, where nothing had to be chosen before."""
        if self.visit.sender_id == self.buyer.party_id:
            return self.visit
        await self.choose()
        return await visits.find(self.service.pool, self.visit.visit_id) or self.visit


Step = Callable[[VisitContext], Awaitable[Response[Any]]]


async def with_visit(request: PageRequest, visit_id: str, step: Step, *, buyer_needed: bool = True) -> Response[Any]:
    """Take one step of a visit, or send the buyer to where this visit stands.

    A finished visit leads back to the seller with its one answer. Whatever breaks in a step is logged and told to the
    seller with status SE.
    """
    service = service_of(request)
    visit = await visits.find(service.pool, visit_id) if _VISIT_ID.fullmatch(visit_id) else None
    if visit is None:
        raise NotFoundException
    for status in ("", "A"):
        allow_form_redirects(request, pipelines.return_url(pipeline_of_visit(visit.pipeline), visit.parameters, status))
    if pipelines.too_old(visit, service.clock()):
        raise HTTPException(status_code=HTTP_410_GONE)
    try:
        return await _step(request, service, visit, step, buyer_needed=buyer_needed)
    except HTTPException:
        raise
    except Exception:
        if service.settings.allow_unsigned_cobranded:
            raise  # the return URL may be anybody's; an error page goes nowhere
        _log.exception("visit failed", request_id=request_id(request.scope), visit=visit.visit_id[:8])
        return go_back_to_seller(await pipelines.system_error(service, visit, request_id(request.scope)))


async def _step(
    request: PageRequest, service: Service, visit: Visit, step: Step, *, buyer_needed: bool
) -> Response[Any]:
    if visit.finished_at is not None:
        return await finished(request, service, visit)
    someone = await signed_in(request)
    subject = await pipelines.subject(service, visit)
    context = VisitContext(request, service, visit, subject, await _brand(service, subject), someone)
    if buyer_needed:
        if someone is None:
            return await _ask_to_sign_in(context)
        if context.unverified and visit.answer is None:
            return go(context.to("verify"))
        if reason := context.stopped:
            return await finished(request, service, await pipelines.leave(service, visit, reason))
    return await step(context)


async def _ask_to_sign_in(context: VisitContext) -> Response[Any]:
    """The session has ended, or never began. What was just typed must not be lost."""
    step = context.request.url.path.rpartition("/")[2]
    if context.request.method == "POST":
        return context.sign_in_page(step, await form_of(context.request), ended=True)
    return go(context.to(f"sign-in?step={step}" if step in STEPS else "sign-in"))


async def _brand(service: Service, subject: VisitSubject) -> Brand:
    party_id = subject.branded_by
    names = {one.giver_id: one.giver_name for one in subject.recipients}
    digest = await logos.digest_of(service.pool, party_id)
    chosen = await branding.find(service.pool, party_id)
    return Brand(
        name=chosen.display_name or names.get(party_id, subject.caller.name),
        logo=None if digest is None else f"/logos/{digest}",
        wide=subject.terms.banner,
        accent=None if chosen.accent is None else accents.address(chosen.accent),
        support=chosen.support_link,
    )


async def finished(request: PageRequest, service: Service, visit: Visit) -> Response[Any]:
    """Back to the seller; or to the confirmation that is under way and cannot be left any more."""
    if visit.finished_at is None:
        return go(f"/cobranded-ui/visits/{visit.visit_id}/confirm")
    return go_back_to_seller(await pipelines.way_back(service, visit, request_id(request.scope)))
