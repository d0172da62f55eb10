"""What buyer and seller are written when a buyer has a balance paid back, or could not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.money import USD, display_amount
from tallystick.services.identity import mail
from tallystick.services.identity.email_templates import Letter, balance_not_paid_back, balance_paid_back
from tallystick.services.identity.mail import address_of
from tallystick.words import dollars

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.services.buyer.authorization_status import AuthorizationState
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party
    from tallystick.store.records.redemptions import RedemptionRequest


async def write(
    service: Service,
    connection: Connection,
    state: AuthorizationState,
    buyer: Party | None,
    seller: Party | None,
    request: RedemptionRequest,
    paid_micros: int,
) -> None:
    """To the buyer in the language that is spoken, to the seller as all its letters are. Not to closed accounts."""
    if buyer is not None and buyer.status != "closed":
        page = address_of(service, f"/account/authorizations/{request.instrument_id}")
        letter = (
            balance_paid_back(state.seller, dollars(paid_micros), page)
            if paid_micros
            else balance_not_paid_back(state.seller, dollars(request.amount_micros), page)
        )
        await mail.post(service, buyer.email, letter, connection)
    if seller is not None and seller.status != "closed":
        environment = state.authorization.environment
        page = address_of(service, f"/console/{seller.party_id}/{environment}/instruments/{request.instrument_id}")
        await mail.post(service, seller.email, to_seller(state, request, paid_micros, page), connection)


def to_seller(state: AuthorizationState, request: RedemptionRequest, paid_micros: int, page: str) -> Letter:
    """What the seller is written. `page`: the balance's page in the console."""
    asked = f"{display_amount(request.amount_micros)} {USD}"
    if paid_micros:
        paid = f"{display_amount(paid_micros)} {USD}"
        subject = f"A buyer had {paid} paid back"
        said = (
            f"A buyer asked for what was left of a prepaid balance, and {paid} of it goes back to where it came from."
        )
        if paid_micros < request.amount_micros:
            said += f" {asked} were asked for: the rest could not be paid back, and stays on the balance."
    else:
        subject = f"A buyer could not be paid {asked} back"
        said = (
            f"A buyer asked for {asked} that are left of a prepaid balance, as your terms, or the law that the service "
            "follows, allow. It could not be paid back: most often the cash that the service holds for you does not "
            "cover it. Please see to it, and give it back on this page:"
        )
    lines = [said, page]
    if state.sandbox:
        lines.append("This is the sandbox: no real money is concerned.")
    return Letter(subject, "\n\n".join(lines) + "\n")
