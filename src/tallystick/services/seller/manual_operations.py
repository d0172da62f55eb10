"""What staff do by hand with a seller's money and tokens: the commands of the API, without its requests.

A form carries the caller reference of its command, so a form that is sent twice moves money once, and has one row in
the audit log.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import CancelToken, Refund, RefundPolicy, Request
from tallystick.domain.environments import ENVIRONMENTS
from tallystick.domain.ids import book_named_in
from tallystick.domain.money import display_amount
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.call import fingerprint
from tallystick.services.operations import audit
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.services.seller.books import books_of, clock_offset
from tallystick.store.ledger.dry_run import dry_run

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, PartyId, TransactionId
    from tallystick.domain.state import Decision, Instrument
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.queries.tokens import TokenRecord

_REFERENCE: Final = re.compile(r"console-[0-9a-f]{20}")


@dataclass(frozen=True, slots=True)
class BookContext:
    """Where staff work with a seller's money: all of the seller's books in one environment, and who works there.

    `now` is the books' own time.
    """

    service: Service
    actor: Actor
    seller_id: PartyId
    environment: str
    parts: tuple[BookId, ...]
    now: datetime

    async def record(self, action: str, subject: str = "", **details: object) -> None:
        """Write down in the audit log what was done with these books; never a secret."""
        await audit.record(
            self.service.pool,
            self.actor,
            action,
            subject,
            business_id=self.seller_id,
            environment=self.environment,
            details=details,
            at=self.service.clock(),
        )

    def request(
        self,
        book_id: BookId,
        action: str,
        reference: str,
        content: Sequence[tuple[str, str]],
        description: str | None = None,
    ) -> Request:
        """What a money command for a book carries; `content`: all that makes it this request and no other."""
        return Request(
            transaction_id=fresh_transaction_id(book_id, self.now),
            caller_id=self.seller_id,
            caller_reference=reference,
            fingerprint=fingerprint(action, content),
            requested_at=self.service.clock(),
            caller_description=description,
        )


async def context_with_book(service: Service, actor: Actor, seller_id: PartyId, book_id: BookId) -> BookContext | None:
    """The context of the environment that this book of the seller's is in; None: it is none of theirs."""
    for environment in ENVIRONMENTS:
        parts = await books_of(service, seller_id, environment)
        if book_id in parts:
            now = service.clock() + await clock_offset(service, parts)
            return BookContext(service, actor, seller_id, environment, parts, now)
    return None


@dataclass(frozen=True, slots=True)
class RefundWish:
    """A refund as the form asks for it, in micro-units; no amount: all that is left."""

    original_id: TransactionId
    amount_micros: int | None
    policy: RefundPolicy
    description: str | None


@dataclass(frozen=True, slots=True)
class RefundPreview:
    """What a refund would do, in micro-units.

    `fee_back_micros`, `share_back_micros`: what of the service's fee and of the caller's share goes back with it.
    `cash_micros`: by how much the seller's cash changes. `left_micros`: what could still be refunded after it.
    `pending`: a payment network is asked first. `instrument`: the balance or tab as it would be then.
    """

    amount_micros: int
    fee_back_micros: int
    share_back_micros: int
    cash_micros: int
    left_micros: int
    pending: bool
    instrument: Instrument | None


def new_reference() -> str:
    """A caller reference for one form."""
    return f"console-{secrets.token_hex(10)}"


def is_reference(text: str) -> bool:
    """Whether a form's reference can be one of ours; another one might be the seller's own program's."""
    return _REFERENCE.fullmatch(text) is not None


def cash_moved(decision: Decision) -> int:
    """By how much the seller's cash changes, in micro-units."""
    cash = TOTALS[AccountKind.CASH]
    into = sum(transfer.amount_micros for transfer in decision.transfers if transfer.debit == cash)
    return into - sum(transfer.amount_micros for transfer in decision.transfers if transfer.credit == cash)


async def preview_refund(books: BookContext, wish: RefundWish, reference: str) -> RefundPreview | Accepted:
    """What the refund would do now; or what it came to, where it was made under this reference already.

    Raises Refused: what it would be refused with.
    """
    (decision,) = await dry_run(
        books.service.committer, book_named_in(wish.original_id), [_refund(books, wish, reference)]
    )
    if isinstance(decision.outcome, Refused):
        raise decision.outcome
    if isinstance(decision.outcome, Accepted) and not decision.transactions:
        return decision.outcome
    original, made = decision.transactions
    return RefundPreview(
        amount_micros=made.amount_micros,
        fee_back_micros=-made.fee_micros,
        share_back_micros=-made.marketplace_fee_micros,
        cash_micros=cash_moved(decision),
        left_micros=original.refundable_micros,
        pending=made.status is TransactionStatus.PENDING,
        instrument=decision.instruments[0] if decision.instruments else None,
    )


async def refund(books: BookContext, wish: RefundWish, reference: str) -> Accepted:
    """Refund, now or before under the same reference. Raises Refused."""
    command = _refund(books, wish, reference)
    outcome = await books.service.committer.perform(book_named_in(wish.original_id), command)
    if not isinstance(outcome, Accepted):
        raise outcome if isinstance(outcome, Refused) else TypeError(f"a refund came to {outcome!r}")
    if outcome.transaction_id == command.request.transaction_id:  # not an answer that was given before
        amount = wish.amount_micros
        await books.record(
            "money.refund",
            outcome.transaction_id,
            original=wish.original_id,
            amount="all that was left" if amount is None else display_amount(amount),
        )
    return outcome


async def cancel_token(books: BookContext, token: TokenRecord) -> bool:
    """Bar a token from further use; False: it was cancelled before. Raises Refused."""
    command = CancelToken(token.token_id, by=books.seller_id)
    outcome = await books.service.committer.perform(book_named_in(token.token_id), command)
    if isinstance(outcome, Refused):
        if outcome.refusal is not Refusal.TokenNotActive:
            raise outcome
        return False
    await books.record("token.cancel", token.token_id, purpose=token.purpose, reference=token.caller_reference)
    return True


def _refund(books: BookContext, wish: RefundWish, reference: str) -> Refund:
    content = [
        ("TransactionId", wish.original_id),
        ("RefundAmount", str(wish.amount_micros)),
        ("MarketplaceRefundPolicy", wish.policy.value),
        ("CallerDescription", wish.description or ""),
    ]
    request = books.request(book_named_in(wish.original_id), "Refund", reference, content, wish.description)
    return Refund(request, wish.original_id, wish.amount_micros, wish.policy)
