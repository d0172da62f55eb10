"""A buyer's visit to the hosted pages as typed values, and the one place that turns its row into them and back.

Parameters are read here once for each page, into terms; choices and answer are written back in the form in which rows
have always had them, so that visits go on while a release replaces another.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tallystick.services.consent.answers import AnswerStatus, NoConsent, VisitAnswer, decode_answer, encode_answer
from tallystick.services.consent.choices import NOTHING_CHOSEN, BuyerChoices, decode_choices, encode_choices
from tallystick.services.consent.parameters import SIMPLE_PAY, Pipeline, pipeline_of_visit
from tallystick.services.consent.terms import AnyTerms, read_terms
from tallystick.store.records import visits

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.consent.requests import CheckedRequest
    from tallystick.services.context import Service
    from tallystick.store.records.visits import VisitRow

MAX_AGE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where the browser goes with an answer. `left_url`: where to when the buyer leaves, None: to `url` as well.

    `reference` is the caller's own, which the answers of some pipelines repeat.
    """

    url: str
    left_url: str | None = None
    reference: str | None = None

    def url_for(self, status: AnswerStatus) -> str:
        """The caller's address for an answer of this status."""
        return self.left_url or self.url if status is AnswerStatus.ABANDONED else self.url

    @property
    def urls(self) -> tuple[str, ...]:
        """All addresses that a visit can lead back to."""
        return (self.url,) if self.left_url is None else (self.url, self.left_url)


@dataclass(frozen=True, slots=True)
class AnswerRequester:
    """Who asks for a visit's answer: the person signed in, and the secret of the browser's cookie. None: unknown."""

    party_id: PartyId | None = None
    browser: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: what is asked for, what was chosen, how it ended.

    `references`: the caller's names for the tokens, by their parameters, the main token's first. `answer` without
    `finished_at`: confirmed, but nobody knows yet whether the books have it. `browser_digest`: of what the browser in
    which it was confirmed is known by.
    """

    visit_id: str
    caller_id: PartyId
    environment: str
    pipeline: Pipeline
    terms: AnyTerms
    references: Mapping[str, str]
    way_back: WayBack
    request_digest: bytes
    created_at: datetime
    sender_id: PartyId | None = None
    choices: BuyerChoices = NOTHING_CHOSEN
    answer: VisitAnswer | None = None
    finished_at: datetime | None = None
    browser_digest: bytes | None = None

    def answers_to(self, asker: AnswerRequester) -> bool:
        """Whether this one may have the answer: who gave it or, where nothing was agreed to, whoever has the visit.

        An answer holds the ids of what was agreed to, a card's expiry and a delivery address.
        """
        if isinstance(self.answer, NoConsent):
            return True
        if asker.party_id is not None and asker.party_id == self.sender_id:
            return True
        if asker.browser is None or self.browser_digest is None:
            return False
        return hmac.compare_digest(self.browser_digest, _browser_digest(asker.browser))

    def chosen_by(self, party_id: PartyId | None) -> BuyerChoices:
        """What this buyer chose so far; nothing of what another one chose."""
        return self.choices if party_id is not None and party_id == self.sender_id else NOTHING_CHOSEN

    def too_old(self, now: datetime) -> bool:
        """Whether an unfinished visit was left lying for so long that it has to begin anew."""
        return self.finished_at is None and now - self.created_at > MAX_AGE


def read_way_back(pipeline: Pipeline, parameters: Mapping[str, str]) -> WayBack:
    """Where a request wants its answer. Raises KeyError: nowhere."""
    if pipeline is SIMPLE_PAY:
        return WayBack(parameters["returnUrl"], parameters.get("abandonUrl"))
    reference = parameters.get("callerReference") if pipeline.echoes_reference else None
    return WayBack(parameters["returnURL"], reference=reference)


def read_references(pipeline: Pipeline, parameters: Mapping[str, str]) -> dict[str, str]:
    """The caller's names for the tokens that a request asks for, by their parameters, the main token's first."""
    return {name: parameters[name] for name in pipeline.references if name in parameters}


def sample_visit(
    pipeline: Pipeline, parameters: Mapping[str, str], caller_id: PartyId, environment: str, now: datetime
) -> Visit:
    """A visit that is nowhere stored, to show what its pages look like. `parameters` are well formed."""
    return Visit(
        visit_id="preview",
        caller_id=caller_id,
        environment=environment,
        pipeline=pipeline,
        terms=read_terms(pipeline.name, parameters),
        references=read_references(pipeline, parameters),
        way_back=read_way_back(pipeline, parameters),
        request_digest=b"",
        created_at=now,
    )


async def find(service: Service, visit_id: str) -> Visit | None:
    """The visit with this id."""
    row = await visits.find(service.pool, visit_id)
    return None if row is None else read_visit(row)


async def answered_visits(service: Service, caller_id: PartyId, environment: str, request_digest: bytes) -> list[Visit]:
    """Earlier visits of the same request (by its digest) that have an answer, newest first."""
    rows = await visits.answered_visits(service.pool, caller_id, environment, request_digest)
    return [read_visit(row) for row in rows]


async def begin(service: Service, visit_id: str, checked: CheckedRequest) -> None:
    """Keep a request that was checked, before its buyer is known."""
    new = visits.NewVisit(
        visit_id=visit_id,
        caller_id=checked.key.party_id,
        access_key_id=checked.key.access_key_id,
        environment=checked.key.environment,
        pipeline=checked.pipeline.name,
        parameters=checked.parameters,
        request_digest=checked.digest,
    )
    await visits.create(service.pool, new, service.clock())


async def choose(service: Service, visit: Visit, buyer_id: PartyId, choices: BuyerChoices) -> Visit:
    """Keep what this buyer chose, instead of what was chosen before; gives the visit as it is then.

    A visit that has an answer stays as it is.
    """
    await visits.choose(service.pool, visit.visit_id, buyer_id, encode_choices(choices))
    return await find(service, visit.visit_id) or visit


async def keep_browser(service: Service, visit: Visit, buyer_id: PartyId, browser: str) -> None:
    """Remember the browser in which this buyer agrees: it is told the answer again. `browser`: its secret name."""
    await visits.keep_browser(service.pool, visit.visit_id, buyer_id, _browser_digest(browser))


def _browser_digest(browser: str) -> bytes:
    return sha256(browser.encode()).digest()  # of 192 random bits: nobody can try them out


async def intend(service: Service, seen: Visit, answer: VisitAnswer) -> Visit | None:
    """Write down the answer, ids and all, before the books are asked. The first one wins; gives the visit as it is now.

    None: buyer or choices are not those of `seen` any more, so nothing may be done in their name.
    """
    if seen.sender_id is None:
        return None
    choices = encode_choices(seen.choices)
    row = await visits.intend(service.pool, seen.visit_id, seen.sender_id, choices, encode_answer(answer))
    return None if row is None else read_visit(row)


async def finish(service: Service, visit: Visit, answer: VisitAnswer) -> Visit:
    """End a visit with this answer, unless it has ended; gives it as it is now."""
    return read_visit(await visits.finish(service.pool, visit.visit_id, encode_answer(answer), service.clock()))


async def leave(service: Service, visit: Visit, answer: VisitAnswer) -> Visit:
    """End a visit without consent. A visit that was confirmed meanwhile stays confirmed."""
    return read_visit(await visits.leave(service.pool, visit.visit_id, encode_answer(answer), service.clock()))


def read_visit(row: VisitRow) -> Visit:
    """A row as values. Raises KeyError or ValueError: no row of ours."""
    pipeline = pipeline_of_visit(row.pipeline)
    return Visit(
        visit_id=row.visit_id,
        caller_id=row.caller_id,
        environment=row.environment,
        pipeline=pipeline,
        terms=read_terms(pipeline.name, row.parameters),
        references=read_references(pipeline, row.parameters),
        way_back=read_way_back(pipeline, row.parameters),
        request_digest=row.request_digest,
        created_at=row.created_at,
        sender_id=row.sender_id,
        choices=decode_choices(row.choices),
        answer=None if row.answer is None else decode_answer(row.answer),
        finished_at=row.finished_at,
        browser_digest=row.browser_digest,
    )
