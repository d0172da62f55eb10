"""What all faces of the API have in common: the checks between a verified signature and the action, and its faults."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Final, TypeVar, cast

import structlog
from msgspec import Struct, field
from msgspec.structs import replace

from tallystick.db.connections import DAMAGED, UNAVAILABLE
from tallystick.domain.moments import format_moment
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api import kept_requests
from tallystick.services.api.call import Call, fingerprint
from tallystick.services.api.callers import AccessKey, StaleCachedKeyError, check_terms
from tallystick.services.api.fair_shares import ThrottledError
from tallystick.services.api.fields import V2007
from tallystick.services.process.meter import NO_ACTION, OK
from tallystick.web.api.asgi import header
from tallystick.web.api.xml import namespace

if TYPE_CHECKING:
    from tallystick.services.api.callers import Caller, SourceOf
    from tallystick.services.api.read_budget import StepAside
    from tallystick.services.api.registry import Action
    from tallystick.services.api.types import Result
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Scope

MAY_HAVE_HAPPENED: Final = (
    "What was asked for may have happened, or may happen yet. Ask again with the same CallerReference, or ask for the "
    "status, before you ask for something else."
)
"""For whoever hears that their call has no answer: it tells how to get one."""

_log = structlog.get_logger(__name__)


class MeasuredCall(Struct):
    """A call under way, as the meter will hear of it: filled in as it becomes known."""

    action: str = NO_ACTION
    outcome: str = OK
    began: float = field(default_factory=perf_counter)
    transaction_id: str | None = None
    key_id: str | None = None

    def answered(self, service: Service, request_id: str) -> None:
        """Have it counted, logged, and said in its trace."""
        seconds = service.meter.answered(self.action, self.outcome, self.began)
        service.request_log.note(request_id, self.key_id, self.action, self.outcome, seconds)
        if service.tracing is not None:
            service.tracing.answered(request_id, self.key_id, self.action, self.outcome, self.transaction_id)

    def refused(self, refused: Refused) -> Refused:
        """Note how it ended, and pass that on."""
        self.outcome = refused.refusal.name
        return refused

    def done(self, action: Action, result: Result) -> Result:
        """Note the transaction that it came to, if it moves money, and pass the result on."""
        if action.moves_money:
            self.transaction_id = cast("str | None", result.get("TransactionId"))
        return result


def stamp(moment: datetime) -> str:
    """A moment as messages about a request's time tell it."""
    return format_moment(moment).replace("+00:00", "Z")


def check_fresh(made_at: datetime, now: datetime, skew_seconds: int) -> None:
    """Refuse a request that was not made about now. Raises Refused: RequestExpired."""
    if abs((made_at - now).total_seconds()) > skew_seconds:
        raise Refused(
            Refusal.RequestExpired,
            f"Request has expired. Timestamp date is {stamp(made_at)}; it may differ from the service's clock by "
            f"{skew_seconds} seconds.",
        )


_MOST_SHOWN: Final = 8_000  # of the characters of a string to sign


def expected_string(text: str) -> str:
    r"""What we signed, for the developer of a sandbox: on one line, as all messages are, with ``\n`` for its line ends.

    Everything in it came with the request itself; the secret and the signature do not.
    """
    line = text.replace("\\", r"\\").replace("\n", r"\n")
    shown = line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN]}…"
    return f" The string to sign was expected to be: {shown}"


EXPENSIVE: Final = frozenset({"GetAccountActivity", "GetTokens", "GetTransactionsForSubscription"})
"""Actions that may read much for one answer: they go through `read_much`."""

Answer = TypeVar("Answer")


def admit(service: Service, caller: Caller, scopes: int, source: SourceOf, calls: int = 1) -> None:
    """Let a caller in whose signature is right: its key is for this, and it does not call too often.

    Every face asks this, and before anything else is looked at. Raises Refused: AuthFailure, Throttling.
    """
    check_terms(caller, scopes, source)
    if isinstance(caller, AccessKey):
        seconds = service.rates.take(caller.access_key_id, calls, caller.calls_per_second)
    else:
        seconds = service.rates.take(caller.party_id, calls)
    if seconds:
        raise ThrottledError(seconds)


def when_to_come_again(refused: Refused) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that tell a throttled caller so; none of another refusal."""
    return ((b"retry-after", b"%d" % refused.seconds),) if isinstance(refused, ThrottledError) else ()


async def carry_out(action: Action, call: Call) -> Result:
    """Perform a call when it is its caller's turn. Raises Refused, StaleCachedKeyError.

    Who has a cached key hears what is wrong with the call after the key was read again.
    """
    if call.signed_by is None:
        return await action.perform(call)
    return await in_turn(call.service, call.signed_by, call.cached_key, partial(action.perform, call))


async def in_turn(
    service: Service, caller: Caller, key: AccessKey | None, begin: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Begin something when it is its caller's turn, and await it. `key`: the cached one that it was signed with.

    Raises StaleCachedKeyError where it is refused before it has begun: that is for who has read the key to say.
    """
    shares, flow = service.calls, caller.flow
    if not shares.begins(caller.party_id, 1, flow):
        await shares.begins_later(caller.party_id, 1, flow)
    try:
        if key is None:
            return await begin()
        try:
            work = begin()
        except Refused:
            raise StaleCachedKeyError(key.access_key_id) from None
        return await work
    finally:
        shares.ended(caller.party_id)


async def read_much(
    action: Action, call: Call, write: Callable[[Result, StepAside], Awaitable[Answer]], watched: MeasuredCall
) -> Answer:
    """Perform a call of those that read much, and write its answer in pieces, all of it when it is its caller's turn.

    Raises Refused, Throttling among them: too many wait already.
    """
    async with call.service.reads.turn(call.key.party_id, call.key.flow) as turn:
        result = await action.perform(replace(call, turn=turn))
        return await write(watched.done(action, result), turn.step_aside)


def read_call(
    service: Service,
    action: Action,
    version: str,
    params: Mapping[str, str],
    caller: Caller | None,
    made_at: datetime,
    now: datetime,
) -> Call:
    """Check names and values of a request, and the account of its caller. Raises Refused.

    InvalidRequest, InvalidParams, AccountClosed, AuthFailure; in this order.
    """
    if isinstance(caller, AccessKey):
        service.key_uses.note(caller.access_key_id, now)
    form = action.tables[version].form(params)
    if not service.settings.tolerate_unknown_parameters:
        form.check_names(params, "" if version == V2007 else namespace(version))
    call = Call(
        service=service,
        action=action.name,
        version=version,
        signed_by=caller,
        values=form.read(params),
        fingerprint=fingerprint(action.name, form.business_parameters(params)),
        requested_at=made_at,
        now=now,
    )
    if caller is not None:
        check_account(caller)
    return call


def check_account(caller: Caller) -> None:
    """Refuse callers whose account is closed or has no book. Raises Refused: AccountClosed, AuthFailure."""
    if caller.party_status == "closed":
        raise Refused(Refusal.AccountClosed, "The account of this access key is closed.")
    if caller.book_id is None:
        message = f"The caller's account is not set up for payments in the {caller.environment} environment."
        raise Refused(Refusal.AuthFailure, message)


def keep_request(service: Service, transaction_id: str | None, scope: Scope, content: bytes, request_id: str) -> None:
    """Keep a request that came to a transaction as it is, for the developers of its seller; where there is room.

    `content`: the body, or the query string where there is none.
    """
    if transaction_id is None or not kept_requests.keeps_request(service, transaction_id):
        return
    verb, host, path = scope["method"], header(scope, b"host"), scope["path"]
    kept_requests.keep_request(service, transaction_id, request_id, verb=verb, host=host, path=path, content=content)


def refusal_of(error: Exception, request_id: str) -> Refused:
    """What the caller hears of an exception. Those that are faults of ours are logged: a Refused is none."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, UNAVAILABLE):
        _log_fault("database_unavailable", request_id, error)
        known = "The service cannot answer now."
        message = f"{known} {MAY_HAVE_HAPPENED}" if isinstance(error, TimeoutError) else known
        return Refused(Refusal.ServiceUnavailable, message)
    _log_fault("database_damaged" if isinstance(error, DAMAGED) else "call_failed", request_id, error)
    return Refused(Refusal.InternalError, "The service failed; it was not your fault.")


def _log_fault(event: str, request_id: str, error: Exception) -> None:
    """Log where it happened, but no values: a renderer that shows local variables would show secrets."""
    _log.error(event, request_id=request_id, traceback="".join(traceback.format_exception(error)))
