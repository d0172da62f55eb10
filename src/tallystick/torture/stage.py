"""Who takes part: sellers with keys, buyers with instruments and tokens, made by the service's own commands.

This goes past the processes under torture and their network. Where the database is away, it is tried again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg
from msgspec.structs import replace

from tallystick.client.fps import Credentials
from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Command,
    Consent,
    FundPrepaid,
    InstallToken,
    Method,
    Request,
    TokenPurpose,
    TokenTerms,
    TokenType,
)
from tallystick.domain.ids import (
    TOKEN_ENTROPY_BYTES,
    BookId,
    IdKind,
    InstrumentId,
    PartyId,
    TokenId,
    make_token_or_instrument_id,
)
from tallystick.domain.messages.events import TYPES
from tallystick.domain.outcomes import Accepted
from tallystick.domain.rails.commands import Deposit
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.context import Service
from tallystick.services.events import endpoints
from tallystick.services.events.endpoints import EndpointWish
from tallystick.services.operations.audit import Actor
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.settings import Settings
from tallystick.store.accounts import parties, payment_methods
from tallystick.store.accounts.payment_methods import NewPaymentMethod
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import SANDBOX
from tallystick.store.ledger.create_book import SIMULATED_RAIL, operator_book, split_operator_book
from tallystick.torture.model.money import UNIT, fee
from tallystick.torture.model.operations import TokenSlot
from tallystick.torture.model.state import Terms
from tallystick.wiring import open_service

if TYPE_CHECKING:
    from tallystick.torture.hooks import Hooks

_PARTS: Final = 2
"""Of the operator's book, so that a seller's payments from balances and by card are mirrored in two of them."""

CUSHION_MICROS: Final = 9_000 * UNIT
"""What each seller has at the beginning, so that no refund of real money ever lacks it: the model counts on that."""

_ACTOR: Final = Actor.command("torture")
_PATIENCE_SECONDS: Final = 180
_PAUSE_SECONDS: Final = 0.5

_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a database does that was killed, frozen or has no room left."""

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class TortureSeller:
    """A seller, and how its programs prove who they are: a key that signs, and its bearer secret for /v1."""

    number: int
    party_id: PartyId
    book_id: BookId
    credentials: Credentials
    bearer: str = field(repr=False)
    hook: str | None = None
    """The path at which its events arrive, where any do."""

    @property
    def charge_events(self) -> bool:
        """Whether charges that are answered at once are events of this seller: every other one wants them."""
        return self.hook is not None and self.number % 2 == 0

    @property
    def cash_micros(self) -> int:
        """What it has at the beginning."""
        return CUSHION_MICROS - fee(CUSHION_MICROS)


@dataclass(frozen=True, slots=True)
class TortureBuyer:
    """A buyer at one seller. `instruments`: the balance and the tab."""

    seller: TortureSeller
    terms: Terms
    prepaid: str
    credit: str
    tokens: dict[TokenSlot, str]

    @property
    def authorizations(self) -> tuple[str, ...]:
        """What the buyer has agreed to: both instruments, and the tokens that are none's."""
        return self.prepaid, self.credit, self.tokens[TokenSlot.CARD], self.tokens[TokenSlot.ACCOUNT]


class SetUpError(Exception):
    """A buyer or a seller could not be made."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Makes sellers and buyers."""

    service: Service
    hooks: Hooks | None = None

    async def seller(self, number: int) -> TortureSeller:
        """A new seller with a key, and a cushion of cash."""
        return await self.patiently(lambda: self._seller(number))

    async def buyer(self, seller: TortureSeller, terms: Terms) -> TortureBuyer:
        """A new buyer who has agreed to `terms`."""
        return await self.patiently(lambda: self._buyer(seller, terms))

    async def patiently(self, make: Callable[[], Awaitable[Made]]) -> Made:
        """All of it anew until it succeeds, where the database is away: what was half made is of nobody, and empty.

        Raises SetUpError.
        """
        failure: Exception | None = None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while True:
                    try:
                        return await make()
                    except _AWAY as error:
                        failure = error
                    except Refused as error:
                        if error.refusal not in {Refusal.ConcurrentModification, Refusal.ServiceUnavailable}:
                            raise
                        failure = error
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError:
            raise SetUpError(f"the database could not be used for {_PATIENCE_SECONDS} seconds: {failure!r}") from None

    async def _seller(self, number: int) -> TortureSeller:
        now, name = self.service.clock(), secrets.token_hex(8)
        async with self.service.pool.acquire() as connection:
            await split_operator_book(connection, SANDBOX, _PARTS, now)
            party = await parties.create_business(connection, f"{name}@seller.example", f"Seller {number}", now)
        key = await access_keys.create(self.service.pool, self.service.vault, party.party_id, SANDBOX, now)
        if key.book_id is None:
            raise SetUpError("a new seller has a sandbox book")
        bearer = await access_keys.make_bearer(self.service.pool, key.access_key_id, now)
        credentials = Credentials(key.access_key_id, key.secret)
        hook = None if self.hooks is None else f"/{party.party_id}"
        seller = TortureSeller(number, party.party_id, key.book_id, credentials, bearer, hook)
        if self.hooks is not None and hook is not None:
            wish = EndpointWish(self.hooks.url(hook), TYPES if seller.charge_events else ())
            made = await endpoints.create(self.service, _ACTOR, seller.party_id, SANDBOX, wish)
            self.hooks.secrets[hook] = made.secret
        cushion = Terms(CUSHION_MICROS, CUSHION_MICROS, UNIT, UNIT, funding_by_card=False, settlement_by_card=False)
        buyer = await self._buyer(seller, cushion)
        await self._perform(
            seller.book_id,
            FundPrepaid(
                self._request(seller),
                TokenId(buyer.tokens[TokenSlot.FUNDING]),
                InstrumentId(buyer.prepaid),
                CUSHION_MICROS,
            ),
        )
        return seller

    async def _buyer(self, seller: TortureSeller, terms: Terms) -> TortureBuyer:
        now, pool = self.service.clock(), self.service.pool
        async with pool.acquire() as connection:
            email = f"{secrets.token_hex(8)}@buyer.example"
            party_id = (await parties.create_personal(connection, email, "Buyer", "", now)).party_id
            operator = await operator_book(connection, SANDBOX, now)
        card = await payment_methods.add(
            pool,
            party_id,
            SANDBOX,
            NewPaymentMethod(Method.CC, SIMULATED_RAIL, secrets.token_hex(8), "Card", "4242"),
            now,
        )
        deposit_id = fresh_transaction_id(operator, now)
        await self._perform(operator, Deposit(deposit_id, party_id, SIMULATED_RAIL, terms.account))

        by_account = Consent(party_id, Method.ABT, None, None, now, None)
        by_card = replace(by_account, method=Method.CC, payment_method_id=card.payment_method_id)
        ids = _Ids(seller.book_id)
        prepaid, credit = ids.make(IdKind.PREPAID_INSTRUMENT), ids.make(IdKind.CREDIT_INSTRUMENT)
        tokens = {
            TokenSlot.PREPAID: ids.make(IdKind.PREPAID_SENDER),
            TokenSlot.FUNDING: ids.make(IdKind.FUNDING),
            TokenSlot.CREDIT: ids.make(IdKind.CREDIT_SENDER),
            TokenSlot.SETTLEMENT: ids.make(IdKind.SETTLEMENT),
            TokenSlot.CARD: ids.make(IdKind.SENDER),
            TokenSlot.ACCOUNT: ids.make(IdKind.SENDER),
        }
        commands: list[Command] = [
            AuthorizePrepaid(
                by_card if terms.funding_by_card else by_account,
                InstrumentId(prepaid),
                TokenId(tokens[TokenSlot.PREPAID]),
                TokenId(tokens[TokenSlot.FUNDING]),
                secrets.token_hex(8),
                secrets.token_hex(8),
                terms.funding_limit,
            ),
            AuthorizePostpaid(
                by_card if terms.settlement_by_card else by_account,
                InstrumentId(credit),
                TokenId(tokens[TokenSlot.CREDIT]),
                TokenId(tokens[TokenSlot.SETTLEMENT]),
                secrets.token_hex(8),
                secrets.token_hex(8),
                terms.credit_limit,
                terms.total_limit,
            ),
        ]
        commands += [
            InstallToken(
                token_id=TokenId(tokens[token]),
                purpose=TokenPurpose.SENDER,
                token_type=TokenType.MULTI_USE,
                sender_id=party_id,
                caller_reference=secrets.token_hex(8),
                method=method,
                payment_method_id=card.payment_method_id if method is Method.CC else None,
                valid_from=now,
                expires_at=None,
                terms=TokenTerms(),
            )
            for token, method in ((TokenSlot.CARD, Method.CC), (TokenSlot.ACCOUNT, Method.ABT))
        ]
        for command in commands:
            await self._perform(seller.book_id, command)
        return TortureBuyer(seller, terms, prepaid, credit, tokens)

    def _request(self, seller: TortureSeller) -> Request:
        now, reference = self.service.clock(), secrets.token_hex(8)
        return Request(
            transaction_id=fresh_transaction_id(seller.book_id, now),
            caller_id=seller.party_id,
            caller_reference=reference,
            fingerprint=blake2b(reference.encode(), digest_size=32).digest(),
            requested_at=now,
        )

    async def _perform(self, book_id: BookId, command: Command) -> None:
        outcome = await self.service.committer.perform(book_id, command)
        if isinstance(outcome, Refused):
            raise outcome
        if isinstance(command, FundPrepaid) and not isinstance(outcome, Accepted):
            raise SetUpError(f"funding came to {outcome!r}")


@dataclass(frozen=True, slots=True)
class _Ids:
    book_id: BookId

    def make(self, kind: IdKind) -> str:
        return make_token_or_instrument_id(kind, self.book_id, secrets.token_bytes(TOKEN_ENTROPY_BYTES))


@asynccontextmanager
async def open_stage(settings: Settings, hooks: Hooks | None = None) -> AsyncIterator[Stage]:
    """A stage on the database that `settings` name. `hooks`: where sellers have their events delivered to."""
    async with open_service(settings) as service:
        yield Stage(service, hooks)
