"""`expand`: objects in the place of their ids, one level deep, for a page of transactions by a few queries together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.ids import TransactionId
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import Field
from tallystick.services.events import authorizations
from tallystick.services.reports import transactions
from tallystick.web.v1.inputs import JsonInput
from tallystick.web.v1.shown import transaction_object

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Asked

AUTHORIZATION: Final = "authorization"
ORIGINAL: Final = "refunded_transaction"


def expand(*names: str) -> JsonInput:
    """The input of an endpoint whose answers have these members."""
    meaning = "What is shown whole in the place of its id, one level deep; what is not there stays an id."
    return JsonInput(
        Field("expand", "string", OPTIONAL, meaning, choices=names), [names[0]], many=True, most=len(names)
    )


async def expanded(asked: Asked, shown: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Transactions as they are shown, with what was asked for in the place of its id."""
    wanted = asked.given.lists.get("expand", ())
    found: dict[str, Mapping[str, Any]] = {}
    for name in wanted:
        ids = {one[name] for one in shown if one[name] is not None}
        if name == AUTHORIZATION:
            found[name] = await authorizations.describe_all(asked.books, ids) if ids else {}
        else:
            lines = await transactions.named(asked.books, [TransactionId(one) for one in ids]) if ids else []
            found[name] = {line.transaction_id: transaction_object(asked.books, line) for line in lines}
        await asked.step_aside()
    return [{**one, **{name: found[name].get(one[name], one[name]) for name in wanted}} for one in shown]
