"""Open books: not on the money path, once per seller."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tallystick.db.connections import Connection, Database
from tallystick.db.statements import load_statements
from tallystick.domain.accounts import AccountKind, account_id, bounds
from tallystick.domain.ids import BookId, PartyId
from tallystick.domain.money import USD, USUAL_SMALLEST_CHARGE_MICROS

_SQL: Final = load_statements("create_book.sql", __package__)

SIMULATED_RAIL: Final = "simulated"

_SELLER_ACCOUNTS: Final = [
    (AccountKind.CASH, ""),
    (AccountKind.SALES, ""),
    (AccountKind.FEES, ""),
    (AccountKind.WRITE_OFFS, ""),
    (AccountKind.COMMISSIONS, ""),
    (AccountKind.COMMISSION_INCOME, ""),
]
_OPERATOR_ACCOUNTS: Final = [(AccountKind.FEE_INCOME, ""), (AccountKind.RAIL, SIMULATED_RAIL)]


async def create_seller_book(
    connection: Connection,
    party_id: PartyId,
    environment: str,
    now: datetime,
    smallest_charge_micros: int = USUAL_SMALLEST_CHARGE_MICROS,
) -> BookId:
    """Make a seller's book with its accounts, and what the operator's book owes the seller: nothing yet."""
    async with connection.transaction():
        operator = await operator_book(connection, environment, now)
        book_id = BookId(_random_book_id())
        await connection.execute(_SQL["create"], book_id, party_id, environment, USD, now, smallest_charge_micros)
        await _open_accounts(connection, book_id, _SELLER_ACCOUNTS)
        await _open_accounts(connection, operator, [(AccountKind.OWED_TO, str(party_id))])
    return book_id


async def create_shard(connection: Connection, first: BookId, part: int, now: datetime) -> BookId:
    """Make one more book for the seller of the book `first`, with the settings of that one."""
    book_id = BookId(_random_book_id())
    await connection.execute(_SQL["create_shard"], book_id, first, part, now)
    await _open_accounts(connection, book_id, _SELLER_ACCOUNTS)
    return book_id


async def operator_book(connection: Connection, environment: str, now: datetime) -> BookId:
    """The operator's own book of an environment, made when it is asked for first."""
    await connection.execute(_SQL["create_operator_book"], _random_book_id(), environment, USD, now)
    book_id = await connection.fetchval(_SQL["operator_book"], environment, USD)
    await _open_accounts(connection, book_id, _OPERATOR_ACCOUNTS)
    return BookId(book_id)


async def open_rail(connection: Connection, environment: str, rail: str, now: datetime) -> None:
    """Give the operator's book of an environment the account of a rail, before any order goes there."""
    async with connection.transaction():
        book_id = await operator_book(connection, environment, now)
        await _open_accounts(connection, book_id, [(AccountKind.RAIL, rail)])


async def book_of_seller(database: Database, party_id: PartyId, environment: str) -> BookId | None:
    """The book of a seller in an environment, the first where it has several; None when it has none."""
    book_id = await database.fetchval(_SQL["book_of_seller"], party_id, environment, USD)
    return None if book_id is None else BookId(book_id)


async def _open_accounts(connection: Connection, book_id: BookId, accounts: Sequence[tuple[AccountKind, str]]) -> None:
    await connection.executemany(
        _SQL["open_account"],
        [(book_id, account_id(kind, subject), kind.value, subject, *bounds(kind)) for kind, subject in accounts],
    )


def _random_book_id() -> int:
    return secrets.randbelow(2**62 - 1) + 1
