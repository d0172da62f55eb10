"""What happens on the Co-Branded pages: a visit begins, its buyer chooses, and confirms or leaves.

A visit ends once. The ids of what a confirmation makes are written into the visit before the books are asked, so a
double click, a second tab or a crash in between all lead to the same ids. Source: spec of the Co-Branded service.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.actions.outbound import sign_return_url
from tallystick.actions.pipeline_requests import (
    CheckedRequest,
    NotTrustedError,
    PipelineRequest,
    check,
    not_well_formed,
)
from tallystick.actions.pipeline_terms import PostpaidTerms, PrepaidTerms, read_terms
from tallystick.domain.commands import AuthorizePostpaid, AuthorizePrepaid, Consent, Method
from tallystick.domain.ids import (
    TOKEN_ENTROPY_BYTES,
    BookId,
    IdKind,
    InstrumentId,
    TokenId,
    make_token_or_instrument_id,
)
from tallystick.domain.refusals import Refusal, Refused
from tallystick.ledger import visits
from tallystick.ledger.visits import NewVisit, SellerBook, Visit

if TYPE_CHECKING:
    from tallystick.actions.service import Service
    from tallystick.actions.wallet import Choice
    from tallystick.ledger.parties import Party

VISIT_LIFE: Final = timedelta(hours=24)
SUCCESS: Final[Mapping[Method, str]] = {Method.ABT: "SA", Method.ACH: "SB", Method.CC: "SC"}

MADE_PREPAID: Final = {
    "prepaidInstrumentID": IdKind.PREPAID_INSTRUMENT,
    "prepaidSenderTokenID": IdKind.PREPAID_SENDER,
    "fundingTokenID": IdKind.FUNDING,
}
MADE_POSTPAID: Final = {
    "creditInstrumentID": IdKind.CREDIT_INSTRUMENT,
    "creditSenderTokenID": IdKind.CREDIT_SENDER,
    "settlementTokenID": IdKind.SETTLEMENT,
}
SENDER_TOKEN: Final = {"SetupPrepaid": "prepaidSenderTokenID", "SetupPostpaid": "creditSenderTokenID"}

LEFT: Final = {"status": "A", "errorMessage": "The buyer left without agreeing."}
NO_METHOD: Final = {"status": "PE", "errorMessage": "The buyer has none of the payment methods asked for."}
SAME_ACCOUNT: Final = {"status": "NP", "errorMessage": "Sender and recipient are the same account."}
NOT_ACTIVE: Final = {"status": "NP", "errorMessage": "The sender's account is suspended or closed."}


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
        return SentBack(await sign_return_url(service, checked.return_url, answer, request_id))
    used = [
        name
        for name in checked.pipeline.references
        if await visits.token_with_reference(service.pool, book.book_id, checked.parameters[name]) is not None
    ]
    if used:
        return await _caller_error(service, checked, tuple(used), request_id)
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
        raise NotTrustedError(text, "The seller used the reference in this link before, for something else.")
    answer = {"status": "CE", "errorMessage": text}
    return SentBack(await sign_return_url(service, checked.return_url, answer, request_id))


async def _earlier_answer(service: Service, checked: CheckedRequest, book: SellerBook) -> Mapping[str, str] | None:
    """How the very same request ended before, if the books have what it made."""
    token = SENDER_TOKEN[checked.pipeline.name]
    made = await visits.token_with_reference(service.pool, book.book_id, checked.parameters["callerReferenceSender"])
    if made is None:
        return None
    twins = await visits.answered_twins(service.pool, checked.key.party_id, checked.key.environment, checked.digest)
    for twin in twins:
        if twin.answer is not None and twin.answer.get(token) == made:
            ended = await visits.finish(service.pool, twin.visit_id, twin.answer, service.clock())
            return ended.answer
    return None


def too_old(visit: Visit, now: datetime) -> bool:
    """Whether an unfinished visit was left lying for so long that it has to begin anew."""
    return visit.finished_at is None and now - visit.created_at > VISIT_LIFE


async def confirm(service: Service, visit: Visit, buyer: Party, choice: Choice) -> Visit:
    """Make what the buyer agreed to, exactly once however often this is called; gives the finished visit.

    The buyer's choices were stored with `visits.choose` before. Raises ChoicesChangedError: nothing was made.
    """
    if visit.finished_at is not None:
        return visit
    if refused := await stop_reason(service, visit, buyer):
        return await visits.leave(service.pool, visit.visit_id, refused, service.clock())
    book = await _book(service, visit.caller_id, visit.environment)
    terms = read_terms(visit.pipeline, visit.parameters)
    now = service.clock() + book.clock_offset
    if terms.expires_at is not None and terms.expires_at <= now and visit.answer is None:
        answer = {"status": "CE", "errorMessage": not_well_formed(("validityExpiry",))}
        return await visits.leave(service.pool, visit.visit_id, answer, service.clock())
    if visit.sender_id != buyer.party_id:
        raise ChoicesChangedError(visit.visit_id[:8])
    intended = await visits.intend(service.pool, visit, _plan(visit, terms, choice, book.book_id))
    if intended is None or intended.answer is None:
        raise ChoicesChangedError(visit.visit_id[:8])
    if intended.finished_at is not None:
        return intended
    command = _command(terms, intended.answer, buyer, intended.choices, now)
    outcome = await service.committer.perform(book.book_id, command)
    if isinstance(outcome, Refused):
        return await _refused(service, intended, outcome, book)
    return await visits.finish(service.pool, visit.visit_id, intended.answer, service.clock())


async def stop_reason(service: Service, visit: Visit, buyer: Party) -> Mapping[str, str] | None:
    """The answer when this buyer cannot go on with this visit at all (status NP), else None."""
    del service  # later checks, such as a confirmed e-mail address, look things up
    if buyer.party_id == visit.caller_id:
        return SAME_ACCOUNT
    return None if buyer.active else NOT_ACTIVE


def _plan(visit: Visit, terms: PrepaidTerms | PostpaidTerms, choice: Choice, book_id: BookId) -> dict[str, str]:
    """The answer in case of success, with fresh ids."""
    made = MADE_PREPAID if isinstance(terms, PrepaidTerms) else MADE_POSTPAID
    answer = {"status": SUCCESS[choice.method]}
    for name, kind in made.items():
        answer[name] = make_token_or_instrument_id(kind, book_id, secrets.token_bytes(TOKEN_ENTROPY_BYTES))
    if choice.expiry is not None:
        answer["expiry"] = choice.expiry
    if terms.collect_address:
        answer |= address_of(visit)
    return answer


def address_of(visit: Visit) -> dict[str, str]:
    """The delivery address that the buyer typed, under the protocol's names."""
    return {
        name.removeprefix("address:"): value
        for name, value in visit.choices.items()
        if name.startswith("address:") and value
    }


def _command(
    terms: PrepaidTerms | PostpaidTerms,
    answer: Mapping[str, str],
    buyer: Party,
    choices: Mapping[str, str],
    now: datetime,
) -> AuthorizePrepaid | AuthorizePostpaid:
    method = Method(choices["method"])
    consent = Consent(
        sender_id=buyer.party_id,
        method=method,
        payment_method_id=None if method is Method.ABT else int(choices["key"]),
        payment_reason=terms.reason_html or None,
        valid_from=now if terms.starts_at is None else max(terms.starts_at, now),
        expires_at=terms.expires_at,
    )
    if isinstance(terms, PrepaidTerms):
        return AuthorizePrepaid(
            consent=consent,
            instrument_id=InstrumentId(answer["prepaidInstrumentID"]),
            sender_token_id=TokenId(answer["prepaidSenderTokenID"]),
            funding_token_id=TokenId(answer["fundingTokenID"]),
            sender_reference=terms.sender_reference,
            funding_reference=terms.funding_reference,
            funding_limit_micros=terms.funding_limit_micros,
        )
    return AuthorizePostpaid(
        consent=consent,
        instrument_id=InstrumentId(answer["creditInstrumentID"]),
        sender_token_id=TokenId(answer["creditSenderTokenID"]),
        settlement_token_id=TokenId(answer["settlementTokenID"]),
        sender_reference=terms.sender_reference,
        settlement_reference=terms.settlement_reference,
        credit_limit_micros=terms.credit_limit_micros,
        total_limit_micros=terms.total_limit_micros,
        limits=terms.limits,
    )


async def _refused(service: Service, visit: Visit, refused: Refused, book: SellerBook) -> Visit:
    """The books said no. A reference that was used meanwhile may be the same request's, made in another visit."""
    terms = read_terms(visit.pipeline, visit.parameters)
    answer: Mapping[str, str]
    if refused.refusal is Refusal.DuplicateRequest:
        made = await visits.token_with_reference(service.pool, book.book_id, terms.sender_reference)
        twins = await visits.answered_twins(service.pool, visit.caller_id, visit.environment, visit.request_digest)
        token = SENDER_TOKEN[visit.pipeline]
        same = next(
            (
                twin.answer
                for twin in twins
                if twin.answer and twin.answer.get(token) == made and twin.sender_id == visit.sender_id
            ),
            None,
        )
        answer = same or {"status": "CE", "errorMessage": not_well_formed(("callerReferenceSender",))}
    elif refused.refusal is Refusal.SameSenderAndRecipient:
        answer = SAME_ACCOUNT
    else:
        answer = {"status": "SE", "errorMessage": refused.message}
    return await visits.finish(service.pool, visit.visit_id, answer, service.clock())


async def leave(service: Service, visit: Visit, answer: Mapping[str, str]) -> Visit:
    """End a visit without consent. A visit that was confirmed meanwhile stays confirmed."""
    return await visits.leave(service.pool, visit.visit_id, answer, service.clock())


async def way_back(service: Service, visit: Visit, request_id: str) -> str:
    """The signed URL for a finished visit. The same answer each time; only the request id differs."""
    if visit.answer is None:
        raise LookupError("the visit is not finished")
    return await sign_return_url(service, visit.parameters["returnURL"], visit.answer, request_id)


async def system_error(service: Service, visit: Visit, request_id: str) -> str:
    """The signed URL that tells the caller of a fault of ours. The visit stays as it is."""
    answer = {"status": "SE", "errorMessage": f"Something went wrong here. Request {request_id}."}
    return await sign_return_url(service, visit.parameters["returnURL"], answer, request_id)


async def books_time(service: Service, visit: Visit) -> datetime:
    """The present moment of the seller's book: a sandbox book has a clock of its own."""
    book = await _book(service, visit.caller_id, visit.environment)
    return service.clock() + book.clock_offset


async def _book(service: Service, caller_id: int, environment: str) -> SellerBook:
    book = await visits.seller_book(service.pool, caller_id, environment)
    if book is None:
        raise LookupError(f"party {caller_id} has no {environment} book")
    return book
