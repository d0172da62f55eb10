"""The short way of the query API: a signed Pay of a balance or a tab, or GetPrepaidBalance, as nearly all calls are.

It is there where its reader was compiled (domain/_plain_requests.pyx), which takes a call with nothing unusual about it
from its bytes to checked values, and whose key is cached. What it does not take is read by the general way, which says
what is wrong, if anything is. Whatever is taken is asked the same as there, in the same order: is it fresh, may its key
do this, is it its turn. The commit, or the statement that reads a balance, revalidates the key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

from tallystick.domain import commands
from tallystick.domain.commands import Marketplace
from tallystick.domain.ids import IdKind, InstrumentId, TokenId
from tallystick.domain.messages.signing import signed_hosts
from tallystick.domain.moments import parse_moment
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refused
from tallystick.domain.scopes import KeyScope
from tallystick.domain.speedups import plain_requests
from tallystick.services.actions.instruments import may_know
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.web.api.asgi import header, unknown_address
from tallystick.web.api.calls import admit, check_account, check_fresh, in_turn
from tallystick.web.api.plain.plain_answers import written_balance, written_payment

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from datetime import datetime
    from types import ModuleType

    from tallystick.domain.ids import BookId
    from tallystick.domain.outcomes import Outcome
    from tallystick.services.api.callers import AccessKey, Address
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Scope
    from tallystick.web.api.calls import MeasuredCall

PAY: Final = "Pay"
BALANCE: Final = "GetPrepaidBalance"
MOST_KEYS: Final = 4096
"""Keys that a process has ready for checking signatures: as many as it caches."""

FORMS: Final = frozenset({"", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"})
"""Content types of bodies that are read as queries are; "": none was told."""

_SCOPES: Final = {PAY: KeyScope.CHARGE.value, BALANCE: KeyScope.READ.value}
_TWO_PARTIES: Final = Marketplace()

Payment: TypeAlias = tuple[int, str, bytes, str | None, str | None]
"""Micro-units, CallerReference, digest of what is asked for, CallerDescription, SenderDescription."""


class PlainCall(Struct, frozen=True):
    """A call that was read, whose signature is right by a cached key. `named`: a token or an instrument."""

    action: str
    key: AccessKey
    made_at: datetime
    now: datetime
    version: str
    named: str
    book_id: BookId
    payment: Payment | None


@dataclass(slots=True)
class PlainCalls:
    """Reads plain calls and carries them out. `address_of`: as of the query API. `reader`: None: there is none.

    `_keys`: by their ids, each with the cached key that it was made of.
    """

    service: Service
    address_of: Callable[[Scope], Address | None] = unknown_address
    reader: ModuleType | None = plain_requests
    _keys: dict[str, Any] = field(default_factory=dict)

    def learn(self, key: AccessKey) -> None:
        """A call was signed with this cached key: have it ready for the next one."""
        if self.reader is None:
            return
        known = self._keys.get(key.access_key_id)
        if known is not None and known.access_key.secret == key.secret:
            known.access_key = key
            return
        if known is None and len(self._keys) >= MOST_KEYS:  # the one that was learnt first goes
            del self._keys[next(iter(self._keys))]
        self._keys[key.access_key_id] = self.reader.SigningKey(key.secret.encode(), key)

    def read(self, scope: Scope, content: bytes) -> PlainCall | None:
        """A call, and nothing is done with it yet; None: the general way has to look at it."""
        if self.reader is None or not self._keys or scope["path"] != "/":
            return None
        query = scope["query_string"]
        if content:
            if query or header(scope, b"content-type") not in FORMS:
                return None
            query = content
        return self.read_query(scope["method"], query, header(scope, b"host"))

    def read_query(self, verb: str, query: bytes, host: str) -> PlainCall | None:
        """The same, of a query or a form as they were sent to ``/``."""
        if self.reader is None or not self._keys:
            return None
        service = self.service
        read = self.reader.read_call(verb, query, signed_hosts(host, service.settings.public_url), self._keys)
        if read is None:
            return None
        signing_key, moment, version, named, book_id, payment = read
        now = service.clock()
        key = self._current(signing_key, now)
        if (
            key is None
            or key.book_id is None
            or not service.committer.reads_optimistically(key.book_id)
            or (payment is not None and book_id not in key.parts)
        ):
            return None
        try:
            made_at = parse_moment(moment)
        except ValueError:
            return None
        return PlainCall(BALANCE if payment is None else PAY, key, made_at, now, version, named, book_id, payment)

    def _current(self, signing_key: Any, now: datetime) -> AccessKey | None:  # noqa: ANN401 - of the compiled module
        """The cached key with the secret that has signed; None: it is gone, or has another secret by now."""
        known: AccessKey = signing_key.access_key
        key = self.service.keys.recall(known.access_key_id, now)
        if key is not known:  # whoever is refused has it read again
            if key is None or key.secret != known.secret:
                return None
            signing_key.access_key = key
        return key

    def let_in(self, plain: PlainCall, scope: Scope, watched: MeasuredCall) -> None:
        """All that is asked between a right signature and the action. Raises Refused."""
        service, key = self.service, plain.key
        watched.action, watched.key_id = plain.action, key.access_key_id
        check_fresh(plain.made_at, plain.now, service.settings.timestamp_skew_seconds)
        admit(service, key, _SCOPES[plain.action], partial(self.address_of, scope))
        service.key_uses.note(key.access_key_id, plain.now)
        check_account(key)

    def lets_in(self, plain: PlainCall, scope_of: Callable[[], Scope]) -> bool:
        """As `let_in`; False: it would refuse, and nothing has been done."""
        service, key = self.service, plain.key
        try:
            check_fresh(plain.made_at, plain.now, service.settings.timestamp_skew_seconds)
            check_account(key)
            admit(service, key, _SCOPES[plain.action], lambda: self.address_of(scope_of()))  # it counts, and so is last
        except Refused:
            return False
        service.key_uses.note(key.access_key_id, plain.now)
        return True

    async def carry_out(self, plain: PlainCall, watched: MeasuredCall, request_id: str) -> bytes:
        """The answer to what was done. Raises Refused, StaleCachedKeyError, and what the committer raises."""
        key = plain.key
        return self.told(plain, await in_turn(self.service, key, key, partial(self.begin, plain)), watched, request_id)

    def begin(self, plain: PlainCall) -> asyncio.Future[Any]:
        """Do what a call asks for, now that it is its turn; `told` knows what comes of it. Raises Refused."""
        if plain.payment is not None:
            return self._pay(plain, plain.payment)
        return self.service.balances.ask(plain.book_id, InstrumentId(plain.named), plain.key)

    def told(self, plain: PlainCall, came: Any, watched: MeasuredCall, request_id: str) -> bytes:  # noqa: ANN401 - an Outcome, or what was read of a balance
        """The answer to what came of a call. Raises Refused, StaleCachedKeyError."""
        if plain.payment is None:
            found = self.service.balances.found(came, plain.key)
            kind, instrument_id = IdKind.PREPAID_INSTRUMENT, InstrumentId(plain.named)
            balance = may_know(found, plain.key, kind, instrument_id, plain.book_id)
            return written_balance(plain.version, balance, request_id)
        outcome: Outcome = came
        if isinstance(outcome, Accepted):
            watched.transaction_id = outcome.transaction_id
            return written_payment(plain.version, outcome, request_id)
        if isinstance(outcome, Refused):
            raise outcome
        raise TypeError(f"{PAY} came to {outcome!r}")

    def _pay(self, plain: PlainCall, payment: Payment) -> asyncio.Future[Outcome]:
        """The command that `services/actions/pay.py` makes of such a call, handed over. Raises Refused."""
        amount_micros, reference, digest, of_caller, of_sender = payment
        service, key = self.service, plain.key
        request = commands.Request(
            fresh_transaction_id(plain.book_id, service.moment_of_ids() + key.clock_offset),
            key.party_id,
            reference,
            digest,
            plain.made_at,
            of_caller,
            of_sender,
        )
        command = commands.Pay(request, TokenId(plain.named), amount_micros, _TWO_PARTIES)
        return service.committer.perform(plain.book_id, command, key, key.flow)
