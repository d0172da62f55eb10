"""What rows of several resources have in common: those that move money, and those that read it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from tallystick.domain.refusals import Refusal
from tallystick.domain.scopes import KeyScope
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import Field
from tallystick.web.api.errors_of_actions import ERRORS_OF
from tallystick.web.v1 import transactions
from tallystick.web.v1.endpoint import Endpoint, Perform
from tallystick.web.v1.expansion import AUTHORIZATION as THE_AUTHORIZATION
from tallystick.web.v1.expansion import ORIGINAL, expand
from tallystick.web.v1.inputs import (
    AMOUNT_MAX,
    AMOUNT_MIN,
    CREATED_AFTER,
    CREATED_BEFORE,
    CURSOR,
    LIMIT,
    OF_AUTHORIZATION,
    STATUS,
    JsonInput,
)
from tallystick.web.v1.problems import CODES

_FILTERS: Final = (OF_AUTHORIZATION, STATUS, CREATED_AFTER, CREATED_BEFORE, AMOUNT_MIN, AMOUNT_MAX, LIMIT, CURSOR)
_TYPE: Final = JsonInput(
    Field("type", "string", OPTIONAL, "Only these.", choices=tuple(transactions.OBJECTS.values())), "charge"
)
_OF_THIRD_PARTIES: Final = frozenset(
    {
        Refusal.InvalidAccountState_Recipient,
        Refusal.InvalidTokenId_Recipient,
        Refusal.NotMarketplaceApp,
        Refusal.TokenNotActive_Recipient,
    }
)
"""Refusals of payments to a third party, which requests of this interface cannot name."""


_EXPANDS: Final = {
    "refunds": (expand(THE_AUTHORIZATION, ORIGINAL),),
    "transactions": (expand(THE_AUTHORIZATION, ORIGINAL),),
    "payouts": (),
}
"""What the transactions of a kind can be asked for with, where it is not the authorization alone."""


def codes_of(action: str) -> tuple[str, ...]:
    """The problems that the use case of an action can come to."""
    return tuple(CODES[refusal][1] for refusal in ERRORS_OF[action] if refusal not in _OF_THIRD_PARTIES)


def moves(  # noqa: PLR0913, PLR0917 - a row of the table has so many columns
    path: str,
    name: str,
    summary: str,
    action: str,
    scopes: KeyScope,
    perform: Perform,
    inputs: tuple[JsonInput, ...],
    answer: str,
    codes: tuple[str, ...] = ("authorization_not_found", "authorization_not_for_this"),
    subject: str = "",
) -> Endpoint:
    """A request that moves money, by the use case of an action, under an Idempotency-Key."""
    return Endpoint(
        "POST",
        path,
        name,
        summary,
        action,
        scopes,
        perform,
        answer,
        inputs,
        subject,
        ("idempotency_key_required", *codes_of(action), *codes),
        moves_money=True,
        status=HTTPStatus.CREATED,
    )


def reads(noun: str, name: str, what: str) -> tuple[Endpoint, Endpoint]:
    """One transaction of a kind, and all of them."""
    kind = None if noun == "transactions" else name
    inputs = (_TYPE, *_FILTERS) if kind is None else _FILTERS
    answer = name.title().replace("_", "")
    expands = _EXPANDS.get(noun, (expand(THE_AUTHORIZATION),))
    return (
        Endpoint(
            "GET",
            f"/v1/{noun}/{{id}}",
            f"{noun}.get",
            f"One {what}.",
            "GetTransaction",
            KeyScope.READ,
            transactions.getting(kind),
            answer,
            expands,
            subject=f"the {what}",
            codes=("transaction_not_found",),
        ),
        Endpoint(
            "GET",
            f"/v1/{noun}",
            f"{noun}.list",
            f"Every {what}, the newest first, page by page.",
            "GetAccountActivity",
            KeyScope.READ,
            transactions.listing(kind),
            answer,
            (*inputs, *expands),
            reads_much=True,
            is_list=True,
        ),
    )
