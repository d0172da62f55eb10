"""The fake service: what it answers to each request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import httpx
import msgspec

from tallystick_client.amounts import trimmed
from tallystick_client.client import AsyncTallystick, Tallystick
from tallystick_client.endpoint import Endpoint
from tallystick_client.endpoints import API_VERSION
from tallystick_client.testing import reading
from tallystick_client.testing.books import Books, text
from tallystick_client.testing.fake_endpoints import FakeEndpoints
from tallystick_client.testing.refused import RefusedError

BASE_URL: Final = "https://tallystick.example"
API_KEY: Final = "tsk_test_fake"

Given = Mapping[str, Any]
Body = dict[str, Any]


@dataclass(slots=True)
class FakeTallystick:
    """One seller's sandbox, in memory. Not for several threads at once.

    `books`: what is there, to look at and to change; `clock`: what time it is. Card and bank payments are pending
    in the answer, and come to their end with the next request; with `slow`, by `come_through` alone. `requests`: all
    that were answered, as method and path.
    """

    books: Books = field(default_factory=Books)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    slow: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    _done: dict[tuple[str, str], tuple[object, str]] = field(default_factory=dict)
    _lost: int = 0
    _endpoints: FakeEndpoints = field(init=False)

    def __post_init__(self) -> None:
        self._endpoints = FakeEndpoints(self.books, lambda: self.clock(), BASE_URL)  # noqa: PLW0108 - it may be set anew

    def client(self) -> Tallystick:
        """A client of it, which never really sleeps."""
        http = httpx.Client(transport=httpx.MockTransport(self.handle))
        return Tallystick(API_KEY, BASE_URL, http=http, sleep=lambda _seconds: None)

    def async_client(self) -> AsyncTallystick:
        """A client of it for an event loop, which never really sleeps."""

        async def sleep(_seconds: float) -> None:
            return None

        http = httpx.AsyncClient(transport=httpx.MockTransport(self.handle))
        return AsyncTallystick(API_KEY, BASE_URL, http=http, sleep=sleep)

    # What happens outside.

    def agree(self, authorization_id: str, *, method: str = "card") -> None:
        """The buyer agrees, as on the hosted page. `method`: card, bank_account or account_balance."""
        self._endpoints.agree(authorization_id, method)

    def balance(self, authorization_id: str) -> Decimal:
        """What is on a balance, or owed on a tab."""
        return trimmed(Decimal(text(self.books.authorizations[authorization_id].held)))

    def come_through(self) -> None:
        """All that is pending comes to its end."""
        self.books.come_through(self.clock())

    def decline_next(self, status_code: str = "PaymentError") -> None:
        """The next payment by card or bank that comes to its end is declined."""
        self.books.declines.append(status_code)

    def lose_next_answers(self, times: int = 1) -> None:
        """The next requests are done, but their answers are lost on the way: the client asks again."""
        self._lost += times

    # Requests.

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, as a handler of httpx.MockTransport. Raises NotFakedError, httpx.ReadError: lost."""
        self.requests.append((request.method, request.url.path))
        if not self.slow:
            self.come_through()
        try:
            status, body, replayed = self._answer(request)
            headers = {"content-type": "application/json"} | ({"idempotent-replay": "true"} if replayed else {})
        except RefusedError as refused:
            status, headers = refused.status, {"content-type": "application/problem+json"}
            body = {
                "type": f"{BASE_URL}/docs/errors#{refused.code}",
                "title": refused.code.replace("_", " "),
                "status": refused.status,
                "detail": refused.detail,
                "code": refused.code,
                "request_id": f"fake-{len(self.requests)}",
                **refused.more,
            }
        if self._lost:
            self._lost -= 1
            raise httpx.ReadError("the answer was lost, as the test wanted", request=request)
        headers["tallystick-version"] = API_VERSION
        return httpx.Response(status, headers=headers, content=msgspec.json.encode(body), request=request)

    def _answer(self, request: httpx.Request) -> tuple[int, Body, bool]:
        """Status, body, and whether it was done before."""
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            raise RefusedError("unknown_key", "There is no such key.")
        endpoint, subject = reading.find(request.method, request.url.path)
        given = reading.given(endpoint, request)
        if not endpoint.takes_key:
            return 200, self._endpoints.perform(endpoint.name, subject, given, ""), False
        key = request.headers.get("idempotency-key", "")
        if not key:
            raise RefusedError("idempotency_key_required", "Send the header Idempotency-Key.", field="Idempotency-Key")
        return self._once(endpoint, subject, given, key)

    def _once(self, endpoint: Endpoint, subject: str, given: Given, key: str) -> tuple[int, Body, bool]:
        """What was done under the key before, or do it now. A refusal spends no key."""
        space = "authorizations" if endpoint.name == "authorizations.create" else "transactions"
        asked = (endpoint.name, subject, tuple(sorted(given.items())))
        known = self._done.get((space, key))
        if known is None:
            body = self._endpoints.perform(endpoint.name, subject, given, key)
            self._done[space, key] = (asked, body["id"])
            return 201, body, False
        before, known_id = known
        if before != asked:
            told = {} if space == "authorizations" else {"transaction": known_id}
            raise RefusedError("idempotency_conflict", "The Idempotency-Key was used for another request.", **told)
        if space == "authorizations":
            return 200, self._endpoints.authorization_body(self.books.authorizations[known_id]), True
        return 200, self._endpoints.transaction_body(self.books.transactions[known_id]), True
