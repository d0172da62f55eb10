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
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.domain import commands
from tallystick.domain.commands import Marketplace
from tallystick.domain.ids import MalformedIdError, TokenId, book_named_in
from tallystick.domain.money import USD, display_amount, format_amount, parse_amount
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refused
from tallystick.domain.scopes import KeyScope
from tallystick.services.actions.transactions import received_at
from tallystick.services.api.call import fingerprint
from tallystick.services.api.callers import StaleCachedKeyError, by_cached_bearer
from tallystick.services.events.objects import METHODS, STATUSES, moment
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.services.reports import instruments
from tallystick.web.api.asgi import HttpAnswer, unknown_address
from tallystick.web.api.calls import admit, keep_request
from tallystick.web.v1 import inputs
from tallystick.web.v1.endpoint import VERSION, books_of
from tallystick.web.v1.problems import NOT_KEPT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.domain.ids import BookId
    from tallystick.domain.state import Decision
    from tallystick.services.api.callers import AccessKey, Address
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Scope

PATH: Final = "/v1/charges"
MOST_KNOWN: Final = 100_000
"""Authorizations whose tokens a process remembers."""

_TWO_PARTIES: Final = Marketplace()
_KIND: Final = (b"content-type", b"application/json")
_VERSION: Final = (b"tallystick-version", VERSION.encode())
_BEARER: Final = b"Bearer "
_LONGEST_DESCRIPTION: Final = inputs.DESCRIPTION.field.max_length or 0
_LONGEST_NOTE: Final = inputs.NOTE.field.max_length or 0


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
    authorization: str | None
    refunded_transaction: None
    payment_method: str
    description: str | None
    note: str | None
    idempotency_key: str
    created_at: str | None
    completed_at: str | None


_body: Final = msgspec.json.Decoder(_Body)
_written: Final = msgspec.json.Encoder()


@dataclass(slots=True)
class _Headers:
    """Those that a charge depends on. A program that sends one of them twice is left to the general path."""

    bearer: str
    key: str


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
    """Carries out plain charges. `address_of`: as of the query API. `_tokens`: by seller, environment, id."""

    service: Service
    address_of: Callable[[Scope], Address | None] = unknown_address
    _tokens: dict[tuple[int, str, str], TokenId] = field(default_factory=dict)

    async def charge(self, scope: Scope, content: bytes, request_id: str) -> PlainCharge:
        """Charge, or leave it. Raises what the committer raises but refusals: whether it was done is not known then."""
        headers, body = _headers(scope), _read(content)
        if headers is None or body is None or scope["query_string"]:
            return _LEFT
        service, now = self.service, self.service.clock()
        key = by_cached_bearer(service, headers.bearer, now)
        if key is None or key.json_version is None or key.party_status == "closed":
            return _LEFT
        amount_micros = parse_amount(body.amount)
        token_id = await self._token(key, now, body.authorization)
        if token_id is None:
            return _LEFT
        try:
            admit(service, key, KeyScope.CHARGE, partial(self.address_of, scope))
        except Refused:
            return _LEFT
        service.key_uses.note(key.access_key_id, now)
        done = PlainCharge(key=key, admitted=True)
        command = self._command(key, now, headers.key, body, amount_micros, token_id)
        decision = await self._perform(key, book_named_in(token_id), command)
        if decision is None:
            self._tokens.pop((key.party_id, key.environment, body.authorization), None)
            return done
        done.transaction_id = command.request.transaction_id
        keep_request(service, done.transaction_id, scope, content, request_id)
        request = (b"request-id", request_id.encode())
        written = _written.encode(_told(key, body, headers.key, decision))
        done.answer = HttpAnswer(HTTPStatus.CREATED, (_KIND, NOT_KEPT, _VERSION, request), written)
        return done

    async def _token(self, key: AccessKey, now: datetime, authorization: str) -> TokenId | None:
        """The token that charges of a balance or tab go through; None: this is none of the seller's."""
        place = key.party_id, key.environment, authorization
        known = self._tokens.get(place)
        if known is None:
            found = await instruments.spending_tokens(books_of(self.service, key, now), [authorization])
            known = found.get(authorization)
            if known is not None:
                if len(self._tokens) >= MOST_KNOWN:
                    self._tokens.clear()
                self._tokens[place] = known
        return known

    def _command(
        self, key: AccessKey, now: datetime, reference: str, body: _Body, amount_micros: int, token_id: TokenId
    ) -> commands.Pay:
        """The command that the action of the query API makes of the same request, with the same digest."""
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
        moment_of_id = self.service.moment_of_ids() + key.clock_offset
        request = commands.Request(
            transaction_id=fresh_transaction_id(book_named_in(token_id), moment_of_id),
            caller_id=key.party_id,
            caller_reference=reference,
            fingerprint=fingerprint("Pay", asked),
            requested_at=now,
            caller_description=body.note or None,
            sender_description=body.description or None,
            refusal_spends=False,
        )
        return commands.Pay(request, token_id, amount_micros, _TWO_PARTIES, None)

    async def _perform(self, key: AccessKey, book_id: BookId, command: commands.Pay) -> Decision | None:
        """What was decided and committed; None: it was refused, was answered before, or the key has changed."""
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
        if not isinstance(outcome, Accepted) or outcome.transaction_id != command.request.transaction_id:
            return None
        return made[-1] if made and made[-1].transactions else None


def _headers(scope: Scope) -> _Headers | None:
    """The headers, where each is there once and says the usual thing."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _READ:
            if name in found:
                return None
            found[name] = value
    bearer, key = found.get(b"authorization", b""), found.get(b"idempotency-key", b"")
    if not bearer.startswith(_BEARER) or found.get(b"content-type") != b"application/json":
        return None
    if found.get(b"tallystick-version", VERSION.encode()) != VERSION.encode():
        return None
    text = key.decode("latin-1")
    return _Headers(bearer[len(_BEARER) :].decode("latin-1"), text) if inputs.is_key(text) else None


_READ: Final = frozenset((b"authorization", b"idempotency-key", b"content-type", b"tallystick-version"))


def _read(content: bytes) -> _Body | None:
    """The body, where all of it is plain: each name once, without escapes, each value as it may be.

    Each name and each text has two quotation marks, so that names that are there twice show in their number.
    """
    if b"\\" in content:
        return None
    try:
        body = _body.decode(content)
        micros = parse_amount(body.amount)
        book_named_in(TokenId(body.authorization))
    except (msgspec.DecodeError, ValueError, MalformedIdError):
        return None
    given = 2 + (body.currency is not None) + (body.description is not None) + (body.note is not None)
    plain = (
        content.count(b'"') == 4 * given
        and micros > 0
        and body.currency in {None, USD}
        and _may_be(body.description, _LONGEST_DESCRIPTION)
        and _may_be(body.note, _LONGEST_NOTE)
    )
    return body if plain else None


def _may_be(text: str | None, longest: int) -> bool:
    return text is None or (len(text) <= longest and text.isprintable())


def _told(key: AccessKey, body: _Body, reference: str, decision: Decision) -> _Charge:
    (charged,) = decision.transactions
    return _Charge(
        "charge",
        charged.transaction_id,
        STATUSES[charged.status.value],
        charged.status_code,
        format_amount(charged.amount_micros),
        format_amount(charged.fee_micros),
        USD,
        key.environment,
        charged.instrument_id,
        None,
        METHODS[charged.payment_method],
        body.description or None,
        body.note or None,
        reference,
        moment(received_at(charged.transaction_id)),
        moment(charged.completed_at),
    )
