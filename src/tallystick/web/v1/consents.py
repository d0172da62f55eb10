"""Authorizations in /v1: asked for, looked at, listed, cancelled. What they are is in authorizations.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from tallystick.domain.ids import InstrumentId
from tallystick.domain.moments import parse_moment
from tallystick.domain.money import USD, format_amount, parse_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.tokens import TokenState
from tallystick.services.api.common_fields import OPTIONAL, REQUIRED
from tallystick.services.api.fields import V2010, Field
from tallystick.services.api.registry import ACTIONS
from tallystick.services.consent import requested
from tallystick.services.reports import instruments
from tallystick.services.reports.instruments import InstrumentQuery
from tallystick.web.api.calls import read_call
from tallystick.web.v1 import authorizations
from tallystick.web.v1.authorizations import POSTPAID, PREPAID, AuthorizationObject
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import CURRENCY, NOTIFY, USUAL_LIMIT, JsonInput
from tallystick.web.v1.problems import JsonProblemError
from tallystick.web.v1.transactions import moment

if TYPE_CHECKING:
    from tallystick.services.consent.requested import RequestedAuthorization
    from tallystick.services.reports.instruments import TokenRecord
    from tallystick.web.v1.endpoint import Asked

PAYMENT: Final = "payment"

KIND: Final = JsonInput(
    Field("kind", "string", REQUIRED, "A prepaid balance, or a tab.", choices=(PREPAID, POSTPAID)), PREPAID
)
LIMIT: Final = JsonInput(
    Field("limit", "decimal", REQUIRED, "The most that a balance can be, or that can be owed at any one time."), "25.00"
)
TOTAL: Final = JsonInput(
    Field("total_limit", "decimal", OPTIONAL, "Of a tab, which needs it: the most that may be charged in all."),
    "500.00",
)
DESCRIPTION: Final = JsonInput(
    Field("description", "string", OPTIONAL, "What the buyer reads.", max_length=4000), "API credits"
)
RETURN_URL: Final = JsonInput(
    Field("return_url", "string(url)", REQUIRED, "Where the buyer's browser goes afterwards.", max_length=500),
    "https://shop.example/back",
)
EXPIRES_AT: Final = JsonInput(
    Field("expires_at", "dateTime", OPTIONAL, "When it ends. Without it: never."), "2030-01-01T00:00:00Z"
)
INPUTS: Final = (KIND, LIMIT, TOTAL, CURRENCY, DESCRIPTION, RETURN_URL, EXPIRES_AT)
KIND_FILTER: Final = JsonInput(Field("kind", "string", OPTIONAL, "Only these.", choices=(PREPAID, POSTPAID)), PREPAID)

_INSTRUMENT_KINDS: Final = {PREPAID: "prepaid", POSTPAID: "credit"}
_STATES: Final = {
    TokenState.NOT_YET: "not_yet_active",
    TokenState.ACTIVE: "active",
    TokenState.USED: "used",
    TokenState.EXPIRED: "expired",
    TokenState.CANCELLED: "cancelled",
}
PENDING: Final = "pending"
STATUSES: Final = (PENDING, *_STATES.values())


async def create(asked: Asked) -> Reply:
    """Ask for a balance or a tab: the answer has the address at which a buyer agrees."""
    given = asked.given
    terms = {"returnURL": given["return_url"], "currencyCode": USD}
    if "description" in given:
        terms["paymentReason"] = given["description"]
    if "expires_at" in given:
        terms["validityExpiry"] = str(int(parse_moment(given["expires_at"]).timestamp()))
    if given["kind"] == PREPAID:
        if "total_limit" in given:
            message = "total_limit is for tabs; a prepaid balance has none."
            raise JsonProblemError("invalid_request", message, field="total_limit")
        pipeline, terms["fundingAmount"] = requested.PREPAID, given["limit"]
    else:
        if "total_limit" not in given:
            raise JsonProblemError("missing_field", "A tab needs total_limit.", field="total_limit")
        pipeline, terms["creditLimit"] = requested.POSTPAID, given["limit"]
        terms["globalAmountLimit"] = given["total_limit"]
    found, replayed = await requested.ask(asked.service, asked.key, pipeline, asked.idempotency_key, terms)
    body = await _object(asked, found.authorization_id) if replayed else _pending(asked, found)
    return Reply(body, replayed=replayed)


async def get(asked: Asked) -> Reply:
    """One authorization, also one that nobody has agreed to yet."""
    return Reply(await _object(asked, asked.subject))


async def list_(asked: Asked) -> Reply:
    """A page of balances and tabs. Those that nobody has agreed to yet are not among them."""
    books, given = asked.books, asked.given
    after = None
    if (cursor := given.get("cursor")) is not None:
        after = await instruments.instrument(books, cursor)
        if after is None:
            raise JsonProblemError("invalid_request", '"cursor" must be the next_cursor of a page.', field="cursor")
    kind = None if "kind" not in given else _INSTRUMENT_KINDS[given["kind"]]
    wanted = InstrumentQuery(books.parts, books.now, kind)
    page = await instruments.instruments(books, wanted, int(given.get("limit", USUAL_LIMIT)), after)
    data: list[Mapping[str, Any]] = []
    for record in page.found:  # each is a few rows of one book
        data.append(_agreed(asked, await authorizations.find(books, record.instrument_id), None))
        await asked.step_aside()
    return Reply({"object": "list", "data": data, "next_cursor": page.earlier})


async def cancel(asked: Asked) -> Reply:
    """Cancel what charges and top-ups go through; the token that settles a debt stays. Again: nothing changes."""
    books = asked.books
    if authorizations.kind_of(asked.subject, "id") is None:
        token = await authorizations.find_direct(books, asked.subject)
        if token is None:
            raise authorizations.not_found("id")
        tokens = [token]
    else:
        found = await authorizations.find(books, asked.subject)
        tokens = [found.spending_token, *([found.money_token] if found.kind == PREPAID else [])]
    action = ACTIONS["CancelToken"]
    for token in tokens:
        if token.cancelled_at is None:
            params: dict[str, str] = {"TokenId": token.token_id}
            if NOTIFY.name in asked.given:
                params[NOTIFY.parameter] = asked.given[NOTIFY.name]
            call = read_call(asked.service, action, V2010, params, asked.key, asked.now, asked.now)
            try:
                await action.perform(replace(call, refusal_spends=False))
            except Refused as refused:
                if refused.refusal is not Refusal.TokenNotActive:  # cancelled by another request meanwhile
                    raise
    return Reply(await _object(asked, asked.subject))


async def _object(asked: Asked, text: str) -> Mapping[str, Any]:
    """An authorization of any kind. Raises ProblemError."""
    books = asked.books
    if authorizations.kind_of(text, "id") is None:
        token = await authorizations.find_direct(books, text)
        if token is None:
            raise authorizations.not_found("id")
        return _payment(asked, token)
    wanted = await requested.find(asked.service, asked.key, text)
    if wanted is not None:
        made = await requested.token_of(asked.service, asked.key, wanted)
        if made is None:
            return _pending(asked, wanted)
        token = await instruments.token(books, made)
        if token is None or token.instrument_id is None:
            raise authorizations.not_found("id")
        text = token.instrument_id  # another id where a visit that was confirmed before came to nothing
    return _agreed(asked, await authorizations.find(books, InstrumentId(text)), wanted)


def _pending(asked: Asked, wanted: RequestedAuthorization) -> Mapping[str, Any]:
    """What nobody has agreed to yet."""
    terms = wanted.parameters
    prepaid = wanted.pipeline == requested.PREPAID
    expiry = terms.get("validityExpiry")
    return {
        "object": "authorization",
        "id": wanted.authorization_id,
        "kind": PREPAID if prepaid else POSTPAID,
        "status": PENDING,
        "url": requested.link(asked.service, asked.key, terms),
        "currency": USD,
        "limit": _six(terms["fundingAmount" if prepaid else "creditLimit"]),
        "total_limit": None if prepaid else _six(terms["globalAmountLimit"]),
        "balance": None,
        "owed": None,
        "pending": None,
        "available": None,
        "description": terms.get("paymentReason"),
        "idempotency_key": wanted.caller_reference,
        "created_at": moment(wanted.created_at),
        "expires_at": None if expiry is None else moment(_of_epoch(expiry)),
    }


def _agreed(asked: Asked, found: AuthorizationObject, wanted: RequestedAuthorization | None) -> Mapping[str, Any]:
    """A balance or a tab that somebody has agreed to."""
    record, token, now = found.instrument, found.spending_token, asked.books.now
    prepaid = found.kind == PREPAID
    state = token.state(now)
    over = state.over or state is TokenState.NOT_YET
    return {
        "object": "authorization",
        "id": record.instrument_id,
        "kind": found.kind,
        "status": _STATES[state],
        "url": None,
        "currency": USD,
        "limit": format_amount(record.limit_micros),
        "total_limit": None if record.total_limit_micros is None else format_amount(record.total_limit_micros),
        "balance": format_amount(record.balance_micros) if prepaid else None,
        "owed": None if prepaid else format_amount(record.balance_micros),
        "pending": format_amount(record.pending_micros),
        "available": format_amount(0 if over else found.largest_charge_micros(now)),
        "description": token.payment_reason,
        "idempotency_key": token.caller_reference if wanted is None else wanted.caller_reference,
        "created_at": moment(record.created_at),
        "expires_at": moment(record.expires_at),
    }


def _payment(asked: Asked, token: TokenRecord) -> Mapping[str, Any]:
    """A token that charges real money, or that receives."""
    return {
        "object": "authorization",
        "id": token.token_id,
        "kind": PAYMENT,
        "status": _STATES[token.state(asked.books.now)],
        "url": None,
        "currency": USD,
        "limit": None,
        "total_limit": None,
        "balance": None,
        "owed": None,
        "pending": None,
        "available": None,
        "description": token.payment_reason,
        "idempotency_key": token.caller_reference,
        "created_at": moment(token.created_at),
        "expires_at": moment(token.expires_at),
    }


def _six(text: str) -> str:
    return format_amount(parse_amount(text))


def _of_epoch(text: str) -> datetime:
    return datetime.fromtimestamp(int(text), UTC)
