"""What a column may hold is said by its type, which knows each word that the program writes, and no other."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import asyncpg
import pytest
from tests.support.books import Books
from tests.support.owner import execute_as_owner

from tallystick.domain.accounts import AccountKind
from tallystick.domain.commands import FeePayer, Method, TokenPurpose, TokenType
from tallystick.domain.outcomes import TransactionStatus
from tallystick.domain.state import InstrumentKind, Operation

WORDS: dict[str, Iterable[Enum]] = {
    "account_kind": AccountKind,
    "instrument_kind": InstrumentKind,
    "token_purpose": TokenPurpose,
    "token_kind": TokenType,
    "token_method": Method,
    "transaction_operation": Operation,
    "transaction_status": TransactionStatus,
    "transaction_method": Method,
    "fee_payer": FeePayer,
}

WRITTEN_BY_PAYMENTS = ("account", "instrument", "token", "transaction", "transfer", "answered_reference", "outbox")


@pytest.mark.parametrize("name", WORDS)
async def test_a_type_has_the_words_of_the_domain(name: str, shop: Books) -> None:
    for word in WORDS[name]:
        assert await shop.pool.fetchval(f"SELECT $1::text::{name}", word.value) == word.value
    with pytest.raises(asyncpg.CheckViolationError, match=f"{name}_is_known"):
        await shop.pool.fetchval(f"SELECT $1::text::{name}", "nonsense")


@pytest.mark.parametrize(("name", "minimum"), [("positive_micros", 1), ("unsigned_micros", 0)])
async def test_amounts_have_a_least_value(name: str, minimum: int, shop: Books) -> None:
    assert await shop.pool.fetchval(f"SELECT $1::bigint::{name}", minimum) == minimum
    with pytest.raises(asyncpg.CheckViolationError):
        await shop.pool.fetchval(f"SELECT $1::bigint::{name}", minimum - 1)


async def test_no_column_can_be_given_what_its_type_forbids(shop: Books) -> None:
    buyer = await shop.funded_buyer("10.00")
    await shop.pay(buyer, "1.00")
    for change in (
        "UPDATE account SET kind = 'treasure'",
        "UPDATE instrument SET limit_micros = 0",
        "UPDATE token SET purpose = 'any'",
        "UPDATE transaction SET status = 'Lost'",
        "UPDATE transaction SET amount_micros = 0",
        "UPDATE transfer SET amount_micros = -1",
    ):
        with pytest.raises(asyncpg.CheckViolationError, match="value for domain"):
            await execute_as_owner(shop.pool, change)


async def test_tables_check_only_what_several_columns_must_agree_on(shop: Books) -> None:
    """The others would be read from the catalogue anew for each group of payments."""
    of_one_column = await shop.pool.fetch(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype = 'c' AND cardinality(conkey) = 1 AND conrelid::regclass::text = ANY($1::text[])",
        WRITTEN_BY_PAYMENTS,
    )
    assert of_one_column == []
