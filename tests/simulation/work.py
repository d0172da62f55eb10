"""What the worker sends: rails, outbox, clocks, forgetting, and what notifications are made of. As in money.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from tests.simulation.connections import Handler
from tests.simulation.money import standing
from tests.simulation.money_writes import whole
from tests.simulation.postgres import Record, Transaction

from tallystick.db.statements import load_statements

_RECORD: Final = (
    *("book_id", "event_id", "kind", "subject_id", "status", "status_code", "state", "destination", "occurred_at"),
    *("announced_at", "due_at", "attempts", "delivered_at", "last_error"),
)
_FINAL: Final = frozenset({"delivered", "dead", "unwanted"})


async def rails_due(tx: Transaction, now: datetime, limit: int) -> list[Record]:
    rows = sorted((row for _, row in tx.scan("rail_request") if row["due_at"] <= now), key=lambda row: row["due_at"])
    found = []
    for row in rows[:limit]:
        method = tx.see("payment_method", (row["payment_method_id"],))
        assert method is not None
        names = ("book_id", "transaction_id", "rail", "operation", "earlier_id", "amount_micros", "due_at")
        found.append(Record({name: row[name] for name in names}, rail_token=method["rail_token"]))
        found[-1]["environment"], found[-1]["method"] = method["environment"], method["method"]
        found[-1]["attempts"] = row["attempts"] + 1
        found[-1]["asked_at"] = (row["asked_at"] or row["opened_at"]) if row["attempts"] else None
        known = tx.see("rail_operation", (row["book_id"], row["transaction_id"], row["operation"]))
        found[-1]["reference"] = None if known is None else known["reference"]
        found[-1].update(_earlier(tx, row))
    return found


def _earlier(tx: Transaction, row: Record) -> dict[str, Any]:
    """The order that is captured, voided or given back, and what its rail calls it."""
    if row["earlier_id"] is None:
        return {"earlier_operation": None, "earlier_reference": None}
    names = ("authorize",) if row["operation"] in {"capture", "void"} else ("capture", "charge")
    known = {name: tx.see("rail_operation", (row["book_id"], row["earlier_id"], name)) for name in names}
    operation = next((name for name in names if known[name] is not None), names[-1])
    found = known[operation]
    return {"earlier_operation": operation, "earlier_reference": None if found is None else found["reference"]}


async def rail_claim(
    tx: Transaction,
    book_id: int,
    transaction_id: str,
    found_due: datetime,
    until: datetime,
    attempts: int,
    operation: str,
    now: datetime,
) -> int:
    key = (book_id, transaction_id, operation)
    row = tx.see("rail_request", key)
    if row is None or row["due_at"] != found_due:
        return 0
    row = await tx.lock("rail_request", key)
    if row is None or row["due_at"] != found_due:
        return 0
    asked_at = row["asked_at"] or (row["opened_at"] if row["attempts"] else now)
    tx.write("rail_request", key, Record({**row, "due_at": until, "attempts": attempts, "asked_at": asked_at}))
    return 1


async def rail_put_off(
    tx: Transaction, book_id: int, transaction_id: str, until: datetime, operation: str, error: str | None
) -> int:
    key = (book_id, transaction_id, operation)
    if tx.see("rail_request", key) is None:
        return 0
    return int(await tx.update("rail_request", key, due_at=until, last_error=error))


async def rail_missing(
    tx: Transaction, book_id: int, transaction_id: str, operation: str, at: datetime
) -> list[Record]:
    key = (book_id, transaction_id, operation)
    row = await tx.lock("rail_request", key)
    if row is None:
        return []
    since = row["missing_since"] or at
    tx.write("rail_request", key, Record({**row, "missing_since": since}))
    return [Record(missing_since=since)]


async def rail_sent_again(tx: Transaction, book_id: int, transaction_id: str, operation: str) -> int:
    key = (book_id, transaction_id, operation)
    row = tx.see("rail_request", key)
    if row is None or row["missing_since"] is None:
        return 0
    return int(await tx.update("rail_request", key, missing_since=None))


async def run_out(tx: Transaction, now: datetime, limit: int) -> list[Record]:
    found = []
    for _, row in tx.scan("transaction"):
        if row["reserved_until"] is not None and row["status"] == "Reserved" and row["reserved_until"] <= now:
            found.append(row)
    for _, request in tx.scan("rail_request"):
        row_ = tx.see("transaction", (request["book_id"], request["transaction_id"]))
        if (
            row_ is not None
            and request["attempts"] == 0
            and row_["status"] == "Pending"
            and request["operation"] in {"charge", "authorize"}
            and row_["times_out_at"] is not None
            and row_["times_out_at"] <= now
        ):
            found.append(row_)
    return [Record(book_id=row["book_id"], transaction_id=row["transaction_id"]) for row in found[:limit]]


async def next_book(tx: Transaction, now: datetime, after: int) -> list[Record]:
    books = {row["book_id"] for row in _due_events(tx, now) if row["book_id"] > after}
    return [Record(book_id=min(books))] if books else []


def _due_events(tx: Transaction, now: datetime) -> list[Record]:
    found = [row for _, row in tx.scan("outbox") if row["state"] == "waiting" and row["due_at"] <= now]
    return sorted(found, key=_place)


def _place(row: Record) -> tuple[datetime, str]:
    return row["due_at"], row["event_id"]


async def events_due(
    tx: Transaction,
    book_id: int,
    now: datetime,
    without: Sequence[str],
    maximum: int,
    after: datetime,
    after_id: str,
    looked_at: int,
) -> list[Record]:
    own = [row for _, row in tx.scan("outbox") if row["book_id"] == book_id and row["state"] not in _FINAL]
    ready = sorted((row for row in own if row["due_at"] <= now and _place(row) > (after, after_id)), key=_place)
    found = [
        row
        for row in ready[:looked_at]
        if row["destination"] not in without
        and not any(other["subject_id"] == row["subject_id"] and other["event_id"] < row["event_id"] for other in own)
    ]
    names = ("book_id", "event_id", "destination", "due_at")
    return [Record({name: row[name] for name in names}) for row in found[:maximum]]


async def looked_at(
    tx: Transaction, book_id: int, now: datetime, after: datetime, after_id: str, number: int
) -> list[Record]:
    own = [row for row in _due_events(tx, now) if row["book_id"] == book_id and _place(row) > (after, after_id)]
    return [Record(due_at=row["due_at"], event_id=row["event_id"]) for row in own[number - 1 : number]]


async def event_claim(
    tx: Transaction, book_id: int, event_id: str, found_due: datetime, until: datetime
) -> list[Record]:
    row = await _waiting(tx, (book_id, event_id), found_due)
    book = tx.see("book", (book_id,))
    if row is None or book is None:
        return []
    claimed = Record({**row, "due_at": until, "attempts": row["attempts"] + 1})
    tx.write("outbox", (book_id, event_id), claimed)
    answer = Record({name: claimed[name] for name in (*_RECORD, "message")})
    answer.update(seller_id=book["party_id"], notify_immediate=book["notify_immediate"])
    answer.update(notify_write_offs=book["notify_write_offs"], signature_method=book["signature_method"])
    return [answer]


async def _waiting(tx: Transaction, key: tuple[int, str], due_at: datetime | None) -> Record | None:
    """A waiting event, locked, if it is still due at that moment (None: at whichever)."""
    row = tx.see("outbox", key)
    for _ in range(2):
        if row is None or row["state"] != "waiting" or due_at not in {None, row["due_at"]}:
            return None
        row = await tx.lock("outbox", key)
    return row


async def keep_message(tx: Transaction, book_id: int, event_id: str, destination: str, message: str) -> int:
    return int(await tx.update("outbox", (book_id, event_id), destination=destination, message=message))


async def delivered(tx: Transaction, book_id: int, event_id: str, now: datetime) -> int:
    return await _finish(tx, (book_id, event_id), None, state="delivered", delivered_at=now, last_error=None)


async def event_put_off(
    tx: Transaction, book_id: int, event_id: str, lease: datetime, until: datetime, error: str
) -> int:
    return await _finish(tx, (book_id, event_id), lease, due_at=until, last_error=error)


async def event_end(
    tx: Transaction, book_id: int, event_id: str, lease: datetime, state: str, error: str | None
) -> int:
    return await _finish(tx, (book_id, event_id), lease, state=state, last_error=error)


async def _finish(tx: Transaction, key: tuple[int, str], lease: datetime | None, **changes: object) -> int:
    row = await _waiting(tx, key, lease)
    if row is None:
        return 0
    tx.write("outbox", key, Record({**row, **changes}))
    return 1


async def newest_key(tx: Transaction, since: datetime) -> list[Record]:
    keys = [row for _, row in tx.scan("signing_key") if row["created_at"] > since]
    names = ("name", "private_key_sealed", "certificate_pem")
    return [Record({name: row[name] for name in names}) for row in keys[-1:]]


async def find_key(tx: Transaction, name: str) -> list[Record]:
    row = tx.see("signing_key", (name,))
    if row is None:
        return []
    found = Record({column: row[column] for column in ("name", "certificate_pem", "created_at")})
    found.update(retired_at=None, revoked_at=None, has_private_half=True)
    return [found]


async def closed_to(_tx: Transaction, _party_id: int, _hosts: Sequence[str]) -> list[Record]:
    """Nobody claims a host here."""
    return []


async def no_evidence(_tx: Transaction, _book_id: int, _authorization_id: str) -> list[Record]:
    """Authorizations come straight from commands, without a visit to the hosted pages."""
    return []


async def read_transaction(tx: Transaction, book_id: int, transaction_id: str) -> list[Record]:
    row = tx.see("transaction", (book_id, transaction_id))
    book = tx.see("book", (book_id,))
    if row is None or book is None:
        return []
    found = whole(row, (token for _, token in tx.scan("token") if token["book_id"] == book_id))
    found.update(paid_from=found["instrument_id"], paid_with=found["sender_token_id"])
    people = {"seller": book["party_id"], "sender": row["sender_party_id"], "recipient": row["recipient_party_id"]}
    found.update(environment=book["environment"], seller_party_id=book["party_id"])
    for role, party_id in people.items():
        party = tx.see("party", (party_id,))
        found[f"{role}_name"] = None if party is None else party["name"]
        found[f"{role}_email"] = None if party is None else party["email"]
    instrument = tx.see("instrument", (book_id, found["instrument_id"]))
    found["instrument_kind"] = None if instrument is None else instrument["kind"]
    return [found]


async def later_statuses(tx: Transaction, book_id: int, transaction_id: str) -> list[Record]:
    own = [
        row
        for _, row in tx.scan("transaction_step")
        if row["book_id"] == book_id and row["transaction_id"] == transaction_id
    ]
    names = ("status", "status_code", "amount_micros", "at")
    return [Record({name: row[name] for name in names}) for row in sorted(own, key=lambda row: row["number"])]


async def find_token(tx: Transaction, book_id: int, token_id: str) -> list[Record]:
    token, book = tx.see("token", (book_id, token_id)), tx.see("book", (book_id,))
    if token is None or book is None:
        return []
    seller, giver = tx.see("party", (book["party_id"],)), tx.see("party", (token["sender_party_id"],))
    assert seller is not None
    assert giver is not None
    found = Record(token)
    found["terms"] = msgspec.json.decode(token["terms"])
    found["usage_limits"] = msgspec.json.decode(token["usage_limits"])
    found.update(environment=book["environment"], clock_offset_seconds=book["clock_offset_seconds"])
    found.update(seller_id=seller["party_id"], seller_name=seller["name"], seller_email=seller["email"])
    found.update(giver_id=giver["party_id"], giver_name=giver["name"], giver_email=giver["email"])
    found.update(giver_status=giver["status"], **standing(giver))
    return [found]


async def database_time(tx: Transaction) -> list[Record]:
    return [Record(clock_timestamp=tx.server.now())]


async def believe(tx: Transaction, now: datetime, step: timedelta) -> list[Record]:
    row = await tx.lock("believed_time", ())
    believed = now if row is None else min(now, row["believed_at"] + step)
    tx.write("believed_time", (), Record(believed_at=believed))
    return [Record(believed_at=believed)]


async def believed(tx: Transaction) -> list[Record]:
    row = tx.see("believed_time", ())
    return [] if row is None else [row]


async def forget_answers(tx: Transaction, before: datetime, maximum: int) -> int:
    def is_old(row: Record) -> bool:
        return row["answered_at"] <= before and row["refusal"] is not None and row["reuses"] is None

    return await _delete(tx, "answered_reference", is_old, maximum)


async def forget_events(tx: Transaction, before: datetime, maximum: int) -> int:
    def is_old(row: Record) -> bool:
        return row["announced_at"] <= before and row["state"] in {"delivered", "unwanted"}

    return await _delete(tx, "outbox", is_old, maximum)


async def _delete(tx: Transaction, table: str, is_old: Any, maximum: int) -> int:
    gone = 0
    for key in [key for key, row in tx.scan(table) if is_old(row)][:maximum]:
        row = await tx.lock(table, key)
        if row is not None and is_old(row):
            tx.write(table, key, None)
            gone += 1
    return gone


async def forget_messages(tx: Transaction, before: datetime) -> int:
    gone = 0
    for key, row in [*tx.scan("outbox")]:
        if row["state"] == "delivered" and row["message"] is not None and row["delivered_at"] < before:
            gone += await tx.update("outbox", key, message=None)
    return gone


async def nothing(_tx: Transaction, *_values: object) -> list[Record]:
    """About tables that the model does not have: pages, sign-in, mail. They are empty."""
    return []


_RECORDS: Final = "tallystick.store.records"
_ACCOUNTS: Final = "tallystick.store.accounts"

MODEL: Final[Mapping[tuple[str, str], Mapping[str, Handler]]] = {
    ("tallystick.store.rails", "rail_requests.sql"): {
        "due": rails_due,
        "claim": rail_claim,
        "put_off": rail_put_off,
        "run_out": run_out,
        "server_clock": database_time,
        "missing": rail_missing,
        "sent_again": rail_sent_again,
    },
    ("tallystick.store.rails", "rail_events.sql"): {"forget": nothing},
    ("tallystick.store.rails", "rail_setups.sql"): {"forget": nothing},
    (_RECORDS, "outbox.sql"): {
        "next_book": next_book,
        "due": events_due,
        "looked_at": looked_at,
        "claim": event_claim,
        "keep_message": keep_message,
        "delivered": delivered,
        "put_off": event_put_off,
        "end": event_end,
        "forget_messages": forget_messages,
    },
    (_RECORDS, "forgetting.sql"): {
        "answers": forget_answers,
        "events": forget_events,
        "addresses_due": nothing,
        "happenings": nothing,  # none has a number: the pass that gives them is not simulated
        "webhook_deliveries": nothing,  # as above
        "visits": nothing,
        "requests": nothing,
        "trace_links": nothing,  # histories are not traced
    },
    (_RECORDS, "evidence.sql"): {"find": no_evidence},
    (_RECORDS, "mail.sql"): {"sweep": nothing},
    (_ACCOUNTS, "return_hosts.sql"): {"closed_to": closed_to},
    **{
        (_ACCOUNTS, f"{table}.sql"): {"sweep": nothing}
        for table in ("web_sessions", "mailed_proofs", "passkeys", "attempts", "sign_in_pauses")
    },
    ("tallystick.store.keys", "signing_keys.sql"): {"newest": newest_key, "find": find_key},
    ("tallystick.store.queries", "reads.sql"): {"transaction": read_transaction, "later_statuses": later_statuses},
    ("tallystick.store.queries", "tokens.sql"): {"find": find_token},
    ("tallystick.db", "clock_watch.sql"): {
        "database_time": database_time,
        "believe": believe,
        "believed": believed,
    },
}
"""By package, file and name."""


def of_work(changed: Mapping[str, Handler] | None = None) -> dict[str, Handler]:
    """The model of each statement by its text. `changed`: others in the place of some, by file and name."""
    changed = changed or {}
    return {
        load_statements(file, package)[name]: changed.get(f"{file} {name}", handler)
        for (package, file), handlers in MODEL.items()
        for name, handler in handlers.items()
    }
