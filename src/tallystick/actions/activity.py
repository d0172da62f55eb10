"""GetAccountActivity: what happened, page by page.

The order is that of the transaction ids, which carry the moment of receipt in milliseconds. A page ends, where that
is possible, between two milliseconds, so that StartTimeForNextTransaction alone says where the next one begins.

* Ascending: StartTimeForNextTransaction is the StartDate of the next call.
* Descending: it is the next call's EndDate, with the same StartDate. A client that uses it as StartDate instead, as
  one sentence of the guides reads, gets on all the same: the value tells that it came from a descending page and is
  taken as the far end; only the client's own beginning is lost then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.actions.call import amount
from tallystick.actions.transactions import name_of, received_at, roles_of
from tallystick.domain.ids import milliseconds_of_transaction, transaction_ids_from
from tallystick.domain.moments import format_moment, fraction_digits
from tallystick.domain.refusals import Refusal, Refused
from tallystick.ledger import reads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallystick.actions.call import Call
    from tallystick.actions.types import Result, Value

LEAST_BATCH: Final = 20
MOST_BATCH: Final = 200

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_NO_END: Final = 1 << 48  # not "now": the clock of another process may be a little ahead of ours

# A cursor is a dateTime whose fraction has 16 digits: 3 of the millisecond, 3 zeros, 9 that count the transactions of
# that millisecond which were shown already, 1 for the direction.
_CURSOR_DIGITS: Final = 16
_SKIP: Final = slice(6, 15)
_DESCENDING: Final = "1"


@dataclass(frozen=True, slots=True)
class _Range:
    """Milliseconds since 1970, both ends included; `skip` were shown already, at the end where reading begins."""

    first: int
    last: int
    ascending: bool
    skip: int


async def get_account_activity(call: Call) -> Result:
    """Transactions in which the caller took part. Raises Refused: InvalidDateRange."""
    wanted = _range(call)
    batch = call.values.integer("MaxBatchSize") if "MaxBatchSize" in call.values.parsed else LEAST_BATCH
    entries = await reads.activity(
        call.service.pool,
        reads.ActivityQuery(
            parts=call.key.parts,
            party_id=call.key.party_id,
            environment=call.key.environment,
            ids_from=transaction_ids_from(wanted.first),
            ids_until=transaction_ids_from(wanted.last + 1),
            ascending=wanted.ascending,
            most=batch + 1,
            skip=wanted.skip,
            operation=call.values.optional_text("FPSOperation"),
            payment_method=call.values.optional_text("PaymentMethod"),
            status=call.values.optional_text("TransactionStatus"),
            roles=call.values.texts("Role") or None,
        ),
    )
    shown, next_start = _page(entries, batch, wanted)
    return {
        "BatchSize": len(shown),
        "Transaction": [_transaction(call, entry) for entry in shown],
        "StartTimeForNextTransaction": next_start,
    }


def _range(call: Call) -> _Range:
    ascending = call.values.optional_text("SortOrderByDate") == "Ascending"
    start, end = call.values.optional_moment("StartDate"), call.values.optional_moment("EndDate")
    if start is None:
        raise TypeError("StartDate is required")
    start_skip, start_descends = _cursor(call.values.given["StartDate"])
    if start_descends and not ascending:
        return _Range(0, _milliseconds(start), ascending, start_skip)
    now = call.book_now
    if start > now:
        raise Refused(Refusal.InvalidDateRange, "StartDate lies in the future.")
    if end is not None and end < start:
        raise Refused(Refusal.InvalidDateRange, "EndDate lies before StartDate.")
    end_skip, _ = _cursor(call.values.given.get("EndDate", ""))
    return _Range(
        first=-(-(start - _EPOCH) // _MILLISECOND) if start > _EPOCH else 0,
        last=_NO_END if end is None else _milliseconds(end),
        ascending=ascending,
        skip=start_skip if ascending else end_skip,
    )


def _milliseconds(moment: datetime) -> int:
    return max(0, (moment - _EPOCH) // _MILLISECOND)


def _cursor(text: str) -> tuple[int, bool]:
    """How many transactions of the millisecond were shown already, and whether on a descending page."""
    digits = fraction_digits(text)
    if len(digits) != _CURSOR_DIGITS:
        return 0, False
    return int(digits[_SKIP]), digits[-1] == _DESCENDING


def _page(
    entries: Sequence[reads.ActivityEntry], batch: int, wanted: _Range
) -> tuple[Sequence[reads.ActivityEntry], str | None]:
    """The entries of this page and where the next begins; `entries` has one more than fits when there is a next."""
    if len(entries) <= batch:
        return entries, None
    times = [milliseconds_of_transaction(entry.transaction.transaction_id) for entry in entries]
    following = times[-1]
    whole = [entry for entry, time in zip(entries, times, strict=True) if time != following]
    if whole:
        return whole, _format_cursor(following, 0, ascending=wanted.ascending)
    began_here = following == (wanted.first if wanted.ascending else wanted.last)
    skip = batch + (wanted.skip if began_here else 0)
    return entries[:batch], _format_cursor(following, skip, ascending=wanted.ascending)


def _format_cursor(milliseconds: int, skip: int, *, ascending: bool) -> str:
    text = format_moment(_EPOCH + milliseconds * _MILLISECOND)
    if ascending and not skip:
        return text
    moment, offset = text[:-6], text[-6:]
    return f"{moment}000{skip:09d}{'0' if ascending else _DESCENDING}{offset}"


def _transaction(call: Call, entry: reads.ActivityEntry) -> Mapping[str, Value]:
    transaction = entry.transaction
    return {
        "TransactionId": transaction.transaction_id,
        "CallerTransactionDate": transaction.requested_at,
        "DateReceived": received_at(transaction.transaction_id),
        "DateCompleted": transaction.completed_at,
        "TransactionAmount": amount(transaction.amount_micros),
        "FPSOperation": transaction.operation,
        "TransactionStatus": transaction.status,
        "StatusMessage": transaction.status_message,
        "StatusCode": transaction.status_code,
        "OriginalTransactionId": transaction.original_id,
        "TransactionPart": _parts(call, transaction),
        "PaymentMethod": transaction.payment_method,
        "SenderName": name_of(transaction.payer),
        "CallerName": transaction.seller.name,
        "RecipientName": name_of(transaction.payee),
        "FPSFees": amount(transaction.fee_micros),
        "Balance": amount(entry.cash_after_micros),
        "SenderTokenId": transaction.token_id,
        "RecipientTokenId": transaction.recipient_token_id,
    }


def _parts(call: Call, transaction: reads.TransactionRecord) -> list[Mapping[str, Value]]:
    """A part for each role that the asking account itself played; the fee stands with who paid it or gets it back."""
    asking = call.key.party_id
    people = (transaction.seller, transaction.merchant, transaction.buyer)
    own = next((person for person in people if person is not None and person.party_id == asking), None)
    is_caller = asking == transaction.seller.party_id
    payer_role = transaction.fee_payer
    if payer_role == "Recipient" and transaction.is_refund:
        payer_role = "Sender"  # who was paid for the goods gives the money back, and gets the fee back
    return [
        {
            "Role": role,
            "Name": name_of(own),
            "Reference": transaction.caller_reference if is_caller else None,
            "Description": transaction.caller_description if is_caller else transaction.sender_description,
            "FeesPaid": amount(transaction.fee_micros if role == payer_role else 0),
        }
        for role in roles_of(asking, transaction)
    ]
