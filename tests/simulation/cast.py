"""The people, books and instruments with which every history begins, written straight into the model."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.simulation.postgres import Record, Server
from tests.support.master_key import VAULT

from tallystick.domain.accounts import AccountKind, account_id, bounds
from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Command,
    Consent,
    InstallToken,
    LimitTerms,
    Method,
    TokenPurpose,
    TokenTerms,
    TokenType,
)
from tallystick.domain.ids import (
    TOKEN_ENTROPY_BYTES,
    TRANSACTION_ENTROPY_BYTES,
    BookId,
    IdKind,
    InstrumentId,
    PartyId,
    TokenId,
    make_token_or_instrument_id,
    make_transaction_id,
)
from tallystick.domain.limits import LimitKind
from tallystick.domain.periods import Period
from tallystick.domain.rails.commands import Deposit
from tallystick.store.keys.signing_keys import seal_context

BEGIN: Final = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
OPERATOR, SHOP, OTHER = BookId(1000), BookId(1001), BookId(1002)
SECOND_PART = BookId(999)
"""Of the operator's book; it mirrors the shop, and the first one the other seller and people's balances."""
SELLER, OTHER_SELLER = PartyId(1), PartyId(2)
BUYERS: Final = (PartyId(11), PartyId(12))
URL: Final = "https://shop.example/notifications"
MICROS: Final = 1_000_000
BALANCE: Final = 60 * MICROS
KEY_NAME: Final = "270301"
KEY_BITS: Final = 1024
"""Shorter than the service's own: a thousand signatures a second would be most of the work."""

_OF_SELLERS: Final = (
    AccountKind.CASH,
    AccountKind.SALES,
    AccountKind.FEES,
    AccountKind.WRITE_OFFS,
    AccountKind.COMMISSIONS,
    AccountKind.COMMISSION_INCOME,
)


@dataclass(frozen=True, slots=True)
class Buyer:
    """What a buyer has at the shop: a balance, a tab, and tokens for real money, by card and by account balance.

    `elsewhere`: a balance at the other seller's.
    """

    party_id: PartyId
    prepaid: InstrumentId
    prepaid_token: TokenId
    funding_token: TokenId
    tab: InstrumentId
    tab_token: TokenId
    settlement_token: TokenId
    card_token: TokenId
    abt_token: TokenId
    elsewhere: InstrumentId
    elsewhere_token: TokenId
    elsewhere_funding: TokenId


@dataclass(frozen=True, slots=True)
class Cast:
    """All that there is at the beginning, and the commands that make it."""

    buyers: tuple[Buyer, ...]
    recipient_token: TokenId
    commands: tuple[tuple[BookId, Command], ...]


def open_books(server: Server) -> None:
    """Two sellers, their books, the operator's in two parts, two buyers with a card each, the key for messages."""
    for party_id in (SELLER, OTHER_SELLER, *BUYERS):
        _insert(server, "party", (party_id,), _party(party_id))
    for party_id in BUYERS:
        card = {"payment_method_id": 100 + party_id, "rail": "simulated", "rail_token": f"card {party_id}"}
        card |= {"method": "CC", "environment": "sandbox", "expires_on": None, "removed_at": None, "verified_at": BEGIN}
        _insert(server, "payment_method", (100 + party_id,), card)
    for book_id, owner in ((OPERATOR, None), (SECOND_PART, None), (SHOP, SELLER), (OTHER, OTHER_SELLER)):
        _insert(server, "book", (book_id,), _book(book_id, owner))
        for kind in _OF_SELLERS if owner is not None else (AccountKind.FEE_INCOME,):
            _open(server, book_id, kind, "")
    for operator in (OPERATOR, SECOND_PART):
        _open(server, operator, AccountKind.RAIL, "simulated")
    for operator, seller in ((OPERATOR, SELLER), (OPERATOR, OTHER_SELLER), (SECOND_PART, SELLER)):
        _open(server, operator, AccountKind.OWED_TO, str(seller))
    key = {"name": KEY_NAME, "private_key_sealed": _sealed_key(), "certificate_pem": "", "created_at": BEGIN}
    _insert(server, "signing_key", (KEY_NAME,), key)


def _party(party_id: PartyId) -> dict[str, Any]:
    return {
        "party_id": party_id,
        "status": "active",
        "name": f"Party {party_id}",
        "email": f"{party_id}@example.com",
        "email_verified_at": BEGIN,
        "verified_at": BEGIN,
        "receives_cards": True,
        "marketplace": True,
        "denied": False,
        "fee_schedule": None,
    }


def _book(book_id: BookId, owner: PartyId | None) -> dict[str, Any]:
    return {
        "book_id": book_id,
        "party_id": owner,
        "environment": "sandbox",
        "minimum_charge_micros": 1,
        "clock_offset_seconds": 0,
        "notification_url": URL if owner is not None else None,
        "notify_immediate": True,
        "notify_write_offs": True,
        "charge_events": owner == SELLER,
        "one_row_payments": owner != SELLER,
        "signature_method": "RSA-SHA1",
        "parts": None,
        "part": int(book_id == SECOND_PART),
        "operator_part": int(book_id in {SECOND_PART, SHOP}),
    }


def _open(server: Server, book_id: BookId, kind: AccountKind, subject: str) -> None:
    floor, ceiling = bounds(kind)
    number = account_id(kind, subject)
    row = {"book_id": book_id, "account_id": number, "kind": kind.value, "subject": subject, "balance_micros": 0}
    _insert(
        server,
        "account",
        (book_id, number),
        {**row, "floor_micros": floor, "ceiling_micros": ceiling, "terms_version": 0, "xmin": 3},
    )


def _insert(server: Server, table: str, key: tuple[Any, ...], row: dict[str, Any]) -> None:
    server.table(table).rows[key] = Record(row)


@cache
def _sealed_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return VAULT.seal(der, seal_context(KEY_NAME))


def _token(dice: random.Random, kind: IdKind, book_id: BookId = SHOP) -> str:
    return make_token_or_instrument_id(kind, book_id, dice.randbytes(TOKEN_ENTROPY_BYTES))


_OF_BUYERS: Final = (
    IdKind.PREPAID_INSTRUMENT,
    IdKind.PREPAID_SENDER,
    IdKind.FUNDING,
    IdKind.CREDIT_INSTRUMENT,
    IdKind.CREDIT_SENDER,
    IdKind.SETTLEMENT,
)


def make_cast(dice: random.Random) -> Cast:
    """Buyers with something to spend. `commands` have to be carried out before anything else."""
    commands: list[tuple[BookId, Command]] = []
    buyers = []
    for party_id in BUYERS:
        ids = {kind: _token(dice, kind) for kind in _OF_BUYERS}
        buyer = Buyer(
            party_id,
            prepaid=InstrumentId(ids[IdKind.PREPAID_INSTRUMENT]),
            prepaid_token=TokenId(ids[IdKind.PREPAID_SENDER]),
            funding_token=TokenId(ids[IdKind.FUNDING]),
            tab=InstrumentId(ids[IdKind.CREDIT_INSTRUMENT]),
            tab_token=TokenId(ids[IdKind.CREDIT_SENDER]),
            settlement_token=TokenId(ids[IdKind.SETTLEMENT]),
            card_token=TokenId(_token(dice, IdKind.SENDER)),
            abt_token=TokenId(_token(dice, IdKind.SENDER)),
            elsewhere=InstrumentId(_token(dice, IdKind.PREPAID_INSTRUMENT, OTHER)),
            elsewhere_token=TokenId(_token(dice, IdKind.PREPAID_SENDER, OTHER)),
            elsewhere_funding=TokenId(_token(dice, IdKind.FUNDING, OTHER)),
        )
        buyers.append(buyer)
        commands.append((OTHER, _elsewhere(buyer)))
        commands += [(SHOP, command) for command in _authorizations(buyer, by_card=dice.random() < 0.5)]
        at = int(BEGIN.timestamp() * 1000)
        deposit = make_transaction_id(OPERATOR, at, dice.randbytes(TRANSACTION_ENTROPY_BYTES))
        commands.append((OPERATOR, Deposit(deposit, party_id, "simulated", BALANCE)))
    recipient = TokenId(_token(dice, IdKind.RECIPIENT))
    terms = TokenTerms(recipient_pays_fee=False, max_fixed_fee_micros=MICROS)
    commands.append((SHOP, _install(recipient, OTHER_SELLER, "recipient", None, terms)))
    return Cast(tuple(buyers), recipient, tuple(commands))


def _authorizations(buyer: Buyer, *, by_card: bool) -> list[Command]:
    party_id = buyer.party_id
    method = Method.CC if by_card else Method.ABT
    consent = Consent(party_id, method, 100 + party_id if by_card else None, None, BEGIN, None)
    per_day = LimitTerms(LimitKind.AMOUNT, 30 * MICROS, Period(1, "Day"))
    counted = party_id % 2 == 0  # else the tab has no limits that count uses: it is remembered
    return [
        AuthorizePrepaid(
            consent,
            buyer.prepaid,
            buyer.prepaid_token,
            buyer.funding_token,
            f"prepaid {party_id}",
            f"funding {party_id}",
            25 * MICROS,
        ),
        AuthorizePostpaid(
            consent,
            buyer.tab,
            buyer.tab_token,
            buyer.settlement_token,
            f"tab {party_id}",
            f"settlement {party_id}",
            20 * MICROS,
            200 * MICROS if counted else 24 * MICROS,
            (per_day,) if counted else (),
        ),
        _install(buyer.card_token, party_id, f"card {party_id}", Method.CC, TokenTerms()),
        _install(buyer.abt_token, party_id, f"abt {party_id}", Method.ABT, TokenTerms()),
    ]


def _elsewhere(buyer: Buyer) -> Command:
    return AuthorizePrepaid(
        Consent(buyer.party_id, Method.ABT, None, None, BEGIN, None),
        buyer.elsewhere,
        buyer.elsewhere_token,
        buyer.elsewhere_funding,
        f"elsewhere {buyer.party_id}",
        f"funding elsewhere {buyer.party_id}",
        25 * MICROS,
    )


def _install(
    token_id: TokenId, giver: PartyId, reference: str, method: Method | None, terms: TokenTerms
) -> InstallToken:
    return InstallToken(
        token_id=token_id,
        purpose=TokenPurpose.RECIPIENT if method is None else TokenPurpose.SENDER,
        token_type=TokenType.UNRESTRICTED if method is None else TokenType.MULTI_USE,
        sender_id=giver,
        caller_reference=reference,
        method=method,
        payment_method_id=100 + giver if method is Method.CC else None,
        valid_from=BEGIN,
        expires_at=None,
        terms=terms,
        limits=() if method is None else (LimitTerms(LimitKind.AMOUNT, 80 * MICROS, None),),
    )
