"""Requests and answers, without sending anything: what is sent, what an answer means, when to ask again."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import msgspec

from tallystick_client.base import ApiObject, Page
from tallystick_client.endpoint import Endpoint
from tallystick_client.errors import NoAnswerError, UnexpectedAnswerError
from tallystick_client.problems import problem_class

T = TypeVar("T")

VERSION: Final = "0.1.0"
PROBLEM_TYPE: Final = "application/problem+json"

_LATER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""Refusals of the service that say: come again. Nothing was done."""
_GATEWAYS: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
"""What something in between answers: nobody knows what was done."""
_AN_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NEVER: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and when to ask again where no answer came, or where the service says to come again.

    The pause before the first of them is about `first_seconds`, then twice as long each time; what the service says in
    Retry-After counts instead. Nobody waits longer than `longest_seconds` at once.
    """

    times: int = 4
    first_seconds: float = 0.25
    longest_seconds: float = 30.0

    def pause(self, done: int) -> float:
        """Before the next attempt when there were `done` already. Programs that were cut off together return apart."""
        whole = min(self.longest_seconds, self.first_seconds * 2.0 ** (done - 1))
        return whole * (0.5 + random.random() / 2)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks whom. `api_key`: the secret."""

    api_key: str = field(repr=False)
    base_url: str
    api_version: str

    def __post_init__(self) -> None:
        """Raises ValueError: a request with these could not be sent, or would be sent who knows where."""
        if not self.api_key or not self.api_key.isascii() or not self.api_key.isprintable() or " " in self.api_key:
            raise ValueError("api_key must be the secret of a key, such as tsk_test_…")
        if urlsplit(self.base_url).scheme not in {"http", "https"} or not urlsplit(self.base_url).netloc:
            raise ValueError("base_url must be the address of the service, such as http://127.0.0.1:8400")

    def prepared(
        self, endpoint: Endpoint, subject: str | None, inputs: Mapping[str, Any], idempotency_key: str | None
    ) -> Request:
        """The request of a call. Inputs that are None are left out.

        Raises ValueError: no such request can be sent. An id that is none would lead to another path.
        """
        headers = {
            "authorization": f"Bearer {self.api_key}",
            "tallystick-version": self.api_version,
            "user-agent": f"tallystick-client-python/{VERSION}",
            "accept": f"{endpoint.body_type}, {PROBLEM_TYPE}",
        }
        if endpoint.takes_key:
            idempotency_key = str(uuid4()) if idempotency_key is None else idempotency_key
            if not idempotency_key.isascii() or not idempotency_key.isprintable():
                raise ValueError("idempotency_key must be printable ASCII")
            headers["idempotency-key"] = idempotency_key
        if subject is not None and _AN_ID.fullmatch(subject) is None:
            raise ValueError("an id has letters, digits, _ and - only")
        path = endpoint.path if subject is None else endpoint.path.replace("{id}", subject)
        given = {name: value for name, value in inputs.items() if value is not None}
        content, query = b"", {}
        if endpoint.method in {"POST", "PATCH"}:
            content = msgspec.json.encode(given)
            headers["content-type"] = "application/json"
        else:
            query = {
                name: ",".join(value) if isinstance(value, list | tuple) else str(value)
                for name, value in given.items()
            }
        return Request(endpoint, self.base_url.rstrip("/") + path, headers, query, content, idempotency_key)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is sent, however often."""

    endpoint: Endpoint
    url: str
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str]
    content: bytes
    idempotency_key: str | None

    def read(self, answer: httpx.Response, kind: type[T]) -> T:
        """What the answer has. Raises ProblemError, UnexpectedAnswerError."""
        if not answer.is_success:
            raise self._problem(answer)
        if issubclass(kind, bytes):
            return kind(answer.content)
        found: T = self._decoded(answer, kind)
        if isinstance(found, ApiObject):
            found._came(replayed=answer.headers.get("idempotent-replay") == "true")  # noqa: SLF001 - made here
        return found

    def read_page(self, answer: httpx.Response, kind: type[T]) -> Page[T]:
        """The page that the answer has. Raises ProblemError, UnexpectedAnswerError."""
        if not answer.is_success:
            raise self._problem(answer)
        found: Page[T] = self._decoded(answer, _page_of(kind))
        return found

    def _decoded(self, answer: httpx.Response, kind: Any) -> Any:  # noqa: ANN401 - a type, and one of it
        try:
            return _decoder(kind).decode(answer.content)
        except msgspec.DecodeError as error:
            raise UnexpectedAnswerError(f"The answer of {self.url} cannot be read: {error}.") from None

    def _problem(self, answer: httpx.Response) -> Exception:
        if not _is_problem(answer):
            return UnexpectedAnswerError(
                f"{self.url} answered with status {answer.status_code}, but no problem of ours."
            )
        try:
            document = msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.DecodeError:
            document = {}
        return problem_class(document.get("code"), answer.status_code)(
            answer.status_code, document, self.idempotency_key
        )


@dataclass(slots=True)
class Attempts:
    """The attempts at one request. Both methods tell how many seconds to wait until the next one."""

    request: Request
    retries: Retries
    done: int = 0

    def after_silence(self, error: httpx.TransportError) -> float:
        """No answer came. Raises NoAnswerError: that was the last attempt."""
        self.done += 1
        sure = isinstance(error, _NOT_SENT) or self.request.endpoint.repeatable
        if isinstance(error, _NEVER) or not sure or self.done > self.retries.times:
            reason = str(error) or type(error).__name__
            raise NoAnswerError(reason, self.request.idempotency_key) from error
        return self.retries.pause(self.done)

    def after_answer(self, answer: httpx.Response) -> float | None:
        """An answer came; None: it is the last word. Raises NoAnswerError: it is of something in between."""
        self.done += 1
        status, own = answer.status_code, _is_problem(answer)
        if own and status in _LATER:
            wanted = _retry_after(answer)
            pause = self.retries.pause(self.done) if wanted is None else wanted
            return None if self.done > self.retries.times or pause > self.retries.longest_seconds else pause
        if own or status not in _GATEWAYS:
            return None
        if not self.request.endpoint.repeatable or self.done > self.retries.times:
            raise NoAnswerError(f"status {status} of something in between", self.request.idempotency_key)
        return self.retries.pause(self.done)


def _is_problem(answer: httpx.Response) -> bool:
    kind: str = answer.headers.get("content-type", "")
    return kind.partition(";")[0].strip() == PROBLEM_TYPE


def _retry_after(answer: httpx.Response) -> float | None:
    """In seconds, as the service has it; its other form, a date, is for clocks that agree."""
    text = answer.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004 - 30 years


def _page_of(kind: Any) -> Any:  # noqa: ANN401 - types
    return Page[kind]


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - a type, which may be Page of one
    return msgspec.json.Decoder(kind)
