"""Objects in the bodies of requests. Made by `python -m tools.clients` from /v1/openapi.json: not changed by hand."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from tallystick_client.amounts import Money


class ChargeRow(TypedDict):
    """One of several in a request.

    Attributes:
        idempotency_key: Your own name for this charge, as in the header.
        authorization: The authorization: a prepaid balance, a tab or a token.
        amount: How much: decimal text with at most six decimals.
        currency: Of the amount.
        description: What the buyer reads.
        note: A note for the seller alone.
        notification_url: Where the notification about this goes, instead of the address in the settings.
    """

    idempotency_key: str
    authorization: str
    amount: Money
    currency: NotRequired[Literal["USD"]]
    description: NotRequired[str]
    note: NotRequired[str]
    notification_url: NotRequired[str]


class LimitRow(TypedDict):
    """One of several in a request.

    Attributes:
        amount: The most that may be charged; this or `charges`.
        charges: How many charges there may be.
        period: How often it starts anew, such as `1 Day` or `3 Months`. Without it: never.
    """

    amount: NotRequired[Money]
    charges: NotRequired[int]
    period: NotRequired[str]
