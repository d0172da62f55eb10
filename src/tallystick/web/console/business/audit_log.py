"""The seller's audit log."""

from typing import Any, Final
from urllib.parse import urlencode

from litestar import get
from litestar.params import FromPath
from litestar.response import Response

from tallystick.domain.ids import PartyId
from tallystick.services.operations import audit, audit_chains
from tallystick.web.common.audit_words import ACTION_WORDS
from tallystick.web.common.shared import PageRequest
from tallystick.web.console.console_context import LARGEST, ConsoleContext, for_staff

LISTED: Final = 40
_OPERATORS: Final = ("operator.", "account.", "rail.", "books.")  # actions of operators


@get("/console/{business:int}/{environment:str}/audit")
async def show_audit_log(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """The entries that match the filters, newest first; of both environments, since staff works in both."""

    async def step(console: ConsoleContext) -> Response[Any]:
        service, business_id = console.service, console.business.party_id
        who, action = _number(request, "who"), request.query_params.get("action", "")
        found = await audit.latest(
            service,
            LISTED + 1,
            business_id=business_id,
            actor_id=None if who is None else PartyId(who),
            action=action,
            before=_number(request, "before"),
        )
        shown = found[:LISTED]
        filters = {name: value for name in ("who", "action") if (value := request.query_params.get(name))}
        older = urlencode(filters | {"before": shown[-1].audit_id}) if len(found) > LISTED else ""
        here = console.path("audit")
        return console.page(
            "console/business/audit.html",
            entries=shown,
            proof=await audit_chains.last_proof(service, business_id),
            actions=ACTION_WORDS,
            kinds=[(name, words) for name, words in ACTION_WORDS.items() if not name.startswith(_OPERATORS)],
            people=await audit.actors_of(service, business_id),
            typed=filters,
            newer=f"{here}?{urlencode(filters)}" if "before" in request.query_params else "",
            older=f"{here}?{older}" if older else "",
        )

    return await for_staff(request, business, environment, step)


def _number(request: PageRequest, name: str) -> int | None:
    """A number in the query that fits a bigint."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(LARGEST)) else None


audit_routes = [show_audit_log]
