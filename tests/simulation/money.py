"""The statements of the money path (store/ledger/sql/money.sql) as the model carries them out: what reads and locks.

Each function is one statement, with its arguments in the same order. `test_against_postgres.py` holds them against the
real ones. References stand for themselves here: the model needs no digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tests.simulation import disputes, memory_writes, money_writes, rail_writes, together
from tests.simulation.connections import Handler
from tests.simulation.postgres import Record, Transaction

from tallystick.store.ledger.memory.together import STATEMENTS as TOGETHER
from tallystick.store.ledger.statements import MONEY

_STANDING: Final = ("email_verified", "account_verified", "receives_cards", "marketplace", "denied")


def standing(party: Record | None) -> dict[str, Any]:
    """What all statements read of a party; a book of nobody's has no owner to doubt."""
    if party is None:
        return dict(zip(_STANDING, (False, False, True, True, False), strict=True))
    return {
        "email_verified": party["email_verified_at"] is not None,
        "account_verified": party["verified_at"] is not None,
        "receives_cards": party["receives_cards"],
        "marketplace": party["marketplace"],
        "denied": party["denied"],
    }


def _book_rules(tx: Transaction, book_id: int) -> dict[str, Any] | None:
    book = tx.see("book", (book_id,))
    if book is None:
        return None
    owner = None if book["party_id"] is None else tx.see("party", (book["party_id"],))
    return {
        "party_id": book["party_id"],
        "environment": book["environment"],
        "minimum_charge_micros": book["minimum_charge_micros"],
        "clock_offset_seconds": book["clock_offset_seconds"],
        "notification_url": book["notification_url"],
        "seller_active": owner is None or owner["status"] == "active",
        **standing(owner),
        "fee_schedule": None if owner is None else owner["fee_schedule"],
        "parts": book["parts"],
        "charge_events": book["charge_events"],
        "one_row_payments": book["one_row_payments"],
    }


def _answers(tx: Transaction, book_id: int, references: Iterable[str], since: datetime, *, reuse: bool) -> list[Record]:
    found = []
    for reference in references:
        answered = tx.see("answered_reference", (book_id, reference))
        if answered is None:
            continue
        recent = answered["answered_at"] > since
        spent = answered["transaction_id"] is not None or answered["reuses"] is not None
        if recent or (spent and not reuse):
            found.append(
                Record(
                    caller_reference=reference,
                    fingerprint=answered["fingerprint"] if recent else None,
                    transaction_id=answered["transaction_id"],
                    status=answered["status"],
                    refusal=answered["refusal"],
                    message=answered["message"],
                )
            )
    return found


async def read_optimistically(
    tx: Transaction,
    book_id: int,
    tokens: Sequence[str],
    first: str,
    keys: Sequence[str],
    references: Sequence[str],
    since: datetime,
    reuse: bool,
) -> list[Record]:
    assert not keys, "the simulation signs nothing"
    rows = []
    for token_id in tokens:
        token = tx.see("token", (book_id, token_id))
        if token is None or token["instrument_id"] is None:
            continue
        party = tx.see("party", (token["sender_party_id"],))
        instrument = tx.see("instrument", (book_id, token["instrument_id"]))
        assert party is not None
        assert instrument is not None
        account = tx.see("account", (book_id, instrument["account_id"]))
        assert account is not None
        book = _book_rules(tx, book_id) if token_id == first else None
        offset = timedelta(seconds=0 if book is None else book["clock_offset_seconds"])
        rows.append(
            Record(
                token_id=token_id,
                purpose=token["purpose"],
                instrument_id=token["instrument_id"],
                sender_party_id=token["sender_party_id"],
                sender_active=party["status"] == "active",
                caller_reference=token["caller_reference"],
                payment_reason=token["payment_reason"],
                valid_from=token["valid_from"],
                expires_at=token["expires_at"],
                cancelled_at=token["cancelled_at"],
                usage_limits=token["usage_limits"],
                token_type=token["token_type"],
                friendly_name=token["friendly_name"],
                old_token_id=token["old_token_id"],
                terms=token["terms"],
                instruction=token["instruction"],
                used_by=token["used_by"],
                **standing(party),
                instrument_kind=instrument["kind"],
                instrument_sender_id=instrument["sender_party_id"],
                balance_micros=account["balance_micros"],
                limit_micros=instrument["limit_micros"],
                pending_micros=instrument["pending_micros"],
                instrument_valid_from=(
                    None if instrument["valid_from"] == token["valid_from"] else instrument["valid_from"]
                ),
                instrument_expires_at=instrument["expires_at"],
                total_limit_micros=instrument["total_limit_micros"],
                charged_micros=instrument["charged_micros"],
                account_id=instrument["account_id"],
                version=account["xmin"],
                terms_version=account["terms_version"],
                token_version=tx.version("token", (book_id, token_id)),
                instrument_version=tx.version("instrument", (book_id, token["instrument_id"])),
                party_version=tx.version("party", (token["sender_party_id"],)),
                book=None if book is None else Record(book),
                answers=None if book is None else _answers(tx, book_id, references, since + offset, reuse=reuse),
                keys=None if book is None else [],
                charge_events=None if book is None else book["charge_events"],
                one_row_payments=None if book is None else book["one_row_payments"],
                server_started_at=None if book is None else tx.server.started_at,
            )
        )
    return rows


async def read_refunded(
    tx: Transaction,
    book_id: int,
    names: Sequence[str],
    first: str,
    keys: Sequence[str],
    references: Sequence[str],
    since: datetime,
    reuse: bool,
) -> list[Record]:
    assert not keys, "the simulation signs nothing"
    rows = []
    tokens = [token for _, token in tx.scan("token") if token["book_id"] == book_id]
    for name in names:
        payment = tx.see("transaction", (book_id, name))
        if payment is None:
            continue
        known = money_writes.whole(payment, tokens)
        instrument = tx.see("instrument", (book_id, known["instrument_id"]))
        if instrument is None:
            continue
        account = tx.see("account", (book_id, instrument["account_id"]))
        assert account is not None
        book = _book_rules(tx, book_id) if name == first else None
        offset = timedelta(seconds=0 if book is None else book["clock_offset_seconds"])
        row = Record({column: known[column] for column in _OF_TRANSACTION})
        row["disputed_micros"] = payment["disputed_micros"] or 0
        row["payment_version"] = tx.version("transaction", (book_id, name))
        row.update(_instrument(tx, book_id, instrument))
        row["account_version"], row["terms_version"] = account["xmin"], account["terms_version"]
        row["instrument_version"] = tx.version("instrument", (book_id, instrument["instrument_id"]))
        row["keys"] = None if book is None else []
        row["book"] = None if book is None else Record(book)
        row["answers"] = None if book is None else _answers(tx, book_id, references, since + offset, reuse=reuse)
        rows.append(row)
    return rows


async def read_book(tx: Transaction, book_id: int) -> list[Record]:
    rules = _book_rules(tx, book_id)
    if rules is None or rules["party_id"] is None:
        return []
    versions = {
        "book_version": tx.version("book", (book_id,)),
        "owner_version": tx.version("party", (rules["party_id"],)),
        "server_started_at": tx.server.started_at,
    }
    return [Record(**rules, **versions)]


async def lock(
    tx: Transaction,
    book_id: int,
    instruments: Sequence[str],
    tokens: Sequence[str],
    transactions: Sequence[str],
) -> list[Record]:
    rules = _book_rules(tx, book_id)
    if rules is None:
        return []
    wanted = {*instruments}
    own_tokens = [token for _, token in tx.scan("token") if token["book_id"] == book_id]
    wanted |= {row["instrument_id"] for name in tokens if (row := tx.see("token", (book_id, name))) is not None}
    wanted |= {
        money_writes.whole(row, own_tokens)["instrument_id"]
        for name in transactions
        if (row := tx.see("transaction", (book_id, name))) is not None
    }
    known = [row for name in wanted if name and (row := tx.see("instrument", (book_id, name))) is not None]
    operators = {
        row["part"]: row["book_id"]
        for _, row in tx.scan("book")
        if row["party_id"] is None and row["environment"] == rules["environment"]
    }
    own = tx.see("book", (book_id,))
    assert own is not None
    for instrument in sorted(known, key=lambda row: row["account_id"]):
        await tx.lock("account", (book_id, instrument["account_id"]))
    return [
        Record(
            book_id=book_id,
            operator_book_id=operators[own["operator_part"]],
            balances_book_id=operators[0],
            **rules,
            instrument_ids=[row["instrument_id"] for row in known],
        )
    ]


async def lock_tokens(tx: Transaction, book_id: int, tokens: Sequence[str]) -> list[Record]:
    known = [row for name in tokens if (row := tx.see("token", (book_id, name))) is not None]
    locked = sorted(row["token_id"] for row in known if row["instrument_id"] is None)
    for token_id in locked:
        await tx.lock("token", (book_id, token_id))
    return [Record(token_id=token_id) for token_id in locked]


async def load(
    tx: Transaction,
    book_id: int,
    tokens: Sequence[str],
    references: Sequence[str],
    since: datetime,
    token_references: Sequence[str],
    reuse: bool,
) -> list[Record]:
    rows = [_loaded(tx, book_id, token) for name in tokens if (token := tx.see("token", (book_id, name))) is not None]
    rows = rows or [Record(token_id=None, instrument_kind=None)]
    rows[0]["answers"] = _answers(tx, book_id, references, since, reuse=reuse)
    rows[0]["token_references"] = [
        [reference, named["token_id"]]
        for reference in token_references
        if (named := tx.see("token_reference", (book_id, reference))) is not None
    ]
    return rows


def _loaded(tx: Transaction, book_id: int, token: Record) -> Record:
    party = tx.see("party", (token["sender_party_id"],))
    method = tx.see("payment_method", (token["payment_method_id"],))
    instrument = tx.see("instrument", (book_id, token["instrument_id"]))
    assert party is not None
    row = Record(token)
    row["sender_active"] = party["status"] == "active"
    row["rail"] = None if method is None else method["rail"]
    row["expires_on"] = None if method is None else method["expires_on"]
    row["removed"] = method is not None and method["removed_at"] is not None
    row["method_verified"] = method is not None and method["verified_at"] is not None
    row.update(standing(party))
    row.update(_NO_INSTRUMENT if instrument is None else _instrument(tx, book_id, instrument))
    return row


_NO_INSTRUMENT: Final[Mapping[str, Any]] = {"instrument_kind": None}


def _instrument(tx: Transaction, book_id: int, instrument: Record) -> dict[str, Any]:
    account = tx.see("account", (book_id, instrument["account_id"]))
    assert account is not None
    return {
        "instrument_id": instrument["instrument_id"],
        "instrument_kind": instrument["kind"],
        "instrument_sender_id": instrument["sender_party_id"],
        "limit_micros": instrument["limit_micros"],
        "total_limit_micros": instrument["total_limit_micros"],
        "charged_micros": instrument["charged_micros"],
        "pending_micros": instrument["pending_micros"],
        "instrument_valid_from": instrument["valid_from"],
        "instrument_expires_at": instrument["expires_at"],
        "account_id": instrument["account_id"],
        "balance_micros": account["balance_micros"],
        "uncovered_micros": instrument["uncovered_micros"] or 0,
    }


async def load_instruments(tx: Transaction, book_id: int, names: Sequence[str]) -> list[Record]:
    known = [row for name in names if (row := tx.see("instrument", (book_id, name))) is not None]
    return [Record(_instrument(tx, book_id, row)) for row in known]


_OF_TRANSACTION: Final = (
    *("transaction_id", "operation", "status", "status_code", "status_message", "status_number", "amount_micros"),
    *("fee_micros", "fee_payer", "fee_refunded_micros", "marketplace_fee_micros", "marketplace_refunded_micros"),
    *("refunded_micros", "payment_method", "sender_party_id", "sender_token_id", "instrument_id"),
    *("recipient_party_id", "recipient_token_id", "original_id", "caller_reference", "caller_description"),
    *("sender_description", "notification_url", "requested_at", "received_at", "completed_at", "reserved_until"),
    "times_out_at",
)


async def load_transactions(tx: Transaction, book_id: int, names: Sequence[str]) -> list[Record]:
    known = sorted(name for name in names if tx.see("transaction", (book_id, name)) is not None)
    rows = [await tx.lock("transaction", (book_id, name)) for name in known]
    tokens = [token for _, token in tx.scan("token") if token["book_id"] == book_id]
    return [
        Record({name: known[name] for name in _OF_TRANSACTION}, disputed_micros=row["disputed_micros"] or 0)
        for row in rows
        if row is not None
        for known in (money_writes.whole(row, tokens),)
    ]


async def load_payouts(tx: Transaction, book_id: int, names: Sequence[str]) -> list[Record]:
    found = [row for name in names if (row := tx.see("payout", (book_id, name))) is not None]
    return [Record(transaction_id=row["transaction_id"], rail=row["rail"]) for row in found]


async def load_unasked(tx: Transaction, book_id: int, names: Sequence[str]) -> list[Record]:
    keys = [
        key
        for key, row in tx.scan("rail_request")
        if row["book_id"] == book_id and row["transaction_id"] in names and row["attempts"] == 0
    ]
    rows = [await tx.lock("rail_request", key) for key in keys]
    return [
        Record(transaction_id=row["transaction_id"], operation=row["operation"])
        for row in rows
        if row is not None and row["attempts"] == 0
    ]


async def load_rail_uses(tx: Transaction, book_id: int, names: Sequence[str]) -> list[Record]:
    keys = [(book_id, name, operation) for name in names for operation in ("authorize", "charge")]
    rows = [row for key in keys if (row := tx.see("rail_operation", key)) is not None]
    asked = ("transaction_id", "rail", "payment_method_id")
    return [Record({name: row[name] for name in asked}) for row in rows if row["payment_method_id"] is not None]


async def load_returned(tx: Transaction, book_id: int, names: Sequence[str]) -> list[Record]:
    asked = [name for name in names if tx.see("rail_operation", (book_id, name, "return")) is not None]
    return [Record(transaction_id=name) for name in asked]


async def load_recorded(tx: Transaction, book_id: int, rails: Sequence[str], references: Sequence[str]) -> list[Record]:
    named = set(zip(rails, references, strict=True))
    return [
        Record(transaction_id=row["transaction_id"], rail=row["rail"], reference=row["reference"])
        for key, row in tx.scan("rail_operation")
        if key[0] == book_id and key[2] == "refund" and (row["rail"], row["reference"]) in named
    ]


async def load_sellers(tx: Transaction, book_id: int, parties: Sequence[int]) -> list[Record]:
    own = tx.see("book", (book_id,))
    assert own is not None
    rows = []
    for _, book in tx.scan("book"):
        if book["party_id"] in parties and book["environment"] == own["environment"] and book["part"] == 0:
            party = tx.see("party", (book["party_id"],))
            assert party is not None
            rows.append(
                Record(
                    party_id=book["party_id"],
                    book_id=book["book_id"],
                    active=party["status"] == "active",
                    **standing(party),
                )
            )
    return rows


async def load_bookings(tx: Transaction, book_id: int, rails: Sequence[str], movements: Sequence[str]) -> list[Record]:
    asked = set(zip(rails, movements, strict=True))
    names = ("rail", "movement_id", "account", "transaction_id", "amount_micros")
    return [
        Record({name: row[name] for name in names})
        for _, row in tx.scan("rail_booking")
        if row["book_id"] == book_id and (row["rail"], row["movement_id"]) in asked
    ]


async def lock_accounts(tx: Transaction, book_id: int, accounts: Sequence[int]) -> list[Record]:
    known = sorted(number for number in accounts if tx.see("account", (book_id, number)) is not None)
    rows = [await tx.lock("account", (book_id, number)) for number in known]
    return [
        Record(account_id=row["account_id"], balance_micros=row["balance_micros"]) for row in rows if row is not None
    ]


MODEL: Final[Mapping[str, Handler]] = {
    "read_optimistically": read_optimistically,
    "read_refunded": read_refunded,
    "lock": lock,
    "lock_tokens": lock_tokens,
    "load": load,
    "load_instruments": load_instruments,
    "load_transactions": load_transactions,
    "load_unasked": load_unasked,
    "load_payouts": load_payouts,
    "load_rail_uses": load_rail_uses,
    "load_returned": load_returned,
    "load_recorded": load_recorded,
    "load_sellers": load_sellers,
    "lock_accounts": lock_accounts,
    "ensure_accounts": money_writes.ensure_accounts,
    "insert_instruments": money_writes.insert_instruments,
    "insert_tokens": money_writes.insert_tokens,
    "apply_payments": money_writes.apply_payments,
    "apply_payments_and_more": money_writes.apply_payments_and_more,
    "apply_from_memory": memory_writes.apply_from_memory,
    "apply_one_from_memory": memory_writes.apply_one_from_memory,
    "apply_from_memory_and_tell": memory_writes.apply_from_memory,
    "apply_tabs_from_memory": memory_writes.apply_tabs_from_memory,
    "apply_tabs_from_memory_and_tell": memory_writes.apply_tabs_from_memory,
    "apply_from_memory_and_refund": memory_writes.apply_from_memory_and_refund,
    "read_book": read_book,
    "apply": money_writes.apply,
    "apply_refunds": money_writes.apply_refunds,
    "update_transactions": money_writes.update_transactions,
    "insert_steps": money_writes.insert_steps,
    "insert_transfers": money_writes.insert_transfers,
    "move_balances": money_writes.move_balances,
    "insert_rail_requests": rail_writes.insert_rail_requests,
    "insert_rail_records": rail_writes.insert_rail_records,
    "insert_payouts": rail_writes.insert_payouts,
    "end_payouts": rail_writes.end_payouts,
    "delete_rail_requests": rail_writes.delete_rail_requests,
    "load_disputes": disputes.load_disputes,
    "load_bookings": load_bookings,
    "insert_bookings": rail_writes.insert_bookings,
    "disputed_settlements": disputes.disputed_settlements,
    "write_disputes": disputes.write_disputes,
    "update_uncovered": disputes.update_uncovered,
}
"""By name; a test compares the names with those of money.sql."""


def of_money(changed: Mapping[str, Handler] | None = None) -> dict[str, Handler]:
    """The model of each statement by its text. `changed`: others in the place of some, by name."""
    return {
        {**MONEY, **TOGETHER}[name]: handler for name, handler in {**MODEL, **together.MODEL, **(changed or {})}.items()
    }
