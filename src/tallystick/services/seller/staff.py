"""Who may do what in a seller's console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import PartyId
from tallystick.store.accounts import staff

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party


class Role(StrEnum):
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
    MANAGE = auto()


ALLOWED: Final[Mapping[Permission, frozenset[Role]]] = {
    Permission.VIEW: frozenset(Role),
    Permission.MOVE_MONEY: frozenset({Role.OWNER, Role.FINANCE}),
    Permission.DEVELOP: frozenset({Role.OWNER, Role.DEVELOPER}),
    Permission.MANAGE: frozenset({Role.OWNER}),
}
"""The one table of rights."""

DUTIES: Final[Mapping[Role, str]] = {
    Role.OWNER: "Does everything, and decides who else may.",
    Role.FINANCE: "Refunds, settles and writes off; sees everything.",
    Role.DEVELOPER: "Makes access keys, sets up notifications, uses the sandbox's tools; sees everything.",
    Role.VIEWER: "Sees everything and changes nothing.",
}
"""What to say of each role to whoever gives it."""


@dataclass(frozen=True, slots=True)
class Employer:
    """A seller whose console somebody may use, and as what."""

    business_id: PartyId
    name: str
    role: Role


def may(role: Role, permission: Permission) -> bool:
    """Whether somebody in this role may do this."""
    return role in ALLOWED[permission]


async def businesses_of(service: Service, party: Party) -> list[Employer]:
    """The sellers whose consoles this party may use. A business that can sign in itself is its own owner."""
    if not party.active:
        return []
    own = [Employer(party.party_id, party.name, Role.OWNER)] if party.kind == "business" else []
    posts = await staff.posts_of(service.pool, party.party_id)
    return own + [Employer(post.business_id, post.business_name, Role(post.role)) for post in posts]
