"""What happens on the hosted pages: a visit begins, somebody chooses, and confirms or leaves.

A visit ends once. The ids of what a confirmation makes are written into the visit before the books are asked, so a
double click, a second tab or a crash in between all lead to the same ids. Source: docs/protocol/cobranded.md.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import InstallToken
from tallystick.domain.ids import BookId, IdKind, InstrumentId, TokenId, book_named_in, token_kind_and_book
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.consent import evidence, visits
from tallystick.services.consent.answers import (
    AnswerStatus,
    ConsentAnswer,
    NoConsent,
    PurchaseAnswer,
    Unchanged,
    VisitAnswer,
    encode_answer,
    main_token,
)
from tallystick.services.consent.checks import Faults
from tallystick.services.consent.grants import authorization, payment, pays_so_already, plan
from tallystick.services.consent.outbound import sign_return_url
from tallystick.services.consent.parameters import SIMPLE_PAY
from tallystick.services.consent.requests import CheckedRequest, NotTrustedError, PipelineRequest, check, check_button
from tallystick.services.consent.subject import (
    INVALID_TOKEN,
    SAME_ACCOUNT,
    VisitSubject,
    refused_to_everybody,
    stop_reason,
    subject_of,
)
from tallystick.services.consent.terms import (
    EditTerms,
    PostpaidTerms,
    PrepaidTerms,
    PurchaseTerms,
    SenderTerms,
    read_terms,
)
from tallystick.services.consent.visits import AnswerRequester, Visit, WayBack, read_references, read_way_back
from tallystick.store.ledger import shards
from tallystick.store.ledger.load import LoadRequest
from tallystick.store.records.requested_authorizations import take_id
from tallystick.store.records.visits import SellerBook, seller_book, token_with_reference

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.services.consent.evidence import Agreement
    from tallystick.services.consent.wallet import Choice
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party

NOBODY: Final = AnswerRequester()
LEFT: Final = NoConsent(AnswerStatus.ABANDONED, "The buyer left without agreeing.")
NO_METHOD: Final = NoConsent(AnswerStatus.NO_PAYMENT_METHOD, "The buyer has none of the payment methods asked for.")

_PAID: Final = {
    TransactionStatus.SUCCESS: AnswerStatus.PAID,
    TransactionStatus.PENDING: AnswerStatus.PAYMENT_PENDING,
}


class ChoicesChangedError(Exception):
    """What the buyer confirmed is not what is chosen by now, in another window or by another person."""


@dataclass(frozen=True, slots=True)
class VisitOpened:
    """A visit was opened, or is under way: the buyer goes on with it."""

    visit_id: str


@dataclass(frozen=True, slots=True)
class SentBack:
    """The browser goes back to the caller at once; `url` carries the signed answer."""

    url: str


async def begin(
    service: Service, request: PipelineRequest, request_id: str, asker: AnswerRequester = NOBODY
) -> VisitOpened | SentBack:
    """Open a visit for a signed request, or answer it again when `asker` finished it before.

    Of a request that somebody finished, a browser that nobody is signed in on gets a visit, to ask who it is.
    Raises NotTrustedError: show a page and send the browser nowhere.
    """
    checked = await check(service, request)
    if checked.faults:
        return await _caller_error(service, checked, checked.faults, request_id)
    book = await _book(service, checked.key.party_id, checked.key.environment)
    earlier = await _earlier(service, checked, book)
    if earlier is not None and (again := await _again(service, checked, earlier, asker, request_id)):
        return again
    references = read_references(checked.pipeline, checked.parameters)
    used = [
        name
        for name, reference in references.items()
        if await token_with_reference(service.pool, book, reference) is not None
    ]
    if used:
        return await _caller_error(service, checked, Faults(tuple(used)), request_id)
    terms = read_terms(checked.pipeline.name, checked.parameters)
    subject = await subject_of(service, terms, checked.key.party_id, book, checked.key.environment)
    if subject.unknown_recipients and not isinstance(subject.terms, EditTerms):
        names = tuple(name for name in ("recipientToken", "recipientTokenList") if name in checked.parameters)
        return await _caller_error(service, checked, Faults(names), request_id)
    answer = refused_to_everybody(subject, service.clock() + book.clock_offset)
    if answer is not None and checked.signed:
        return await _send_back(service, checked, answer, request_id)
    return await _open(service, checked)


async def begin_purchase(service: Service, request: PipelineRequest, request_id: str) -> VisitOpened | SentBack:
    """Open a visit for the form of a Simple Pay button. One button serves many buyers: each time is a new purchase.

    Raises NotTrustedError: show a page and send the browser nowhere.
    """
    checked = await check_button(service, request)
    if checked.faults:
        return await _caller_error(service, checked, checked.faults, request_id)
    return await _open(service, checked)


async def _open(service: Service, checked: CheckedRequest) -> VisitOpened:
    visit_id = secrets.token_urlsafe(24)
    await visits.begin(service, visit_id, checked)
    return VisitOpened(visit_id)


async def _caller_error(service: Service, checked: CheckedRequest, faults: Faults, request_id: str) -> SentBack:
    if not checked.signed:  # nobody vouches for the return URL
        raise NotTrustedError(
            faults.message,
            "The seller used a reference in this link for something else, or it names a recipient unknown to us.",
        )
    status = AnswerStatus.BUTTON_ERROR if checked.pipeline is SIMPLE_PAY else AnswerStatus.CALLER_ERROR
    return await _send_back(service, checked, NoConsent(status, faults.message), request_id)


async def _send_back(service: Service, checked: CheckedRequest, answer: VisitAnswer, request_id: str) -> SentBack:
    well_formed = {name: value for name, value in checked.parameters.items() if name not in checked.faults.names}
    back = read_way_back(checked.pipeline, well_formed)
    key = checked.key
    book = await _book(service, key.party_id, key.environment)
    return SentBack(await _signed(service, back, answer, request_id, book))


async def _signed(service: Service, back: WayBack, answer: VisitAnswer, request_id: str, book: SellerBook) -> str:
    """The signed return URL, with the caller's reference where the pipeline gives it back."""
    wire = encode_answer(answer)
    if back.reference is not None:
        wire["callerReference"] = back.reference
    return await sign_return_url(service, back.url_for(answer.status), wire, request_id, book.signature_method)


async def _earlier(service: Service, checked: CheckedRequest, book: SellerBook) -> Visit | None:
    """The visit in which the same request was finished before, if the books have what it made."""
    reference = checked.parameters[checked.pipeline.references[0]]
    made = await token_with_reference(service.pool, book, reference)
    if made is None:
        return None
    key = checked.key
    for twin in await visits.answered_visits(service, key.party_id, key.environment, checked.digest):
        if twin.answer is not None and main_token(twin.answer) == made:
            return await visits.finish(service, twin, twin.answer)
    return None


async def _again(
    service: Service, checked: CheckedRequest, earlier: Visit, asker: AnswerRequester, request_id: str
) -> VisitOpened | SentBack | None:
    """The earlier answer for who gave it, a visit for who is not known yet; None: others find the references taken."""
    if earlier.answer is not None and earlier.answers_to(asker):
        return await _send_back(service, checked, earlier.answer, request_id)
    return await _open(service, checked) if asker.party_id is None else None


async def ended_before(service: Service, visit: Visit, subject: VisitSubject, person: Party) -> Visit | None:
    """This visit, ended because its request was finished in another one before; None where it was not.

    Whoever finished it gets the same answer; to everybody else its references are taken.
    """
    reference = next(iter(visit.references.values()), None)
    if visit.answer is not None or reference is None:
        return None
    if await token_with_reference(service.pool, subject.book, reference) is None:
        return None
    taken_on = await visits.choose(service, visit, person.party_id, visit.chosen_by(person.party_id))
    return await visits.finish(service, taken_on, await _duplicate(service, taken_on, subject))


async def subject_of_visit(service: Service, visit: Visit) -> VisitSubject:
    """Who and what the visit is about."""
    book = await _book(service, visit.caller_id, visit.environment)
    return await subject_of(service, visit.terms, visit.caller_id, book, visit.environment)


def why_stop(service: Service, visit: Visit, subject: VisitSubject, person: Party) -> NoConsent | None:
    """The answer when this person cannot go on with this visit at all, else None.

    Not once it was confirmed: what has begun is brought to its end.
    """
    if visit.answer is not None:
        return None
    return stop_reason(subject, person, service.clock() + subject.book.clock_offset)


async def confirm(service: Service, visit: Visit, person: Party, choice: Choice | None, agreement: Agreement) -> Visit:
    """Make what the person agreed to, exactly once however often this is called; gives the finished visit.

    The choices were kept with `visits.choose` before; `choice` is None where there is nothing to pay with. What was
    agreed to is kept before the books are asked, so that they never hold an authorization without it. Raises
    ChoicesChangedError: nothing was made.
    """
    if visit.finished_at is not None:
        return visit
    subject = await subject_of_visit(service, visit)
    if refused := why_stop(service, visit, subject, person):
        return await visits.leave(service, visit, refused)
    terms = subject.terms
    now = service.clock() + subject.book.clock_offset
    if terms.expires_at is not None and terms.expires_at <= now and visit.answer is None:
        return await visits.leave(service, visit, _caller_fault(Faults(past=("validityExpiry",))))
    if visit.sender_id != person.party_id:
        raise ChoicesChangedError(visit.visit_id[:8])
    if (
        isinstance(terms, EditTerms)
        and visit.answer is None
        and choice is not None
        and pays_so_already(subject, choice)
    ):
        return await visits.leave(service, visit, Unchanged(terms.token_id))
    known = await _known_id(service, visit, subject)
    book_id = await _part(service, visit, subject) if known is None else book_named_in(known)
    intended = await visits.intend(service, visit, plan(visit, subject, person, choice, now, book_id, known))
    if intended is None or intended.answer is None:
        raise ChoicesChangedError(visit.visit_id[:8])
    if intended.finished_at is not None:
        return intended
    if not isinstance(intended.answer, ConsentAnswer | PurchaseAnswer):
        raise TypeError(f"an unfinished visit has the answer {intended.answer.status}")
    await evidence.keep(service, intended, person, agreement, now)
    ended = await _carry_out(service, intended, intended.answer, subject, now)
    return await visits.finish(service, visit, ended)


async def _carry_out(
    service: Service, visit: Visit, answer: ConsentAnswer | PurchaseAnswer, subject: VisitSubject, now: datetime
) -> VisitAnswer:
    """Ask the books, and say how it ended. Asked again, they answer as before."""
    command = authorization(visit, subject, answer, now)
    book_id = book_named_in(command.token_id if isinstance(command, InstallToken) else command.sender_token_id)
    if not await shards.claim(service.pool, subject.book.parts, book_id, LoadRequest.by([command]).token_references):
        return await _duplicate(service, visit, subject)
    outcome = await service.committer.perform(book_id, command)
    if isinstance(outcome, Refused):
        return await _refused(service, visit, outcome, subject)
    if not isinstance(subject.terms, PurchaseTerms) or not isinstance(answer, PurchaseAnswer) or answer.ids is None:
        return answer
    paid = await service.committer.perform(book_id, payment(visit, subject.terms, subject, answer.ids, now))
    if isinstance(paid, Accepted) and paid.status in _PAID:
        ids = replace(answer.ids, transaction_id=paid.transaction_id)
        return replace(answer, status=_PAID[paid.status], ids=ids)
    message = paid.message if isinstance(paid, Refused) else "The payment was not made."
    return replace(answer, status=AnswerStatus.PAYMENT_FAILED, ids=None, message=message)


async def _part(service: Service, visit: Visit, subject: VisitSubject) -> BookId:
    """The book that an authorization goes to: balances and tabs to all in turn, everything else to the first."""
    if not isinstance(subject.terms, PrepaidTerms | PostpaidTerms):
        return subject.book.book_id
    references = list(visit.references.values())
    return await shards.choose(service.pool, subject.book.parts, references, visit.visit_id)


async def _known_id(service: Service, visit: Visit, subject: VisitSubject) -> InstrumentId | TokenId | None:
    """The id that a program was told when it asked for this authorization, for the visit that is confirmed first."""
    kinds = {
        PrepaidTerms: IdKind.PREPAID_INSTRUMENT,
        PostpaidTerms: IdKind.CREDIT_INSTRUMENT,
        SenderTerms: IdKind.SENDER,
    }
    kind = kinds.get(type(subject.terms))
    if kind is None:
        return None
    known = await take_id(service.pool, subject.book.book_id, subject.terms.reference, visit.visit_id)
    if known is None or token_kind_and_book(known)[0] is not kind:
        return None
    return TokenId(known) if kind is IdKind.SENDER else InstrumentId(known)


async def _refused(service: Service, visit: Visit, refused: Refused, subject: VisitSubject) -> VisitAnswer:
    """The answer for a refused command. A duplicate reference may be that of the same request in another visit."""
    if refused.refusal is Refusal.DuplicateRequest:
        return await _duplicate(service, visit, subject)
    if refused.refusal is Refusal.SameSenderAndRecipient:
        return SAME_ACCOUNT
    if refused.refusal is Refusal.InvalidTokenId:  # the token to edit ended meanwhile
        return INVALID_TOKEN
    return NoConsent(AnswerStatus.SYSTEM_ERROR, refused.message)


async def _duplicate(service: Service, visit: Visit, subject: VisitSubject) -> VisitAnswer:
    """A reference names a token already: that of the same request, made in another visit, or of another request."""
    made = {
        name: await token_with_reference(service.pool, subject.book, reference)
        for name, reference in visit.references.items()
    }
    main = next(iter(made.values()), None)
    for twin in await visits.answered_visits(service, visit.caller_id, visit.environment, visit.request_digest):
        if main and twin.answer and main_token(twin.answer) == main and twin.sender_id == visit.sender_id:
            return twin.answer
    used = tuple(name for name, token_id in made.items() if token_id is not None)
    return _caller_fault(Faults(used[:1]))


def _caller_fault(faults: Faults) -> NoConsent:
    return NoConsent(AnswerStatus.CALLER_ERROR, faults.message)


async def leave(service: Service, visit: Visit, answer: NoConsent = LEFT) -> Visit:
    """End a visit without consent. A visit that was confirmed meanwhile stays confirmed."""
    return await visits.leave(service, visit, answer)


async def way_back(service: Service, visit: Visit, request_id: str) -> str:
    """The signed URL for a finished visit. The same answer each time; only the request id differs."""
    if visit.answer is None:
        raise LookupError("the visit is not finished")
    book = await _book(service, visit.caller_id, visit.environment)
    return await _signed(service, visit.way_back, visit.answer, request_id, book)


async def system_error(service: Service, visit: Visit, request_id: str) -> str:
    """The signed URL that tells the caller of a fault of ours. The visit stays as it is."""
    answer = NoConsent(AnswerStatus.SYSTEM_ERROR, f"Something went wrong here. Request {request_id}.")
    book = await _book(service, visit.caller_id, visit.environment)
    return await _signed(service, visit.way_back, answer, request_id, book)


async def _book(service: Service, caller_id: int, environment: str) -> SellerBook:
    book = await seller_book(service.pool, caller_id, environment)
    if book is None:
        raise LookupError(f"party {caller_id} has no {environment} book")
    return book
