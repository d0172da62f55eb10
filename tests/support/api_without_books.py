"""The query API with nothing behind it: what it hands to the books is noted, and answered at once."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from msgspec.structs import replace
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY, VAULT

from tallystick.domain.commands import Pay
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.outcomes import Accepted, Outcome, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fair_shares import CallRates, OwnBuckets
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.keys.access_keys import AccessKey, StaleCachedKeyError, seal_context
from tallystick.store.records.kept_requests import KeptRequests
from tallystick.web.api.asgi import Message, Scope
from tallystick.web.api.plain.plain_calls import PlainCall, PlainCalls
from tallystick.web.api.query_api import QueryApi

HOST = "pay.example"
_OWN = re.compile(rb"<(TransactionId|RequestId|RequestID)>[^<]*<")


def without_ids(body: bytes) -> bytes:
    """An answer without the ids that were made for it."""
    return _OWN.sub(rb"<\1><", body)


@dataclass
class Rows:
    """Stands for the database: access keys by id, balances by instrument."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    balances: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def fetch(self, _: str, *arguments: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as of asyncpg
        if len(arguments) == 1:
            return [self.keys[one] for one in arguments[0] if one in self.keys]
        book_id, wanted, _, key_ids = arguments
        terms = [self.keys[one] for one in key_ids if one in self.keys]
        found = [self.balances[one] for one in wanted if one in self.balances]
        return [{**row, "keys": terms} for row in found if row["book_id"] == book_id] or [
            {"instrument_id": None, "keys": terms, **dict.fromkeys(_BALANCE)}
        ]

    def add_key(self, access_key_id: str, secret: str, **others: Any) -> None:  # noqa: ANN401 - values of a row
        sealed = VAULT.seal(secret.encode("ascii"), seal_context(access_key_id))
        self.keys[access_key_id] = {**_KEY, "access_key_id": access_key_id, "secret_sealed": sealed, **others}


_BALANCE = ("kind", "seller_party_id", "sender_party_id", "environment", "balance_micros", "pending_micros")
_KEY: Mapping[str, Any] = {
    "party_id": 3,
    "environment": "sandbox",
    "created_at": TestClock().moment,
    "expires_at": None,
    "status": "active",
    "book_id": 7,
    "parts": [7],
    "clock_offset_seconds": 0,
    "scopes": 2047,
    "networks": [],
    "calls_per_second": None,
    "bearer_digest": None,
    "json_version": None,
}


@dataclass
class NotingCommitter:
    """Notes commands instead of carrying them out. A reference that says ``stale`` rejects cached keys, one that says
    ``refused`` is refused, one that says ``broken`` meets a broken connection, ``damaged`` a fault of ours, ``lost``
    never has an answer. What says ``later`` is in `held`, for whoever wants it answered."""

    pool: Rows
    held: list[tuple[asyncio.Future[Outcome], Outcome]] = field(default_factory=list)
    taken: list[tuple[BookId, Pay, str | None, Hashable]] = field(default_factory=list)
    optimistic: bool = True

    def reads_optimistically(self, _: BookId) -> bool:
        return self.optimistic

    def perform(
        self, book_id: BookId, command: Pay, key: AccessKey | None = None, flow: Hashable = None
    ) -> asyncio.Future[Outcome]:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        request = command.request
        noted = replace(command, request=replace(request, transaction_id=TransactionId("")))
        self.taken.append((book_id, noted, None if key is None else key.access_key_id, flow))
        if "stale" in request.caller_reference and key is not None:
            answer.set_exception(StaleCachedKeyError(key.access_key_id))
        elif "refused" in request.caller_reference:
            answer.set_result(Refused(Refusal.InsufficientBalance, "There is not so much."))
        elif "broken" in request.caller_reference:
            answer.set_exception(ConnectionResetError())
        elif "damaged" in request.caller_reference:
            raise RuntimeError("as it was told to")
        elif "lost" in request.caller_reference:
            answer.cancel()
        elif "later" in request.caller_reference:
            self.held.append((answer, Accepted(request.transaction_id, TransactionStatus.SUCCESS)))
        else:
            answer.set_result(Accepted(request.transaction_id, TransactionStatus.SUCCESS))
        return answer

    def answer_all(self) -> None:
        """Answer what was held, but for those who have given up."""
        held, self.held = self.held, []
        for answer, outcome in held:
            if not answer.done():
                answer.set_result(outcome)

    async def perform_all(
        self, book_id: BookId, commands: Sequence[Pay], flow: Hashable = None
    ) -> list[Outcome | BaseException]:
        return await asyncio.gather(
            *(self.perform(book_id, command, None, flow) for command in commands), return_exceptions=True
        )


@dataclass
class CountingBuckets(OwnBuckets):
    """Counts how often each caller was let in."""

    spent: Counter[Hashable] = field(default_factory=Counter)

    def spend(self, caller: Hashable, full_at: float, now: float) -> None:
        self.spent[caller] += 1
        OwnBuckets.spend(self, caller, full_at, now)


@dataclass
class NotedRequests(KeptRequests):
    """Keeps any number of requests."""

    noted: list[tuple[object, ...]] = field(default_factory=list)

    def note(self, transaction_id: TransactionId, request_id: str, received_at: datetime, **others: Any) -> None:  # noqa: ANN401 - texts and bytes
        assert (len(transaction_id), len(request_id)) == (35, 36)
        self.noted.append((received_at, *others.items()))


@dataclass(slots=True)
class WatchedPlainCalls(PlainCalls):
    """Tells how many calls went the short way."""

    taken: list[bool] = field(default_factory=list)

    def read(self, scope: Scope, content: bytes) -> PlainCall | None:
        found = PlainCalls.read(self, scope, content)
        self.taken.append(found is not None)
        return found


@dataclass
class Seen:
    """What a client gets, and what was handed over for it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    commands: list[Any]


@dataclass
class Api:
    """The query API of a service of its own. `reader` None: without what was compiled."""

    rows: Rows
    directory: Path
    reader: ModuleType | None
    clock: TestClock = field(default_factory=TestClock)
    settings: Mapping[str, Any] = field(default_factory=dict)
    rates: CallRates | None = None

    def __post_init__(self) -> None:
        self.committer = NotingCommitter(self.rows)
        settings = Settings(
            data_directory=self.directory,
            master_key=MASTER_KEY,
            public_url="https://known.example",
            **cast("Any", self.settings),
        )
        self.requests, self.buckets = NotedRequests(), CountingBuckets()
        nothing: Any = self.rows
        committer: Any = self.committer
        self.service = Service(settings, nothing, committer, VAULT, self.clock, requests=self.requests)
        rates = self.rates or CallRates(10**9, 10**9, lambda: 0.0, self.buckets)
        object.__setattr__(self.service, "rates", rates)
        self.api = QueryApi(self.service)
        self.plain = WatchedPlainCalls(self.service, reader=self.reader)
        object.__setattr__(self.api, "plain", self.plain)

    async def send(self, scope: Mapping[str, Any], body: bytes) -> Seen:
        """One request, given to the application as it is."""
        messages: list[Message] = []
        before = len(self.committer.taken)

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self.api(dict(scope), receive, send)
        start, end = messages
        headers = [header for header in start["headers"] if header[0] != b"content-length"]
        return Seen(start["status"], headers, without_ids(end["body"]), self.committer.taken[before:])

    def counted(self) -> Sequence[object]:
        """All that was counted and noted beside the answers."""
        service = self.service
        seen = service.key_uses._seen  # noqa: SLF001 - what it will write
        times = {action: sum(one.counts) for action, one in service.meter.times.items()}
        return [service.meter.calls, times, self.buckets.spent, dict(seen), self.requests.noted]
