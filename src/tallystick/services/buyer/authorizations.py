"""A person's authorizations: finding them with their status, and cancelling them in the giver's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.domain.commands import CancelToken, TokenPurpose
from tallystick.domain.decide.outgoing.redemption import NEVER, Redemption
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.buyer.authorization_status import AuthorizationState, Scope
from tallystick.services.consent import redemption_terms
from tallystick.services.consent.participants import Names
from tallystick.store.queries import authorizations, tokens

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId, TokenId
    from tallystick.services.context import Service
    from tallystick.store.queries.authorizations import Authorization


class UnknownAuthorizationError(LookupError):
    """There is no such authorization, or it is somebody else's."""


@dataclass(frozen=True, slots=True)
class AuthorizationPage:
    """A part of a person's authorizations, newest first. `more`: whether there are older ones."""

    states: Sequence[AuthorizationState]
    more: bool


async def find(service: Service, party_id: PartyId, authorization_id: str) -> AuthorizationState | None:
    """One authorization of a person; None where there is none or it is somebody else's."""
    found = await authorizations.find(service.pool, party_id, authorization_id)
    return None if found is None else (await _states(service, [found]))[0]


async def page(service: Service, party_id: PartyId, maximum: int, before: str | None = None) -> AuthorizationPage:
    """At most so many of a person's authorizations; only those given before the one with the id `before`.

    Raises UnknownAuthorizationError: `before` is none of theirs.
    """
    last = None
    if before is not None:
        last = await authorizations.find(service.pool, party_id, before)
        if last is None:
            raise UnknownAuthorizationError(before)
    found = await authorizations.authorizations_of(service.pool, party_id, maximum + 1, last)
    return AuthorizationPage(await _states(service, found[:maximum]), len(found) > maximum)


async def of_person(service: Service, party_id: PartyId) -> list[AuthorizationState]:
    """All authorizations of a person, newest first."""
    return await _states(service, await authorizations.authorizations_of(service.pool, party_id, None))


async def paid_from(service: Service, party_id: PartyId, payment_method_id: int) -> list[AuthorizationState]:
    """The authorizations of a person that a card or bank account pays for, ended ones too, newest first."""
    return await _states(service, await authorizations.paid_from(service.pool, party_id, payment_method_id))


async def _states(service: Service, found: Sequence[Authorization]) -> list[AuthorizationState]:
    prepaid = [one for one in found if one.purpose is TokenPurpose.PREPAID_SENDER]
    terms = await redemption_terms.of_balances(service, prepaid) if prepaid else {}
    return [await _state(service, one, *terms.get(one.authorization_id, (NEVER, NEVER))) for one in found]


async def _state(
    service: Service, authorization: Authorization, promised: Redemption, redemption: Redemption
) -> AuthorizationState:
    """The authorization at the present moment of its book, with the names of those who are paid."""
    recipients: tuple[str, ...] = ()
    if authorization.terms.recipient_tokens:
        paid = await tokens.by_ids(service.pool, authorization.book_id, authorization.terms.recipient_tokens)
        others = any(one.giver_id != authorization.seller_id for one in paid.values())
        recipients = tuple(dict.fromkeys(one.giver_name for one in paid.values())) if others else ()
    names = Names(authorization.seller_name, recipients)
    now = service.clock() + authorization.clock_offset
    return AuthorizationState(authorization, names, now, promised, redemption)


async def cancel(service: Service, state: AuthorizationState, scope: Scope) -> None:
    """Cancel in the name of the giver. Cancelling what is cancelled changes nothing.

    Of a prepaid balance both tokens end, or the one that fills it; of a tab the one that spends, so that a debt can
    still be settled. Raises Refused: what the books refuse otherwise.
    """
    authorization = state.authorization
    for token_id in _ending(state, scope):
        outcome = await service.committer.perform(
            authorization.book_id, CancelToken(token_id, by=authorization.giver_id)
        )
        if isinstance(outcome, Refused) and outcome.refusal is not Refusal.TokenNotActive:
            raise outcome


def _ending(state: AuthorizationState, scope: Scope) -> list[TokenId]:
    """The token that brings money in first: where the second cancellation fails, nothing more is charged."""
    ending = []
    if state.topping_up and state.authorization.money_token_id is not None:
        ending.append(state.authorization.money_token_id)
    if state.spending and scope is Scope.ALL:
        ending.append(state.authorization.token_id)
    return ending
