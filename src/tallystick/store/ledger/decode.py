"""Rows of the money path's tables as the domain's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import asyncpg

from tallystick.domain.accounts import AccountKind
from tallystick.domain.commands import FeePayer, Method, TokenPurpose, TokenType
from tallystick.domain.decide.receipts import message_of
from tallystick.domain.disputes.dispute import Dispute, DisputeStatus
from tallystick.domain.ids import BookId
from tallystick.domain.outcomes import Accepted, Outcome, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.standing import Standing
from tallystick.domain.state import (
    Book,
    IdempotencyRecord,
    Instrument,
    InstrumentKind,
    Operation,
    RailBooking,
    Seller,
    Transaction,
)
from tallystick.domain.tokens import PaymentSource, Token
from tallystick.store.ledger.rules import Rules
from tallystick.store.ledger.token_terms import terms_from_text
from tallystick.store.ledger.usage_limits import limits_from_text

# quicker than to call the class, and for each row of a group
_KINDS: Final = {kind.value: kind for kind in InstrumentKind}
_PURPOSES: Final = {purpose.value: purpose for purpose in TokenPurpose}
_TOKEN_TYPES: Final = {token_type.value: token_type for token_type in TokenType}


def book_from_row(book_id: BookId, row: asyncpg.Record, rules: Rules) -> Book:
    """The book with its owner. Raises KeyError: its fee schedule is not among those of `rules`."""
    return Book(
        book_id=book_id,
        seller_id=row["party_id"],
        seller_active=row["seller_active"],
        minimum_charge_micros=row["minimum_charge_micros"],
        fees=rules.fees_of(row["fee_schedule"]),
        simulate_faults=rules.simulate_faults and row["environment"] == "sandbox",
        seller_standing=standing_from_row(row),
        demands=rules.demands,
    )


def seller_from_row(row: asyncpg.Record) -> Seller:
    """Another seller who takes part."""
    return Seller(row["party_id"], row["book_id"], row["active"], standing_from_row(row))


def standing_from_row(row: asyncpg.Record) -> Standing:
    """What is known about an account."""
    return Standing(
        row["email_verified"], row["account_verified"], row["receives_cards"], row["marketplace"], row["denied"]
    )


def instrument_from_row(row: asyncpg.Record) -> Instrument:
    """Balances are debits less credits in the store; people count what is left or what is owed."""
    kind = _KINDS[row["instrument_kind"]]
    sign = -1 if kind is InstrumentKind.PREPAID else 1
    return Instrument(
        instrument_id=row["instrument_id"],
        kind=kind,
        sender_id=row["instrument_sender_id"],
        balance_micros=sign * row["balance_micros"],
        limit_micros=row["limit_micros"],
        pending_micros=row["pending_micros"],
        valid_from=row["instrument_valid_from"],
        expires_at=row["instrument_expires_at"],
        total_limit_micros=row["total_limit_micros"],
        charged_micros=row["charged_micros"],
        number=row["account_id"],
        uncovered_micros=row["uncovered_micros"],
    )


def token_from_row(row: asyncpg.Record) -> Token:
    """A token with the state of its sender."""
    return Token(
        token_id=row["token_id"],
        purpose=_PURPOSES[row["purpose"]],
        instrument_id=row["instrument_id"],
        sender_id=row["sender_party_id"],
        sender_active=row["sender_active"],
        caller_reference=row["caller_reference"],
        source=source_from_row(row),
        payment_reason=row["payment_reason"],
        token_type=_TOKEN_TYPES[row["token_type"]],
        friendly_name=row["friendly_name"],
        old_token_id=row["old_token_id"],
        terms=terms_from_text(row["terms"]),
        instruction=row["instruction"],
        used_by=row["used_by"],
        valid_from=row["valid_from"],
        expires_at=row["expires_at"],
        cancelled_at=row["cancelled_at"],
        limits=limits_from_text(row["usage_limits"]),
        sender_standing=standing_from_row(row),
    )


class RowVersions(NamedTuple):
    """Versions of the rows that a payment is decided by: each is another one once its row was changed.

    `terms` is the account's own number of changes to its instrument and that instrument's tokens.
    """

    terms: int
    token: int
    instrument: int
    party: int


def spending_token_from_row(row: asyncpg.Record) -> tuple[Token, Instrument, int, RowVersions]:
    """A row of the optimistic read: one token, its instrument, the version of its account, and those of the rest.

    The columns come by their order, since looking up thirty names would take longer than all else here, and this is
    done for each payment. Their names are those of the statement's columns: a test compares them.
    """
    (
        token_id,
        purpose,
        instrument_id,
        sender_party_id,
        sender_active,
        caller_reference,
        payment_reason,
        valid_from,
        expires_at,
        cancelled_at,
        usage_limits,
        token_type,
        friendly_name,
        old_token_id,
        terms,
        instruction,
        used_by,
        email_verified,
        account_verified,
        receives_cards,
        marketplace,
        denied,
        instrument_kind,
        instrument_sender_id,
        balance_micros,
        limit_micros,
        pending_micros,
        instrument_valid_from,
        instrument_expires_at,
        total_limit_micros,
        charged_micros,
        account_id,
        version,
        terms_version,
        token_version,
        instrument_version,
        party_version,
        *_rest,
    ) = row
    token = Token(
        token_id,
        _PURPOSES[purpose],
        instrument_id,
        sender_party_id,
        sender_active,
        caller_reference,
        None,  # what brings in real money is a token of its own
        payment_reason,
        valid_from,
        expires_at,
        cancelled_at,
        limits_from_text(usage_limits),
        _TOKEN_TYPES[token_type],
        friendly_name,
        old_token_id,
        terms_from_text(terms),
        instruction,
        used_by,
        Standing(email_verified, account_verified, receives_cards, marketplace, denied),
    )
    kind = _KINDS[instrument_kind]
    instrument = Instrument(
        instrument_id,
        kind,
        instrument_sender_id,
        -balance_micros if kind is InstrumentKind.PREPAID else balance_micros,
        limit_micros,
        pending_micros,
        valid_from if instrument_valid_from is None else instrument_valid_from,
        instrument_expires_at,
        total_limit_micros,
        charged_micros,
        account_id,
    )
    return token, instrument, version, RowVersions(terms_version, token_version, instrument_version, party_version)


def source_from_row(row: asyncpg.Record) -> PaymentSource | None:
    """Where a token brings real money in from, if it does."""
    if row["payment_method"] is None:
        return None
    return PaymentSource(
        Method(row["payment_method"]),
        row["payment_method_id"],
        row["rail"],
        row["expires_on"],
        row["removed"],
        row["method_verified"],
    )


def transaction_from_row(row: asyncpg.Record | Mapping[str, Any]) -> Transaction:
    """A row of the transaction table as the domain's value."""
    values: dict[str, Any] = dict(row)
    values["sender_id"] = values.pop("sender_party_id")
    values["recipient_id"] = values.pop("recipient_party_id")
    values["fee_payer"] = FeePayer(values["fee_payer"])
    values["operation"] = Operation(values["operation"])
    values["status"] = TransactionStatus(values["status"])
    values["status_message"] = message_of(row["operation"], row["status_code"], row["status_message"])
    return Transaction(**values)


def dispute_from_row(row: asyncpg.Record) -> Dispute:
    """A row of the dispute table as the domain's value."""
    values: dict[str, Any] = dict(row)
    values["bearer_id"] = values.pop("bearer_party_id")
    values["status"] = DisputeStatus(values["status"])
    values["told"] = tuple(DisputeStatus(word) for word in values["told"])
    return Dispute(**values)


def booking_from_row(row: asyncpg.Record) -> RailBooking:
    """A row of the rail_booking table as the domain's value."""
    return RailBooking(
        row["rail"], row["movement_id"], AccountKind(row["account"]), row["transaction_id"], row["amount_micros"]
    )


def answered_from_rows(rows: Iterable[asyncpg.Record]) -> dict[str, IdempotencyRecord]:
    """How references were answered."""
    return {row["caller_reference"]: IdempotencyRecord(row["fingerprint"], _outcome(row)) for row in rows}


def _outcome(row: asyncpg.Record) -> Outcome:
    if row["refusal"] is not None:
        return Refused(Refusal[row["refusal"]], row["message"])
    status = row["status"]  # none where a migration or the archive kept that the reference is spent, and no more
    return Accepted(row["transaction_id"], TransactionStatus.SUCCESS if status is None else TransactionStatus(status))
