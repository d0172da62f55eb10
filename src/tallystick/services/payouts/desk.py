"""The operator's side of payouts: what waits for people, what a bank said, and files for the bank."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.commands import ReturnPayout
from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.domain.money import display_amount
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.rails.commands import Declined, Paid, ResolvePayout
from tallystick.domain.refusals import Refused
from tallystick.processors.payout_file import BankFile, BankTransfer, PayoutFileError
from tallystick.processors.payout_rail import TRANSFER, NotTakenBackError
from tallystick.processors.transfer_payouts import transfer_rail
from tallystick.services.operations import audit
from tallystick.services.payouts.payouts import AUTOMATIC
from tallystick.services.seller.manual_operations import context_with_book
from tallystick.store.payouts import destinations, files, payouts
from tallystick.store.payouts.files import PayoutFile
from tallystick.store.payouts.payouts import PayoutRecord

if TYPE_CHECKING:
    from tallystick.domain.banking.bank_accounts import BankAccount
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "PayoutFile",
    "PayoutFileError",
    "PayoutRecord",
    "PayoutStateError",
    "account_of",
    "ended",
    "file_content",
    "files_of",
    "find",
    "make_file",
    "mark_failed",
    "mark_file_sent",
    "mark_returned",
    "mark_sent",
    "take_back",
    "under_way",
    "waiting_files",
]

_log = structlog.get_logger(__name__)
_NOT_SENT: Final = "PayoutNotSent"
"""The status code of a payout that people say was not sent."""


class PayoutStateError(Exception):
    """A payout is no longer, or not yet, where this can be said of it; the message tells why."""


@dataclass(frozen=True, slots=True)
class _Named:
    """What the audit log says of a payout."""

    payout: PayoutRecord
    actor: Actor


async def under_way(service: Service, environment: str, maximum: int) -> list[PayoutRecord]:
    """Those that are not known to be sent, the oldest first."""
    return await payouts.under_way(service.pool, environment, maximum)


async def ended(service: Service, environment: str, maximum: int) -> list[PayoutRecord]:
    """Those that are over, the newest first."""
    return await payouts.latest_ended(service.pool, environment, maximum)


async def find(service: Service, text: str) -> PayoutRecord | None:
    """A payout by its id; None where there is none."""
    try:
        book_id = book_of_transaction(text)
    except MalformedIdError:
        return None
    return await payouts.find(service.pool, book_id, TransactionId(text))


async def account_of(service: Service, payout: PayoutRecord) -> BankAccount | None:
    """The bank account that a payout goes to, in clear: for who sends the money. None: it was only recorded."""
    if payout.destination_id is None:
        return None
    destination = await destinations.find(service.pool, payout.destination_id)
    return None if destination is None else destination.open(service.vault)


async def mark_sent(service: Service, actor: Actor, payout: PayoutRecord, reference: str | None) -> None:
    """The bank has it. Said twice, it changes nothing. Raises PayoutStateError."""
    _check_by_people(payout)
    await _resolve(service, payout, ResolvePayout(payout.transaction_id, Paid(), reference))
    await _record(service, _Named(payout, actor), "payout.sent", reference=reference or "")


async def mark_failed(service: Service, actor: Actor, payout: PayoutRecord, reason: str) -> None:
    """It was not sent, and never will be: it is the seller's cash again. Raises PayoutStateError."""
    _check_by_people(payout)
    await _resolve(service, payout, ResolvePayout(payout.transaction_id, Declined(_NOT_SENT, reason)))
    await _record(service, _Named(payout, actor), "payout.failed", reason=reason)


async def mark_returned(service: Service, actor: Actor, payout: PayoutRecord, reason: str) -> TransactionId:
    """The seller's bank has sent it back, all of it: it is the seller's cash again. Raises PayoutStateError."""
    books = await context_with_book(service, actor, payout.seller_id, payout.book_id)
    if books is None:
        raise PayoutStateError("the seller has no such books any more")
    made = books.request(
        payout.book_id, "PayoutReturn", f"return-{payout.transaction_id}", [("PayoutId", payout.transaction_id)]
    )
    outcome = await service.committer.perform(payout.book_id, ReturnPayout(made, payout.transaction_id, reason))
    if isinstance(outcome, Refused):
        raise PayoutStateError(outcome.message)
    if not isinstance(outcome, Accepted):
        raise TypeError(f"a return came to {outcome!r}")
    if outcome.transaction_id == made.transaction_id:
        await _record(service, _Named(payout, actor), "payout.returned", reason=reason)
    return outcome.transaction_id


async def take_back(service: Service, actor: Actor, payout: PayoutRecord) -> TransactionId:
    """Have the provider take a transfer back, unless it did, and say that it came back. Raises PayoutStateError."""
    if payout.rail != TRANSFER or payout.status != TransactionStatus.SUCCESS.value or payout.bank_reference is None:
        raise PayoutStateError("it is no transfer that was made")
    if payout.returned_micros:
        raise PayoutStateError("it came back already")
    try:
        rail = transfer_rail(service.rails, payout.environment, payout.rail)
        await rail.take_back(payout.bank_reference, f"{payout.transaction_id}.reversal")
    except NotTakenBackError as error:
        raise PayoutStateError(str(error)) from None
    except Exception as error:
        _log.warning("transfer_not_known_to_be_taken_back", payout=payout.transaction_id, error=repr(error))
        raise PayoutStateError("the provider did not say whether it took it back: try again in a while") from error
    return await mark_returned(service, actor, payout, "Taken back by the operator")


async def make_file(service: Service, actor: Actor, environment: str) -> PayoutFile:
    """A file for the bank with every payout that waits for one, which are in it and in no other from then on.

    Raises PayoutFileError: there is none, the sender is not set, or a payout does not fit.
    """
    settings, now = service.settings, service.clock()
    if settings.payout_sender_name is None or settings.payout_sender_iban is None:
        raise PayoutFileError(
            "set TALLYSTICK_PAYOUT_SENDER_NAME and TALLYSTICK_PAYOUT_SENDER_IBAN: the bank account that payouts leave"
        )
    made = BankFile(settings.payout_sender_name, settings.payout_sender_iban)
    async with service.pool.acquire() as connection, connection.transaction():
        waiting = await payouts.put_into_file(connection, environment, made.message_id)
        if not waiting:
            raise PayoutFileError("no payout waits for a file")
        transfers = []
        for one in waiting:
            destination = await destinations.find(connection, one.destination_id)
            account = None if destination is None else destination.open(service.vault)
            if account is None or account.iban is None:
                raise PayoutFileError(f"payout {one.transaction_id}: its bank account has no IBAN")
            transfers.append(BankTransfer(one.transaction_id, one.amount_micros, account))
        content = made.content(transfers, now.date(), f"Payout {settings.payout_sender_name}")
        total_micros = sum(one.amount_micros for one in waiting)
        file = PayoutFile(made.message_id, environment, len(waiting), total_micros, now)
        await files.add(connection, service.vault, file, content, actor.party_id)
        details = {"payouts": len(waiting), "total": display_amount(total_micros)}
        await audit.record(
            connection, actor, "payout.file", made.message_id, environment=environment, details=details, at=now
        )
    return file


async def files_of(service: Service, environment: str, maximum: int) -> list[PayoutFile]:
    """The newest first."""
    return await files.latest(service.pool, environment, maximum)


async def waiting_files(service: Service, shown: Sequence[PayoutFile]) -> set[str]:
    """Which of them, by their message ids, the bank may still have to take: some payout is not over yet."""
    return await files.waiting(service.pool, [file.message_id for file in shown])


async def file_content(service: Service, message_id: str) -> bytes | None:
    """What goes to the bank, as often as somebody fetches it; None: there is no such file."""
    return await files.content(service.pool, service.vault, message_id)


async def mark_file_sent(service: Service, actor: Actor, message_id: str, reference: str | None) -> int:
    """The bank has taken all of a file; how many of its payouts were not known to be sent."""
    waiting = await files.under_way(service.pool, message_id)
    for book_id, transaction_id in waiting:
        payout = await payouts.find(service.pool, book_id, transaction_id)
        if payout is not None:
            with suppress(PayoutStateError):  # somebody has said what became of it in the meantime, and that counts
                await mark_sent(service, actor, payout, reference or message_id)
    return len(waiting)


def _check_by_people(payout: PayoutRecord) -> None:
    if payout.rail in AUTOMATIC and payout.ended_at is None:
        raise PayoutStateError("its rail answers by itself: nobody else can say what became of it")
    if payout.ended_at is not None:
        raise PayoutStateError(f"it is over: {payout.status}")


async def _resolve(service: Service, payout: PayoutRecord, resolve: ResolvePayout) -> None:
    """Raises PayoutStateError, also where somebody has said the opposite since `payout` was read, and that counts."""
    outcome = await service.committer.perform(payout.book_id, resolve)
    if isinstance(outcome, Refused):
        raise PayoutStateError(outcome.message)
    found = await payouts.find(service.pool, payout.book_id, payout.transaction_id)
    expected = TransactionStatus.FAILURE if isinstance(resolve.answer, Declined) else TransactionStatus.SUCCESS
    if found is not None and found.status != expected.value:
        raise PayoutStateError(f"it is over: {found.status}")


async def _record(service: Service, named: _Named, action: str, **details: str) -> None:
    payout = named.payout
    await audit.record(
        service.pool,
        named.actor,
        action,
        payout.transaction_id,
        business_id=payout.seller_id,
        environment=payout.environment,
        details=details | {"amount": display_amount(payout.amount_micros)},
        at=service.clock(),
    )
