"""Connect, which localstripe does not have: accounts of sellers, transfers to them, reversals, in Stripe's shapes.

Source: https://docs.stripe.com/api/accounts, /api/account_links, /api/transfers and /api/transfer_reversals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from tests.support.stripe.forms import Json

Said = tuple[int, Json]


def _refused(status: int, message: str, code: str, param: str | None = None) -> Said:
    return status, {"error": {"type": "invalid_request_error", "message": message, "code": code, "param": param}}


@dataclass
class Connect:
    """`balance`: what there is to transfer, in cents."""

    accounts: dict[str, Json] = field(default_factory=dict)
    transfers: dict[str, Json] = field(default_factory=dict)
    moved: list[Json] = field(default_factory=list)
    balance: int = 100_000_000
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def finish(self, account_id: str) -> None:
        """The owner has given Stripe all that it asked for."""
        self.accounts[account_id] |= {
            "capabilities": {"transfers": "active"},
            "requirements": {"currently_due": []},
            "details_submitted": True,
        }

    def change(self, parts: list[str], fields: Json, now: int) -> Said:
        match parts:
            case ["accounts"]:
                return self._make_account(fields)
            case ["account_links"]:
                return self._make_link(fields, now)
            case ["transfers"]:
                return self._make_transfer(fields, now)
            case ["transfers", transfer, "reversals"]:
                return self._reverse(transfer, fields, now)
        return _refused(404, "Unrecognized request URL", "url_unknown")

    def read(self, parts: list[str], query: Json) -> Said:
        match parts:
            case ["accounts", account] if account in self.accounts:
                return 200, self.accounts[account]
            case ["transfers", transfer] if transfer in self.transfers:
                return 200, self.transfers[transfer]
            case ["transfers"]:
                group = query.get("transfer_group")
                found = [one for one in self.transfers.values() if group in {None, one["transfer_group"]}]
                return 200, {"object": "list", "url": "/v1/transfers", "has_more": False, "data": found}
        return _refused(404, "No such object", "resource_missing", "id")

    def reverse_by_hand(self, transfer_id: str, now: int) -> None:
        """Somebody does so in Stripe's dashboard."""
        status, _ = self._reverse(transfer_id, {}, now)
        assert status == 200

    def _make_account(self, fields: Json) -> Said:
        identity = f"acct_{next(self._numbers):010d}"
        self.accounts[identity] = {
            "id": identity,
            "object": "account",
            "capabilities": {"transfers": "inactive"},
            "requirements": {"currently_due": ["external_account", "tos_acceptance.date"]},
            "details_submitted": False,
            "metadata": fields.get("metadata", {}),
        }
        return 200, self.accounts[identity]

    def _make_link(self, fields: Json, now: int) -> Said:
        if fields["account"] not in self.accounts:
            return _refused(400, "No such account", "account_invalid", "account")
        url = f"https://connect.stripe.example/setup/{fields['account']}"
        return 200, {"object": "account_link", "created": now, "expires_at": now + 300, "url": url}

    def _make_transfer(self, fields: Json, now: int) -> Said:
        account, amount = self.accounts.get(fields["destination"]), int(fields["amount"])
        if account is None:
            return _refused(400, "No such destination", "account_invalid", "destination")
        if account["capabilities"]["transfers"] != "active":
            return _refused(400, "Not able to receive", "insufficient_capabilities_for_transfer")
        if amount > self.balance:
            return _refused(400, "You have insufficient available funds", "balance_insufficient")
        self.balance -= amount
        identity = f"tr_{next(self._numbers):010d}"
        self.transfers[identity] = {
            "id": identity,
            "object": "transfer",
            "amount": amount,
            "amount_reversed": 0,
            "reversed": False,
            "currency": fields["currency"],
            "destination": fields["destination"],
            "transfer_group": fields.get("transfer_group"),
            "metadata": fields.get("metadata", {}),
            "created": now,
        }
        self._move("transfer", -amount, self.transfers[identity], now)
        return 200, self.transfers[identity]

    def _reverse(self, transfer_id: str, fields: Json, now: int) -> Said:
        transfer = self.transfers.get(transfer_id)
        if transfer is None:
            return _refused(404, "No such transfer", "resource_missing", "id")
        amount = int(fields.get("amount", transfer["amount"] - transfer["amount_reversed"]))
        if not 0 < amount <= transfer["amount"] - transfer["amount_reversed"]:
            return _refused(400, "The transfer is already fully reversed", "transfer_reversed")
        self.balance += amount
        transfer["amount_reversed"] += amount
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        made = {
            "id": f"trr_{next(self._numbers):010d}",
            "object": "transfer_reversal",
            "amount": amount,
            "transfer": transfer_id,
            "metadata": fields.get("metadata", {}),
        }
        self._move("transfer_refund", amount, made, now)
        return 200, made

    def _move(self, kind: str, amount: int, source: Json, now: int) -> None:
        self.moved.append(
            {
                "id": f"txn_connect_{next(self._numbers):010d}",
                "object": "balance_transaction",
                "type": kind,
                "amount": amount,
                "fee": 0,
                "net": amount,
                "currency": "usd",
                "created": now,
                "source": source,
            }
        )
