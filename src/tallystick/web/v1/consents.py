"""Authorizations in /v1: asked for, looked at, cancelled. What they are is in authorizations.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tallystick.domain.ids import InstrumentId
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import V2010
from tallystick.services.api.registry import ACTIONS
from tallystick.services.consent import requested
from tallystick.services.reports import instruments
from tallystick.web.api.calls import read_call
from tallystick.web.v1 import authorizations
from tallystick.web.v1.authorizations import PREPAID
from tallystick.web.v1.consent import objects, terms
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import NOTIFY

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Asked


async def create(asked: Asked) -> Reply:
    """Ask for a balance, a tab or payments: the answer has the address at which a buyer agrees."""
    pipeline, parameters = terms.read(asked.given)
    found, replayed = await requested.ask(asked.service, asked.key, pipeline, asked.idempotency_key, parameters)
    body = await authorization_object(asked, found.authorization_id) if replayed else objects.pending(asked, found)
    return Reply(body, replayed=replayed)


async def get(asked: Asked) -> Reply:
    """One authorization, also one that nobody has agreed to yet."""
    return Reply(await authorization_object(asked, asked.subject))


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
