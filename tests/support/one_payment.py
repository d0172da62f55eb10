"""What the statement for one payment from memory is given, as the one for a group has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def as_group(values: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments of apply_from_memory that say the same as those of apply_one_from_memory (money.sql)."""
    (
        book_id,
        transaction_id,
        kind,
        account_id,
        book_version,
        now,
        token_id,
        owner_version,
        key_id,
        server_started_at,
        patience,
        amount_micros,
        terms_version,
        token_version,
        instrument_id,
        instrument_version,
        party_id,
        party_version,
        key_version,
        payment_method,
        sender_token_id,
        *words,
    ) = values
    paid = (transaction_id, amount_micros, payment_method, party_id, sender_token_id, None, account_id, *words)
    return (
        book_id,
        [paid],
        kind,
        [(account_id, amount_micros, terms_version)],
        book_version,
        now,
        [(token_id, token_version, instrument_id, instrument_version, party_id, party_version)],
        owner_version,
        [] if key_id is None else [(key_id, key_version)],
        server_started_at,
        patience,
        amount_micros,
    )
