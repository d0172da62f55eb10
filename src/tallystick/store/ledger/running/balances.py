"""What accounts moved since the running proof's boundary, held against their balances."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from tallystick.db.connections import Connection
from tallystick.db.statements import load_statements
from tallystick.store.ledger.running.pace import Pace

_SQL: Final = load_statements("proof.sql", __package__)

ACCOUNTS_AT_ONCE: Final = 2_000
_SALES: Final = 2  # where payments that are transfers themselves went

Named: TypeAlias = tuple[int, int]
"""An account: the number of its book, and its own."""


def _numbers() -> array[int]:
    return array("q")


@dataclass(slots=True)
class Moved:
    """Sums by account, in micro-units, debits less credits: each account has a place in arrays of numbers.

    A row of the driver for each of a hundred thousand accounts would take 30 MB, this takes 15. `over`: of transactions
    that are over; `rest`: of the others. `links`: what payments from the account say whose it is, 0 where there are
    none; `mixed`: accounts of which they do not all say the same.
    """

    places: dict[int, dict[int, int]] = field(default_factory=dict)
    over: array[int] = field(default_factory=_numbers)
    rest: array[int] = field(default_factory=_numbers)
    links: array[int] = field(default_factory=_numbers)
    mixed: set[Named] = field(default_factory=set)

    def add(self, book_id: int, account_id: int, over: int, rest: int) -> None:
        """More was moved; or nothing, by what should have."""
        place = self._place(self.places.setdefault(book_id, {}), account_id)
        self.over[place] += over
        self.rest[place] += rest

    def add_payments(
        self, book_id: int, accounts: Iterable[int], micros: Sequence[int], links: Iterable[int | None], *, over: bool
    ) -> None:
        """Payments of a book that are transfers themselves: accounts that they are from, amounts, whose these are."""
        places = self.places.setdefault(book_id, {})
        sums, known = self.over if over else self.rest, self.links
        for account_id, amount, link in zip(accounts, micros, links, strict=True):
            place = places.get(account_id)
            if place is None:
                place = self._place(places, account_id)
                known[place] = link or 0
            sums[place] += amount
            if known[place] != link:
                self._link(book_id, account_id, place, link)
        sums[self._place(places, _SALES)] -= sum(micros)

    def add_sums(self, book_id: int, accounts: Iterable[int], micros: Sequence[int]) -> None:
        """The same of payments that are not looked at yet: what they say besides is not known."""
        places = self.places.setdefault(book_id, {})
        for account_id, amount in zip(accounts, micros, strict=True):
            self.rest[self._place(places, account_id)] += amount
        self.rest[self._place(places, _SALES)] -= sum(micros)

    def _place(self, places: dict[int, int], account_id: int) -> int:
        place = places.get(account_id)
        if place is None:
            place = places[account_id] = len(self.over)
            for numbers in (self.over, self.rest, self.links):
                numbers.append(0)
        return place

    def _link(self, book_id: int, account_id: int, place: int, link: int | None) -> None:
        """They do not agree; or the account was known without any payment."""
        if link and not self.links[place]:
            self.links[place] = link
        else:
            self.mixed.add((book_id, account_id))

    def pieces(self) -> Iterator[tuple[list[int], list[int], list[int]]]:
        """All accounts as statements take them, so many at once: books, numbers, places; in the order of their key."""
        books: list[int] = []
        numbers: list[int] = []
        places: list[int] = []
        for book_id in sorted(self.places):
            of_book = self.places[book_id]
            for account_id in sorted(of_book):
                books.append(book_id)
                numbers.append(account_id)
                places.append(of_book[account_id])
                if len(books) == ACCOUNTS_AT_ONCE:
                    yield books, numbers, places
                    books, numbers, places = [], [], []
        if books:
            yield books, numbers, places


@dataclass(slots=True)
class BalanceComparison:
    """How far accounts are from what they should be, each by name; and of which it is doubtful whose they are."""

    connection: Connection
    moved: Moved
    pace: Pace
    unexplained_micros: int = 0
    problems: list[str] = field(default_factory=list)
    doubtful: set[Named] = field(default_factory=set)

    async def with_accounts(self, *, whole: bool) -> None:
        """Compare all accounts that moved, or `whole`: all that there are. In one snapshot with what was added last."""
        moved = self.moved
        self.doubtful |= moved.mixed
        seen = bytearray(len(moved.over))
        others: set[Named] = set()
        rows = self._all() if whole else self._named()
        async for book_id, account_id, balance, link, buyer_link, said, proven in rows:
            place = moved.places.get(book_id, {}).get(account_id)
            came = 0
            if place is not None:
                seen[place] = 1
                came = moved.over[place] + moved.rest[place]
                if moved.links[place]:
                    if moved.links[place] not in {link, buyer_link}:
                        self.doubtful.add((book_id, account_id))
                    if said is not None and said != account_id:
                        others.add((book_id, said))
            self._compare(book_id, account_id, balance, proven + came)
        self._miss(seen)
        if not whole:
            await self._also(others)

    async def _all(self) -> AsyncIterator[tuple[Any, ...]]:
        async for row in self.connection.cursor(_SQL["all_accounts"], prefetch=ACCOUNTS_AT_ONCE):
            yield tuple(row)

    async def _named(self) -> AsyncIterator[tuple[Any, ...]]:
        for books, accounts, _ in self.moved.pieces():
            with self.pace.work():
                rows = await self.connection.fetch(_SQL["accounts"], books, accounts)
            for row in rows:
                yield tuple(row)
            await self.pace.rest()

    async def _also(self, others: set[Named]) -> None:
        """Instruments say that these are their accounts, although nothing was paid from them."""
        asked = [
            (book_id, account_id) for book_id, account_id in others if account_id not in self.moved.places[book_id]
        ]
        for row in await self.connection.fetch(
            _SQL["accounts"], [book_id for book_id, _ in asked], [account_id for _, account_id in asked]
        ):
            self._compare(row["book_id"], row["account_id"], row["balance_micros"], row["proven_micros"])

    def _compare(self, book_id: int, account_id: int, balance: int, expected: int) -> None:
        if balance != expected:
            self.unexplained_micros += abs(balance - expected)
            text = f"balance is {balance}, its transfers sum to {expected}"
            self.problems.append(_off(book_id, account_id, text))

    def _miss(self, seen: bytearray) -> None:
        """Accounts that moved, and are not there."""
        moved = self.moved
        for book_id, places in moved.places.items():
            for account_id, place in places.items():
                if seen[place]:
                    continue
                if micros := moved.over[place] + moved.rest[place]:
                    self.unexplained_micros += abs(micros)
                    text = f"is missing, its transfers sum to {micros}"
                    self.problems.append(_off(book_id, account_id, text))
                if moved.links[place]:
                    self.doubtful.add((book_id, account_id))

    async def keep(self) -> None:
        """What is over is proven now."""
        for books, accounts, places in self.moved.pieces():
            over = [(at, self.moved.over[place]) for at, place in enumerate(places) if self.moved.over[place]]
            with self.pace.work():
                await self.connection.execute(
                    _SQL["prove"],
                    [books[at] for at, _ in over],
                    [accounts[at] for at, _ in over],
                    [micros for _, micros in over],
                )
            await self.pace.rest()


def _off(book_id: int, account_id: int, text: str) -> str:
    return f"balances_follow_from_transfers: book {book_id}, account {account_id}: {text}"
