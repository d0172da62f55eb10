"""Disputes of charges in /v1, with their evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import Field
from tallystick.services.disputes import cases
from tallystick.services.disputes import evidence as evidences
from tallystick.services.events.objects import dispute_object
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import USUAL_LIMIT, JsonInput
from tallystick.web.v1.problems import RefusedProblemError
from tallystick.web.v1.transactions import transaction_id

if TYPE_CHECKING:
    from tallystick.services.disputes.cases import DisputeRecord
    from tallystick.services.disputes.evidence import DisputeEvidence
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.web.v1.endpoint import Asked

STATUS: Final = JsonInput(
    Field(
        "status",
        "string",
        OPTIONAL,
        "Only those that have come to this.",
        choices=tuple(status.value for status in DisputeStatus),
    ),
    DisputeStatus.EVIDENCE_DUE.value,
)


async def get(asked: Asked) -> Reply:
    """One dispute. Raises ProblemError."""
    return Reply(_dispute_object(asked.books, await _find(asked)))


async def list_(asked: Asked) -> Reply:
    """A page of disputes, the newest first. Raises ProblemError."""
    given, books = asked.given, asked.books
    limit = int(given.get("limit", USUAL_LIMIT))
    cursor = None if "cursor" not in given else transaction_id(given["cursor"], "cursor")
    status = None if "status" not in given else DisputeStatus(given["status"])
    found = await cases.newest(books, limit + 1, cursor, status)
    shown = found[:limit]
    await asked.step_aside()
    data = [_dispute_object(books, dispute) for dispute in shown]
    return Reply(
        {"object": "list", "data": data, "next_cursor": shown[-1].transaction_id if len(found) > limit else None}
    )


async def evidence(asked: Asked) -> Reply:
    """The evidence as a PDF, in English. Raises ProblemError."""
    dispute = await _find(asked)
    collected = await evidences.of_dispute(asked.books, dispute)
    return Reply(await asyncio.to_thread(_pdf, collected))


async def _find(asked: Asked) -> DisputeRecord:
    wanted = transaction_id(asked.subject, "id")
    found = await cases.find(asked.books, wanted)
    if found is None:
        raise RefusedProblemError(
            Refused(Refusal.InvalidTransactionId, "There is no such dispute of a charge of this account.")
        )
    return found


def _dispute_object(books: BookContext, dispute: DisputeRecord) -> Mapping[str, Any]:
    return dispute_object(books.environment, dispute, own=dispute.book_id in books.parts)


def _pdf(collected: DisputeEvidence) -> bytes:
    # Loaded with the first one, in its thread: paper and its fonts are a sixth of what a server would hold.
    from tallystick.web.console.books.evidence_pdf import as_pdf  # noqa: PLC0415 - see above; 0.3 s

    return as_pdf(collected)
