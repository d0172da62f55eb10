"""A prepaid balance that falls below an amount of the seller's own is an event: choose the amount, look for such.

A pass of the worker looks, and payments know nothing of it: docs/decisions/206-a-low-balance-is-found-by-a-pass.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain.messages.events import BALANCE_LOW, LOW
from tallystick.domain.money import display_amount, parse_amount
from tallystick.services.form_errors import FormError
from tallystick.services.operations import audit
from tallystick.store.charges import charge_rules
from tallystick.store.events import events, low_balances
from tallystick.store.ledger import shards

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.services.context import Service
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.events.low_balances import WatchedBook

FIELD: Final = "low_balance"
"""The field of forms in which the amount is typed."""

NONE: Final = "none"
AT_ONCE: Final = 1_000


def read_amount(text: str) -> int | None:
    """An amount as typed, in micro-units, from 0.000001 on; None for nothing. Raises FormError."""
    typed = text.strip()
    if not typed:
        return None
    try:
        micros = parse_amount(typed)
    except ValueError:
        micros = 0
    if not micros:
        raise FormError({FIELD: "Type an amount from 0.000001 on, below a million million, such as 5.00, or nothing."})
    return micros


async def amount(books: BookContext) -> int | None:
    """What counts in these books; None: no balance is low."""
    return await low_balances.amount(books.service.pool, books.parts[0])


async def set_amount(books: BookContext, micros: int | None) -> None:
    """Below this a balance is low from now on, in one commit with its row in the audit log; None: none is.

    The same as before: nothing is written down. Nothing is told of balances that are below it now.
    """
    service, now = books.service, books.service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        await charge_rules.lock(connection, books.parts)
        before = await low_balances.amount(connection, books.parts[0])
        if before == micros:
            return
        parts = await shards.shards_of_seller(connection, books.seller_id, books.environment)  # one may be new
        await low_balances.set_amount(connection, parts, micros, now)
        await audit.record(
            connection,
            books.actor,
            "events.low_balance",
            _shown(micros),
            business_id=books.seller_id,
            environment=books.environment,
            details={"before": _shown(before)},
            at=now,
        )


def _shown(micros: int | None) -> str:
    return NONE if micros is None else display_amount(micros)


async def tell_low_balances(service: Service) -> int:
    """Have balances told that have fallen below their sellers' amounts since the last pass; how many.

    Raises WrongClockError: how far was looked would be written down by it.
    """
    now, told = service.trusted_now(), 0
    for book in await low_balances.books(service.pool):
        told += await look_at(service, book, now)
    return told


async def look_at(service: Service, book: WatchedBook, now: datetime, *, at_once: int = AT_ONCE) -> int:
    """Look at one book; how many balances are told. `now`: real time; `at_once`: changes in a commit.

    0 also while another process is at it.

    What is told, and that it is, is one commit under the lock of the book's looks: a rival tells nothing twice.
    """
    book_now = now + book.clock_offset
    await low_balances.open_look(service.pool, book.book_id)
    async with service.pool.acquire() as connection, connection.transaction():
        state = await low_balances.lock_look(connection, book.book_id)
        if state is None:
            return 0
        if not state.goes_on(book) or state.begun_at is None:
            await low_balances.begin(connection, book, book_now)
            return 0
        found = await low_balances.changed(connection, book, state, book_now, at_once)
        if found:
            await low_balances.keep(connection, book.book_id, found)
        name = f"low {int(book_now.timestamp() * 1000)}"  # it may be low again before this one has its number
        told = [(one.instrument_id, name, LOW, BALANCE_LOW) for one in found if one.is_low and one.is_usable]
        if told:
            await events.enqueue(connection, book.book_id, told, book_now, now)
        if len(found) < at_once:  # else the next look begins at the same place, and finds what is not written down yet
            await low_balances.advance(connection, book, state.begun_at, book_now)
    return len(told)
