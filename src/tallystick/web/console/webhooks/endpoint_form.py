"""The form of a webhook endpoint: where events go, and which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain.messages.events import CHARGE_SUCCEEDED, TYPES
from tallystick.services.events.endpoints import MAX_DESCRIPTION, EndpointWish, WebhookEndpoint
from tallystick.services.form_errors import FormError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALL: Final = "all"
CHOSEN: Final = "chosen"
USES: Final = (
    (ALL, "Every event", "All there are, also kinds that come later, but not charges that are answered at once."),
    (CHOSEN, "What I tick below", ""),
)
"""Which events, by the value in the form, as the form asks."""

WORDS: Final[Mapping[str, str]] = {
    "authorization.activated": "A buyer agreed to a balance, a tab or a token, or you installed one.",
    "authorization.cancelled": "Nothing more is charged by it.",
    "authorization.expired": "Its end has come.",
    "balance.low": "A prepaid balance fell below the amount that you chose.",
    "charge.pending": "By card or from a bank account: it waits for the network.",
    CHARGE_SUCCEEDED: "Each one, also those that are answered at once: these can be very many.",
    "charge.failed": "It was declined, or ran out of time.",
    "charge.cancelled": "You cancelled it, before the network was asked.",
    "top_up.pending": "Money for a balance is on its way.",
    "top_up.succeeded": "It is on the balance.",
    "top_up.failed": "It was declined, or ran out of time.",
    "top_up.cancelled": "You cancelled it, before the network was asked.",
    "settlement.pending": "Money for a debt is on its way.",
    "settlement.succeeded": "The debt is paid.",
    "settlement.failed": "It was declined, or ran out of time.",
    "settlement.cancelled": "You cancelled it, before the network was asked.",
    "write_off.succeeded": "A debt, or a part of one, was forgiven.",
    "refund.pending": "Money goes back to a buyer.",
    "refund.succeeded": "It went back.",
    "refund.failed": "It could not go back.",
    "refund.reversed": "It had gone back, and came to you again after all.",
    "reservation.pending": "Money on a card is asked for.",
    "reservation.reserved": "It is held.",
    "reservation.captured": "It was taken.",
    "reservation.released": "It was let go.",
    "reservation.failed": "It was declined, or ran out of time.",
    "payout.pending": "Cash leaves for your bank.",
    "payout.succeeded": "It left.",
    "payout.failed": "It could not leave.",
    "payout.returned": "It came back from your bank.",
    "dispute.opened": "A buyer's bank disputes a charge.",
    "dispute.won": "The bank gave it up.",
    "dispute.lost": "The bank took the money back.",
    "key.revoked": "An access key was revoked.",
}
"""What each type of event is about, in a few words."""


def type_choices() -> Sequence[tuple[str, str, str]]:
    """All types: name of the field, type, words."""
    return [(_field(name), name, WORDS[name]) for name in TYPES]


def in_words(types: Sequence[str]) -> str:
    """Which events an endpoint is for, as its page says it."""
    return ", ".join(types) or "every event but charges that are answered at once"


def filled_in(found: WebhookEndpoint) -> dict[str, str]:
    """The form as it would be filled in for an endpoint that there is."""
    ticked = {_field(name): "yes" for name in found.types}
    uses = CHOSEN if found.types else ALL
    return {"url": found.url, "description": found.description or "", "uses": uses} | ticked


def read_endpoint_form(typed: Mapping[str, str]) -> EndpointWish:
    """What the endpoint is to be like. The address is judged where it is saved. Raises FormError."""
    problems: dict[str, str] = {}
    url = typed.get("url", "").strip()
    if not url:
        problems["url"] = "Type the address that your server listens on."
    description = " ".join(typed.get("description", "").split())
    if len(description) > MAX_DESCRIPTION or not description.isprintable():
        problems["description"] = f"Type at most {MAX_DESCRIPTION} characters."
    types: tuple[str, ...] = ()
    if typed.get("uses") == CHOSEN:
        types = tuple(name for name in TYPES if typed.get(_field(name)))
        if not types:
            problems["uses"] = "Tick at least one event, or choose every event."
    elif typed.get("uses") != ALL:
        problems["uses"] = "Choose which events are delivered."
    if problems:
        raise FormError(problems)
    return EndpointWish(url, types, description or None)


def _field(name: str) -> str:
    return f"on_{name.replace('.', '_')}"
