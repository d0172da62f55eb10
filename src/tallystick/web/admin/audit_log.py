"""The audit log of everything: staff of all sellers, operators, commands on the machine."""

from typing import Any, Final
from urllib.parse import urlencode

from litestar import get
from litestar.response import Response

from tallystick.domain.ids import PartyId
from tallystick.services.operations import accounts, audit, audit_chains
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.audit_words import ACTION_WORDS
from tallystick.web.common.shared import PageRequest

LISTED: Final = 40
PLACE: Final = f"{HOME}/audit"


@get(PLACE)
async def show_audit_log(request: PageRequest) -> Response[Any]:
    """The entries that match the filters, newest first."""

    async def step(operator: OperatorContext) -> Response[Any]:
        typed = {name: operator.asked(name) for name in ("who", "seller", "action", "subject")}
        before = operator.asked_number("before")
        problems: dict[str, str] = {}
        who = await _account(operator, typed, "who", problems)
        seller = await _account(operator, typed, "seller", problems)
        found = (
            []
            if problems
            else await audit.latest(
                operator.service,
                LISTED + 1,
                actor_id=who,
                business_id=seller,
                action=typed["action"],
                subject=typed["subject"] or None,
                before=before,
            )
        )
        shown = found[:LISTED]
        filters = {name: value for name, value in typed.items() if value}
        older = urlencode(filters | {"before": shown[-1].audit_id}) if len(found) > LISTED else ""
        return operator.page(
            "admin/audit.html",
            entries=shown,
            proof=await audit_chains.last_proof(operator.service),
            actions=ACTION_WORDS,
            typed=typed,
            problems=problems,
            filtered=bool(filters),
            newer=f"{PLACE}?{urlencode(filters)}" if before else "",
            older=f"{PLACE}?{older}" if older else "",
        )

    return await for_operator(request, step)


async def _account(
    operator: OperatorContext, typed: dict[str, str], name: str, problems: dict[str, str]
) -> PartyId | None:
    """The account that a filter names by number or address; None without one. Notes a problem when there is none."""
    if not typed[name]:
        return None
    found = await accounts.find_named(operator.service, typed[name])
    if found is None:
        problems[name] = "There is no account with this number or e-mail address."
        return None
    return found.party_id
