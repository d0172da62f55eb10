"""Accounts that are opened for others: by whoever runs the service, or by a program that is its own buyer.

What people open for themselves is in hosted/sign_up.py. Every deed and its row in the audit log are one commit.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from tallystick.domain.environments import SANDBOX
from tallystick.services.charges.charge_rules import usual_smallest_charge
from tallystick.services.form_errors import FormError
from tallystick.services.identity.sign_in import (
    check_new_account,
    is_email,
    is_name,
    password_problem,
    store_password,
    tell_of_new_password,
)
from tallystick.services.operations import audit
from tallystick.settings import load_master_key
from tallystick.store.accounts import parties
from tallystick.store.accounts.parties import EmailTakenError, Party
from tallystick.store.keys.vault import Vault

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.settings import Settings

__all__ = ["EmailTakenError", "made_up_password", "open_business", "open_personal", "set_password"]

_CONTEXT: Final = "password of an account made by a program"


async def open_business(service: Service, actor: Actor, name: str, email: str, password: str | None) -> Party:
    """Open a seller's account with its sandbox; without a password nobody can sign in for it.

    Raises FormError, EmailTakenError.
    """
    name, email = " ".join(name.split()), email.strip()
    if not is_name(name):
        raise FormError({"name": "a name is needed, of at most 100 ordinary characters"})
    if not is_email(email):
        raise FormError({"email": f"not an e-mail address: {email!r}"})
    if password is not None and (problem := password_problem(password, email, name)):
        raise FormError({"password": problem})
    password_hash = None if password is None else await service.passwords.hash(password)
    smallest = usual_smallest_charge(service, SANDBOX)
    async with service.pool.acquire() as connection, connection.transaction():
        party = await parties.create_business(connection, email, name, service.clock(), password_hash, smallest)
        await _record(connection, service, actor, "account.open", party)
    return party


async def open_personal(service: Service, actor: Actor, name: str, email: str, password: str) -> Party:
    """Open a buyer's account. Raises FormError, EmailTakenError."""
    name, email = check_new_account(name, email, password)
    password_hash = await service.passwords.hash(password)
    async with service.pool.acquire() as connection, connection.transaction():
        party = await parties.create_personal(connection, email, name, password_hash, service.clock())
        await _record(connection, service, actor, "account.open", party)
    return party


async def set_password(service: Service, actor: Actor, party: Party, password: str) -> None:
    """Give an account another password, or its first one; signs out everywhere, and tells its owner by mail.

    Raises FormError.
    """
    if problem := password_problem(password, party.email, party.name):
        raise FormError({"password": problem})
    password_hash = await service.passwords.hash(password)
    async with service.pool.acquire() as connection, connection.transaction():
        await store_password(connection, party, password_hash)
        await _record(connection, service, actor, "account.password", party)
    await tell_of_new_password(service, party)


def made_up_password(settings: Settings, email: str) -> str:
    """The password of whoever is given none: the same in every command, and a secret like the master key it is made of.

    So a program can open an account, and be that buyer on the hosted pages later, without keeping anything. Raises
    SettingsError.
    """
    digest = Vault(load_master_key(settings)).digest(email.strip().casefold(), _CONTEXT)
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()


async def _record(connection: Connection, service: Service, actor: Actor, action: str, party: Party) -> None:
    await audit.record(
        connection,
        actor,
        action,
        party.email,
        business_id=party.party_id if party.kind == "business" else None,
        details={"account": party.party_id},
        at=service.clock(),
    )
