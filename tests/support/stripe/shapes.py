"""Objects of the fake in the shape in which Stripe shows them: what the fake leaves out or calls something else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.stripe.forms import Json


@dataclass
class Shapes:
    """What is known beside the fake. `overlays`: by id, what an object shows instead of its own."""

    authorized: dict[str, int] = field(default_factory=dict)
    """By intent: the amount that was authorized, where less was captured."""
    noted: dict[str, Json] = field(default_factory=dict)
    """By intent: its metadata, which Stripe copies to its charge."""
    created: dict[str, int] = field(default_factory=dict)
    """By id: when it was made, on the clock of the test."""
    overlays: dict[str, Json] = field(default_factory=dict)

    def shown(self, value: Any, expand: list[str] | None = None) -> Any:  # noqa: ANN401 - whatever JSON has
        """A value with every object in it as Stripe shows it."""
        if isinstance(value, list):
            return [self.shown(item, expand) for item in value]
        if not isinstance(value, dict):
            return value
        below = {name: self.shown(item, expand) for name, item in value.items()}
        shape = getattr(self, f"_{below.get('object')}", None)
        if shape is not None:
            shape(below, expand or [])
        identity = below.get("id")
        if identity in self.created:
            below["created"] = self.created[identity]
        return below | self.overlays.get(str(identity), {})

    def _payment_intent(self, intent: Json, expand: list[str]) -> None:
        charge = intent.get("latest_charge")
        taken = intent["amount"] if intent["status"] == "succeeded" else 0
        intent["amount"] = self.authorized.get(intent["id"], intent["amount"])
        intent["amount_received"] = taken
        intent["amount_capturable"] = intent["amount"] if intent["status"] == "requires_capture" else 0
        intent.pop("charges", None)
        if charge is not None and not any(path.startswith("latest_charge") for path in expand):
            intent["latest_charge"] = charge["id"]
        if (error := intent.get("last_payment_error")) is not None:
            error.setdefault("type", "card_error")

    def _charge(self, charge: Json, expand: list[str]) -> None:
        charge["amount_captured"] = charge["amount"] if charge["captured"] else 0
        charge.pop("refunds", None)
        charge["metadata"] = self.noted.get(str(charge["payment_intent"]), charge["metadata"])
        transaction = charge.get("balance_transaction")
        expanded = any("balance_transaction" in path for path in expand)
        if isinstance(transaction, dict) and not expanded:
            charge["balance_transaction"] = transaction["id"]

    def _balance_transaction(self, transaction: Json, _: list[str]) -> None:
        if transaction["type"] == "charge":
            transaction["fee"] = fee_of(transaction["amount"])
            transaction["net"] = transaction["amount"] - transaction["fee"]


def fee_of(amount: int) -> int:
    """What the fake takes of a charge, in cents: 2.9 per cent and 30 cents, as Stripe does for cards in the USA."""
    return 30 + (29 * amount + 500) // 1000
