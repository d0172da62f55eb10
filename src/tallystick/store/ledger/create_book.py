"""Open books: not on the money path, once per seller, and for the operator once per environment or part of it.

On a cluster a book is mirrored on its own machine where that has a part of the operator's, so that one that dies stops
its own share of real money and no other. docs/decisions/197-the-operators-book-in-parts.md.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tallystick.db import distribution
from tallystick.db.connections import Connection, Database
from tallystick.db.distribution import Node
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

_DRAWN: Final = 32
"""Numbers that are drawn for each new part of the operator's book, to have some on every machine of a cluster."""


@dataclass(frozen=True, slots=True)
class OperatorPart:
    """One of the operator's books of an environment. The first is number 0; it alone has people's balances."""

    number: int
    book_id: BookId


async def create_seller_book(
    connection: Connection,
    party_id: PartyId,
    environment: str,
    now: datetime,
    smallest_charge_micros: int = USUAL_SMALLEST_CHARGE_MICROS,
) -> BookId:
    """Make a seller's book with its accounts, and what the operator's book owes the seller: nothing yet.

    Where the operator's book is in parts, the first one owes it, too: what people pay from their balances is there.
    """
    async with connection.transaction():
        first = await operator_book(connection, environment, now)
        book_id = BookId(_random_book_id())
        part = await _part_for(connection, environment, book_id)
        await connection.execute(
            _SQL["create"], book_id, party_id, environment, USD, now, smallest_charge_micros, part.number
        )
        await _open_accounts(connection, book_id, _SELLER_ACCOUNTS)
        for mirror in sorted({first, part.book_id}):
            await _open_accounts(connection, mirror, [(AccountKind.OWED_TO, str(party_id))])
    return book_id


async def create_shard(
    connection: Connection, party_id: PartyId, environment: str, first: BookId, part: int, now: datetime
) -> BookId:
    """Make one more book for a seller whose first one is `first`, with the settings of that one."""
    book_id = BookId(_random_book_id())
    mirror = await _part_for(connection, environment, book_id)
    await connection.execute(_SQL["create_shard"], book_id, first, part, now, mirror.number)
    await _open_accounts(connection, book_id, _SELLER_ACCOUNTS)
    await _open_accounts(connection, mirror.book_id, [(AccountKind.OWED_TO, str(party_id))])
    return book_id


async def operator_book(connection: Connection, environment: str, now: datetime) -> BookId:
    """The operator's own book of an environment, the first where it is in parts; made when it is asked for first."""
    await _create_operator_part(connection, environment, OperatorPart(0, BookId(_random_book_id())), now)
    parts = await operator_parts(connection, environment)
    await _open_accounts(connection, parts[0].book_id, _OPERATOR_ACCOUNTS)
    return parts[0].book_id


async def split_operator_book(
    connection: Connection, environment: str, count: int, now: datetime
) -> tuple[OperatorPart, ...]:
    """Have the operator's book of an environment in as many parts, for sellers' books that are opened later. All parts.

    Raises ValueError: there are more already, and they are never joined.
    """
    async with connection.transaction():
        await distribution.take_one_connection(connection)
        await operator_book(connection, environment, now)
        before = await _locked_parts(connection, environment)
        if count < len(before):
            raise ValueError(f"there are {len(before)} parts already, and they are never joined")
        candidates = [BookId(_random_book_id()) for _ in range(_DRAWN * count)]
        places = await _places_for(connection, before, candidates, count - len(before))
        new = [OperatorPart(number, book_id) for number, book_id in enumerate(places, len(before))]
        for part in new:
            await _create_operator_part(connection, environment, part, now)
        for part in new:
            await _open_accounts(connection, part.book_id, _OPERATOR_ACCOUNTS)
        if new:  # an older release has opened accounts with bounds that hold for the sum of all parts alone
            await connection.execute(_SQL["unbind"], before[0].book_id)
    return (*before, *new)


async def _create_operator_part(connection: Connection, environment: str, part: OperatorPart, now: datetime) -> None:
    await connection.execute(_SQL["create_operator_book"], part.book_id, environment, USD, now, part.number)


async def operator_parts(database: Database, environment: str) -> tuple[OperatorPart, ...]:
    """All parts, the first one first; none before the first seller of the environment."""
    rows = await database.fetch(_SQL["operator_parts"], environment, USD)
    return tuple(OperatorPart(row["part"], BookId(row["book_id"])) for row in rows)


async def _locked_parts(connection: Connection, environment: str) -> tuple[OperatorPart, ...]:
    """The same; whoever opens more of them waits until the end of the transaction.

    Read once the lock is held: the statement that waited for it sees those that there were when it began.
    """
    await connection.execute(_SQL["lock_operator_parts"], environment, USD)
    return await operator_parts(connection, environment)


async def _part_for(connection: Connection, environment: str, book_id: BookId) -> OperatorPart:
    """The part in which a new book of a seller is mirrored. There is one at least."""
    parts = await operator_parts(connection, environment)
    if len(parts) == 1:
        return parts[0]
    rows = await connection.fetch(_SQL["books_of_parts"], environment, USD)
    nodes = await _nodes(connection, [book_id, *(part.book_id for part in parts)])
    return choose_part(parts, {row["part"]: row["books"] for row in rows}, nodes, book_id)


def choose_part(
    parts: Sequence[OperatorPart], books: Mapping[int, int], nodes: Mapping[int, Node], book_id: BookId
) -> OperatorPart:
    """Of the parts on the machine of the new book, else of all, the one that mirrors the fewest books.

    `books`: how many each part mirrors, by number. `nodes`: the machines of books, as far as they are known.
    """
    near = [part for part in parts if book_id in nodes and nodes.get(part.book_id) == nodes[book_id]]
    return min(near or parts, key=lambda part: (books.get(part.number, 0), part.number))


async def _places_for(
    connection: Connection, parts: Sequence[OperatorPart], candidates: Sequence[BookId], count: int
) -> list[BookId]:
    """As many of the candidates as there are to be new parts, on as many machines as can be."""
    return spread_parts(
        await _nodes(connection, [*candidates, *(part.book_id for part in parts)]), parts, candidates, count
    )


def spread_parts(
    nodes: Mapping[int, Node], parts: Sequence[OperatorPart], candidates: Sequence[BookId], count: int
) -> list[BookId]:
    """Each the first candidate on the machine that has the fewest parts by then."""
    taken = Counter(nodes.get(part.book_id) for part in parts)
    left, chosen = list(candidates), []
    for _ in range(count):
        best = min(left, key=lambda book_id: taken[nodes.get(book_id)])
        left.remove(best)
        taken[nodes.get(best)] += 1
        chosen.append(best)
    return chosen


async def _nodes(connection: Connection, books: Sequence[BookId]) -> Mapping[int, Node]:
    """Where books are, or will be; nothing is known of it where there are no machines to tell apart."""
    return await distribution.nodes_of(connection, books) if await distribution.is_distributed(connection) else {}


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
