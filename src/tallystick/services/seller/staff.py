"""Who may do what in a seller's console: roles and their rights, and giving them to people.

Every change and its row in the audit log are one commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Final

from tallystick.domain.environments import SANDBOX
from tallystick.domain.ids import PartyId
from tallystick.domain.scopes import MONEY
from tallystick.services.events.keys import key_revoked
from tallystick.services.operations import audit
from tallystick.store.accounts import staff
from tallystick.store.accounts.staff import LastOwnerError, Post
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import KeyEntry

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.parties import Party

__all__ = [
    "ALLOWED",
    "Employer",
    "LastOwnerError",
    "Permission",
    "Post",
    "StaffRole",
    "add",
    "businesses_of",
    "change_role",
    "keys_made_by",
    "may",
    "may_make_key",
    "people_of",
    "post_of",
    "remove",
    "role_of",
]


class StaffRole(StrEnum):
    """What somebody is at a seller's."""

    OWNER = "owner"
    FINANCE = "finance"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class Permission(Enum):
    """What a page or a form asks for."""

    VIEW = auto()
    MOVE_MONEY = auto()
    DEVELOP = auto()
    MAKE_MONEY_KEYS = auto()
    """Make keys that move real money; those of the sandbox move none."""
    MANAGE = auto()


ALLOWED: Final[Mapping[Permission, frozenset[StaffRole]]] = {
    Permission.VIEW: frozenset(StaffRole),
    Permission.MOVE_MONEY: frozenset({StaffRole.OWNER, StaffRole.FINANCE}),
    Permission.DEVELOP: frozenset({StaffRole.OWNER, StaffRole.DEVELOPER}),
    Permission.MAKE_MONEY_KEYS: frozenset({StaffRole.OWNER}),
    Permission.MANAGE: frozenset({StaffRole.OWNER}),
}
"""The one table of rights."""


@dataclass(frozen=True, slots=True)
class Employer:
    """A seller whose console somebody may use, and as what."""

    business_id: PartyId
    name: str
    role: StaffRole


def may(role: StaffRole, permission: Permission) -> bool:
    """Whether somebody in this role may do this."""
    return role in ALLOWED[permission]


def may_make_key(role: StaffRole, environment: str, scopes: int) -> bool:
    """Whether somebody in this role may have the secret of a key of these scopes: make it, rotate it, change it."""
    real_money = environment != SANDBOX and scopes & MONEY
    return may(role, Permission.DEVELOP) and (not real_money or may(role, Permission.MAKE_MONEY_KEYS))


async def role_of(service: Service, business_id: PartyId, person_id: PartyId) -> StaffRole | None:
    """What somebody is at a seller's; None: nothing. A business is its own owner."""
    if person_id == business_id:
        return StaffRole.OWNER
    post = await staff.post_of(service.pool, business_id, person_id)
    return None if post is None else StaffRole(post.role)


async def businesses_of(service: Service, party: Party) -> list[Employer]:
    """The sellers whose consoles this party may use. A business that can sign in itself is its own owner."""
    if not party.active:
        return []
    own = [Employer(party.party_id, party.name, StaffRole.OWNER)] if party.kind == "business" else []
    posts = await staff.posts_of(service.pool, party.party_id)
    return own + [Employer(post.business_id, post.business_name, StaffRole(post.role)) for post in posts]


async def people_of(service: Service, business_id: PartyId) -> list[Post]:
    """Those who work for a seller, in the order in which they joined."""
    return await staff.people_of(service.pool, business_id)


async def post_of(service: Service, business_id: PartyId, person_id: PartyId) -> Post | None:
    """A person's post with a seller; None when there is none."""
    return await staff.post_of(service.pool, business_id, person_id)


async def add(
    service: Service,
    actor: Actor,
    business_id: PartyId,
    person: Party,
    role: StaffRole,
    *,
    environment: str | None = None,
) -> bool:
    """Let a person work for a seller; False, and nothing is changed, when they do already, with whatever role.

    `environment`: of the page on which it was done, for the audit log; staff works in both.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if not await staff.add(connection, business_id, person.party_id, role, now):
            return False
        await audit.record(
            connection,
            actor,
            "staff.add",
            person.email,
            business_id=business_id,
            environment=environment,
            details={"role": role.value},
            at=now,
        )
    return True


async def change_role(
    service: Service, actor: Actor, post: Post, role: StaffRole, *, environment: str | None = None
) -> None:
    """Give a person another role; the same one again is not written down. `environment`: as for `add`.

    Raises LookupError: they are not of the staff any more; LastOwnerError: nobody else could decide for the seller.
    """
    async with service.pool.acquire() as connection, connection.transaction():
        await staff.change_role(connection, post.business_id, post.person_id, role)
        if role == post.role:
            return
        await audit.record(
            connection,
            actor,
            "staff.role",
            post.person_email,
            business_id=post.business_id,
            environment=environment,
            details={"before": post.role, "now": role.value},
            at=service.clock(),
        )


async def remove(
    service: Service, actor: Actor, post: Post, *, revoke_keys: bool = False, environment: str | None = None
) -> list[KeyEntry]:
    """Let a person work for a seller no more. `environment`: as for `add`.

    `revoke_keys`: end the keys that they made for the seller, too, in the sandbox and live; these are returned. Raises
    LookupError: they are not of the staff any more; LastOwnerError.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        await staff.remove(connection, post.business_id, post.person_id)
        await audit.record(
            connection,
            actor,
            "staff.remove",
            post.person_email,
            business_id=post.business_id,
            environment=environment,
            details={"role": post.role},
            at=now,
        )
        if not revoke_keys:
            return []
        keys = await access_keys.usable_made_by(connection, post.business_id, post.person_id, now)
        for key in keys:
            if not await access_keys.revoke(connection, key.access_key_id, now):
                continue  # somebody else did so at the same moment
            await key_revoked(connection, post.business_id, key.environment, key.access_key_id, now)
            await audit.record(
                connection,
                actor,
                "key.revoke",
                key.access_key_id,
                business_id=post.business_id,
                environment=key.environment,
                details={"with": "staff.remove"},
                at=now,
            )
    return keys


async def keys_made_by(service: Service, post: Post) -> list[KeyEntry]:
    """The usable keys that somebody made for a seller, in the sandbox and live, oldest first."""
    return await access_keys.usable_made_by(service.pool, post.business_id, post.person_id, service.clock())
