"""Who and what a visit is about besides its parameters, and who may not go on with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import TokenPurpose, TokenType
from tallystick.domain.decide.outgoing.redemption import NEVER, Redemption
from tallystick.services.consent import redemption_terms
from tallystick.services.consent.answers import AnswerStatus, NoConsent
from tallystick.services.consent.participants import Names
from tallystick.services.consent.terms import (
    AnyTerms,
    EditTerms,
    PrepaidTerms,
    PurchaseTerms,
    RecipientTerms,
    SenderTerms,
)
from tallystick.store.accounts import branding, logos, parties
from tallystick.store.queries import tokens

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.store.accounts.branding import Branding
    from tallystick.store.accounts.parties import Party
    from tallystick.store.queries.tokens import TokenRecord
    from tallystick.store.records.visits import SellerBook

SAME_ACCOUNT: Final = NoConsent(AnswerStatus.NOT_PERMITTED, "Sender and recipient are the same account.")
NOT_ACTIVE: Final = NoConsent(AnswerStatus.NOT_PERMITTED, "The sender's account is suspended or closed.")
RECIPIENT_NOT_ACTIVE: Final = NoConsent(AnswerStatus.NOT_PERMITTED, "The recipient's account is suspended or closed.")
PERSONAL: Final = NoConsent(AnswerStatus.NOT_PERMITTED, "A personal account cannot receive payments.")
UNVERIFIED: Final = NoConsent(AnswerStatus.NOT_PERMITTED, "The account's e-mail address is not verified.")
NO_THIRD_PARTY: Final = NoConsent(AnswerStatus.NOT_MARKETPLACE, "The caller may not act for other recipients.")
INVALID_TOKEN: Final = NoConsent(AnswerStatus.INVALID_TOKEN, "The token is invalid, has ended, or cannot be edited.")
OTHERS_TOKEN: Final = NoConsent(AnswerStatus.UNRELATED_TOKEN, "The token belongs to another account.")
NO_ACCOUNT: Final = NoConsent(AnswerStatus.NO_ACCOUNT, "The account behind the token is suspended or closed.")

_RECEIVING: Final = frozenset({TokenPurpose.RECIPIENT, TokenPurpose.INSTALLED})
_EDITABLE: Final = frozenset({TokenType.MULTI_USE, TokenType.RECURRING})


@dataclass(frozen=True, slots=True)
class VisitSubject:
    """The terms, the caller and its book, recipients paid in the caller's stead, the token that EditToken is about.

    `unknown_recipients`: recipient tokens that the caller's book does not have, or that have ended. `email_verified`:
    whether the operator asks for verified e-mail addresses. `redemption`: what the caller pays back of prepaid
    balances when buyers ask for it.
    """

    terms: AnyTerms
    caller: Party
    book: SellerBook
    recipients: tuple[TokenRecord, ...] = ()
    unknown_recipients: bool = False
    edited: TokenRecord | None = None
    email_verified: bool = False
    redemption: Redemption = NEVER

    @property
    def others(self) -> tuple[TokenRecord, ...]:
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


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose pages these seem to be: the seller's own name, picture (`logo_digest`), colour and place for questions.

    `accent` is ``#17594a``, `support_link` an https or mailto address; None where the seller chose none.
    """

    name: str
    logo_digest: str | None
    accent: str | None
    support_link: str | None


async def brand_of(service: Service, party_id: PartyId, name: str, chosen: Branding | None = None) -> Brand:
    """How the pages look for this party's buyers: as it chose, or as in `chosen` to see what that looks like.

    `name`: of its account, shown where it chose no other.
    """
    digest = await logos.digest_of(service.pool, party_id)
    looks = await branding.find(service.pool, party_id) if chosen is None else chosen
    return Brand(looks.display_name or name, digest, looks.accent, looks.support_link)


async def brand_of_subject(service: Service, subject: VisitSubject) -> Brand:
    """Whose name, logo and colour a visit's pages carry, and how they look."""
    party_id = subject.branded_by
    names = {one.giver_id: one.giver_name for one in subject.recipients}
    return await brand_of(service, party_id, names.get(party_id, subject.caller.name))


async def subject_of(
    service: Service, terms: AnyTerms, caller_id: PartyId, book: SellerBook, environment: str
) -> VisitSubject:
    """Find what the terms speak of. Raises LookupError: the caller is gone."""
    caller = await parties.find(service.pool, caller_id)
    if caller is None:
        raise LookupError("the visit's seller is gone")
    if isinstance(terms, EditTerms):
        found = await tokens.by_ids(service.pool, book.book_id, (terms.token_id,))
        edited = found.get(terms.token_id)
        recipients = () if edited is None else edited.terms.recipient_tokens
    else:
        edited = None
        recipients = terms.agreed.recipient_tokens if isinstance(terms, SenderTerms) else ()
    found = await tokens.by_ids(service.pool, book.book_id, recipients)
    now = service.clock() + book.clock_offset
    paid = tuple(found[one] for one in recipients if one in found and _receives(found[one], now))
    demanded = service.settings.consent_needs_verified_email
    redemption = NEVER
    if isinstance(terms, PrepaidTerms):
        redemption = await redemption_terms.at_present(service, caller_id, environment)
    return VisitSubject(terms, caller, book, paid, len(paid) < len(recipients), edited, demanded, redemption)


def _receives(token: TokenRecord, now: datetime) -> bool:
    return token.purpose in _RECEIVING and not token.state(now).over


def refused_to_everybody(subject: VisitSubject, now: datetime) -> NoConsent | None:
    """The answer to a request that no buyer can agree to, known before anybody signs in; else None."""
    if isinstance(subject.terms, EditTerms):
        return None if _editable(subject.edited, now) else INVALID_TOKEN
    third_party = isinstance(subject.terms, RecipientTerms) or bool(subject.others)
    return NO_THIRD_PARTY if third_party and not subject.caller.marketplace else None


def stop_reason(subject: VisitSubject, person: Party, now: datetime) -> NoConsent | None:
    """The answer when this person cannot go on at all, else None. `now` is the book's time."""
    if impossible := refused_to_everybody(subject, now):
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
            return None if reason is None else replace(reason, status=AnswerStatus.PAYMENT_FAILED)
        case _:
            return _cannot_send(subject, person)


def _cannot_send(subject: VisitSubject, person: Party) -> NoConsent | None:
    paid = {one.giver_id for one in subject.recipients} or {subject.caller.party_id}
    if person.party_id in paid:
        return SAME_ACCOUNT
    return _unverified(subject, person) if person.active else NOT_ACTIVE


def _unverified(subject: VisitSubject, person: Party) -> NoConsent | None:
    return UNVERIFIED if subject.email_verified and not person.email_verified else None


def _cannot_edit(edited: TokenRecord | None, person: Party) -> NoConsent | None:
    if edited is None or edited.giver_id != person.party_id:
        return OTHERS_TOKEN
    return None if person.active else NO_ACCOUNT


def _editable(token: TokenRecord | None, now: datetime) -> bool:
    return (
        token is not None
        and token.purpose is TokenPurpose.SENDER
        and token.token_type in _EDITABLE
        and not token.state(now).over
    )
