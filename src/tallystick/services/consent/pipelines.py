"""What happens on the hosted pages: a visit begins, somebody chooses, and confirms or leaves.

A visit ends once. The ids of what a confirmation makes are written into the visit before the books are asked, so a
double click, a second tab or a crash in between all lead to the same ids. Source: docs/protocol/cobranded.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import token_kind_and_book
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.consent import evidence
from tallystick.services.consent.grants import authorization, payment, plan, same_means
from tallystick.services.consent.outbound import sign_return_url
from tallystick.services.consent.parameters import SIMPLE_PAY, Pipeline, pipeline_of_visit
from tallystick.services.consent.requests import (
    CheckedRequest,
    NotTrustedError,
    PipelineRequest,
    check,
    check_button,
    not_well_formed,
)
from tallystick.services.consent.subject import (
    INVALID_TOKEN,
    SAME_ACCOUNT,
    Answer,
    VisitSubject,
    hopeless,
    stop_reason,
    subject_of,
    subject_of_visit,
)
from tallystick.services.consent.terms import EditTerms, PostpaidTerms, PrepaidTerms, PurchaseTerms
from tallystick.store.ledger import shards
from tallystick.store.ledger.load import LoadRequest
from tallystick.store.records import visits
from tallystick.store.records.visits import NewVisit, SellerBook, Visit

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId
    from tallystick.services.consent.evidence import Agreement
    from tallystick.services.consent.wallet import Choice
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party

VISIT_LIFE: Final = timedelta(hours=24)

LEFT: Final = {"status": "A", "errorMessage": "The buyer left without agreeing."}
NO_METHOD: Final = {"status": "PE", "errorMessage": "The buyer has none of the payment methods asked for."}

_PAID: Final = {TransactionStatus.SUCCESS: "PS", TransactionStatus.PENDING: "PI"}


class ChoicesChangedError(Exception):
    """What the buyer confirmed is not what is chosen by now, in another window or by another person."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The buyer goes on with this visit."""

    visit_id: str


@dataclass(frozen=True, slots=True)
class SentBack:
    """The browser goes back to the caller at once; `url` carries the signed answer."""

    url: str


async def begin(service: Service, request: PipelineRequest, request_id: str) -> Begun | SentBack:
    """Open a visit for a signed request, or answer it again when it was finished before.

    Raises NotTrustedError: show a page and send the browser nowhere.
    """
    checked = await check(service, request)
    if checked.ill_formed:
        return await _caller_error(service, checked, checked.ill_formed, request_id)
    book = await _book(service, checked.key.party_id, checked.key.environment)
    answer = await _earlier_answer(service, checked, book)
    if answer is not None:
        return await _send_back(service, checked, answer, request_id)
    used = [
        name
        for name in checked.pipeline.references
        if name in checked.parameters
        and await visits.token_with_reference(service.pool, book, checked.parameters[name]) is not None
    ]
    if used:
        return await _caller_error(service, checked, tuple(used), request_id)
    subject = await subject_of(service, checked.pipeline.name, checked.parameters, checked.key.party_id, book)
    if subject.unknown_recipients and not isinstance(subject.terms, EditTerms):
        names = tuple(name for name in ("recipientToken", "recipientTokenList") if name in checked.parameters)
        return await _caller_error(service, checked, names, request_id)
    answer = hopeless(subject, service.clock() + book.clock_offset)
    if answer is not None and checked.signed:
        return await _send_back(service, checked, answer, request_id)
    return await _open(service, checked)


async def begin_purchase(service: Service, request: PipelineRequest, request_id: str) -> Begun | SentBack:
    """Open a visit for the form of a Simple Pay button. One button serves many buyers: each time is a new purchase.

    Raises NotTrustedError: show a page and send the browser nowhere.
    """
    checked = await check_button(service, request)
    if checked.ill_formed:
        return await _caller_error(service, checked, checked.ill_formed, request_id)
    return await _open(service, checked)


async def _open(service: Service, checked: CheckedRequest) -> Begun:
    new = NewVisit(
        visit_id=secrets.token_urlsafe(24),
        caller_id=checked.key.party_id,
        access_key_id=checked.key.access_key_id,
        environment=checked.key.environment,
        pipeline=checked.pipeline.name,
        parameters=checked.parameters,
        request_digest=checked.digest,
    )
    await visits.create(service.pool, new, service.clock())
    return Begun(new.visit_id)


async def _caller_error(service: Service, checked: CheckedRequest, names: tuple[str, ...], request_id: str) -> SentBack:
    text = not_well_formed(names)
    if not checked.signed:  # nobody vouches for the return URL
        raise NotTrustedError(
            text,
            "The seller used a reference in this link for something else, or it names a recipient unknown to us.",
        )
    status = "ME" if checked.pipeline is SIMPLE_PAY else "CE"
    return await _send_back(service, checked, {"status": status, "errorMessage": text}, request_id)


async def _send_back(service: Service, checked: CheckedRequest, answer: Answer, request_id: str) -> SentBack:
    well_formed = {name: value for name, value in checked.parameters.items() if name not in checked.ill_formed}
    return SentBack(await _signed(service, checked.pipeline, well_formed, answer, request_id))


async def _signed(
    service: Service, pipeline: Pipeline, parameters: Mapping[str, str], answer: Answer, request_id: str
) -> str:
    """The signed return URL, with the caller's reference where the pipeline gives it back."""
    if pipeline.echoes_reference and "callerReference" in parameters:
        answer = {**answer, "callerReference": parameters["callerReference"]}
    return await sign_return_url(service, return_url(pipeline, parameters, answer["status"]), answer, request_id)


def return_url(pipeline: Pipeline, parameters: Mapping[str, str], status: str = "") -> str:
    """Where the browser goes with an answer of this status."""
    if pipeline is not SIMPLE_PAY:
        return parameters["returnURL"]
    left = parameters.get("abandonUrl") if status == LEFT["status"] else None
    return left or parameters["returnUrl"]


async def _earlier_answer(service: Service, checked: CheckedRequest, book: SellerBook) -> Answer | None:
    """How the very same request ended before, if the books have what it made."""
    pipeline = checked.pipeline
    reference = checked.parameters[pipeline.references[0]]
    made = await visits.token_with_reference(service.pool, book, reference)
    if made is None:
        return None
    twins = await visits.answered_twins(service.pool, checked.key.party_id, checked.key.environment, checked.digest)
    for twin in twins:
        if twin.answer is not None and twin.answer.get(pipeline.main_token) == made:
            ended = await visits.finish(service.pool, twin.visit_id, twin.answer, service.clock())
            return ended.answer
    return None


def too_old(visit: Visit, now: datetime) -> bool:
    """Whether an unfinished visit was left lying for so long that it has to begin anew."""
    return visit.finished_at is None and now - visit.created_at > VISIT_LIFE


async def subject(service: Service, visit: Visit) -> VisitSubject:
    """Who and what the visit is about."""
    return await subject_of_visit(service, visit, await _book(service, visit.caller_id, visit.environment))


def why_stop(service: Service, visit: Visit, setting: VisitSubject, person: Party) -> Answer | None:
    """The answer when this person cannot go on with this visit at all, else None.

    Not once it was confirmed: what has begun is brought to its end.
    """
    if visit.answer is not None:
        return None
    return stop_reason(setting, person, service.clock() + setting.book.clock_offset)


async def confirm(service: Service, visit: Visit, person: Party, choice: Choice | None, agreement: Agreement) -> Visit:
    """Make what the person agreed to, exactly once however often this is called; gives the finished visit.

    The choices were stored with `visits.choose` before; `choice` is None where there is nothing to pay with. What was
    agreed to is kept before the books are asked, so that they never hold an authorization without it. Raises
    ChoicesChangedError: nothing was made.
    """
    if visit.finished_at is not None:
        return visit
    setting = await subject(service, visit)
    if refused := why_stop(service, visit, setting, person):
        return await visits.leave(service.pool, visit.visit_id, refused, service.clock())
    terms = setting.terms
    now = service.clock() + setting.book.clock_offset
    if terms.expires_at is not None and terms.expires_at <= now and visit.answer is None:
        answer = {"status": "CE", "errorMessage": not_well_formed(("validityExpiry",))}
        return await visits.leave(service.pool, visit.visit_id, answer, service.clock())
    if visit.sender_id != person.party_id:
        raise ChoicesChangedError(visit.visit_id[:8])
    if isinstance(terms, EditTerms) and visit.answer is None and choice is not None and same_means(setting, choice):
        unchanged = {"status": "SU", "tokenID": terms.token_id}
        return await visits.leave(service.pool, visit.visit_id, unchanged, service.clock())
    book_id = await _part(service, visit, setting)
    intended = await visits.intend(service.pool, visit, plan(visit, setting, person, choice, now, book_id))
    if intended is None or intended.answer is None:
        raise ChoicesChangedError(visit.visit_id[:8])
    if intended.finished_at is not None:
        return intended
    await evidence.keep(service, intended, person, agreement, now)
    ended = await _carry_out(service, intended, intended.answer, setting, now)
    return await visits.finish(service.pool, visit.visit_id, ended, service.clock())


async def _carry_out(service: Service, visit: Visit, answer: Answer, setting: VisitSubject, now: datetime) -> Answer:
    """Ask the books, and say how it ended. Asked again, they answer as before."""
    purchase = isinstance(setting.terms, PurchaseTerms)  # whose main answer is the transaction, not the token
    _, book_id = token_kind_and_book(answer["tokenId" if purchase else pipeline_of_visit(visit.pipeline).main_token])
    command = authorization(visit, setting, answer, now)
    if not await shards.claim(service.pool, setting.book.parts, book_id, LoadRequest.by([command]).token_references):
        return await _duplicate(service, visit, setting)
    outcome = await service.committer.perform(book_id, command)
    if isinstance(outcome, Refused):
        return await _refused(service, visit, outcome, setting)
    if not isinstance(setting.terms, PurchaseTerms):
        return answer
    paid = await service.committer.perform(book_id, payment(visit, setting.terms, setting, answer, now))
    if isinstance(paid, Accepted) and paid.status in _PAID:
        return {**answer, "status": _PAID[paid.status], "transactionId": paid.transaction_id}
    given = {name: value for name, value in answer.items() if name not in {"transactionId", "tokenId"}}
    message = paid.message if isinstance(paid, Refused) else "The payment was not made."
    return {**given, "status": "PF", "errorMessage": message}


async def _part(service: Service, visit: Visit, setting: VisitSubject) -> BookId:
    """The book that an authorization goes to: balances and tabs to all in turn, everything else to the first."""
    if not isinstance(setting.terms, PrepaidTerms | PostpaidTerms):
        return setting.book.book_id
    pipeline = pipeline_of_visit(visit.pipeline)
    references = [visit.parameters[name] for name in pipeline.references if name in visit.parameters]
    return await shards.choose(service.pool, setting.book.parts, references, visit.visit_id)


async def _refused(service: Service, visit: Visit, refused: Refused, setting: VisitSubject) -> Answer:
    """The books said no. A reference that was used meanwhile may be the same request's, made in another visit."""
    if refused.refusal is Refusal.DuplicateRequest:
        return await _duplicate(service, visit, setting)
    if refused.refusal is Refusal.SameSenderAndRecipient:
        return SAME_ACCOUNT
    if refused.refusal is Refusal.InvalidTokenId:  # the token to edit ended meanwhile
        return INVALID_TOKEN
    return {"status": "SE", "errorMessage": refused.message}


async def _duplicate(service: Service, visit: Visit, setting: VisitSubject) -> Answer:
    pipeline = pipeline_of_visit(visit.pipeline)
    database = service.pool
    given = [name for name in pipeline.references if name in visit.parameters]
    made = {name: await visits.token_with_reference(database, setting.book, visit.parameters[name]) for name in given}
    main = made[pipeline.references[0]]
    for twin in await visits.answered_twins(database, visit.caller_id, visit.environment, visit.request_digest):
        if main and twin.answer and twin.answer.get(pipeline.main_token) == main and twin.sender_id == visit.sender_id:
            return twin.answer
    used = tuple(name for name in given if made[name] is not None)
    return {"status": "CE", "errorMessage": not_well_formed(used[:1])}


async def leave(service: Service, visit: Visit, answer: Answer) -> Visit:
    """End a visit without consent. A visit that was confirmed meanwhile stays confirmed."""
    return await visits.leave(service.pool, visit.visit_id, answer, service.clock())


async def way_back(service: Service, visit: Visit, request_id: str) -> str:
    """The signed URL for a finished visit. The same answer each time; only the request id differs."""
    if visit.answer is None:
        raise LookupError("the visit is not finished")
    return await _signed(service, pipeline_of_visit(visit.pipeline), visit.parameters, visit.answer, request_id)


async def system_error(service: Service, visit: Visit, request_id: str) -> str:
    """The signed URL that tells the caller of a fault of ours. The visit stays as it is."""
    answer = {"status": "SE", "errorMessage": f"Something went wrong here. Request {request_id}."}
    return await _signed(service, pipeline_of_visit(visit.pipeline), visit.parameters, answer, request_id)


async def _book(service: Service, caller_id: int, environment: str) -> SellerBook:
    book = await visits.seller_book(service.pool, caller_id, environment)
    if book is None:
        raise LookupError(f"party {caller_id} has no {environment} book")
    return book
