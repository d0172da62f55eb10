"""A seller with books and buyers, straight on the committer: real PostgreSQL, no HTTP, a clock that tests move."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from tests.support.clock import TestClock

from tallystick.db.connections import Pool
from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Command,
    Consent,
    FundPrepaid,
    InstallToken,
    LimitTerms,
    Method,
    Pay,
    Refund,
    Request,
    Reserve,
    SettleDebt,
    TokenPurpose,
    TokenTerms,
    TokenType,
    WriteOffDebt,
)
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
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Done, Outcome
from tallystick.domain.rails.commands import Declined, Deposit, Paid, ResolveCharge
from tallystick.services.context import Service
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.accounts import parties
from tallystick.store.accounts.parties import Party
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import SANDBOX, AccessKey
from tallystick.store.ledger import create_book
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules


@dataclass
class Buyer:
    party_id: PartyId
    instrument: InstrumentId
    spending: TokenId
    money: TokenId
    """The funding or the settlement token."""


@dataclass
class Books:
    """One seller. Commands go to the committer directly; amounts are texts in dollars."""

    pool: Pool
    committer: Committer
    clock: TestClock
    party_id: PartyId
    book_id: BookId
    operator_book_id: BookId
    _count: int = field(default=0)

    def request(self, reference: str | None = None, **content: object) -> Request:
        self._count += 1
        at = int(self.clock().timestamp() * 1000) + self._count
        return Request(
            transaction_id=make_transaction_id(self.book_id, at, secrets.token_bytes(TRANSACTION_ENTROPY_BYTES)),
            caller_id=self.party_id,
            caller_reference=reference or f"reference-{self._count}-{secrets.token_hex(4)}",
            fingerprint=blake2b(repr(sorted(content.items())).encode(), digest_size=16).digest(),
            requested_at=self.clock(),
        )

    def token(self, kind: IdKind) -> str:
        return make_token_or_instrument_id(kind, self.book_id, secrets.token_bytes(TOKEN_ENTROPY_BYTES))

    async def perform(self, command: Command) -> Outcome:
        return await self.committer.perform(self.book_id, command)

    async def own_transfers(self, *, on: bool) -> None:
        """Whether payments from instruments are their own transfers from now on, or have rows of them as before 0.2."""
        await self.pool.execute("UPDATE book SET one_row_payments = $2 WHERE book_id = $1", self.book_id, on)

    async def person(self) -> PartyId:
        party_id = await self.pool.fetchval(
            "INSERT INTO party (kind, email, name, created_at) VALUES ('personal', $1, 'Buyer', $2) RETURNING party_id",
            f"{secrets.token_hex(8)}@buyer.example",
            self.clock(),
        )
        return PartyId(party_id)

    async def consent(self, method: Method, expires_at: datetime | None) -> Consent:
        party_id = await self.person()
        payment_method_id = None
        if method is not Method.ABT:
            payment_method_id = await self.pool.fetchval(
                "INSERT INTO payment_method"
                " (party_id, environment, method, rail, rail_token, label, last_four, created_at)"
                " VALUES ($1, 'sandbox', $2, 'simulated', $3, 'Card', '4242', $4) RETURNING payment_method_id",
                party_id,
                method.value,
                secrets.token_hex(8),
                self.clock(),
            )
        return Consent(party_id, method, payment_method_id, None, self.clock(), expires_at)

    async def prepaid_buyer(
        self, limit: str = "25.00", method: Method = Method.ABT, expires_at: datetime | None = None
    ) -> Buyer:
        consent = await self.consent(method, expires_at)
        command = AuthorizePrepaid(
            consent=consent,
            instrument_id=InstrumentId(self.token(IdKind.PREPAID_INSTRUMENT)),
            sender_token_id=TokenId(self.token(IdKind.PREPAID_SENDER)),
            funding_token_id=TokenId(self.token(IdKind.FUNDING)),
            sender_reference=secrets.token_hex(8),
            funding_reference=secrets.token_hex(8),
            funding_limit_micros=parse_amount(limit),
        )
        assert await self.perform(command) == Done()
        return Buyer(consent.sender_id, command.instrument_id, command.sender_token_id, command.funding_token_id)

    async def postpaid_buyer(
        self,
        limit: str = "100.00",
        total: str = "10000.00",
        method: Method = Method.ABT,
        limits: tuple[LimitTerms, ...] = (),
        expires_at: datetime | None = None,
    ) -> Buyer:
        consent = await self.consent(method, expires_at)
        command = AuthorizePostpaid(
            consent=consent,
            instrument_id=InstrumentId(self.token(IdKind.CREDIT_INSTRUMENT)),
            sender_token_id=TokenId(self.token(IdKind.CREDIT_SENDER)),
            settlement_token_id=TokenId(self.token(IdKind.SETTLEMENT)),
            sender_reference=secrets.token_hex(8),
            settlement_reference=secrets.token_hex(8),
            credit_limit_micros=parse_amount(limit),
            total_limit_micros=parse_amount(total),
            limits=limits,
        )
        assert await self.perform(command) == Done()
        return Buyer(consent.sender_id, command.instrument_id, command.sender_token_id, command.settlement_token_id)

    async def sender_token(
        self,
        method: Method = Method.ABT,
        token_type: TokenType = TokenType.MULTI_USE,
        terms: TokenTerms | None = None,
        limits: tuple[LimitTerms, ...] = (),
    ) -> Buyer:
        """A token of the other pipelines: no instrument, real money."""
        consent = await self.consent(method, None)
        command = InstallToken(
            token_id=TokenId(self.token(IdKind.SENDER)),
            purpose=TokenPurpose.SENDER,
            token_type=token_type,
            sender_id=consent.sender_id,
            caller_reference=secrets.token_hex(8),
            method=method,
            payment_method_id=consent.payment_method_id,
            valid_from=self.clock(),
            expires_at=None,
            terms=terms or TokenTerms(),
            limits=limits,
        )
        assert await self.perform(command) == Done()
        return Buyer(consent.sender_id, InstrumentId(""), command.token_id, command.token_id)

    async def recipient_token(self, recipient: Books, terms: TokenTerms) -> TokenId:
        """`recipient` lets this shop receive on its behalf."""
        token_id = TokenId(self.token(IdKind.RECIPIENT))
        command = InstallToken(
            token_id=token_id,
            purpose=TokenPurpose.RECIPIENT,
            token_type=TokenType.UNRESTRICTED,
            sender_id=recipient.party_id,
            caller_reference=secrets.token_hex(8),
            method=None,
            payment_method_id=None,
            valid_from=self.clock(),
            expires_at=None,
            terms=terms,
        )
        assert await self.perform(command) == Done()
        return token_id

    async def reserve(self, buyer: Buyer, amount: str) -> Outcome:
        request = self.request(None, reserve=amount)
        return await self.perform(Reserve(request, buyer.spending, parse_amount(amount)))

    async def deposit(self, buyer: Buyer, amount: str) -> None:
        transaction_id = make_transaction_id(
            self.operator_book_id,
            int(self.clock().timestamp() * 1000),
            secrets.token_bytes(TRANSACTION_ENTROPY_BYTES),
        )
        deposit = Deposit(transaction_id, buyer.party_id, "simulated", parse_amount(amount))
        assert isinstance(await self.committer.perform(self.operator_book_id, deposit), Accepted)

    async def fund(self, buyer: Buyer, amount: str, reference: str | None = None) -> Outcome:
        request = self.request(reference, fund=amount)
        return await self.perform(FundPrepaid(request, buyer.money, buyer.instrument, parse_amount(amount)))

    async def pay(self, buyer: Buyer, amount: str, reference: str | None = None) -> Outcome:
        return await self.perform(Pay(self.request(reference, pay=amount), buyer.spending, parse_amount(amount)))

    async def settle(self, buyer: Buyer, amount: str) -> Outcome:
        request = self.request(None, settle=amount)
        return await self.perform(SettleDebt(request, buyer.money, buyer.instrument, parse_amount(amount)))

    async def write_off(self, buyer: Buyer, amount: str) -> Outcome:
        return await self.perform(
            WriteOffDebt(self.request(None, write_off=amount), buyer.instrument, parse_amount(amount))
        )

    async def refund(self, original: TransactionId, amount: str | None = None) -> Outcome:
        request = self.request(None, refund=original)
        return await self.perform(Refund(request, original, None if amount is None else parse_amount(amount)))

    async def resolve(self, transaction_id: TransactionId, answer: Paid | Declined) -> None:
        assert await self.perform(ResolveCharge(transaction_id, "simulated", answer)) == Done()

    async def funded_buyer(self, amount: str = "10.00", limit: str = "25.00") -> Buyer:
        buyer = await self.prepaid_buyer(limit)
        await self.deposit(buyer, amount)
        assert isinstance(await self.fund(buyer, amount), Accepted)
        return buyer

    async def balance(self, buyer: Buyer) -> int:
        """What is left (prepaid) or owed (credit), in micro-units."""
        balance = await self.pool.fetchval(
            "SELECT abs(balance_micros) FROM account WHERE book_id = $1 AND subject = $2",
            self.book_id,
            buyer.instrument,
        )
        assert isinstance(balance, int)
        return balance

    async def total(self, kind: str) -> int:
        balance = await self.pool.fetchval(
            "SELECT abs(balance_micros) FROM account WHERE book_id = $1 AND kind = $2 AND subject = ''",
            self.book_id,
            kind,
        )
        assert isinstance(balance, int)
        return balance


async def new_books(pool: Pool, clock: TestClock) -> Books:
    """A seller's first day, in books of its own. Who asked for it closes the committer."""
    committer = Committer(pool, Rules(read_fee_schedules(None), simulate_faults=False), clock)
    async with pool.acquire() as connection:
        party_id = await connection.fetchval(
            "INSERT INTO party (kind, email, name, created_at) VALUES ('business', $1, 'Music Shop', $2)"
            " RETURNING party_id",
            f"{secrets.token_hex(8)}@shop.example",
            clock(),
        )
        book_id = await create_book.create_seller_book(connection, party_id, "sandbox", clock())
        operator = await create_book.operator_book(connection, "sandbox", clock())
    return Books(pool, committer, clock, PartyId(party_id), book_id, operator)


async def books_of(service: Service, party_id: PartyId, book_id: BookId, clock: TestClock) -> Books:
    """The books of a seller of a running service, which closes its committer itself."""
    async with service.pool.acquire() as connection:
        operator = await create_book.operator_book(connection, "sandbox", clock())
    return Books(service.pool, service.committer, clock, party_id, book_id, operator)


async def new_seller(
    service: Service, clock: TestClock, email: str | None = None, name: str = "Music Shop"
) -> tuple[Party, AccessKey, Books]:
    """A seller with a sandbox key at a running service, and the books behind it."""
    async with service.pool.acquire() as connection:
        email = email or f"{secrets.token_hex(8)}@shop.example"
        party = await parties.create_business(connection, email, name, clock())
    key = await access_keys.create(service.pool, service.vault, party.party_id, SANDBOX, clock())
    assert key.book_id is not None
    return party, key, await books_of(service, party.party_id, key.book_id, clock)


OpenBooks = Callable[..., Awaitable[Books]]
"""Opens a shop, on a pool of one's own or on the shared one."""
