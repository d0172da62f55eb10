"""Authorizations in /v1: asked for, looked at, listed, cancelled. What they are is in authorizations.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from tallystick.domain.ids import InstrumentId
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import V2010, Field
from tallystick.services.api.registry import ACTIONS
from tallystick.services.consent import requested
from tallystick.services.reports import instruments
from tallystick.services.reports.instruments import InstrumentQuery
from tallystick.web.api.calls import read_call
from tallystick.web.v1 import authorizations
from tallystick.web.v1.authorizations import POSTPAID, PREPAID
from tallystick.web.v1.consent import objects, terms
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import NOTIFY, USUAL_LIMIT, JsonInput
from tallystick.web.v1.problems import JsonProblemError

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Asked

KIND_FILTER: Final = JsonInput(Field("kind", "string", OPTIONAL, "Only these.", choices=(PREPAID, POSTPAID)), PREPAID)

_INSTRUMENT_KINDS: Final = {PREPAID: "prepaid", POSTPAID: "credit"}


async def create(asked: Asked) -> Reply:
    """Ask for a balance, a tab or payments: the answer has the address at which a buyer agrees."""
    pipeline, parameters = terms.read(asked.given)
    found, replayed = await requested.ask(asked.service, asked.key, pipeline, asked.idempotency_key, parameters)
    body = await authorization_object(asked, found.authorization_id) if replayed else objects.pending(asked, found)
    return Reply(body, replayed=replayed)


async def get(asked: Asked) -> Reply:
    """One authorization, also one that nobody has agreed to yet."""
    return Reply(await authorization_object(asked, asked.subject))


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
        data.append(objects.agreed(asked, await authorizations.find(books, record.instrument_id), None))
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
    return Reply(await authorization_object(asked, asked.subject))


async def authorization_object(asked: Asked, text: str) -> Mapping[str, Any]:
    """An authorization of any kind. Raises ProblemError."""
    books = asked.books
    of_token = authorizations.kind_of(text, "id") is None
    wanted = await requested.find(asked.service, asked.key, text)
    if wanted is not None:
        made = await requested.token_of(asked.service, asked.key, wanted)
        if made is None:
            return objects.pending(asked, wanted)
        token = await instruments.token(books, made)
        if token is None or (token.instrument_id is None) != of_token:
            raise authorizations.not_found("id")
        # another id where a visit that was confirmed before came to nothing
        text = token.token_id if token.instrument_id is None else token.instrument_id
    if of_token:
        token = await authorizations.find_direct(books, text)
        if token is None:
            raise authorizations.not_found("id")
        return objects.payment(asked, token)
    return objects.agreed(asked, await authorizations.find(books, InstrumentId(text)), wanted)
