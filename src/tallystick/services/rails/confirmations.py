"""Payments that a buyer has to confirm with the bank: the letter about it, and the page to which it leads.

The payment itself has failed by then, as the protocol has it. Once the buyer has confirmed, the seller tries again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.ids import MalformedIdError, book_of_transaction
from tallystick.services.identity import email_templates, mail
from tallystick.store.accounts import parties, payment_methods
from tallystick.store.queries import reads
from tallystick.store.rails import rail_operations
from tallystick.words import dollars
from tallystick.words.languages import ENGLISH, LANGUAGES, speaking

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, PartyId, TransactionId
    from tallystick.domain.rails.commands import RailOperation
    from tallystick.services.context import Service
    from tallystick.store.accounts.payment_methods import PaymentMethod

PLACE: Final = "/account/confirmations"
"""The page about one of them, followed by the transaction's id."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A payment that its buyer has to confirm. `url`: where, None where the means of payment is set up once more.

    `method`: what was to be charged, None where that is not known any more. `acted_at`: when the buyer went there.
    """

    transaction_id: TransactionId
    seller: str
    amount_micros: int
    url: str | None
    method: PaymentMethod | None
    asked_at: datetime
    acted_at: datetime | None


async def ask(
    service: Service, book_id: BookId, transaction_id: TransactionId, operation: RailOperation, url: str | None
) -> None:
    """Write down that the buyer has to confirm, and send the letter about it: once, however often the rail says it."""
    now = service.clock()
    transaction = await reads.transaction(service.pool, book_id, transaction_id)
    buyer = None
    if transaction is not None and transaction.buyer is not None:
        buyer = await parties.find(service.pool, transaction.buyer.party_id)
    async with service.pool.acquire() as connection, connection.transaction():
        if not await rail_operations.ask_for_action(connection, book_id, transaction_id, operation, url, now):
            return
        if transaction is None or buyer is None:
            _log.warning("nobody_to_confirm", transaction_id=transaction_id)
            return
        with speaking(LANGUAGES.get(buyer.language or "", ENGLISH)):
            letter = email_templates.confirm_payment(
                transaction.merchant.name,
                dollars(transaction.amount_micros),
                mail.address_of(service, f"{PLACE}/{transaction_id}"),
            )
        await mail.post(service, buyer.email, letter, connection)


async def find(service: Service, party_id: PartyId, text: str) -> Confirmation | None:
    """A payment of this buyer that has to be confirmed; None: there is none of this id."""
    try:
        book_id = book_of_transaction(text)
    except MalformedIdError:
        return None
    transaction_id: TransactionId = text  # type: ignore[assignment] # well formed, as its book could be read
    transaction = await reads.transaction(service.pool, book_id, transaction_id)
    if transaction is None or transaction.buyer is None or transaction.buyer.party_id != party_id:
        return None
    known = await rail_operations.of_transaction(service.pool, book_id, transaction_id)
    asked = next((one for one in known if one.action_at is not None), None)
    if asked is None or asked.action_at is None:
        return None
    number = asked.payment_method_id
    return Confirmation(
        transaction_id,
        transaction.merchant.name,
        transaction.amount_micros,
        asked.action_url or None,
        None if number is None else await payment_methods.find(service.pool, number),
        asked.action_at,
        asked.acted_at,
    )


async def acted(service: Service, confirmation: Confirmation) -> None:
    """The buyer goes there to confirm."""
    book_id = book_of_transaction(confirmation.transaction_id)
    await rail_operations.acted(service.pool, book_id, confirmation.transaction_id, service.clock())
