"""Payouts in /v1: asking for one. What became of it is read as of any transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tallystick.domain.money import format_amount, parse_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import Field
from tallystick.services.operations.audit import Actor
from tallystick.services.payouts import payouts
from tallystick.services.payouts.payouts import NotReadyError, PayoutWish
from tallystick.services.reports import transactions as reports
from tallystick.web.v1 import transactions
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import JsonInput
from tallystick.web.v1.problems import CODES, JsonProblemError, RefusedProblemError

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Asked

AMOUNT: Final = JsonInput(
    Field("amount", "decimal", OPTIONAL, "How much, in whole cents; all that is held, if it is not given."), "250.00"
)

CODES_OF: Final = tuple(
    CODES[refusal][1]
    for refusal in (
        Refusal.AmountOutOfRange,
        Refusal.ConcurrentModification,
        Refusal.DuplicateRequest,
        Refusal.InsufficientBalance,
        Refusal.InvalidAccountState_Caller,
    )
)
"""Problems that the use case can come to."""


async def create(asked: Asked) -> Reply:
    """Let cash leave for the bank; the audit log names the key. Raises ProblemError."""
    given = asked.given
    amount_micros = parse_amount(given["amount"]) if "amount" in given else None
    books = replace(asked.books, actor=Actor.command(f"key {asked.key.access_key_id}"))
    try:
        made = await payouts.ask(
            books, PayoutWish(amount_micros, given.get("note")), asked.idempotency_key, refusal_spends=False
        )
    except NotReadyError as problem:
        raise JsonProblemError("payout_not_ready", str(problem)) from None
    except Refused as refused:
        raise await _explained(asked, refused) from None
    transaction_id = made.accepted.transaction_id
    found = await transactions.find(asked.books, transaction_id)
    return Reply(transactions.transaction_object(asked.books, found), transaction_id, replayed=not made.is_new)


async def _explained(asked: Asked, refused: Refused) -> RefusedProblemError:
    """A refusal with what helps: the most that could be paid out, or the transaction that the key stands for."""
    if refused.refusal is Refusal.DuplicateRequest:
        known = await reports.known_by_reference(asked.books, asked.idempotency_key)
        return RefusedProblemError(refused, transaction=known)
    if refused.refusal is Refusal.InsufficientBalance:
        largest = await payouts.largest(asked.books)
        return RefusedProblemError(refused, field="amount", largest_amount=format_amount(largest))
    return RefusedProblemError(refused)
