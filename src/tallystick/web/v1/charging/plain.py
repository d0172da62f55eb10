"""The hot path of /v1: a plain charge of a balance or a tab, with nothing but what it needs.

It takes what nearly all charges are: one small object with few fields, of a key that is cached, for an authorization
that is known. Whatever is not so, or does not go well, is left to the general path, which looks at everything again and
says what is wrong; so this one only ever answers with what was done. The commit revalidates the cached key, and the
rules look at the token: what is remembered here decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.domain import commands
from tallystick.domain.commands import Marketplace
from tallystick.domain.ids import book_named_in
from tallystick.domain.money import USD, display_amount, format_amount, parse_amount
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refused
from tallystick.domain.scopes import KeyScope
from tallystick.services.actions.transactions import received_at
from tallystick.services.api.call import fingerprint
from tallystick.services.api.callers import StaleCachedKeyError, by_cached_bearer
from tallystick.services.events.objects import METHODS, STATUSES
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.services.reports import instruments
from tallystick.web.api.asgi import HttpAnswer, unknown_address
from tallystick.web.api.calls import admit, keep_request
from tallystick.web.v1 import inputs
from tallystick.web.v1.endpoint import VERSION, books_of
from tallystick.web.v1.problems import NOT_KEPT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.domain.ids import BookId, TokenId
    from tallystick.domain.state import Decision, Transaction
    from tallystick.services.api.callers import AccessKey, Address
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Scope

PATH: Final = "/v1/charges"
MOST_KNOWN: Final = 100_000
"""Authorizations whose tokens a process remembers."""

MOST_PROVEN: Final = 256
"""Secrets that a process need not look at again."""

_TWO_PARTIES: Final = Marketplace()
_CHARGE: Final = KeyScope.CHARGE.value
_VERSION_TEXT: Final = VERSION.encode()
_HEADERS: Final = ((b"content-type", b"application/json"), NOT_KEPT, (b"tallystick-version", _VERSION_TEXT))
_BEARER: Final = b"Bearer "
_READ: Final = frozenset((b"authorization", b"idempotency-key", b"content-type", b"tallystick-version"))
_LONGEST_DESCRIPTION: Final = inputs.DESCRIPTION.field.max_length or 0
_LONGEST_NOTE: Final = inputs.NOTE.field.max_length or 0
_NO_FEE: Final = format_amount(0)
_SUCCESS: Final = TransactionStatus.SUCCESS
_SUCCEEDED: Final = STATUSES[_SUCCESS.value]


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of plain charges. Others are left to the general path."""

    authorization: str
    amount: str
    currency: str | None = None
    description: str | None = None
    note: str | None = None


class _Charge(msgspec.Struct):
    """A charge as `transaction_object` has it, its members in the same order."""

    object: str
    id: str
    status: str
    status_code: str
    amount: str
    fee: str
    currency: str
    environment: str
    authorization: str
    refunded_transaction: None
    payment_method: str
    description: str | None
    note: str | None
    idempotency_key: str
    created_at: str
    completed_at: str


_body: Final = msgspec.json.Decoder(_Body)
_written: Final = msgspec.json.Encoder()


@dataclass(slots=True)
class PlainCharge:
    """What came of one request here. `admitted`: it was counted, so that it is not counted again."""

    answer: HttpAnswer | None = None
    key: AccessKey | None = None
    admitted: bool = False
    transaction_id: str | None = None


_LEFT: Final = PlainCharge()


@dataclass(slots=True)
class PlainCharges:
    """Carries out plain charges. `address_of`: as of the query API.

    `_tokens`: by seller, environment and authorization, with the book of each. `_proven`: keys by the digest of the
    whole header with their secret, as long as they are the cached ones.
    """

    service: Service
    address_of: Callable[[Scope], Address | None] = unknown_address
    _tokens: dict[tuple[int, str, str], tuple[TokenId, BookId]] = field(default_factory=dict)
    _proven: dict[bytes, AccessKey] = field(default_factory=dict)

    async def charge(self, scope: Scope, content: bytes, request_id: str) -> PlainCharge:
        """Charge, or leave it. Raises what the committer raises but refusals: whether it was done is not known then."""
        service = self.service
        now = service.clock()
        asked = self._asked(scope, content, now)
        if asked is None:
            return _LEFT
        key, reference, body, amount_micros = asked
        named = self._tokens.get((key.party_id, key.environment, body.authorization))
        if named is None:
            named = await self._find_token(key, now, body.authorization)
            if named is None:
                return _LEFT
        token_id, book_id = named
        try:
            admit(service, key, _CHARGE, partial(self.address_of, scope))
            moment_of_id = service.moment_of_ids() + key.clock_offset
        except Refused:
            return _LEFT
        service.key_uses.note(key.access_key_id, now)
        request = commands.Request(
            fresh_transaction_id(book_id, moment_of_id),
            key.party_id,
            reference,
            _digest(reference, token_id, body, amount_micros),
            now,
            body.note or None,
            body.description or None,
            refusal_spends=False,
        )
        command = commands.Pay(request, token_id, amount_micros, _TWO_PARTIES, None)
        charged = await self._perform(key, book_id, command)
        if charged is None:
            self._tokens.pop((key.party_id, key.environment, body.authorization), None)
            return PlainCharge(key=key, admitted=True)
        transaction_id = request.transaction_id
        keep_request(service, transaction_id, scope, content, request_id)
        told = _Charge(
            "charge",
            transaction_id,
            _SUCCEEDED,
            charged.status_code,
            format_amount(amount_micros),
            _NO_FEE,
            USD,
            key.environment,
            body.authorization,
            None,
            METHODS[charged.payment_method],
            body.description or None,
            body.note or None,
            reference,
            _moment(received_at(transaction_id)),
            _moment(charged.completed_at),
        )
        headers = (*_HEADERS, (b"request-id", request_id.encode()))
        return PlainCharge(HttpAnswer(HTTPStatus.CREATED, headers, _written.encode(told)), key, True, transaction_id)

    def _asked(self, scope: Scope, content: bytes, now: datetime) -> tuple[AccessKey, str, _Body, int] | None:
        """The key, its name for the request, what is asked for, and how many micro-units; None: it is not plain."""
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _READ:
                if name in found:  # a program that sends one of them twice
                    return None
                found[name] = value
        reference = found.get(b"idempotency-key", b"").decode("latin-1")
        key = self._key(found.get(b"authorization", b""), now)
        if (
            key is None
            or found.get(b"content-type") != b"application/json"
            or found.get(b"tallystick-version", _VERSION_TEXT) != _VERSION_TEXT
            or scope["query_string"]
            or not inputs.is_key(reference)
            or b"\\" in content
        ):
            return None
        try:
            body = _body.decode(content)
            amount_micros = parse_amount(body.amount)
        except (msgspec.DecodeError, ValueError):
            return None
        return (key, reference, body, amount_micros) if amount_micros > 0 and _is_plain(body, content) else None

    def _key(self, header: bytes, now: datetime) -> AccessKey | None:
        """The cached key whose secret a header has; None: the general path reads it, or tells what is wrong."""
        digest = sha256(header).digest()
        key = self._proven.get(digest)
        if key is not None and self.service.keys.recall(key.access_key_id, now) is key:
            return key if self.service.committer.reads_optimistically(key.parts[0]) else None
        if not header.startswith(_BEARER):
            return None
        key = by_cached_bearer(self.service, header[len(_BEARER) :].decode("latin-1"), now)
        if key is None or key.json_version is None or key.party_status == "closed":
            return None
        if len(self._proven) >= MOST_PROVEN:
            self._proven.clear()
        self._proven[digest] = key
        return key

    async def _find_token(self, key: AccessKey, now: datetime, authorization: str) -> tuple[TokenId, BookId] | None:
        """The token that charges of a balance or tab go through, and its book; None: this is none of the seller's."""
        found = await instruments.spending_tokens(books_of(self.service, key, now), [authorization])
        token_id = found.get(authorization)
        if token_id is None:
            return None
        if len(self._tokens) >= MOST_KNOWN:
            self._tokens.clear()
        named = self._tokens[key.party_id, key.environment, authorization] = token_id, book_named_in(token_id)
        return named

    async def _perform(self, key: AccessKey, book_id: BookId, command: commands.Pay) -> Transaction | None:
        """What was charged and committed; None: it was refused, was answered before, or the key has changed."""
        service, shares = self.service, self.service.calls
        made: list[Decision] = []
        if not shares.begins(key.party_id, 1, key.flow):
            await shares.begins_later(key.party_id, 1, key.flow)
        try:
            outcome = await service.committer.perform(book_id, command, key, key.flow, made.append)
        except StaleCachedKeyError:
            return None
        finally:
            shares.ended(key.party_id)
        if not isinstance(outcome, Accepted) or outcome.transaction_id != command.request.transaction_id or not made:
            return None
        charged = made[-1].transactions[0]
        return charged if charged.status is _SUCCESS and not charged.fee_micros else None


def _is_plain(body: _Body, content: bytes) -> bool:
    """Whether each name is there once, and each value is as it may be.

    Without escapes, each name and each text has two quotation marks: names that are there twice show in their number.
    """
    marks = 8
    if body.currency is not None:
        if body.currency != USD:
            return False
        marks += 4
    if body.description is not None:
        if len(body.description) > _LONGEST_DESCRIPTION or not body.description.isprintable():
            return False
        marks += 4
    if body.note is not None:
        if len(body.note) > _LONGEST_NOTE or not body.note.isprintable():
            return False
        marks += 4
    return content.count(b'"') == marks


def _digest(reference: str, token_id: TokenId, body: _Body, amount_micros: int) -> bytes:
    """The digest of the Pay that asks for the same."""
    asked = [
        ("CallerReference", reference),
        ("SenderTokenId", token_id),
        ("TransactionAmount.CurrencyCode", USD),
        ("TransactionAmount.Value", display_amount(amount_micros)),
    ]
    if body.description:
        asked.insert(1, ("SenderDescription", body.description))
    if body.note:
        asked.insert(0, ("CallerDescription", body.note))
    return fingerprint("Pay", asked)


def _moment(at: datetime | None) -> str:
    """As `moment` writes it, of one that is in UTC."""
    return "" if at is None else at.isoformat(timespec="microseconds")[:26] + "Z"
