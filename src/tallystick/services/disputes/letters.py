"""What a seller is written about a dispute: what happened, what it costs, what to do next, until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.db.database import in_transaction
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.money import USD, display_amount
from tallystick.services.identity.email_templates import Letter
from tallystick.services.identity.mail import address_of
from tallystick.store.queries import disputes
from tallystick.store.records import mail

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.db.connections import Connection
    from tallystick.domain.ids import BookId, TransactionId
    from tallystick.services.context import Service
    from tallystick.store.queries.disputes import DisputeRecord

MAX_AT_ONCE: Final = 50


async def write_letters(service: Service) -> int:
    """Write to sellers what was told of disputes since their last letter; how many letters.

    Each letter is written in one commit with the note that it was, so that none is lost and none comes twice.
    """
    written = 0
    for book_id, dispute_id in await disputes.untold(service.pool, MAX_AT_ONCE):

        async def write(
            connection: Connection, book_id: BookId = book_id, dispute_id: TransactionId = dispute_id
        ) -> bool:
            dispute = await disputes.find(connection, book_id, dispute_id)
            if dispute is None or not await disputes.mark_told(connection, dispute):
                return False
            page = address_of(
                service, f"/console/{dispute.bearer_party_id}/{dispute.environment}/disputes/{dispute_id}"
            )
            letter = letter_about(dispute, page)
            await mail.write(
                connection, service.vault, dispute.bearer_email, letter.subject, letter.text, service.clock()
            )
            return True

        written += await in_transaction(service.pool, write)
    return written


def letter_about(dispute: DisputeRecord, page: str) -> Letter:
    """The letter about the present state of a dispute. `page`: its page in the console."""
    amount = _money(dispute.asked_micros)
    if dispute.status is DisputeStatus.WON:
        subject = f"You won the dispute of {amount}"
        said = "The bank has decided for you. What it held back is yours again, and what was frozen can be spent."
    elif dispute.status is DisputeStatus.LOST:
        subject = f"You lost the dispute of {amount}"
        said = f"The bank has given the buyer {_money(dispute.claimed_micros)} back. {_borne(dispute)}"
    else:
        subject = f"A payment of {amount} is disputed"
        said = (
            f"A buyer's bank has taken {_money(dispute.claimed_micros)} back, until it is decided. {_frozen(dispute)}"
        )
        if dispute.evidence_due_at is not None:
            said += f"\n\nAnswer until {_day(dispute.evidence_due_at)}: without an answer the dispute is lost."
        else:
            said += "\n\nAnswer soon: without an answer the dispute is lost."
        said += " The evidence, ready to be handed in, is on this page:"
    lines = [said, page, f"Charge: {dispute.original_id}", f"Dispute: {dispute.reference} at {dispute.rail}"]
    if dispute.environment != "live":
        lines.append("This is the sandbox: no real money is concerned.")
    if dispute.due_micros:
        lines.insert(
            1, f"Your account does not cover {_money(dispute.due_micros)} of it: that is taken from what comes in."
        )
    return Letter(subject, "\n\n".join(lines) + "\n")


def _frozen(dispute: DisputeRecord) -> str:
    if dispute.instrument_id is None or not dispute.borne_micros:
        return f"Your account is charged with it{_with_fee(dispute)}."
    rest = f" The buyer had spent the rest, {_money(dispute.lost_micros)}." if dispute.lost_micros else ""
    return (
        f"Your account is charged with it{_with_fee(dispute)}. Of the buyer's balance {_money(dispute.borne_micros)} "
        f"cannot be spent meanwhile.{rest}"
    )


def _borne(dispute: DisputeRecord) -> str:
    if dispute.charged_by == "SettleDebt":
        owed = f"The buyer owes {_money(dispute.borne_micros)} again. " if dispute.borne_micros else ""
    else:
        owed = f"{_money(dispute.borne_micros)} came off the buyer's balance. " if dispute.borne_micros else ""
    return f"{owed}Your loss is {_money(dispute.lost_micros)}{_with_fee(dispute)}."


def _with_fee(dispute: DisputeRecord) -> str:
    return f", and with the bank's fee of {_money(dispute.fee_micros)}" if dispute.fee_micros else ""


def _money(micros: int) -> str:
    return f"{display_amount(micros)} {USD}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
