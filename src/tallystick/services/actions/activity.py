"""GetAccountActivity: what happened, page by page.

The order is that of the transaction ids, which carry the moment of receipt in milliseconds. A page ends, where that
is possible, between two milliseconds, so that StartTimeForNextTransaction alone says where the next one begins.

* Ascending: StartTimeForNextTransaction is the StartDate of the next call.
* Descending: it is the next call's EndDate, with the same StartDate. A client that uses it as StartDate instead, as
  one sentence of the guides reads, gets on all the same: the value tells that it came from a descending page and is
  taken as the far end; only the client's own beginning is lost then. That is told by microseconds, so a client that
  keeps milliseconds has to use EndDate, or the ascending order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import milliseconds_of_transaction, transaction_ids_from
from tallystick.domain.moments import format_moment, fraction_digits
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.actions.transactions import AT_A_TIME, name_of, parts, received_at
from tallystick.services.api.call import amount
from tallystick.store.queries import reads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result, Value

MIN_BATCH: Final = 20
MAX_BATCH: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_NO_END: Final = 1 << 48  # not "now": the clock of another process may be a little ahead of ours

# A cursor is a dateTime with more digits than the millisecond's. The next 3 are one more than the transactions of that
# millisecond which were shown already; clients that keep microseconds send them back. Where these are too many, 13
# digits follow the millisecond: 3 zeros, 9 that count, 1 for the direction.
_MARK: Final = slice(3, 6)
_MAX_BY_MARK: Final = 998
_LONG_DIGITS: Final = 16
_SKIP: Final = slice(6, 15)
_DESCENDING: Final = "1"


@dataclass(frozen=True, slots=True)
class _Range:
    """Milliseconds since 1970, both ends included; `skip` were shown already, at the end where reading begins."""

    first: int
    last: int
    ascending: bool
    skip: int


@dataclass(frozen=True, slots=True)
class _Cursor:
    """A cursor: a page begins at a millisecond of which `skip` transactions were shown already."""

    milliseconds: int
    skip: int
    descending: bool


async def get_account_activity(call: Call) -> Result:
    """Transactions in which the caller took part. Raises Refused: InvalidDateRange, InvalidParams."""
    names = [name for name in ("TransactionStatus", "Status") if call.values.given.get(name)]
    if len({call.values.given[name] for name in names}) > 1:
        message = "Status is another name of TransactionStatus; the two differ, and only one can be the filter."
        raise Refused(Refusal.InvalidParams, message)
    wanted = await _range(call)
    batch = call.values.integer("MaxBatchSize") if "MaxBatchSize" in call.values.parsed else MIN_BATCH
    entries = await _read(call, wanted, batch + 1)
    shown, next_start = _page(entries, batch, wanted)
    transactions: list[Mapping[str, Value]] = []
    for start in range(0, len(shown), AT_A_TIME):
        transactions += [_transaction(call, entry) for entry in shown[start : start + AT_A_TIME]]
        await call.step_aside()
    return {
        "BatchSize": len(shown),
        "Transaction": transactions,
        "StartTimeForNextTransaction": next_start,
    }


async def _read(call: Call, wanted: _Range, maximum: int) -> Sequence[reads.ActivityEntry]:
    return await reads.activity(
        call.service.pool,
        reads.ActivityQuery(
            parts=call.key.parts,
            party_id=call.key.party_id,
            environment=call.key.environment,
            ids_from=transaction_ids_from(wanted.first),
            ids_until=transaction_ids_from(wanted.last + 1),
            ascending=wanted.ascending,
            maximum=maximum,
            skip=wanted.skip,
            operation=call.values.optional_text("FPSOperation"),
            payment_method=call.values.optional_text("PaymentMethod"),
            status=call.values.optional_text("TransactionStatus"),
            roles=call.values.texts("Role") or None,
        ),
        call.step_aside,
    )


async def _range(call: Call) -> _Range:
    ascending = call.values.optional_text("SortOrderByDate") == "Ascending"
    start, end = call.values.optional_moment("StartDate"), call.values.optional_moment("EndDate")
    if start is None:
        raise TypeError("StartDate is required")
    from_start = await _cursor(call, "StartDate", start, ascending=ascending)
    if from_start is not None and from_start.descending and not ascending:
        return _Range(0, from_start.milliseconds, ascending, from_start.skip)
    now = call.book_now
    if start > now:
        raise Refused(Refusal.InvalidDateRange, "StartDate lies in the future.")
    if end is not None and end < start:
        raise Refused(Refusal.InvalidDateRange, "EndDate lies before StartDate.")
    first = -(-(start - _EPOCH) // _MILLISECOND) if start > _EPOCH else 0
    last = _NO_END if end is None else _milliseconds(end)
    if ascending:
        if from_start is None:
            return _Range(first, last, ascending, 0)
        return _Range(from_start.milliseconds, last, ascending, from_start.skip)
    from_end = None if end is None else await _cursor(call, "EndDate", end, ascending=ascending)
    return _Range(first, last, ascending, 0 if from_end is None else from_end.skip)


def _milliseconds(moment: datetime) -> int:
    return max(0, (moment - _EPOCH) // _MILLISECOND)


async def _cursor(call: Call, name: str, moment: datetime, *, ascending: bool) -> _Cursor | None:
    """The page cursor that a date carries in its microseconds; None where it is a plain date.

    A client's own microseconds look like a cursor. A cursor was given for a transaction that is still to be shown, so
    where that millisecond has no such transaction, the date is a plain one.
    """
    digits, milliseconds = fraction_digits(call.values.given[name]), _milliseconds(moment)
    if len(digits) == _LONG_DIGITS:
        return _Cursor(milliseconds, int(digits[_SKIP]), digits[-1] == _DESCENDING)
    mark = int(digits.ljust(_MARK.stop, "0")[_MARK])
    if mark == 0:
        return None
    rest = _Range(milliseconds, milliseconds, ascending, mark - 1)
    return _Cursor(milliseconds, mark - 1, descending=not ascending) if await _read(call, rest, 1) else None


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
    if skip <= _MAX_BY_MARK:
        return f"{moment}{skip + 1:03d}{offset}"
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
        "TransactionPart": parts(call, transaction),
        "PaymentMethod": transaction.payment_method,
        "SenderName": name_of(transaction.payer),
        "CallerName": transaction.seller.name,
        "RecipientName": name_of(transaction.payee),
        "FPSFees": amount(transaction.fee_micros),
        "Balance": amount(entry.cash_after_micros),
        "SenderTokenId": transaction.token_id,
        "RecipientTokenId": transaction.recipient_token_id,
    }
