"""A long history, copied into the tables at once: for what must stay quick and small however much there is.

Only transactions are written, so such a book does not balance: it belongs in a database of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from tests.support.books import Books, Buyer
from tests.support.owner import execute_as_owner

from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.ids import make_transaction_id

MICROS = 1_000_000
COLUMNS = (
    "book_id",
    "transaction_id",
    "operation",
    "status",
    "status_code",
    "amount_micros",
    "payment_method",
    "sender_party_id",
    "sender_token_id",
    "instrument_id",
    "caller_reference",
    "sender_description",
    "requested_at",
    "received_at",
    "completed_at",
    "own_debit_account",
    "status_number",
    "fee_micros",
    "refunded_micros",
)


async def write_history(shop: Books, buyers: Sequence[Buyer], count: int, span: timedelta) -> None:
    """`count` payments of these buyers, one after the other, spread over the time until now.

    In each second round of the buyers, payments that succeeded name the account they came from, and leave out the rest.
    """
    async with shop.pool.acquire() as connection:
        rows = _rows(shop, buyers, count, span)
        await connection.copy_records_to_table("transaction", records=rows, columns=COLUMNS)
    await execute_as_owner(shop.pool, "ANALYZE transaction")


def _rows(shop: Books, buyers: Sequence[Buyer], count: int, span: timedelta) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(7)  # noqa: S311 - the same history each time
    begin = shop.clock() - span
    for number in range(count):
        at = begin + span * number / count
        buyer = buyers[number % len(buyers)]
        failed = number % 1000 == 17
        is_tab = buyer.instrument.startswith("C")
        own = number // len(buyers) % 2 == 1 and not failed
        yield (
            shop.book_id,
            make_transaction_id(shop.book_id, int(at.timestamp() * 1000), chance.randbytes(5)),
            "Pay",
            "Failure" if failed else "Success",
            "InsufficientBalance" if failed else None if own else "Success",
            (1 + number % 40) * MICROS // 4,
            "Debt" if is_tab else "Prepaid",
            buyer.party_id,
            None if own else buyer.spending,
            None if own else buyer.instrument,
            f"order-{number}",
            f"Song number {number} of the collection",
            at,
            at,
            at,
            account_id(AccountKind.RECEIVABLE if is_tab else AccountKind.PREPAID, buyer.instrument) if own else None,
            None if own else 1,
            None if own else 0,
            None if own else 0,
        )
