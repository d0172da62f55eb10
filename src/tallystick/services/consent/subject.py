"""Who and what a visit is about besides its parameters, and who may not go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import TokenPurpose, TokenType
from tallystick.services.consent.participants import Names
from tallystick.services.consent.terms import (
    AnyTerms,
    EditTerms,
    PurchaseTerms,
    RecipientTerms,
    SenderTerms,
    read_terms,
)
from tallystick.store.accounts import parties
from tallystick.store.queries import consent_tokens

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party
    from tallystick.store.queries.consent_tokens import AgreedToken
    from tallystick.store.records.visits import SellerBook, Visit

Answer = Mapping[str, str]

SAME_ACCOUNT: Final = {"status": "NP", "errorMessage": "Sender and recipient are the same account."}
NOT_ACTIVE: Final = {"status": "NP", "errorMessage": "The sender's account is suspended or closed."}
RECIPIENT_NOT_ACTIVE: Final = {"status": "NP", "errorMessage": "The recipient's account is suspended or closed."}
PERSONAL: Final = {"status": "NP", "errorMessage": "A personal account cannot receive payments."}
UNVERIFIED: Final = {"status": "NP", "errorMessage": "The account's e-mail address is not verified."}
NO_THIRD_PARTY: Final = {"status": "NM", "errorMessage": "The caller may not act for other recipients."}
INVALID_TOKEN: Final = {"status": "IT", "errorMessage": "The token is invalid, has ended, or cannot be edited."}
OTHERS_TOKEN: Final = {"status": "UT", "errorMessage": "The token belongs to another account."}
NO_ACCOUNT: Final = {"status": "NA", "errorMessage": "The account behind the token is suspended or closed."}

_RECEIVING: Final = frozenset({TokenPurpose.RECIPIENT, TokenPurpose.INSTALLED})
_EDITABLE: Final = frozenset({TokenType.MULTI_USE, TokenType.RECURRING})


@dataclass(frozen=True, slots=True)
class VisitSubject:
    """The terms, the caller and its book, recipients paid in the caller's stead, the token that EditToken is about.

    `unknown_recipients`: recipient tokens that the caller's book does not have, or that have ended. `email_verified`:
    whether the operator asks for verified e-mail addresses.
    """

    terms: AnyTerms
    caller: Party
    book: SellerBook
    recipients: tuple[AgreedToken, ...] = ()
    unknown_recipients: bool = False
    edited: AgreedToken | None = None
    email_verified: bool = False

    @property
    def others(self) -> tuple[AgreedToken, ...]:
        """The recipients other than the caller itself."""
        return tuple(one for one in self.recipients if one.giver_id != self.caller.party_id)

    @property
    def names(self) -> Names:
        """Those who take part, as the pages speak of them."""
        paid = tuple(dict.fromkeys(one.giver_name for one in self.recipients))
        return Names(self.caller.name, paid if self.others else ())

    @property
    def branded_by(self) -> PartyId:
        """Whose name and logo the pages carry: the only recipient's where that was asked for, else the caller's."""
        givers = {one.giver_id for one in self.recipients}
        if isinstance(self.terms, SenderTerms) and self.terms.recipient_branding and len(givers) == 1:
            return givers.pop()
        return self.caller.party_id


async def subject_of(
    service: Service, pipeline: str, parameters: Mapping[str, str], caller_id: PartyId, book: SellerBook
) -> VisitSubject:
    """Read what checked parameters speak of. Raises LookupError: the caller is gone."""
    terms = read_terms(pipeline, parameters)
    caller = await parties.find(service.pool, caller_id)
    if caller is None:
        raise LookupError("the visit's seller is gone")
    if isinstance(terms, EditTerms):
        found = await consent_tokens.find(service.pool, book.book_id, (terms.token_id,))
        edited = found.get(terms.token_id)
        recipients = () if edited is None else edited.terms.recipient_tokens
    else:
        edited = None
        recipients = terms.agreed.recipient_tokens if isinstance(terms, SenderTerms) else ()
    found = await consent_tokens.find(service.pool, book.book_id, recipients)
    now = service.clock() + book.clock_offset
    paid = tuple(found[one] for one in recipients if one in found and _receives(found[one], now))
    demanded = service.settings.require_verified_email
    return VisitSubject(terms, caller, book, paid, len(paid) < len(recipients), edited, demanded)


def _receives(token: AgreedToken, now: datetime) -> bool:
    return token.purpose in _RECEIVING and token.usable(now)


async def subject_of_visit(service: Service, visit: Visit, book: SellerBook) -> VisitSubject:
    """The subject of a visit that was begun."""
    return await subject_of(service, visit.pipeline, visit.parameters, visit.caller_id, book)


def hopeless(subject: VisitSubject, now: datetime) -> Answer | None:
    """The answer to a request that nobody could ever agree to, so that nobody has to sign in for nothing."""
    if isinstance(subject.terms, EditTerms):
        return None if _editable(subject.edited, now) else INVALID_TOKEN
    third_party = isinstance(subject.terms, RecipientTerms) or bool(subject.others)
    return NO_THIRD_PARTY if third_party and not subject.caller.marketplace else None


def stop_reason(subject: VisitSubject, person: Party, now: datetime) -> Answer | None:
    """The answer when this person cannot go on at all, else None. `now` is the book's time."""
    if impossible := hopeless(subject, now):
        return impossible
    match subject.terms:
        case EditTerms():
            return _cannot_edit(subject.edited, person)
        case RecipientTerms():
            if not person.active:
                return RECIPIENT_NOT_ACTIVE
            return _unverified(subject, person) if person.kind == "business" else PERSONAL
        case PurchaseTerms():
            reason = _cannot_send(subject, person)
            return None if reason is None else {**reason, "status": "PF"}
        case _:
            return _cannot_send(subject, person)


def _cannot_send(subject: VisitSubject, person: Party) -> Answer | None:
    paid = {one.giver_id for one in subject.recipients} or {subject.caller.party_id}
    if person.party_id in paid:
        return SAME_ACCOUNT
    return _unverified(subject, person) if person.active else NOT_ACTIVE


def _unverified(subject: VisitSubject, person: Party) -> Answer | None:
    return UNVERIFIED if subject.email_verified and not person.email_verified else None


def _cannot_edit(edited: AgreedToken | None, person: Party) -> Answer | None:
    if edited is None or edited.giver_id != person.party_id:
        return OTHERS_TOKEN
    return None if person.active else NO_ACCOUNT


def _editable(token: AgreedToken | None, now: datetime) -> bool:
    return (
        token is not None
        and token.purpose is TokenPurpose.SENDER
        and token.token_type in _EDITABLE
        and token.usable(now)
    )
