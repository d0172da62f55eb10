"""One step of a visit: the visit, its seller, its buyer; and where the buyer has to go instead."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from litestar.exceptions import HTTPException, NotFoundException
from litestar.response import Response
from litestar.status_codes import HTTP_410_GONE

from tallystick.actions import pipelines, wallet
from tallystick.actions.pipeline_terms import PostpaidTerms, PrepaidTerms, headline, read_terms, validity_in_short
from tallystick.actions.service import Service
from tallystick.actions.wallet import Choice
from tallystick.ledger import parties, visits
from tallystick.ledger.access_keys import SANDBOX
from tallystick.ledger.parties import Party
from tallystick.ledger.visits import Visit
from tallystick.web.pages.headers import allow_form_redirects, request_id
from tallystick.web.pages.shared import PageRequest, go, go_back_to_seller, page, service_of, signed_in

_VISIT_ID: Final = re.compile(r"[A-Za-z0-9_-]{32}")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a buyer stands in a visit."""

    request: PageRequest
    service: Service
    visit: Visit
    terms: PrepaidTerms | PostpaidTerms
    seller: Party
    someone: Party | None

    @property
    def buyer(self) -> Party:
        """Who is signed in; only for steps that need a buyer."""
        if self.someone is None:
            raise LookupError("this step needs a buyer")
        return self.someone

    @property
    def site(self) -> str:
        """The name in the link back: what the seller calls its site, or the seller's name."""
        return self.terms.website or self.seller.name

    @property
    def sandbox(self) -> bool:
        """Whether no real money moves."""
        return self.visit.environment == SANDBOX

    @property
    def headline(self) -> tuple[str, str]:
        """The figure that matters most, and what it is."""
        return headline(self.terms)

    @property
    def validity(self) -> str:
        """How long the authorization lasts, in short."""
        return validity_in_short(self.terms)

    @property
    def prepaid(self) -> bool:
        """Whether this sets up a balance; else it is a tab."""
        return isinstance(self.terms, PrepaidTerms)

    def to(self, step: str) -> str:
        """The path of a step of this visit."""
        return f"/cobranded-ui/visits/{self.visit.visit_id}/{step}"

    def page(self, template: str, **context: Any) -> Response[Any]:  # noqa: ANN401 - whatever the template shows
        """A page of this visit."""
        return page(template, walk=self, sandbox=self.sandbox, **context)

    async def choices(self) -> list[Choice]:
        """What the buyer can pay with."""
        return await wallet.choices(self.service, self.buyer.party_id, self.visit.environment, self.terms.methods)

    @property
    def chosen(self) -> dict[str, str]:
        """What this buyer chose so far; nothing of what another one chose."""
        mine = self.someone is not None and self.visit.sender_id == self.someone.party_id
        return dict(self.visit.choices) if mine else {}

    async def choose(self, **choices: str) -> None:
        """Remember more choices of this buyer."""
        await visits.choose(self.service.pool, self.visit.visit_id, self.buyer.party_id, self.chosen | choices)


Step = Callable[[Walk], Awaitable[Response[Any]]]


async def walk(request: PageRequest, visit_id: str, step: Step, *, buyer_needed: bool = True) -> Response[Any]:
    """Take one step of a visit, or send the buyer to where this visit stands.

    A finished visit leads back to the seller with its one answer. Whatever breaks in a step is logged and told to the
    seller with status SE.
    """
    service = service_of(request)
    visit = await visits.find(service.pool, visit_id) if _VISIT_ID.fullmatch(visit_id) else None
    if visit is None:
        raise NotFoundException
    allow_form_redirects(request, visit.parameters["returnURL"])
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
    seller = await parties.find(service.pool, visit.caller_id)
    if seller is None:
        raise LookupError("the visit's seller is gone")
    stand = Walk(request, service, visit, read_terms(visit.pipeline, visit.parameters), seller, someone)
    if buyer_needed:
        if someone is None:
            return go(stand.to("sign-in"))
        if reason := await pipelines.stop_reason(service, visit, someone):
            return await finished(request, service, await pipelines.leave(service, visit, reason))
    return await step(stand)


async def finished(request: PageRequest, service: Service, visit: Visit) -> Response[Any]:
    """Back to the seller; or to the confirmation that is under way and cannot be left any more."""
    if visit.finished_at is None:
        return go(f"/cobranded-ui/visits/{visit.visit_id}/confirm")
    return go_back_to_seller(await pipelines.way_back(service, visit, request_id(request.scope)))
