"""A buyer has what is left of a prepaid balance paid back, where the seller or a law lets them.

What is asked for is written down first, as it was shown. Then each funding gives back its part in a commit of its own
(services/seller/balance_refunds.py), under references that follow from that row: whoever carries it out again, after a
crash or beside another process, pays nothing twice. Its end is one commit with the letters to buyer and seller and the
row of the audit log.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.db.clock_watch import WrongClockError
from tallystick.db.database import in_transaction
from tallystick.domain.decide.outgoing.redemption import NEVER
from tallystick.domain.money import display_amount
from tallystick.domain.refusals import PASSING, Refusal, Refused
from tallystick.services.buyer import authorizations, redemption_letters
from tallystick.services.operations import audit
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import balance_refunds
from tallystick.services.seller.balance_refunds import BalanceRefundPreview, BalanceRefundWish
from tallystick.services.seller.manual_operations import context_with_book
from tallystick.store.accounts import parties
from tallystick.store.queries import instrument_list
from tallystick.store.records import redemptions
from tallystick.store.records.redemptions import RedemptionRequest

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.db.connections import Connection
    from tallystick.services.buyer.authorization_status import AuthorizationState
    from tallystick.services.context import Service
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.accounts.parties import Party
    from tallystick.store.queries.instrument_list import InstrumentRecord

__all__ = [
    "ChangedError",
    "NotAllowedError",
    "RedemptionOffer",
    "RedemptionRequest",
    "ask",
    "concerns",
    "go_on",
    "is_id",
    "latest",
    "new_id",
    "offer",
    "preview",
]

DESCRIPTION: Final = "Paid back because the buyer asked for it"
"""The note on each of its refunds, which the seller's program and both sides' pages show."""

LEASE: Final = timedelta(seconds=60)
"""For so long one process carries it out. Afterwards another one may: the first one may have died."""

_AT_ONCE: Final = 20
_PASSING: Final = PASSING | {Refusal.InternalError}
"""What did nothing and is worth another try: whichever part it meets, the rest stays open for the worker."""
_ID: Final = re.compile(r"redeem-[0-9a-f]{24}")

_log = structlog.get_logger(__name__)


class NotAllowedError(Exception):
    """Neither the seller nor a law lets the buyer have this balance paid back."""


class ChangedError(Exception):
    """Another amount can be paid back by now than the buyer was shown."""


@dataclass(frozen=True, slots=True)
class RedemptionOffer:
    """What a buyer may have paid back of a balance now, in micro-units.

    `allowed`: by the seller or a law. `possible_micros`: what its fundings can give back, in whole cents: captured, not
    given back yet and not disputed. `latest`: what was asked for last.
    """

    balance_micros: int
    coming_in_micros: int
    allowed: bool
    possible_micros: int
    latest: RedemptionRequest | None

    @property
    def open(self) -> bool:
        """Whether there is something to be had."""
        return self.allowed and self.possible_micros > 0


def concerns(state: AuthorizationState) -> bool:
    """Whether there is anything that its buyer could ask for, now or once it has arrived."""
    may = state.prepaid and state.redemption != NEVER
    return may and (state.redeemable or (not state.balance_micros and state.coming_in_micros > 0))


async def offer(service: Service, state: AuthorizationState) -> RedemptionOffer:
    """What can be paid back of a balance at the moment. Raises LookupError: it is no prepaid balance."""
    books, held = await _held(service, state, Actor(None))
    return RedemptionOffer(
        balance_micros=held.balance_micros,
        coming_in_micros=state.coming_in_micros,
        allowed=state.redemption.allows(held.balance_micros),
        possible_micros=await balance_refunds.refundable(books, held) if held.balance_micros else 0,
        latest=await redemptions.latest(service.pool, state.authorization.book_id, held.instrument_id),
    )


async def latest(service: Service, state: AuthorizationState) -> RedemptionRequest | None:
    """What was asked for last of a balance; None: nothing, or it is no prepaid balance."""
    instrument_id = state.authorization.instrument_id
    if instrument_id is None:
        return None
    return await redemptions.latest(service.pool, state.authorization.book_id, instrument_id)


async def preview(
    service: Service, person: Party, state: AuthorizationState, amount_micros: int
) -> BalanceRefundPreview:
    """What paying so much back would do now. Raises Refused: what it would be refused with."""
    books, held = await _held(service, state, Actor.person(person))
    return await balance_refunds.preview(books, held, BalanceRefundWish(held.instrument_id, amount_micros))


def new_id() -> str:
    """An id for one form: however often it is sent, it pays once."""
    return f"redeem-{secrets.token_hex(12)}"


def is_id(text: str) -> bool:
    """Whether a form's id can be one of ours."""
    return _ID.fullmatch(text) is not None


async def ask(
    service: Service, person: Party, state: AuthorizationState, redemption_id: str, amount_micros: int
) -> RedemptionRequest:
    """Pay so much back, now or before under the same id; what came of it, so far.

    Raises NotAllowedError; ChangedError: other than `amount_micros` can be paid back now; Refused: something else was
    asked for under this id, or nothing can be done now.
    """
    book_id = state.authorization.book_id
    try:
        service.trusted_now()
    except WrongClockError:
        raise Refused(Refusal.ServiceUnavailable, "The clock of this machine is wrong.") from None
    _, held = await _held(service, state, Actor.person(person))
    wanted = RedemptionRequest(
        book_id, redemption_id, held.instrument_id, person.party_id, amount_micros, service.clock()
    )
    known = await redemptions.find(service.pool, book_id, redemption_id)
    if known is None:
        now = await offer(service, state)
        if now.open and now.possible_micros == amount_micros:
            await redemptions.ask(service.pool, wanted)
        known = await redemptions.find(service.pool, book_id, redemption_id)  # also one that a double click has sent
        if known is None:
            raise ChangedError if now.allowed or not now.balance_micros else NotAllowedError
    if (known.instrument_id, known.asked_by, known.amount_micros) != (
        wanted.instrument_id,
        wanted.asked_by,
        wanted.amount_micros,
    ):
        raise Refused(Refusal.DuplicateRequest, "Something else was asked for with this form already.")
    await _carry_out(service, known)
    return await redemptions.find(service.pool, book_id, redemption_id) or known


async def go_on(service: Service) -> int:
    """Carry out what was asked for and not ended, as after a crash; how many.

    One that fails is logged, and tried again when its lease is over; the others are carried out all the same.
    """
    left = await redemptions.open_(service.pool, service.trusted_now() - LEASE, _AT_ONCE)
    for request in left:
        try:
            await _carry_out(service, request)
        except WrongClockError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other buyers are not to wait for it
            service.damage.note(error)
            service.meter.failed("redemptions")
            _log.exception("redemption_failed", redemption_id=request.redemption_id)
    return len(left)


async def _carry_out(service: Service, request: RedemptionRequest) -> None:
    """Pay it back, unless it is over or another process is at it."""
    now = service.trusted_now()
    if request.ended_at is not None or not await redemptions.claim(service.pool, request, now, now + LEASE):
        return
    state = await authorizations.find(service, request.asked_by, request.instrument_id)
    if state is None:
        raise LookupError(f"the balance {request.instrument_id} is gone")
    books, held = await _held(service, state, Actor(request.asked_by))
    try:
        wish = BalanceRefundWish(request.instrument_id, request.amount_micros, DESCRIPTION)
        refused = (await balance_refunds.give_back(books, held, wish, request.redemption_id)).stopped
    except Refused as problem:
        refused = problem
    if refused is not None and refused.refusal in _PASSING:
        return
    paid_micros = await balance_refunds.given_under(books, held, request.redemption_id)
    reason = None if refused is None or paid_micros else refused.message
    await _end(service, books, state, request, paid_micros, reason)


async def _end(
    service: Service,
    books: BookContext,
    state: AuthorizationState,
    request: RedemptionRequest,
    paid_micros: int,
    refused: str | None,
) -> None:
    buyer = await parties.find(service.pool, request.asked_by)
    seller = await parties.find(service.pool, books.seller_id)
    at: datetime = service.clock()

    async def write(connection: Connection) -> None:
        if not await redemptions.end(connection, request, at, paid_micros, refused):
            return
        details = {"asked": display_amount(request.amount_micros), "paid": display_amount(paid_micros)}
        await audit.record(
            connection,
            books.actor,
            "balance.redeem",
            request.instrument_id,
            business_id=books.seller_id,
            environment=books.environment,
            details=details | ({"refused": refused} if refused else {}),
            at=at,
        )
        await redemption_letters.write(service, connection, state, buyer, seller, request, paid_micros)

    await in_transaction(service.pool, write)


async def _held(service: Service, state: AuthorizationState, actor: Actor) -> tuple[BookContext, InstrumentRecord]:
    """The books that a balance is in, as their own staff would work with them, and the balance."""
    authorization = state.authorization
    books = await context_with_book(service, actor, authorization.seller_id, authorization.book_id)
    held = None
    if books is not None and state.prepaid:
        held = await instrument_list.instrument(service.pool, books.parts, authorization.authorization_id)
    if books is None or held is None:
        raise LookupError(f"{authorization.authorization_id} is no prepaid balance")
    return books, held
