"""Many charges in one request: each with its own key and its own outcome, none spoilt by another.

The rules are those of single charges, and so is the space of keys. Charges of one book share their commits.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from tallystick.domain.money import USD
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refusal
from tallystick.services.actions.pay import payment_command
from tallystick.services.api.common_fields import REQUIRED
from tallystick.services.api.fair_shares import ThrottledError
from tallystick.services.api.fields import V2010, Field
from tallystick.services.api.registry import ACTIONS
from tallystick.services.events.authorizations import find_all
from tallystick.services.process.meter import OK
from tallystick.services.reports import instruments
from tallystick.services.reports import transactions as reports
from tallystick.web.api.calls import read_call, refusal_of
from tallystick.web.v1 import authorizations, money
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import (
    AMOUNT,
    AUTHORIZATION,
    CURRENCY,
    DESCRIPTION,
    NOTE,
    NOTIFY,
    Given,
    JsonInput,
    checked_key,
)
from tallystick.web.v1.problems import JsonProblemError, RefusedProblemError, document_of
from tallystick.web.v1.transactions import STATUSES

if TYPE_CHECKING:
    from tallystick.domain.commands import Command
    from tallystick.domain.ids import BookId, TransactionId
    from tallystick.domain.outcomes import Outcome
    from tallystick.web.v1.endpoint import Asked

MOST: Final = 1000
MAX_BODY_BYTES: Final = 1 << 20
PART: Final = 50
"""Charges that are read, and carried out, before others have their turn."""

_PAY: Final = ACTIONS["Pay"]
_PLAIN: Final = (DESCRIPTION, NOTE, NOTIFY)

KEY: Final = JsonInput(
    Field("idempotency_key", "string", REQUIRED, "Your own name for this charge, as in the header.", max_length=128),
    "job-17",
)
CHARGES: Final = JsonInput(
    Field("charges", "array", REQUIRED, "The charges. Each is done or refused by itself."),
    [
        {"idempotency_key": "job-17", "authorization": AUTHORIZATION.example, "amount": "0.25"},
        {"idempotency_key": "job-18", "authorization": AUTHORIZATION.example, "amount": "0.50"},
    ],
    members=(KEY, AUTHORIZATION, AMOUNT, CURRENCY, DESCRIPTION, NOTE, NOTIFY),
    most=MOST,
)


@dataclass(slots=True)
class _Line:
    """One charge. `made_id`: of the transaction that it would be; another one was made before under its key."""

    given: Given
    made_id: TransactionId | None = None
    transaction_id: str | None = None
    status: str | None = None
    problem: JsonProblemError | None = None

    @property
    def key(self) -> str:
        """Its Idempotency-Key."""
        return self.given[KEY.name]


async def create(asked: Asked) -> Reply:
    """Charge all of them. Raises Refused: Throttling, and nothing was done."""
    lines = [_Line(given) for given in asked.given.rows[CHARGES.name]]
    service, key = asked.service, asked.key
    # the request itself was counted when it was let in
    more = len(lines) - 1
    if more and (seconds := service.rates.take(key.access_key_id, more, key.calls_per_second)):
        raise ThrottledError(seconds)
    batch, start, calls = _Batch(asked), 0, service.calls
    while start < len(lines):
        end = start + PART if calls.anybody_single_but(key.flow) else len(lines)
        async with calls.turn(key.party_id, PART, key.flow):
            await batch.perform(lines[start:end])
        start = end
    await batch.explain(lines)
    outcomes = Counter(OK if line.problem is None else line.problem.refusal.name for line in lines)
    service.meter.answered_together(_PAY.name, outcomes)
    docs_at = service.settings.public_url.rstrip("/")
    results = [_told(line, docs_at) for line in lines]
    refused = sum(line.problem is not None for line in lines)
    body = {"object": "batch", "succeeded": len(lines) - refused, "refused": refused, "results": results}
    kept = [(line.transaction_id, msgspec.json.encode(line.given)) for line in lines if line.transaction_id]
    return Reply(body, kept=kept)


@dataclass(frozen=True, slots=True)
class _Batch:
    asked: Asked

    async def perform(self, lines: Sequence[_Line]) -> None:
        """Carry some of the charges out, those of each book together."""
        books = self.asked.books
        named = {line.given[AUTHORIZATION.name] for line in lines}
        spending = await instruments.spending_tokens(books, named)
        commands: dict[BookId, list[tuple[_Line, Command]]] = {}
        for number, line in enumerate(lines):
            if number and not number % PART:
                await asyncio.sleep(0)
            try:
                book_id, command = self._command(line, spending)
            except Exception as error:  # noqa: BLE001 - the fault of one charge is its own
                line.problem = self._problem(error)
            else:
                commands.setdefault(book_id, []).append((line, command))
        await asyncio.gather(*(self._perform_book(book_id, own) for book_id, own in commands.items()))

    async def explain(self, lines: Sequence[_Line]) -> None:
        """Say of refused charges what would have passed: by a few queries, however many charges they are."""
        refused = [(line.given[AUTHORIZATION.name], line.problem) for line in lines if line.problem is not None]
        above = [one for one in refused if one[1].refusal in money.ABOVE]
        below = [
            problem
            for text, problem in refused
            if problem.refusal is Refusal.AmountOutOfRange and authorizations.kind_of(text) is not None
        ]
        books = self.asked.books
        if above:
            found = await find_all(books, {text for text, _ in above})
            for text, problem in above:
                bounds = money.charge_bounds(found[text], books.now) if text in found else {}
                problem.more |= {"field": AMOUNT.name, **bounds}
        if below:
            smallest = await money.smallest_charge(books)
            for problem in below:
                problem.more |= {"field": AMOUNT.name, **smallest}

    def _command(self, line: _Line, spending: Mapping[str, str]) -> tuple[BookId, Command]:
        asked, given = self.asked, line.given
        text = given[AUTHORIZATION.name]
        if authorizations.kind_of(text) is not None:
            if text not in spending:
                raise authorizations.not_found()
            text = spending[text]
        params = {
            "CallerReference": checked_key(line.key, KEY.name),
            "SenderTokenId": text,
            "TransactionAmount.CurrencyCode": USD,
            "TransactionAmount.Value": given[AMOUNT.name],
            **{one.parameter: given[one.name] for one in _PLAIN if one.name in given},
        }
        made: list[TransactionId] = []
        call = read_call(asked.service, _PAY, V2010, params, asked.key, asked.now, asked.now)
        found = payment_command(replace(call, refusal_spends=False, made_ids=made))
        line.made_id = made[0]
        return found

    async def _perform_book(self, book_id: BookId, lines: Sequence[tuple[_Line, Command]]) -> None:
        asked = self.asked
        results = await asked.service.committer.perform_all(book_id, [command for _, command in lines], asked.key.flow)
        for (line, _), result in zip(lines, results, strict=True):
            await self._tell(line, result)

    async def _tell(self, line: _Line, result: Outcome | Exception) -> None:
        if isinstance(result, Accepted):
            line.transaction_id, line.status = result.transaction_id, STATUSES[result.status.value]
        elif isinstance(result, Exception):
            line.problem = self._problem(result)
            if line.problem.refusal is Refusal.DuplicateRequest:
                line.problem.more["transaction"] = await reports.known_by_reference(self.asked.books, line.key)
        else:
            raise TypeError(f"a payment came to {result!r}")

    def _problem(self, error: Exception) -> JsonProblemError:
        if isinstance(error, JsonProblemError):
            return error
        self.asked.service.damage.note(error)
        return RefusedProblemError(refusal_of(error, ""))


def _told(line: _Line, docs_at: str) -> Mapping[str, Any]:
    return {
        "idempotency_key": line.key,
        "id": line.transaction_id,
        "status": line.status,
        "replayed": line.transaction_id is not None and line.transaction_id != line.made_id,
        "problem": None if line.problem is None else document_of(line.problem, docs_at),
    }
