"""What the measurements charge: a seller with a key, buyers, many funded balances and open tabs.

All of it is made by the service's own commands, so that the books of a benchmark can be verified like any others.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Final

from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Command,
    Consent,
    FundPrepaid,
    Method,
    Pay,
    Request,
)
from tallystick.domain.decide.checks import MAX_FROM_A_RAIL_MICROS
from tallystick.domain.ids import (
    TOKEN_ENTROPY_BYTES,
    TRANSACTION_ENTROPY_BYTES,
    BookId,
    IdKind,
    InstrumentId,
    PartyId,
    TokenId,
    TransactionId,
    make_token_or_instrument_id,
    make_transaction_id,
)
from tallystick.domain.money import MICROS_PER_UNIT
from tallystick.domain.rails.commands import Deposit
from tallystick.domain.refusals import Refused
from tallystick.services.context import Service
from tallystick.store.accounts import parties
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import SANDBOX, AccessKey
from tallystick.store.ledger.create_book import SIMULATED_RAIL, operator_book

FUNDED_MICROS: Final = 1_000 * MICROS_PER_UNIT
"""On each balance: a hundred thousand charges of a cent."""

TAB_MICROS: Final = 1_000_000 * MICROS_PER_UNIT
CHARGE_MICROS: Final = 10_000
REFUND_MICROS: Final = 10_000
"""One cent, the smallest partial refund."""

REFUNDABLE_MICROS: Final = 200 * REFUND_MICROS
"""The charge that is refunded a cent at a time: enough for as many refunds as long runs make."""

AT_A_TIME: Final = 500
SELLERS_AT_A_TIME: Final = 8
BUYERS: Final = 200

Progress = Callable[[str, int, int], None]
"""A progress callback: what is being made, how much of it is done, how much there will be."""


@dataclass(slots=True)
class BenchmarkSeller:
    """A seller with what requests of a benchmark name: balances and tabs with their tokens, charges to refund.

    `bearer`: the secret of its charges in JSON.
    """

    key: AccessKey
    book_id: BookId
    bearer: str = field(repr=False)
    balances: list[tuple[InstrumentId, TokenId]] = field(default_factory=list)
    tabs: list[TokenId] = field(default_factory=list)
    charges: list[TransactionId] = field(default_factory=list)

    @property
    def tokens(self) -> list[TokenId]:
        """Of all balances and tabs: whatever is charged."""
        return [*(token for _, token in self.balances), *self.tabs]


async def open_seller(service: Service) -> BenchmarkSeller:
    """A new seller with an access key."""
    now = service.clock()
    async with service.pool.acquire() as connection:
        party = await parties.create_business(
            connection, f"{secrets.token_hex(8)}@seller.example", "Benchmark Seller", now
        )
    key = await access_keys.create(service.pool, service.vault, party.party_id, SANDBOX, now)
    if key.book_id is None:
        raise RuntimeError("a new seller has a sandbox book")
    bearer = await access_keys.make_bearer(service.pool, key.access_key_id, now)
    return BenchmarkSeller(key, key.book_id, bearer)


async def open_sellers(service: Service, count: int) -> list[BenchmarkSeller]:
    """So many sellers, several at a time."""
    sellers: list[BenchmarkSeller] = []
    for start in range(0, count, SELLERS_AT_A_TIME):
        now = range(start, min(start + SELLERS_AT_A_TIME, count))
        sellers += await asyncio.gather(*(open_seller(service) for _ in now))
    return sellers


def unequal(count: int, total: int) -> list[int]:
    """How many balances each of `count` sellers has, at least one: the second half as many as the first, and so on."""
    weights = [1 / (number + 1) for number in range(count)]
    left = max(0, total - count)
    sizes = [1 + int(left * weight / sum(weights)) for weight in weights]
    sizes[0] += max(count, total) - sum(sizes)
    return sizes


@dataclass(slots=True)
class Provisioner:
    """Makes buyers, balances, tabs and charges of a seller. `progress` is called as it goes on."""

    service: Service
    progress: Progress
    _buyers: list[PartyId] = field(default_factory=list)

    async def balances(self, seller: BenchmarkSeller, count: int) -> None:
        """Open prepaid balances and fund them from their buyers' account balances."""
        await self.stalls([seller] * count)

    async def stalls(self, sellers: Sequence[BenchmarkSeller]) -> None:
        """Open a prepaid balance and fund it, of each seller as often as it is named. Those of one share commits."""
        await self._need_buyers(len(sellers))

        async def one(number: int) -> None:
            seller = sellers[number]
            ids = _Ids(seller.book_id)
            instrument_id = InstrumentId(ids.make(IdKind.PREPAID_INSTRUMENT))
            sender, funding = TokenId(ids.make(IdKind.PREPAID_SENDER)), TokenId(ids.make(IdKind.FUNDING))
            now = self.service.clock()
            await self._perform(
                seller.book_id,
                AuthorizePrepaid(
                    self._consent(number, now),
                    instrument_id,
                    sender,
                    funding,
                    secrets.token_hex(8),
                    secrets.token_hex(8),
                    FUNDED_MICROS,
                ),
            )
            await self._perform(
                seller.book_id, FundPrepaid(request_of(seller, now), funding, instrument_id, FUNDED_MICROS)
            )
            seller.balances.append((instrument_id, sender))

        await self._many("balances", len(sellers), one)

    async def tabs(self, seller: BenchmarkSeller, count: int) -> None:
        """Open credit instruments."""
        await self._need_buyers(0)

        async def one(number: int) -> None:
            ids = _Ids(seller.book_id)
            sender = TokenId(ids.make(IdKind.CREDIT_SENDER))
            now = self.service.clock()
            await self._perform(
                seller.book_id,
                AuthorizePostpaid(
                    self._consent(number, now),
                    InstrumentId(ids.make(IdKind.CREDIT_INSTRUMENT)),
                    sender,
                    TokenId(ids.make(IdKind.SETTLEMENT)),
                    secrets.token_hex(8),
                    secrets.token_hex(8),
                    TAB_MICROS,
                    TAB_MICROS,
                ),
            )
            seller.tabs.append(sender)

        await self._many("tabs", count, one)

    async def charges(self, seller: BenchmarkSeller, count: int, amount_micros: int = CHARGE_MICROS) -> None:
        """Charge balances, one after the other: what reads ask for and refunds give back."""

        async def one(number: int) -> None:
            request = request_of(seller, self.service.clock())
            _, token_id = seller.balances[number % len(seller.balances)]
            await self._perform(seller.book_id, Pay(request, token_id, amount_micros))
            seller.charges.append(request.transaction_id)

        await self._many("charges", count, one)

    async def _need_buyers(self, balances: int) -> None:
        """Create buyers with enough on their account balances to fund `balances` more."""
        if not self._buyers:
            now = self.service.clock()
            async with self.service.pool.acquire() as connection:
                for _ in range(BUYERS):
                    email = f"{secrets.token_hex(8)}@buyer.example"
                    party = await parties.create_personal(connection, email, "Benchmark Buyer", "", now)
                    self._buyers.append(party.party_id)
        each = (balances + BUYERS - 1) // BUYERS * FUNDED_MICROS
        if not each:
            return
        async with self.service.pool.acquire() as connection:
            book_id = await operator_book(connection, SANDBOX, self.service.clock())
        deposits = [min(each - paid_in, MAX_FROM_A_RAIL_MICROS) for paid_in in range(0, each, MAX_FROM_A_RAIL_MICROS)]

        async def one(number: int) -> None:
            buyer, amount_micros = self._buyers[number % BUYERS], deposits[number // BUYERS]
            transaction_id = _transaction_id(book_id, self.service.clock())
            await self._perform(book_id, Deposit(transaction_id, buyer, SIMULATED_RAIL, amount_micros))

        await self._many("deposits", len(deposits) * BUYERS, one)

    def _consent(self, number: int, now: datetime) -> Consent:
        return Consent(self._buyers[number % BUYERS], Method.ABT, None, None, now, None)

    async def _perform(self, book_id: BookId, command: Command) -> None:
        outcome = await self.service.committer.perform(book_id, command)
        if isinstance(outcome, Refused):
            raise outcome

    async def _many(self, what: str, count: int, one: Callable[[int], Awaitable[None]]) -> None:
        """Run so many concurrently that they share commits."""
        for start in range(0, count, AT_A_TIME):
            self.progress(what, start, count)
            await asyncio.gather(*(one(number) for number in range(start, min(start + AT_A_TIME, count))))
        self.progress(what, count, count)


@dataclass(frozen=True, slots=True)
class _Ids:
    book_id: BookId

    def make(self, kind: IdKind) -> str:
        return make_token_or_instrument_id(kind, self.book_id, secrets.token_bytes(TOKEN_ENTROPY_BYTES))


def request_of(seller: BenchmarkSeller, now: datetime) -> Request:
    """A request of this seller's program under a new reference."""
    reference = secrets.token_hex(8)
    return Request(
        transaction_id=_transaction_id(seller.book_id, now),
        caller_id=seller.key.party_id,
        caller_reference=reference,
        fingerprint=blake2b(reference.encode(), digest_size=32).digest(),
        requested_at=now,
    )


def _transaction_id(book_id: BookId, now: datetime) -> TransactionId:
    milliseconds = int(now.timestamp() * 1000)
    return make_transaction_id(book_id, milliseconds, secrets.token_bytes(TRANSACTION_ENTROPY_BYTES))
