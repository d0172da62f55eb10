"""The hot path of /v1: a plain charge of a balance or a tab, with nothing but what it needs.

It takes what nearly all charges are: one small object with few fields, of a key that is cached, for an authorization
that is known. Whatever is not so, or does not go well, is left to the general path, which looks at everything again and
says what is wrong; so this one only ever answers with what was done. The commit revalidates the cached key, and the
rules look at the token: what is remembered here decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from tallystick.domain import commands
from tallystick.domain.commands import Marketplace
from tallystick.domain.ids import book_named_in, milliseconds_of_transaction
from tallystick.domain.money import USD, display_amount, format_amount, parse_amount
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refused
from tallystick.domain.scopes import KeyScope
from tallystick.domain.speedups import plain_payments
from tallystick.services.api.call import fingerprint
from tallystick.services.api.callers import StaleCachedKeyError, by_cached_bearer
from tallystick.services.events.objects import METHODS, STATUSES
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.services.reports.spending_tokens import SpendingTokens
from tallystick.web.api.asgi import HttpAnswer, unknown_address
from tallystick.web.api.calls import admit, keep_request
from tallystick.web.v1 import inputs
from tallystick.web.v1.endpoint import VERSION
from tallystick.web.v1.problems import NOT_KEPT

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from tallystick.domain.ids import BookId, TokenId, TransactionId
    from tallystick.domain.outcomes import Outcome
    from tallystick.domain.state import Decision, Transaction
    from tallystick.services.api.callers import AccessKey, Address, SourceOf
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Scope

PATH: Final = "/v1/charges"
MOST_PROVEN: Final = 4096
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


_body: Final = msgspec.json.Decoder(_Body)
_encode: Final = msgspec.json.Encoder().encode

Asked: TypeAlias = tuple[str, int, str | None, str | None]
"""What a plain charge asks for: authorization, micro-units, description, note."""


class Charge(msgspec.Struct):
    """A charge that was read. `token_id` None: that of its authorization is not known yet. `made`: what was decided."""

    key: AccessKey
    reference: str
    body: Asked
    now: datetime
    token_id: TokenId | None
    transaction_id: TransactionId | None = None
    made: list[Decision] = msgspec.field(default_factory=list)

    def command(self, token_id: TokenId, book_id: BookId, book_now: datetime) -> commands.Pay:
        """The Pay that it is. `book_id`: as its token names it. `book_now`: the present moment by the book's clock."""
        _, amount_micros, description, note = self.body
        self.transaction_id = fresh_transaction_id(book_id, book_now)
        request = commands.Request(
            self.transaction_id,
            self.key.party_id,
            self.reference,
            digest(self.reference, token_id, self.body),
            self.now,
            note,
            description,
            refusal_spends=False,
        )
        return commands.Pay(request, token_id, amount_micros, _TWO_PARTIES, None)

    def charged_by(self, outcome: Outcome | None) -> Transaction | None:
        """What was charged and committed; None: it was refused, was answered before, or nothing was begun.

        What was answered before may be this charge's own, where the connection broke while it was committed: it was
        tried again then, and found. What it came to is not at hand here.
        """
        if not isinstance(outcome, Accepted) or outcome.transaction_id != self.transaction_id:
            return None
        if not self.made or not self.made[-1].transactions:
            return None
        charged = self.made[-1].transactions[0]
        return charged if charged.status is _SUCCESS and not charged.fee_micros else None

    def answer(self, charged: Transaction, request_id: str) -> HttpAnswer:
        """What its caller hears."""
        body = written(self.key.environment, self.reference, self.body, charged)
        return HttpAnswer(HTTPStatus.CREATED, (*_HEADERS, (b"request-id", request_id.encode())), body)


@dataclass(slots=True)
class PlainCharge:
    """What came of one request here. `admitted`: it was counted, so that it is not counted again.

    `transaction_id`: of what it charged; without an answer, of what it would have charged, and perhaps has.
    """

    answer: HttpAnswer | None = None
    key: AccessKey | None = None
    admitted: bool = False
    transaction_id: TransactionId | None = None


_LEFT: Final = PlainCharge()


@dataclass(slots=True)
class PlainCharges:
    """Carries out plain charges. `address_of`: as of the query API.

    `_proven`: keys by the digest of the
    whole header with their secret, as long as they are the cached ones.
    """

    service: Service
    address_of: Callable[[Scope], Address | None] = unknown_address
    _proven: dict[bytes, AccessKey] = field(default_factory=dict)
    _spending_tokens: SpendingTokens = field(init=False)

    def __post_init__(self) -> None:
        self._spending_tokens = SpendingTokens(self.service.pool)

    async def charge(self, scope: Scope, content: bytes, request_id: str) -> PlainCharge:
        """Charge, or leave it. Raises what the committer raises but refusals: whether it was done is not known then."""
        charge = self._asked(scope, content)
        if charge is None:
            return _LEFT
        if charge.token_id is None:
            charge.token_id = await self._spending_tokens.find(charge.key.parts, charge.body[0])
            if charge.token_id is None:  # it is none of the seller's
                return _LEFT
        if not self.admits(charge, partial(self.address_of, scope)):
            return _LEFT
        charged = charge.charged_by(await self._perform(charge))
        if charged is None:
            self.forget(charge)
            return PlainCharge(None, charge.key, True, charge.transaction_id)
        keep_request(self.service, charged.transaction_id, scope, content, request_id)
        return PlainCharge(charge.answer(charged, request_id), charge.key, True, charged.transaction_id)

    def _asked(self, scope: Scope, content: bytes) -> Charge | None:
        """A charge; None: it is not plain."""
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _READ:
                if name in found:  # a program that sends one of them twice
                    return None
                found[name] = value
        return None if scope["query_string"] else self.read(found, content)

    def read(self, found: Mapping[bytes, bytes], content: bytes) -> Charge | None:
        """A charge, and nothing is done with it yet; None: it is not plain. `found`: headers, each once."""
        now = self.service.clock()
        reference = found.get(b"idempotency-key", b"").decode("latin-1")
        key = self._key(found.get(b"authorization", b""), now)
        if (
            key is None
            or found.get(b"content-type") != b"application/json"
            or found.get(b"tallystick-version", _VERSION_TEXT) != _VERSION_TEXT
            or not inputs.is_key(reference)
        ):
            return None
        body = read_charge(content)
        if body is None:
            return None
        return Charge(key, reference, body, now, self._spending_tokens.known(key.parts, body[0]))

    def admits(self, charge: Charge, source: SourceOf) -> bool:
        """Whether it is let in, and counted; False: neither."""
        key = charge.key
        try:
            self.service.moment_of_ids()
            admit(self.service, key, _CHARGE, source)
        except Refused:
            return False
        self.service.key_uses.note(key.access_key_id, charge.now)
        return True

    def begin(self, charge: Charge) -> asyncio.Future[Outcome]:
        """Charge, now that it is its caller's turn: `charged_by` knows what comes of it. Raises Refused."""
        service, key, token_id = self.service, charge.key, charge.token_id
        if token_id is None:
            raise ValueError("a charge without a token")
        book_id = book_named_in(token_id)
        command = charge.command(token_id, book_id, service.moment_of_ids() + key.clock_offset)
        return service.committer.perform(book_id, command, key, key.flow, charge.made.append)

    def forget(self, charge: Charge) -> None:
        """Have the token of its authorization looked up again."""
        self._spending_tokens.forget(charge.body[0])

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

    async def _perform(self, charge: Charge) -> Outcome | None:
        """What it came to; None: the key has changed, or nothing was begun."""
        shares, key = self.service.calls, charge.key
        if not shares.begins(key.party_id, 1, key.flow):
            await shares.begins_later(key.party_id, 1, key.flow)
        try:
            return await self.begin(charge)
        except (StaleCachedKeyError, Refused):
            return None
        finally:
            shares.ended(key.party_id)


def read_charge(content: bytes) -> Asked | None:
    """What a body asks for; None where it is not plain."""
    if plain_payments is not None:
        read: Asked | None = plain_payments.read_charge(content)
        if read is not None:
            return read
    return read_charge_in_python(content)


def read_charge_in_python(content: bytes) -> Asked | None:
    """The same, of texts in any script. An empty one counts as not given."""
    if b"\\" in content:
        return None
    try:
        body = _body.decode(content)
        amount_micros = parse_amount(body.amount)
    except (msgspec.DecodeError, ValueError):
        return None
    if amount_micros <= 0 or not _is_plain(body, content):
        return None
    return body.authorization, amount_micros, body.description or None, body.note or None


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


def digest(reference: str, token_id: TokenId, body: Asked) -> bytes:
    """The digest of the Pay that asks for the same."""
    if plain_payments is not None:
        _, amount_micros, description, note = body
        made: bytes | None = plain_payments.digest_of_pay(note, reference, description, token_id, amount_micros)
        if made is not None:
            return made
    return digest_in_python(reference, token_id, body)


def digest_in_python(reference: str, token_id: TokenId, body: Asked) -> bytes:
    """The same, of texts in any script."""
    _, amount_micros, description, note = body
    asked = [
        ("CallerReference", reference),
        ("SenderTokenId", token_id),
        ("TransactionAmount.CurrencyCode", USD),
        ("TransactionAmount.Value", display_amount(amount_micros)),
    ]
    if description:
        asked.insert(1, ("SenderDescription", description))
    if note:
        asked.insert(0, ("CallerDescription", note))
    return fingerprint("Pay", asked)


def written(environment: str, reference: str, body: Asked, charged: Transaction) -> bytes:
    """A charge as `transaction_object` has it, its members in the same order, in one go."""
    authorization, amount_micros, description, note = body
    transaction_id = charged.transaction_id
    return (
        f'{{"object":"charge","id":"{transaction_id}","status":"{_SUCCEEDED}","status_code":"{charged.status_code}",'
        f'"amount":"{format_amount(amount_micros)}","fee":"{_NO_FEE}","currency":"{USD}","environment":"{environment}",'
        f'"authorization":"{authorization}","refunded_transaction":null,'
        f'"payment_method":"{METHODS[charged.payment_method]}","description":{_text(description)},'
        f'"note":{_text(note)},"idempotency_key":{_text(reference)},'
        f'"created_at":"{_created_at(milliseconds_of_transaction(transaction_id))}",'
        f'"completed_at":"{_moment(charged.completed_at)}"}}'
    ).encode()


def _text(text: str | None) -> str:
    return "null" if text is None else _encode(text).decode()


def _created_at(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}000Z"


@lru_cache(maxsize=16)  # requests of one moment are of one second
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


@lru_cache(maxsize=16)  # charges that share a commit are of one moment
def _moment(at: datetime | None) -> str:
    """As `moment` writes it, of one that is in UTC."""
    return "" if at is None else at.isoformat(timespec="microseconds")[:26] + "Z"
