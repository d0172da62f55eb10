"""Agreeing in a buyer's stead, in a sandbox: what a tester does on the hosted pages, asked for by a program.

The buyer has an address at a name that nobody can have a mailbox at, so no seller opens an account, or agrees to
something, in the name of a person; and whether somebody has an account here cannot be found out in this way. The
account has the password that commands make up. All else is as on the pages: the same visit, the same refusals, the
same words kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import Method
from tallystick.domain.environments import SANDBOX
from tallystick.processors.simulated_numbers import NUMBERS, ROUTING_NUMBER
from tallystick.services.consent import evidence, pipelines, requested, visits, wallet
from tallystick.services.consent.answers import NoConsent
from tallystick.services.consent.choices import BuyerChoices
from tallystick.services.consent.evidence import Agreement, Wording
from tallystick.services.consent.pipelines import ChoicesChangedError, SentBack
from tallystick.services.consent.visits import AnswerRequester
from tallystick.services.identity import account_opening, second_factor
from tallystick.services.identity.account_opening import EmailTakenError, made_up_password
from tallystick.services.identity.reauthentication import Means
from tallystick.store.accounts import parties
from tallystick.store.queries import instrument_list

if TYPE_CHECKING:
    from tallystick.services.api.callers import AccessKey
    from tallystick.services.consent.requested import RequestedAuthorization
    from tallystick.services.consent.subject import VisitSubject
    from tallystick.services.consent.visits import Visit
    from tallystick.services.consent.wallet import Choice
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.parties import Party

RESERVED: Final = ("example.com", "example.net", "example.org", "example", "test", "invalid")
"""Names, and all below them, at which nobody has a mailbox. Source: RFC 2606."""

Words = Callable[["Visit", "VisitSubject", "Choice", datetime], Wording]
"""The words that a buyer would see on the confirmation page."""

_EXPIRY: Final = "12/39"


class NotAgreedError(Exception):
    """The pages would not let this buyer agree; the message says why."""


class AgreedByAnotherError(Exception):
    """Somebody else has agreed already."""


@dataclass(frozen=True, slots=True)
class SandboxBuyer:
    """Who agrees, and how they pay. `number`: a test number to add and pay with, else one that pays."""

    email: str
    method: Method
    number: str | None = None


def is_reserved(email: str) -> bool:
    """Whether the address is at a name that nobody can have a mailbox at."""
    domain = email.strip().rpartition("@")[2].lower()
    return any(domain == one or domain.endswith(f".{one}") for one in RESERVED)


async def agree(
    service: Service, key: AccessKey, actor: Actor, wanted: RequestedAuthorization, who: SandboxBuyer, words: Words
) -> None:
    """Agree to what a program asked for, as `who`. Again by the same buyer: nothing changes.

    Raises FormError, NotAgreedError, AgreedByAnotherError, BusyError.
    """
    person = await _person(service, actor, who.email)
    request = requested.pipeline_request(service, key, wanted.parameters)
    began = await pipelines.begin(service, request, "", AnswerRequester(person.party_id))
    if isinstance(began, SentBack):
        await _check_own(service, key, wanted, person)
        return
    visit = await visits.find(service, began.visit_id)
    if visit is None:
        raise LookupError("a visit that was begun is gone")
    subject = await pipelines.subject_of_visit(service, visit)
    if reason := pipelines.why_stop(service, visit, subject, person):
        raise NotAgreedError(reason.message)
    choice = await _choice(service, person, subject.terms.methods, who)
    chosen = BuyerChoices(choice.chosen)
    visit = await visits.choose(service, visit, person.party_id, chosen)
    now = service.clock() + subject.book.clock_offset
    wording = words(visit, subject, choice, now)
    agreement = Agreement(
        wording=wording,
        digest=evidence.digest_of(person.party_id, chosen, wording),
        proved_at=service.clock(),
        proved_by=Means.PASSWORD,
        client=None,
        user_agent=f"a program with the key {key.access_key_id}",
    )
    try:
        ended = await pipelines.confirm(service, visit, person, choice, agreement)
    except ChoicesChangedError:
        raise LookupError("somebody else is in a visit that was just begun") from None
    if isinstance(ended.answer, NoConsent):
        await _check_own(service, key, wanted, person, ended.answer.message)


async def _check_own(
    service: Service, key: AccessKey, wanted: RequestedAuthorization, person: Party, why: str = ""
) -> None:
    """Raises NotAgreedError: nothing was made; AgreedByAnotherError."""
    made = await requested.token_of(service, key, wanted)
    if made is None:
        raise NotAgreedError(why or "The request can no longer be agreed to, such as after its end.")
    token = await instrument_list.token(service.pool, key.parts, made)
    if token is None or token.giver_id != person.party_id:
        raise AgreedByAnotherError(wanted.authorization_id)


async def _person(service: Service, actor: Actor, email: str) -> Party:
    """The account of this buyer, opened where there is none. Raises FormError, NotAgreedError, BusyError."""
    password = made_up_password(service.settings, email)
    with service.passwords.place():
        party = await parties.find_by_email(service.pool, email)
        if party is None:
            try:
                return await _opened(service, actor, email, password)
            except EmailTakenError:  # by another request for the same buyer
                party = await parties.find_by_email(service.pool, email)
        if party is None or not await service.passwords.verify(party.password_hash, password):
            raise NotAgreedError("This buyer's account has a password of its own: agree at the url of the answer.")
    if await second_factor.is_enrolled(service, party):
        raise NotAgreedError("This buyer's account asks for a code of an app: agree at the url of the answer.")
    return party


async def _opened(service: Service, actor: Actor, email: str, password: str) -> Party:
    """Open it. Where letters are answered with codes, nobody can answer this one's, so it needs none."""
    name = " ".join(email.partition("@")[0].replace(".", " ").replace("_", " ").title().split())
    party = await account_opening.open_personal(service, actor, name, email, password)
    if not service.settings.consent_needs_verified_email:
        return party
    async with service.pool.acquire() as connection, connection.transaction():
        return await parties.set_standing(connection, party.party_id, service.clock(), email_verified=True)


async def _choice(service: Service, person: Party, methods: tuple[Method, ...], who: SandboxBuyer) -> Choice:
    """How the buyer pays; a card or bank account is added where there is none. Raises FormError, NotAgreedError."""
    if who.method not in methods:
        raise NotAgreedError("The authorization does not take this method.")
    if who.number is None and (found := await _usable(service, person, who.method)):
        return found[0]
    number = who.number or next(one.number for one in NUMBERS if one.method is who.method)
    typed = {"number": number, "expiry": _EXPIRY, "routing": ROUTING_NUMBER}
    added = await wallet.add(service, person.party_id, SANDBOX, who.method, typed, once=True)
    found = await _usable(service, person, who.method)
    return next(one for one in found if one.chosen.payment_method_id == added.payment_method_id)


async def _usable(service: Service, person: Party, method: Method) -> list[Choice]:
    found = await wallet.choices(service, person.party_id, SANDBOX, (method,))
    return [one for one in found if one.usable]
