"""What operators may say of an account: suspended, verified, held back, or not. Each deed is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tallystick.services.form_errors import FormError
from tallystick.services.operations import audit
from tallystick.store.accounts import parties

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party
    from tallystick.store.queries.account_register import Account

_MAX_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do to an account.

    `fits`: whether it would change anything. `sets`: arguments of parties.set_standing. `grave`: it needs a reason.
    """

    title: str
    effect: str
    done: str
    deed: str
    fits: Callable[[Account], bool]
    sets: Mapping[str, Any] = field(default_factory=dict)
    grave: bool = False


def _open(account: Account) -> bool:
    return account.status != "closed"


CHANGES: Final[Mapping[str, Change]] = {
    "suspend": Change(
        "Suspend",
        "From now on no money moves for the account: it can neither charge, pay nor be paid, and whoever is signed in"
        " to it is signed out. Money stays where it is, and its keys can still be used to read.",
        "The account is suspended.",
        "account.suspend",
        lambda account: account.status == "active",
        {"status": "suspended"},
        grave=True,
    ),
    "reactivate": Change(
        "Reactivate",
        "The account takes part again, with everything as it was.",
        "The account is active again.",
        "account.reactivate",
        lambda account: account.status == "suspended",
        {"status": "active"},
    ),
    "verify": Change(
        "Verify the account",
        "Says that a bank account or card was found to be its own. Its present bank accounts count as verified too.",
        "The account is verified.",
        "account.verify",
        lambda account: _open(account) and account.verified_at is None,
        {"account_verified": True},
    ),
    "unverify": Change(
        "Take back the verification",
        "The account and its bank accounts count as not verified; limits for such accounts hold.",
        "The account is not verified any more.",
        "account.unverify",
        lambda account: _open(account) and account.verified_at is not None,
        {"account_verified": False},
    ),
    "verify-email": Change(
        "Verify the e-mail address",
        "Says that the address was found to work and to be theirs.",
        "The e-mail address is verified.",
        "account.verify_email",
        lambda account: _open(account) and account.email_verified_at is None,
        {"email_verified": True},
    ),
    "hold": Change(
        "Hold back payments",
        "What the account would pay or receive is refused for now (TransactionDenied); everything else goes on.",
        "Payments are held back.",
        "account.hold",
        lambda account: account.status == "active" and not account.denied,
        {"denied": True},
        grave=True,
    ),
    "release": Change(
        "Let payments through",
        "The account pays and receives again.",
        "Payments go through again.",
        "account.release",
        lambda account: _open(account) and account.denied,
        {"denied": False},
    ),
}
"""Everything that can be done, by the name that forms use."""


async def change_standing(service: Service, actor: Party, account: Account, name: str, reason: str) -> None:
    """Do one of CHANGES; done twice it is as once. Raises FormError: no reason for a grave one; one's own account."""
    change = CHANGES[name]
    reason = " ".join(reason.split())[:_MAX_REASON]
    if change.grave and account.party_id == actor.party_id:
        raise FormError({"reason": "This is your own account: ask another operator."})
    if change.grave and not reason:
        raise FormError({"reason": "Say why: whoever looks at the audit log will want to know."})
    if not change.fits(account):
        return
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        await parties.set_standing(connection, account.party_id, now, **change.sets)
        if change.sets.get("status") == "suspended":
            await parties.sign_out_everywhere(connection, account.party_id)
        await audit.record(
            connection,
            actor_id=actor.party_id,
            business_id=account.party_id if account.kind == "business" else None,
            environment=None,
            action=change.deed,
            subject=account.email,
            details={"account": account.party_id} | ({"reason": reason} if reason else {}),
            at=now,
        )
