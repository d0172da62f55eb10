"""Checkout in `mode=setup`, which localstripe does not have: a page of the proxy in the place of Stripe's."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from tests.support.stripe.forms import Json


@dataclass
class Checkout:
    """Sessions by their ids, in Stripe's shape."""

    sessions: dict[str, Json] = field(default_factory=dict)

    def begin(self, fields: Json, origin: str, now: datetime) -> Json:
        """A new session whose page is at `origin`."""
        identity = f"cs_test_{secrets.token_hex(12)}"
        self.sessions[identity] = session = {
            "id": identity,
            "object": "checkout.session",
            "mode": fields["mode"],
            "status": "open",
            "customer": fields.get("customer"),
            "metadata": fields.get("metadata", {}),
            "allowed_payment_method_types": fields["allowed_payment_method_types"],
            "success_url": fields["success_url"],
            "cancel_url": fields.get("cancel_url"),
            "setup_intent": None,
            "expires_at": int(now.timestamp()) + 86_400,
            "url": f"{origin}/pay/{identity}",
        }
        return session

    def page(self, identity: str, problem: str = "") -> str:
        """The form on which a buyer types a card."""
        session = self.sessions[identity]
        return f"""<!doctype html><html lang="en"><title>Checkout of the tests</title>
<h1>Save your card</h1><p role="alert">{escape(problem)}</p>
<form method="post"><label>Card number <input name="number" autocomplete="off"></label>
<button>Save card</button></form>
<a href="{escape(session["cancel_url"] or "")}">Back</a></html>"""
