"""Forms that are not steps of a visit but can be sent from within one: signing out, adding test money."""

from dataclasses import replace
from typing import Any

from litestar.response import Response

from tallystick.domain.commands import Method
from tallystick.services.consent import wallet
from tallystick.services.consent.choices import ChosenMethod
from tallystick.services.form_errors import FormError
from tallystick.web.common.browser.signing_in import UNUSABLE
from tallystick.web.common.shared import PageRequest, go
from tallystick.web.common.visit.context import VisitContext
from tallystick.web.hosted.method import method_page
from tallystick.web.hosted.steps import keep_choices, with_visit


async def signed_out_in_visit(request: PageRequest, visit_id: str) -> Response[Any]:
    """The person signed out: the visit goes on with its sign-in page."""

    async def step(context: VisitContext) -> Response[Any]:
        return go(context.to("sign-in"))

    return await with_visit(request, visit_id, step, buyer_needed=False)


async def test_money_in_visit(request: PageRequest, visit_id: str, amount: str) -> Response[Any]:
    """Put test money on the buyer's account balance, and go back to choosing, with the balance chosen."""

    async def step(context: VisitContext) -> Response[Any]:
        try:
            await wallet.add_test_money(context.service, context.buyer.party_id, amount)
        except FormError as error:
            return await method_page(context, status=UNUSABLE, problems=error.problems, typed_amount=amount)
        await keep_choices(context, replace(context.chosen, method=ChosenMethod(Method.ABT)))
        return go(context.to("method"))

    return await with_visit(request, visit_id, step)
