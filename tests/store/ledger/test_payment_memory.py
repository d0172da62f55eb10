"""What a process remembers of balances: bounded, and without what it need not know."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.domain.commands import AmountRule, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.ids import AccountId, BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.standing import Standing
from tallystick.domain.state import Book, Instrument, InstrumentKind
from tallystick.domain.tokens import Token
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.keys.access_keys import AccessKey
from tallystick.store.ledger.decode import RowVersions
from tallystick.store.ledger.memory.payment_memory import MAX_KEYS_PER_BOOK, PaymentMemory, RememberedBook

_NOW = datetime(2027, 3, 1, tzinfo=UTC)


def _learn(
    memory: PaymentMemory,
    number: int,
    version: int = 1,
    kind: InstrumentKind = InstrumentKind.PREPAID,
    server_started_at: datetime = _NOW,
    purpose: TokenPurpose = TokenPurpose.PREPAID_SENDER,
) -> TokenId:
    token = Token(
        TokenId(f"token {number}"),
        purpose,
        InstrumentId(f"balance {number}"),
        PartyId(7),
        True,
        f"reference {number}",
        None,
        "a secret surprise",
        _NOW,
        None,
        friendly_name="for Ann",
    )
    balance = Instrument(
        InstrumentId(f"balance {number}"), kind, PartyId(7), 5, 10, 0, _NOW, None, number=AccountId(number)
    )
    rows = {token.token_id: RowVersions(version, version, version, version)}
    memory.learn([token], {balance.instrument_id: balance}, rows, server_started_at)
    return token.token_id


def test_there_are_never_more_than_its_size_and_each_that_is_there_can_go() -> None:
    dice = random.Random(1)  # noqa: S311 - chance that can be repeated
    memory = PaymentMemory(10, dice=dice)
    for step in range(2_000):
        if dice.random() < 0.7:
            token_id = _learn(memory, dice.randrange(40), step)
            known = memory.find(token_id)
            assert known is not None
            assert (known.token_version, known.instrument_version) == (step, step), "the newest version counts"
        else:
            token_id = TokenId(f"token {dice.randrange(40)}")
            memory.forget([token_id])
            assert memory.find(token_id) is None
        assert len(memory) <= 10
    there = [TokenId(f"token {number}") for number in range(40) if memory.find(TokenId(f"token {number}")) is not None]
    assert len(there) == len(memory)
    memory.forget(there)
    assert len(memory) == 0


def test_one_that_makes_room_is_chosen_by_chance() -> None:
    memory = PaymentMemory(100, dice=random.Random(2))  # noqa: S311 - chance that can be repeated
    for _ in range(3):
        for number in range(200):
            _learn(memory, number)
    hits = sum(memory.find(TokenId(f"token {number}")) is not None for number in range(200))
    assert hits == 100
    newest = sum(memory.find(TokenId(f"token {number}")) is not None for number in range(100, 200))
    assert newest < 100, "a long list that is paid in turn is not remembered in vain"


def test_a_size_of_nothing_remembers_nothing() -> None:
    memory = PaymentMemory(0)
    assert memory.find(_learn(memory, 1)) is None
    assert len(memory) == 0


def test_names_that_people_gave_are_not_kept() -> None:
    memory = PaymentMemory(10)
    known = memory.find(_learn(memory, 1))
    assert known is not None
    assert known.token.friendly_name is None
    assert known.token.payment_reason is None


def test_a_tab_is_kept_without_the_version_of_its_row() -> None:
    """Each payment changes it."""
    memory = PaymentMemory(10)
    known = memory.find(_learn(memory, 1, kind=InstrumentKind.CREDIT, purpose=TokenPurpose.CREDIT_SENDER))
    assert known is not None
    assert (known.token_version, known.instrument_version) == (1, None)


@pytest.mark.parametrize("purpose", [TokenPurpose.SETTLEMENT, TokenPurpose.PREPAID_SENDER])
def test_a_token_that_no_payment_on_a_tab_is_made_by_is_not_kept(purpose: TokenPurpose) -> None:
    memory = PaymentMemory(10)
    assert memory.find(_learn(memory, 1, kind=InstrumentKind.CREDIT, purpose=purpose)) is None


def test_a_clash_forgets_what_its_group_was_decided_by() -> None:
    memory = PaymentMemory(10)
    one, other = _learn(memory, 1), _learn(memory, 2)
    memory.clashed(BookId(1), [one, TokenId("unknown")])
    assert memory.find(one) is None
    assert memory.find(other) is not None
    assert memory.clashes == 1


def test_of_a_server_that_is_gone_nothing_is_kept() -> None:
    """Versions that another one told may be equal by chance. What comes late of the first one is not mixed with it."""
    memory = PaymentMemory(2)
    old = [_learn(memory, number) for number in (1, 2)]
    new = _learn(memory, 3, server_started_at=_NOW + timedelta(seconds=1))
    assert [memory.find(one) for one in old] == [None, None]
    assert memory.find(new) is not None
    assert len(memory) == 1
    late = _learn(memory, 1)
    assert memory.find(new) is None
    assert memory.find(late) is not None
    assert len(memory) == 1


@pytest.mark.parametrize("kind", InstrumentKind)
def test_all_that_rules_about_payments_ask_for_comes_back_as_it_was(kind: InstrumentKind) -> None:
    """What is kept is bytes. The dates and the sender of an instrument may be others than those of its token."""
    memory, day = PaymentMemory(10), timedelta(days=1)
    purpose = TokenPurpose.PREPAID_SENDER if kind is InstrumentKind.PREPAID else TokenPurpose.CREDIT_SENDER
    tokens, instruments, rows = [], {}, {}
    for number, (begins, ends, sender) in enumerate(
        [(_NOW, None, 7), (_NOW, _NOW + day, 7), (_NOW - day, _NOW + 9 * day, 7), (_NOW, _NOW + day, 8)]
    ):
        token = Token(
            TokenId(f"token {number}"),
            purpose,
            InstrumentId(f"balance {number}"),
            PartyId(7),
            number % 2 == 0,
            "",
            None,
            None,
            _NOW,
            _NOW + timedelta(days=1, microseconds=123_457),
            token_type=TokenType.SINGLE_USE if number % 2 else TokenType.UNRESTRICTED,
            terms=TokenTerms(AmountRule.MAXIMUM, 10**18),
            used_by=TransactionId("a payment") if number % 2 else None,
            sender_standing=Standing(denied=number % 2 == 0),
        )
        instrument = Instrument(
            InstrumentId(f"balance {number}"),
            kind,
            PartyId(sender),
            10**18 - number,
            10**18,
            3,
            begins,
            ends,
            None if number % 2 else 10**18,
            10**17 + number if kind is InstrumentKind.CREDIT else 0,
            AccountId(2**63 - 1 - number),
            5,
        )
        tokens.append(token)
        instruments[instrument.instrument_id] = instrument
        rows[token.token_id] = RowVersions(2**31 - 1, 2**32 - 1, 2**32 - 2, 2**32 - 3)
    memory.learn(tokens, instruments, rows, _NOW)
    for token in tokens:
        known = memory.find(token.token_id)
        assert known is not None
        assert known.token == token
        assert known.instrument == instruments[InstrumentId(str(token.instrument_id))]
        version = 2**32 - 2 if kind is InstrumentKind.PREPAID else None
        told = (known.terms_version, known.token_version, known.instrument_version, known.party_version)
        assert told == (2**31 - 1, 2**32 - 1, version, 2**32 - 3)


def _key(name: str = "AK1", scopes: int = 1) -> AccessKey:
    return AccessKey(
        access_key_id=name,
        secret="s",
        party_id=PartyId(7),
        environment="sandbox",
        created_at=_NOW,
        expires_at=None,
        party_status="active",
        book_id=BookId(1),
        parts=(BookId(1),),
        clock_offset=timedelta(0),
        scopes=scopes,
        networks=(),
        calls_per_second=None,
    )


def _row_of(key: AccessKey) -> dict[str, Any]:
    return {
        "status": key.party_status,
        "expires_at": key.expires_at,
        "book_id": key.book_id,
        "clock_offset_seconds": key.clock_offset.total_seconds(),
        "parts": [*key.parts],
        "party_id": key.party_id,
        "environment": key.environment,
        "scopes": key.scopes,
        "networks": [*key.networks],
        "calls_per_second": key.calls_per_second,
        "bearer_digest": key.bearer_digest,
    }


def test_a_key_is_compared_once_and_anew_as_soon_as_either_is_another_one() -> None:
    memory, key = PaymentMemory(10), _key()
    rules = Book(BookId(1), PartyId(7), True, 10_000, read_fee_schedules(None), simulate_faults=False)
    book = RememberedBook(rules, None, timedelta(0), 1, 1, _NOW)
    assert book.version_of(key) is None
    memory.keep_keys(book, {"AK1": (_row_of(key), 5)})
    assert [book.version_of(key) for _ in range(3)] == [5, 5, 5]

    wider = _key(scopes=3)
    assert [book.version_of(one) for one in (wider, key, replace(key), wider)] == [None, 5, 5, None]

    memory.keep_keys(book, {"AK1": (_row_of(wider), 6)})
    assert [book.version_of(one) for one in (key, wider, key)] == [None, 6, None]

    others = [_key(f"AK{number}") for number in range(2, MAX_KEYS_PER_BOOK + 2)]
    memory.keep_keys(book, {one.access_key_id: (_row_of(one), 7) for one in others})
    assert book.version_of(wider) is None, "it was the first one that was remembered"
