"""The model against the real PostgreSQL: the same commands come to the same answers and leave the same rows.

One after the other, group after group: what happens where several meet is shown by test_postgres.py for the model, and
for the server by the tests of the store.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

import msgspec
import pytest
from tests.simulation import money, work
from tests.simulation.callers import Inventor, Question
from tests.simulation.cast import BEGIN, SHOP, Cast, make_cast, open_books
from tests.simulation.connections import Network, SimulatedPool
from tests.simulation.loop import SimulatedLoop
from tests.simulation.postgres import Server

from tallystick.db.connections import Pool
from tallystick.domain.commands import Command
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import BookId, TokenId
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.rails.commands import CollectDue, Declined, DisputeMoved, Paid, RailOperation, ResolveCharge
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.memory.payment_memory import PaymentMemory
from tallystick.store.ledger.optimistic.payments import charges_an_instrument
from tallystick.store.ledger.optimistic.refunds import is_refund_of_payment
from tallystick.store.ledger.rules import Rules
from tallystick.store.queries import reads, tokens
from tallystick.store.rails import rail_requests
from tallystick.store.records import forgetting, outbox

BATCHES: Final = 60
_RULES: Final = Rules(read_fee_schedules(None), simulate_faults=False)

_COLUMNS: Final = {
    "account": "book_id, account_id, kind, subject, balance_micros, floor_micros, ceiling_micros, terms_version",
    "instrument": "book_id, instrument_id, kind, account_id, sender_party_id, limit_micros, total_limit_micros,"
    " charged_micros, pending_micros, valid_from, expires_at, uncovered_micros",
    "token": "book_id, token_id, purpose, token_type, instrument_id, sender_party_id, caller_reference, payment_method,"
    " payment_method_id, terms::text, usage_limits::text, valid_from, expires_at, cancelled_at, used_by",
    "transaction": "book_id, transaction_id, operation, status, status_code, status_message, amount_micros, fee_micros,"
    " refunded_micros, fee_refunded_micros, marketplace_fee_micros, marketplace_refunded_micros, fee_payer,"
    " payment_method, sender_party_id, sender_token_id, instrument_id, recipient_party_id, recipient_token_id,"
    " original_id, caller_reference, status_number, received_at, completed_at, reserved_until, times_out_at,"
    " disputed_micros, own_debit_account",
    "dispute": "book_id, transaction_id, rail, reference, original_id, bearer_party_id, instrument_id, asked_micros,"
    " opened_at, status, claimed_micros, borne_micros, fee_micros, due_micros, told, moves, reason, evidence_due_at,"
    " closed_at",
    "rail_booking": "book_id, rail, movement_id, account, transaction_id, amount_micros",
    "transfer": "book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at",
    "answered_reference": "book_id, fingerprint, transaction_id, status, refusal, message, answered_at, reuses",
    "transaction_step": "book_id, transaction_id, number, status, status_code, amount_micros, at",
    "rail_request": "book_id, transaction_id, rail, operation, amount_micros, payment_method_id, earlier_id, opened_at,"
    " due_at, attempts, last_error, asked_at",
    "rail_operation": "book_id, transaction_id, operation, rail, reference, fee_micros, decline",
    "outbox": "book_id, event_id, kind, subject_id, status, status_code, notification_url, destination, occurred_at,"
    " announced_at, due_at, state, attempts, delivered_at, last_error",
    "event_queue": "book_id, subject_id, name, number, type, status, status_code, occurred_at, queued_at",
}
_JSON: Final = frozenset({"terms", "usage_limits"})


@dataclass(frozen=True, slots=True)
class Batch:
    """Commands of one book that share a group, and the moment at which they come."""

    book_id: BookId
    commands: Sequence[Command]
    now: datetime


@dataclass(slots=True)
class Clock:
    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now


class Story:
    """Makes up batches as it goes: what comes next follows from what became of the ones before."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(f"story {seed}")  # noqa: S311 - chance that can be repeated
        self.clock = Clock()
        self.cast: Cast = make_cast(self.dice)
        self.inventor = Inventor(self.dice, self.cast, self.clock)
        self.server = Server(random.Random(seed), BEGIN, jitter=0)  # noqa: S311 - as above
        open_books(self.server)
        network = Network(random.Random(seed), seconds=0)  # noqa: S311 - as above
        self.pool = cast("Pool", SimulatedPool(self.server, network, {**money.of_money(), **work.of_work()}))

    @property
    def token_ids(self) -> list[str]:
        buyers = self.cast.buyers
        return [
            self.cast.recipient_token,
            *(name for one in buyers for name in (one.tab_token, one.card_token)),
            "none",
        ]

    async def tell(self) -> tuple[list[Batch], list[Any]]:
        """The batches, and what the model made of each."""
        committer = Committer(self.pool, _RULES, self.clock, memory=_memory())
        batches = [Batch(book_id, [command], BEGIN) for book_id, command in self.cast.commands]
        told: list[Any] = [_plain(await committer.perform_all(batch.book_id, batch.commands)) for batch in batches]
        for _ in range(BATCHES):
            self.clock.now += timedelta(seconds=self.dice.choice((1, 60, 3600, 40_000)))
            asked = self._next()
            batch = Batch(asked[0].book_id, [self._command(question) for question in asked], self.clock.now)
            batches.append(batch)
            outcomes = await committer.perform_all(batch.book_id, batch.commands)
            for question, outcome in zip(asked, outcomes, strict=True):
                question.attempts.append(outcome)
            told.append(_plain(outcomes))
        await committer.close()
        told.append(await look(self.pool, self.clock.now, self.token_ids))
        return batches, told

    def _next(self) -> list[Question]:
        """Questions for one book that all go the same way: payments from instruments, refunds, or all else."""
        for told in (self._answer_of_the_rail(), self._news_of_a_dispute()):
            if told is not None:
                return [told]
        first = self.inventor.next()
        wanted = _way_of(first.command)
        asked = [first, *(self.inventor.next() for _ in range(self.dice.randrange(4)))]
        return [
            question for question in asked if question.book_id == first.book_id and _way_of(question.command) == wanted
        ]

    def _command(self, question: Question) -> Command:
        return self.inventor.again(question.command) if question.attempts else question.command

    def _answer_of_the_rail(self) -> Question | None:
        due = self.server.rows("rail_request")
        if not due or self.dice.random() < 0.6:
            return None
        row = self.dice.choice(due)
        answer = Paid() if self.dice.random() < 0.7 else Declined("TransactionDenied", "No.")
        command = ResolveCharge(row["transaction_id"], row["rail"], answer, RailOperation(row["operation"]))
        return Question(row["book_id"], command)

    def _news_of_a_dispute(self) -> Question | None:
        charges = [row for row in self.server.rows("transaction") if row["payment_method"] == "CC"]
        opened = [row for row in self.server.rows("dispute") if row["due_micros"]]
        chance = self.dice.random()
        if opened and chance < 0.03:
            row = self.dice.choice(opened)
            return Question(row["book_id"], CollectDue(row["transaction_id"], row["original_id"]))
        if not charges or chance > 0.2:
            return None
        row = self.dice.choice(charges)
        command = DisputeMoved(
            self.inventor.fresh_id(row["book_id"]),
            row["transaction_id"],
            "simulated",
            f"dispute of {row['transaction_id']}",
            self.dice.choice(list(DisputeStatus)),
            row["amount_micros"],
            self.dice.choice((None, 15_000_000)),
        )
        return Question(row["book_id"], command)


def _way_of(command: Command) -> tuple[bool, bool]:
    return charges_an_instrument(command), is_refund_of_payment(command)


async def look(pool: Pool, now: datetime, token_ids: Sequence[str]) -> list[object]:
    """What the worker and the notifications ask, and what they change."""
    told: list[object] = [await tokens.find(pool, SHOP, TokenId(name)) for name in token_ids]
    soon, later = now + timedelta(minutes=1), now + timedelta(minutes=5)
    for request in await rail_requests.due(pool, now, 50):
        told.append((request, await rail_requests.claim(pool, request, now, soon)))
        told.append(await rail_requests.claim(pool, request, now, later))
        await rail_requests.put_off(pool, request, later, "it did not answer")
    told.append(sorted(await rail_requests.run_out(pool, now + timedelta(days=20), 50)))
    events = await outbox.due(pool, now, [], 7, 100)
    told.append(events)
    async with pool.acquire() as connection:
        for number, due in enumerate(events):
            event = await outbox.claim(connection, due, soon)
            told.append((event, await outbox.claim(connection, due, later)))
            assert event is not None
            await outbox.keep_message(connection, event, due.destination, "a form")
            if number % 3 == 0:
                await outbox.mark_delivered(connection, event, now)
            elif number % 3 == 1:
                await outbox.put_off(connection, event, later, "no answer in time")
            else:
                await outbox.end(connection, event, "dead", "it was given up")
            told.append(await reads.transaction(connection, event.book_id, cast("Any", event.subject_id)))
            told.append(await reads.later_statuses(connection, event.book_id, cast("Any", event.subject_id)))
    told.append(await outbox.due(pool, later, [], 7, 100))
    await outbox.forget_messages(pool, later)
    told.append(await forgetting.events(pool, now - timedelta(hours=1)))
    told.append(await forgetting.answers(pool, now))
    return told


def _plain(outcomes: Sequence[Outcome | Exception]) -> list[object]:
    """Comparable: exceptions, refusals among them, are equal when they say the same."""
    return [
        outcome if isinstance(outcome, Accepted) else (type(outcome).__name__, str(outcome)) for outcome in outcomes
    ]


async def open_real_books(pool: Pool, server: Server) -> None:
    """The rows with which the model begins, in the real tables."""
    extra: dict[str, dict[str, object]] = {
        "party": {"kind": "business", "created_at": BEGIN},
        "payment_method": {
            "party_id": None,
            "environment": "sandbox",
            "method": "CC",
            "label": "Card",
            "last_four": "4242",
            "created_at": BEGIN,
        },
        "book": {"currency": "USD", "created_at": BEGIN},
        "account": {},
    }
    for table, more in extra.items():
        for row in server.rows(table):
            values = {**row, **more}
            values.pop("xmin", None)
            if table == "payment_method":
                values["party_id"] = row["payment_method_id"] - 100
            names, places = ", ".join(values), ", ".join(f"${place}" for place in range(1, len(values) + 1))
            overriding = "OVERRIDING SYSTEM VALUE" if table in {"party", "payment_method"} else ""
            statement = f"INSERT INTO {table} ({names}) {overriding} VALUES ({places})"  # noqa: S608 - our own names
            await pool.execute(statement, *values.values())


async def real_state(pool: Pool) -> dict[str, list[str]]:
    state = {}
    for table, columns in _COLUMNS.items():
        rows = await pool.fetch(f"SELECT {columns} FROM {table}")  # noqa: S608 - our own names
        state[table] = sorted(repr(_row(dict(row))) for row in rows)
    return state


def model_state(server: Server) -> dict[str, list[str]]:
    state = {}
    for table, columns in _COLUMNS.items():
        names = [name.strip().removesuffix("::text") for name in columns.split(",")]
        state[table] = sorted(repr(_row({name: row[name] for name in names})) for row in server.rows(table))
    return state


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _sorted(value) if name in _JSON else value for name, value in row.items()}


def _sorted(text: str) -> bytes:
    """JSON text with its keys in one order: the server has an order of its own."""
    return msgspec.json.encode(msgspec.json.decode(text), order="sorted")


def _memory() -> PaymentMemory:
    """Small, so that balances are forgotten as well as remembered: the same ones on both sides."""
    return PaymentMemory(1, dice=random.Random(1))  # noqa: S311 - chance that can be repeated


def in_the_model(work_: Callable[[], Awaitable[Any]]) -> Any:
    """Run by a loop of its own, beside the one of the test."""

    async def run() -> object:
        return await work_()

    loop = SimulatedLoop()
    try:
        return loop.run_until_complete(run())
    finally:
        loop.close()


@pytest.mark.parametrize("seed", range(4))
async def test_the_model_does_what_the_server_does(own_pool: Pool, seed: int) -> None:
    story = Story(seed)
    await open_real_books(own_pool, story.server)
    batches, expected = await asyncio.to_thread(in_the_model, story.tell)
    clock = Clock()
    committer = Committer(own_pool, _RULES, clock, memory=_memory())
    told: list[Any] = []
    for batch in batches:
        clock.now = batch.now
        told.append(_plain(await committer.perform_all(batch.book_id, batch.commands)))
        assert told[-1] == expected[len(told) - 1], batch
    await committer.close()
    assert await look(own_pool, clock.now, story.token_ids) == expected[-1]
    assert await real_state(own_pool) == model_state(story.server)
