"""A person's authorizations: as their own pages show them, and cancelling them in the giver's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tallystick.domain.commands import CancelToken
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.buyer.authorization_status import Scope
from tallystick.services.buyer.authorization_view import View
from tallystick.services.consent.consent_text import Names
from tallystick.store.queries import consent_tokens

if TYPE_CHECKING:
    from tallystick.domain.ids import TokenId
    from tallystick.services.context import Service
    from tallystick.store.queries.authorizations import Authorization


async def views(service: Service, found: Sequence[Authorization]) -> list[View]:
    """The authorizations at the present moments of their books, with the names of those who are paid."""
    made = []
    for given in found:
        recipients: tuple[str, ...] = ()
        if given.terms.recipient_tokens:
            paid = await consent_tokens.find(service.pool, given.book_id, given.terms.recipient_tokens)
            others = any(one.giver_id != given.seller_id for one in paid.values())
            recipients = tuple(dict.fromkeys(one.giver_name for one in paid.values())) if others else ()
        names = Names(given.seller_name, recipients)
        made.append(View(given, service.clock() + given.clock_offset, names))
    return made


async def cancel(service: Service, view: View, scope: Scope) -> None:
    """Cancel in the name of the giver. Cancelling what is cancelled changes nothing.

    Of a prepaid balance both tokens end, or the one that fills it; of a tab the one that spends, so that a debt can
    still be settled. Raises Refused: what the books refuse otherwise.
    """
    for token_id in _ending(view, scope):
        outcome = await service.committer.perform(view.given.book_id, CancelToken(token_id, by=view.given.giver_id))
        if isinstance(outcome, Refused) and outcome.refusal is not Refusal.TokenNotActive:
            raise outcome


def _ending(view: View, scope: Scope) -> list[TokenId]:
    """The money stops first: should anything go wrong in between, nothing more is taken."""
    ending = []
    if view.topping_up and view.given.money_token_id is not None:
        ending.append(view.given.money_token_id)
    if view.spending and scope is Scope.ALL:
        ending.append(view.given.token_id)
    return ending
