"""The audit log: what staff, operators and commands did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.ids import PartyId
from tallystick.store.records import audit
from tallystick.store.records.audit import AuditEntry

if TYPE_CHECKING:
    from tallystick.db.connections import Database
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party

__all__ = ["ACTIONS", "Actor", "AuditEntry", "actors_of", "latest", "record"]

ACTIONS: Final = frozenset(
    {
        "key.create",
        "key.change",
        "key.rotate",
        "key.revoke",
        "certificate.register",
        "certificate.revoke",
        "branding.change",
        "host.ask",
        "host.claim",
        "host.release",
        "host.allow",
        "host.disallow",
        "staff.invite",
        "staff.uninvite",
        "staff.join",
        "staff.add",
        "staff.role",
        "staff.remove",
        "notification.settings",
        "notification.replay",
        "notification.replay_dead",
        "notification.test",
        "webhook.create",
        "webhook.change",
        "webhook.remove",
        "webhook.rotate",
        "webhook.test",
        "webhook.replay",
        "clock.forward",
        "disputes.settlements",
        "sandbox.dispute",
        "fault.order",
        "fault.remove",
        "fault.release",
        "request.send",
        "button.make",
        "money.fund",
        "money.pay",
        "money.refund",
        "money.refund_balance",
        "balance.redemption",
        "balance.redeem",
        "money.payout",
        "money.settle",
        "payout.account",
        "payout.schedule",
        "payout.sent",
        "payout.failed",
        "payout.returned",
        "payout.file",
        "debts.settle",
        "debts.write_off",
        "debts.go_on",
        "charges.smallest",
        "charges.dust",
        "events.low_balance",
        "money.write_off_dust",
        "approval.rule",
        "approval.ask",
        "approval.approve",
        "approval.decline",
        "token.cancel",
        "activity.export",
        "instruments.export",
        "debts.export",
        "close.export",
        "customer.note",
        "customer.note_remove",
        "live.open",
        "operator.add",
        "operator.remove",
        "operator.split",
        "operator.signing_key",
        "operator.signing_key_revoke",
        "operator.signing_key_destroy",
        "operator.master_key",
        "operator.master_key_forget",
        "account.open",
        "account.password",
        "account.second_factor_reset",
        "account.test_money",
        "account.split",
        "account.suspend",
        "account.reactivate",
        "account.verify",
        "account.unverify",
        "account.verify_email",
        "account.hold",
        "account.fees",
        "account.release",
        "account.close",
        "account.unverify_email",
        "account.cards",
        "account.no_cards",
        "account.marketplace",
        "account.no_marketplace",
        "rail.ask_again",
        "rail.end_order",
        "rail.reconcile",
        "bank.look",
        "bank.statement",
        "books.verify",
        "books.archive",
    }
)
"""Every audited action. A new one needs an entry here, and its texts in web/common/audit_words.py."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a person who is signed in or, without one, a program with a key or a command on the machine.

    Every use case that changes something takes one, and writes it into the audit log. `machine_user`: the name by which
    the operating system knows who runs the command; it goes to the row's details as ``machine_user``, and the id of a
    program's access key as ``by_key``.
    """

    party_id: PartyId | None
    machine_user: str = ""
    access_key_id: str = ""

    @classmethod
    def person(cls, party: Party) -> Actor:
        """Somebody who is signed in: one of a seller's staff, or an operator."""
        return cls(party.party_id)

    @classmethod
    def command(cls, machine_user: str) -> Actor:
        """A command on the machine, which the audit log names no person for."""
        return cls(None, machine_user)

    @classmethod
    def program(cls, access_key_id: str) -> Actor:
        """A seller's program, which the audit log names by its key."""
        return cls(None, access_key_id=access_key_id)

    @property
    def details(self) -> Mapping[str, str]:
        """What a row says of it beside the person."""
        named = {"machine_user": self.machine_user, "by_key": self.access_key_id}
        return {name: text for name, text in named.items() if text}


async def record(
    database: Database,
    actor: Actor,
    action: str,
    subject: str = "",
    *,
    business_id: PartyId | None = None,
    environment: str | None = None,
    details: Mapping[str, Any] | None = None,
    at: datetime,
) -> None:
    """Append an action; `details` are plain values and never a secret. Raises KeyError: not one of ACTIONS.

    `business_id`: the seller for whom it was done, whose audit log shows it too. `at`: real time.
    """
    if action not in ACTIONS:
        raise KeyError(action)
    await audit.add(
        database,
        actor_id=actor.party_id,
        business_id=business_id,
        environment=environment,
        action=action,
        subject=subject,
        details={**(details or {}), **actor.details},
        at=at,
    )


async def latest(
    service: Service,
    maximum: int,
    *,
    business_id: PartyId | None = None,
    actor_id: PartyId | None = None,
    action: str | None = None,
    subject: str | None = None,
    before: int | None = None,
) -> list[AuditEntry]:
    """The latest actions, newest first: of everybody or one seller, of one person, of one kind, done to one thing.

    `before`: only those before this `audit_id`. An `action` that is not one of ACTIONS is ignored.
    """
    return await audit.latest(
        service.pool,
        maximum,
        business_id=business_id,
        actor_id=actor_id,
        action=action if action in ACTIONS else None,
        subject=subject,
        before=before,
    )


async def actors_of(service: Service, business_id: PartyId) -> list[tuple[str, str]]:
    """Everybody who ever did something for a seller: number, as text, and e-mail address."""
    return await audit.actors_of(service.pool, business_id)
