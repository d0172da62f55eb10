"""Opening the live books of a seller: what has to be there first, and the deed itself, by an operator.

Without live books nothing can be charged with real money and no live key can be made. Whether the service as a whole is
fit for it, `tallystick doctor --live` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from tallystick.db.duplicates import DuplicateKeyError, duplicate_keys
from tallystick.domain.environments import LIVE
from tallystick.domain.money import display_amount
from tallystick.services.charges.charge_rules import usual_smallest_charge
from tallystick.services.form_errors import FormError
from tallystick.services.operations import audit
from tallystick.services.operations.fee_schedules import STANDARD
from tallystick.store.accounts import parties
from tallystick.store.keys import access_keys
from tallystick.store.ledger import create_book

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.accounts import Account
    from tallystick.services.operations.audit import Actor

MAX_TERMS: Final = 300


@unique
class Requirement(Enum):
    """What live books and payments in them need: its name, and who has to see to it."""

    ACTIVE = ("active account", "the account is active", "operator")
    EMAIL = ("verified address", "the seller's e-mail address is verified", "seller")
    VERIFIED = ("verified account", "somebody has verified who the seller is", "operator")
    RAIL = ("payment provider", "the service has a payment provider for real money", "operator")
    BOOKS = ("live books", "the live books are open", "operator")
    KEY = ("live key", "an owner has made a live key", "seller")

    def __init__(self, title: str, meaning: str, by: str) -> None:
        self.title = title
        self.meaning = meaning
        self.by = by


class NotReadyForLiveError(Exception):
    """Something is missing that has to be there first; `missing` names it."""

    def __init__(self, missing: list[Requirement]) -> None:
        super().__init__(", ".join(one.title for one in missing))
        self.missing = missing


class AlreadyOpenError(Exception):
    """The seller has live books."""


@dataclass(frozen=True, slots=True)
class LiveStanding:
    """How far a seller is on the way to real money: what is there, and what is missing, both in their order."""

    met: tuple[Requirement, ...]
    missing: tuple[Requirement, ...]

    @property
    def before_opening(self) -> list[Requirement]:
        """What is missing that has to be there before the books are opened."""
        return [one for one in self.missing if one not in {Requirement.BOOKS, Requirement.KEY}]

    @property
    def open(self) -> bool:
        """Whether the live books are open."""
        return Requirement.BOOKS in self.met


async def standing(service: Service, seller: Account) -> LiveStanding:
    """What a seller has of it all."""
    now = service.clock()
    keys = await access_keys.list_(service.pool, seller.party_id)
    there = {
        Requirement.ACTIVE: seller.status == "active" and not seller.denied,
        Requirement.EMAIL: seller.email_verified_at is not None,
        Requirement.VERIFIED: seller.verified_at is not None,
        Requirement.RAIL: any(environment == LIVE for environment, _ in service.rails.choices),
        Requirement.BOOKS: await live_book(service, seller.party_id) is not None,
        Requirement.KEY: any(key.environment == LIVE and key.usable(now) for key in keys),
    }
    return LiveStanding(
        tuple(one for one in Requirement if there[one]), tuple(one for one in Requirement if not there[one])
    )


async def live_book(service: Service, party_id: PartyId) -> BookId | None:
    """The first of a seller's live books; None: they are not open."""
    return await create_book.book_of_seller(service.pool, party_id, LIVE)


async def open_live(
    service: Service,
    actor: Actor,
    seller: Account,
    *,
    terms: str,
    smallest_charge_micros: int | None = None,
    fee_schedule: str | None = None,
) -> BookId:
    """Open the live books of a seller, in one commit with its row in the audit log.

    `terms`: by which words the seller takes part, such as the name and the date of a contract.
    `smallest_charge_micros`: None: what live books begin with. `fee_schedule`: of which name; None: the one that the
    seller has. Raises NotReadyForLiveError, AlreadyOpenError, FormError: no terms, or no such schedule.
    """
    known = await standing(service, seller)
    if known.open:
        raise AlreadyOpenError(seller.email)
    if known.before_opening:
        raise NotReadyForLiveError(known.before_opening)
    if not terms.strip() or len(terms) > MAX_TERMS:
        raise FormError({"terms": f"Name the terms that the seller has agreed to, in at most {MAX_TERMS} characters."})
    chosen = seller.fee_schedule if fee_schedule is None else None if fee_schedule == STANDARD else fee_schedule
    try:
        service.committer.rules.fees_of(chosen)
    except LookupError:
        raise FormError({"fees": "There is no fee schedule of this name."}) from None
    now = service.clock()
    try:
        with duplicate_keys():
            async with service.pool.acquire() as connection, connection.transaction():
                await parties.set_fee_schedule(connection, seller.party_id, chosen)
                smallest = (
                    usual_smallest_charge(service, LIVE) if smallest_charge_micros is None else smallest_charge_micros
                )
                book_id = await create_book.create_seller_book(connection, seller.party_id, LIVE, now, smallest)
                details = {"terms": terms.strip(), "fees": chosen or STANDARD}
                if smallest_charge_micros is not None:
                    details["smallest_charge"] = display_amount(smallest_charge_micros)
                await audit.record(
                    connection,
                    actor,
                    "live.open",
                    seller.email,
                    business_id=seller.party_id,
                    environment=LIVE,
                    details=details,
                    at=now,
                )
    except DuplicateKeyError:  # somebody else opened them at the same moment
        raise AlreadyOpenError(seller.email) from None
    return book_id
