"""The batch call: up to a thousand payments in one signed request, lines of JSON in and out.

Each line is a Pay of its own, with its own reference and its own outcome; a line that is refused spoils nothing for its
neighbours. The rules are those of the query API's Pay, and so is the space of references: a line and a Pay that ask for
the same under the same reference are one payment.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.domain.environments import SANDBOX
from tallystick.domain.messages import signing
from tallystick.domain.messages.message_signatures import (
    MalformedSignatureError,
    MessageSignature,
    has_digest_of,
    read_signature,
    string_to_sign,
    verifies,
)
from tallystick.domain.money import USD
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.speedups import plain_payments
from tallystick.services.actions.pay import payment_command
from tallystick.services.api.callers import by_key
from tallystick.services.api.fields import V2010
from tallystick.services.api.kept_requests import keeps_request
from tallystick.services.api.registry import ACTIONS
from tallystick.services.process.meter import BATCH, OK
from tallystick.services.process.random_pool import RANDOM_POOL
from tallystick.web.api.asgi import (
    BATCH_PATH,
    CLOSE,
    BodyTooLargeError,
    ClientGoneError,
    HttpAnswer,
    header,
    read_body,
    respond,
    unknown_address,
)
from tallystick.web.api.calls import (
    MeasuredCall,
    admit,
    check_fresh,
    expected_string,
    keep_request,
    read_call,
    refusal_of,
    stamp,
    when_to_come_again,
)
from tallystick.web.api.plain.plain_lines import plain_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import ModuleType

    from tallystick.domain.commands import Command
    from tallystick.domain.ids import BookId
    from tallystick.domain.outcomes import Outcome
    from tallystick.services.api.callers import AccessKey, Address
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Receive, Scope, Send
    from tallystick.web.api.plain.plain_lines import PlainLine, PlainLines

MAX_LINES: Final = 1000
MAX_BODY_BYTES: Final = 1 << 20
READ_AT_A_TIME: Final = 250
"""Plain lines that are read before the event loop runs other tasks: all at once would delay every other request."""

OTHERS: Final = 5
"""As many plain lines are read in the time of another one."""

PART: Final = 50
"""Lines that are carried out together while others pay one by one, whom a group of hundreds would keep waiting."""

_PAY: Final = ACTIONS["Pay"]
_LINES: Final = (b"content-type", b"application/x-ndjson")
_PROBLEM: Final = (b"content-type", b"application/problem+json")
_NOT_KEPT: Final = (b"cache-control", b"no-store")


class PaymentLine(msgspec.Struct, forbid_unknown_fields=True):
    """One payment. `amount` in USD, as text with up to six decimals, since JSON's numbers are not exact everywhere."""

    caller_reference: str
    sender_token_id: str
    amount: str
    caller_description: str | None = None
    sender_description: str | None = None
    notification_url: str | None = None

    def parameters(self) -> dict[str, str]:
        """The same request as the query API's Pay has it."""
        given = {
            "CallerReference": self.caller_reference,
            "SenderTokenId": self.sender_token_id,
            "TransactionAmount.CurrencyCode": USD,
            "TransactionAmount.Value": self.amount,
        }
        if self.caller_description:
            given["CallerDescription"] = self.caller_description
        if self.sender_description:
            given["SenderDescription"] = self.sender_description
        if self.notification_url:
            given["OverrideIPNURL"] = self.notification_url
        return given


class LineFault(msgspec.Struct):
    """Why a line was refused: the protocol's code and a text for the caller's developer."""

    code: str
    message: str


class OutcomeLine(msgspec.Struct, omit_defaults=True):
    """The outcome of one line; outcomes are in the order of the lines. `line` counts from 1."""

    line: int
    caller_reference: str | None = None
    transaction_id: str | None = None
    status: str | None = None
    error: LineFault | None = None


_NAMES: Final = PaymentLine.__struct_fields__
_line: Final = msgspec.json.Decoder(PaymentLine)
_written: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class BatchApi:
    """The ASGI application at BATCH_PATH. `address_of`: as of the query API. `reader`: None: nothing was compiled."""

    service: Service
    address_of: Callable[[Scope], Address | None] = unknown_address
    reader: ModuleType | None = plain_payments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Every error becomes an answer, except that a client that hung up gets none."""
        request_id, watched = RANDOM_POOL.uuid(), MeasuredCall(BATCH)
        try:
            answer = await self._answer(scope, receive, request_id, watched)
        except ClientGoneError:
            return
        watched.answered(self.service, request_id)
        await respond(send, answer.status, answer.headers, answer.body)

    async def _answer(self, scope: Scope, receive: Receive, request_id: str, watched: MeasuredCall) -> HttpAnswer:
        if scope["method"] != "POST":
            refused = watched.refused(Refused(Refusal.InvalidRequest, "A batch is sent with POST."))
            return _refusal(refused, request_id, HTTPStatus.METHOD_NOT_ALLOWED, (b"allow", b"POST"))
        try:
            return HttpAnswer(
                HTTPStatus.OK, (_LINES, _NOT_KEPT), await self._perform(scope, receive, request_id, watched)
            )
        except ClientGoneError:
            raise
        except BodyTooLargeError:
            refused = Refused(Refusal.InvalidRequest, f"A batch has at most {MAX_BODY_BYTES} bytes.")
            return _refusal(watched.refused(refused), request_id, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            self.service.damage.note(error)
            refused = watched.refused(refusal_of(error, request_id))
            throttled = refused.refusal is Refusal.Throttling
            status = HTTPStatus.TOO_MANY_REQUESTS if throttled else HTTPStatus(refused.refusal.http_status)
            return _refusal(refused, request_id, status, *when_to_come_again(refused))

    async def _perform(self, scope: Scope, receive: Receive, request_id: str, watched: MeasuredCall) -> bytes:
        body = await read_body(scope, receive, MAX_BODY_BYTES)
        now = self.service.clock()
        key, made_at = await self._check_signature(scope, body, now)
        watched.key_id = key.access_key_id
        lines = body.splitlines()
        if len(lines) > MAX_LINES:
            raise Refused(Refusal.InvalidRequest, f"A batch has at most {MAX_LINES} lines, this one {len(lines)}.")
        admit(self.service, key, _PAY.scopes, partial(self.address_of, scope), len(lines))
        outcomes = [OutcomeLine(number) for number in range(1, len(lines) + 1)]
        plain = plain_lines(self.service, key, made_at, self.reader)
        batch = _Batch(self.service, key, made_at, now, request_id, outcomes, plain)
        start, calls = 0, self.service.calls
        while start < len(lines):
            end = start + PART if calls.anybody_single_but(key.flow) else len(lines)
            async with calls.turn(key.party_id, PART, key.flow):
                await batch.perform(lines[start:end], start)
            start = end
        counts = Counter([outcome.error.code for outcome in outcomes if outcome.error is not None])
        if done := len(outcomes) - counts.total():
            counts[OK] = done
        self.service.meter.answered_together(_PAY.name, counts)
        self._keep(scope, outcomes, lines, request_id, one_book=len(key.parts) == 1)
        return _written.encode_lines(outcomes)

    def _keep(
        self,
        scope: Scope,
        outcomes: Sequence[OutcomeLine],
        lines: Sequence[bytes],
        request_id: str,
        *,
        one_book: bool,
    ) -> None:
        """Keep lines that came to transactions, as far as there is room for them. `one_book`: all are in the same."""
        for outcome, line in zip(outcomes, lines, strict=True):
            if outcome.transaction_id is None:
                continue
            if keeps_request(self.service, outcome.transaction_id):
                keep_request(self.service, outcome.transaction_id, scope, line, request_id)
            elif one_book:
                return  # nor is there room for any other

    async def _check_signature(self, scope: Scope, body: bytes, now: datetime) -> tuple[AccessKey, datetime]:
        """Who signed the request, and when. Raises Refused, as for a call of the query API."""
        signature = _signature(scope)
        digest = header(scope, b"content-digest")
        if not has_digest_of(body, digest):
            raise Refused(Refusal.InvalidSignature, "Content-Digest does not have the SHA-256 of the body.")
        key = await by_key(self.service, signature.key_id, "keyid", now)
        values = {"@method": scope["method"], "@path": BATCH_PATH, "content-digest": digest}
        authorities = signing.signed_hosts(header(scope, b"host"), self.service.settings.public_url)
        if not any(verifies(signature, {**values, "@authority": one}, key.secret) for one in authorities):
            message = "The signature is not the one that the service computes. Check the secret key and what is signed."
            if key.environment == SANDBOX:
                message += expected_string(string_to_sign(signature, {**values, "@authority": authorities[0]}))
            raise Refused(Refusal.SignatureDoesNotMatch, message)
        check_fresh(signature.created_at, now, self.service.settings.timestamp_skew_seconds)
        if signature.expires_at is not None and signature.expires_at <= now:
            message = f"Request has expired. Its signature holds until {stamp(signature.expires_at)}."
            raise Refused(Refusal.RequestExpired, message)
        return key, signature.created_at


@dataclass(frozen=True, slots=True)
class _Batch:
    """The lines of one request: `outcomes` has those that were refused while parsing, the others become commands.

    `plain`: reads most of them; None: it has to be left to the general way.
    """

    service: Service
    key: AccessKey
    made_at: datetime
    now: datetime
    request_id: str
    outcomes: Sequence[OutcomeLine]
    plain: PlainLines | None

    async def perform(self, lines: Sequence[bytes], start: int) -> None:
        """Read and carry out some of the lines, those of each book together; the first is number `start`, from 0."""
        commands: dict[BookId, list[tuple[OutcomeLine, Command]]] = {}
        plain = self.plain
        run: list[tuple[OutcomeLine, PlainLine]] = []  # one after the other, so that their ids are in their order
        left = READ_AT_A_TIME
        for number, line in enumerate(lines, start):
            if left <= 0:
                self._take(run, commands)
                run, left = [], READ_AT_A_TIME
                await asyncio.sleep(0)
            outcome = self.outcomes[number]
            read = None if plain is None else plain.read(line)
            if read is not None:
                outcome.caller_reference = read[0]
                run.append((outcome, read))
                left -= 1
                continue
            self._take(run, commands)
            run, left = [], left - OTHERS
            try:
                book_id, command = self._command(outcome, line)
            except Exception as error:  # noqa: BLE001 - a line's fault is the line's own
                outcome.error = self._fault(error)
            else:
                commands.setdefault(book_id, []).append((outcome, command))
        self._take(run, commands)
        await asyncio.gather(*(self._perform_book(book_id, own) for book_id, own in commands.items()))

    def _take(
        self,
        run: Sequence[tuple[OutcomeLine, PlainLine]],
        commands: dict[BookId, list[tuple[OutcomeLine, Command]]],
    ) -> None:
        """Add the commands of plain lines."""
        if not run or self.plain is None:
            return
        self.service.key_uses.note(self.key.access_key_id, self.now)
        try:
            made = self.plain.commands([line for _, line in run])
        except Refused as refused:
            for outcome, _ in run:
                outcome.error = self._fault(refused)
            return
        for (outcome, line), command in zip(run, made, strict=True):
            book_id = line[2]
            own = commands.get(book_id)
            if own is None:
                own = commands[book_id] = []
            own.append((outcome, command))

    def _command(self, outcome: OutcomeLine, line: bytes) -> tuple[BookId, Command]:
        try:
            payment = _line.decode(line)
            _refuse_names_given_twice(payment, line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused(Refusal.InvalidRequest, f"The line cannot be read: {error}") from None
        outcome.caller_reference = payment.caller_reference
        return payment_command(
            read_call(self.service, _PAY, V2010, payment.parameters(), self.key, self.made_at, self.now)
        )

    async def _perform_book(self, book_id: BookId, lines: Sequence[tuple[OutcomeLine, Command]]) -> None:
        results = await self.service.committer.perform_all(book_id, [command for _, command in lines], self.key.flow)
        for (outcome, _), result in zip(lines, results, strict=True):
            self._tell(outcome, result)

    def _tell(self, outcome: OutcomeLine, result: Outcome | Exception) -> None:
        if type(result) is Accepted:  # `isinstance` is a call in Python for our structs
            outcome.transaction_id, outcome.status = result.transaction_id, result.status.value
        elif isinstance(result, Exception):
            outcome.error = self._fault(result)
        else:
            raise TypeError(f"a payment came to {result!r}")

    def _fault(self, error: Exception) -> LineFault:
        self.service.damage.note(error)
        refused = refusal_of(error, self.request_id)
        return LineFault(refused.refusal.name, refused.message)


def _refuse_names_given_twice(payment: PaymentLine, line: bytes) -> None:
    """Refuse a line that readers would understand differently: some take the first of two values, some the last.

    Source: RFC 8259, 4. Each name and each text of a line that was read has two quotation marks, so that those of most
    lines need only be counted; the rest is read once more. Raises msgspec.DecodeError.
    """
    given = sum(getattr(payment, name) is not None for name in _NAMES)
    if b"\\" in line or line.count(b'"') != 4 * given:
        json.loads(line, object_pairs_hook=_names_once)


def _names_once(members: list[tuple[str, Any]]) -> None:
    (name, times), *_ = Counter(name for name, _ in members).most_common(1)
    if times > 1:
        raise msgspec.DecodeError(f"Object contains the field `{name}` more than once")


def _signature(scope: Scope) -> MessageSignature:
    given, signature = header(scope, b"signature-input"), header(scope, b"signature")
    if not given or not signature:
        message = "The request must carry the headers Signature-Input and Signature (RFC 9421)."
        raise Refused(Refusal.MissingAuthenticationToken, message)
    try:
        return read_signature(given, signature)
    except MalformedSignatureError as error:
        raise Refused(Refusal.InvalidSignature, str(error)) from None


def _refusal(refused: Refused, request_id: str, status: HTTPStatus, *headers: tuple[bytes, bytes]) -> HttpAnswer:
    """Refuse the whole request, in the form of RFC 9457; nothing of it was done."""
    problem: Mapping[str, Any] = {
        "title": refused.refusal.meaning,
        "status": status,
        "detail": refused.message,
        "code": refused.refusal.name,
        "request_id": request_id,
    }
    return HttpAnswer(status, (_PROBLEM, _NOT_KEPT, CLOSE, *headers), msgspec.json.encode(problem))
