"""Authorizations as /v1 finds them, and its problems where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.ids import MalformedIdError, token_kind_and_book
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.events.authorizations import (
    KINDS,
    POSTPAID,
    PREPAID,
    AuthorizationObject,
    find_agreed,
    find_direct,
)
from tallystick.web.v1.problems import JsonProblemError, RefusedProblemError

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext

__all__ = ["POSTPAID", "PREPAID", "AuthorizationObject", "find", "find_direct", "kind_of", "not_asked_for", "not_found"]


def not_asked_for() -> JsonProblemError:
    """No program has asked for such an authorization in /v1."""
    message = "No authorization with this id was asked for at /v1/authorizations with a key of this account."
    return RefusedProblemError(Refused(Refusal.InstrumentAccessDenied, message), field="authorization")


def not_found(field: str = "authorization") -> JsonProblemError:
    """There is no such authorization for this key."""
    message = "There is no such authorization of this account, or nobody has agreed to it yet."
    return RefusedProblemError(Refused(Refusal.InstrumentAccessDenied, message), field=field)


def kind_of(text: str, field: str = "authorization") -> str | None:
    """``prepaid`` or ``postpaid``; None for a token. Raises ProblemError: it is no id of ours."""
    try:
        kind, _ = token_kind_and_book(text)
    except MalformedIdError:
        message = f'"{field}" must be the id of an authorization.'
        raise JsonProblemError("invalid_request", message, field=field) from None
    return KINDS.get(kind)


async def find(books: BookContext, text: str) -> AuthorizationObject:
    """The prepaid balance or tab of this id. Raises ProblemError."""
    found = None if kind_of(text) is None else await find_agreed(books, text)
    if found is None:
        raise not_found()
    return found
