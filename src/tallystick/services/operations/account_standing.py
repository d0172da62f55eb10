"""What operators and commands set on an account: suspended, verified, held back, or not. Each change is audited.

Pages do one of CHANGES by its name; the command says several things at once. Both go through `_apply`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tallystick.services.form_errors import FormError
from tallystick.services.operations import audit
from tallystick.store.accounts import parties

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.parties import Party, Status
    from tallystick.store.queries.account_register import Account

_MAX_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do to an account.

    `fits`: whether it would change anything. `sets`: arguments of parties.set_standing. `grave`: it needs a reason.
    """

    fits: Callable[[Account], bool]
    sets: Mapping[str, Any] = field(default_factory=dict)
    grave: bool = False


def _open(account: Account) -> bool:
    return account.status != "closed"


CHANGES: Final[Mapping[str, Change]] = {
    "suspend": Change(lambda account: account.status == "active", {"status": "suspended"}, grave=True),
    "reactivate": Change(lambda account: account.status == "suspended", {"status": "active"}),
    "verify": Change(lambda account: _open(account) and account.verified_at is None, {"account_verified": True}),
    "unverify": Change(lambda account: _open(account) and account.verified_at is not None, {"account_verified": False}),
    "verify-email": Change(
        lambda account: _open(account) and account.email_verified_at is None, {"email_verified": True}
    ),
    "hold": Change(lambda account: account.status == "active" and not account.denied, {"denied": True}, grave=True),
    "release": Change(lambda account: _open(account) and account.denied, {"denied": False}),
}
"""Every change that the page of an account offers, by the name that forms use."""

_AUDIT_ACTIONS: Final[Mapping[tuple[str, str | bool], str]] = {
    ("status", "active"): "account.reactivate",
    ("status", "suspended"): "account.suspend",
    ("status", "closed"): "account.close",
    ("email_verified", True): "account.verify_email",
    ("email_verified", False): "account.unverify_email",
    ("account_verified", True): "account.verify",
    ("account_verified", False): "account.unverify",
    ("receives_cards", True): "account.cards",
    ("receives_cards", False): "account.no_cards",
    ("marketplace", True): "account.marketplace",
    ("marketplace", False): "account.no_marketplace",
    ("denied", True): "account.hold",
    ("denied", False): "account.release",
}
"""The action in the audit log, by the argument of parties.set_standing and its value."""


async def change_standing(service: Service, actor: Actor, account: Account, name: str, reason: str) -> None:
    """Do one of CHANGES; idempotent. Raises FormError: no reason for a grave one; one's own account."""
    change = CHANGES[name]
    if change.grave and account.party_id == actor.party_id:
        raise FormError({"reason": "This is your own account: ask another operator."})
    if change.grave and not reason.strip():
        raise FormError({"reason": "Say why: whoever looks at the audit log will want to know."})
    if change.fits(account):
        await _apply(service, actor, account, change.sets, reason)


async def set_standing(  # noqa: PLR0913 - one keyword for each thing that can be said
    service: Service,
    actor: Actor,
    account: Account,
    *,
    status: Status | None = None,
    email_verified: bool | None = None,
    account_verified: bool | None = None,
    receives_cards: bool | None = None,
    marketplace: bool | None = None,
    denied: bool | None = None,
    reason: str = "",
) -> Party:
    """Say several things of an account at once, also such as no page says; None leaves a thing as it is.

    Of what the account was already, only a repeated verification is written down: it verifies the bank accounts that
    were added since.
    """
    said: dict[str, str | bool | None] = {
        "status": status,
        "email_verified": email_verified,
        "account_verified": account_verified,
        "receives_cards": receives_cards,
        "marketplace": marketplace,
        "denied": denied,
    }
    return await _apply(service, actor, account, {name: one for name, one in said.items() if one is not None}, reason)


async def _apply(service: Service, actor: Actor, account: Account, sets: Mapping[str, Any], reason: str = "") -> Party:
    """Change it, sign out everywhere an account that may not take part any more, and audit each thing that is new."""
    present = {
        "status": account.status,
        "email_verified": account.email_verified_at is not None,
        "receives_cards": account.receives_cards,
        "marketplace": account.marketplace,
        "denied": account.denied,
    }
    reason, now = " ".join(reason.split())[:_MAX_REASON], service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        party = await parties.set_standing(connection, account.party_id, now, **sets)
        if not party.active and "status" in sets:
            await parties.sign_out_everywhere(connection, account.party_id)
        for name, value in sets.items():
            if present.get(name) == value:
                continue
            await audit.record(
                connection,
                actor,
                _AUDIT_ACTIONS[name, value],
                account.email,
                business_id=account.party_id if account.kind == "business" else None,
                details={"account": account.party_id} | ({"reason": reason} if reason else {}),
                at=now,
            )
    return party
