"""A new card or bank account that is set up at the rail: the way there, and the way on in the visit afterwards."""

from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from tallystick.services.consent.choices import ChosenMethod
from tallystick.services.rails import setups
from tallystick.services.rails.setups import RailUnavailableError
from tallystick.web.common.method_setup import go_to_rail, kind_of
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.common.visit.context import VisitContext
from tallystick.web.hosted.method import method_page, pay_with
from tallystick.web.hosted.steps import VISIT, with_visit
from tallystick.words import gettext as _
from tallystick.words import marked

UNREACHABLE: Final = marked("The payment provider cannot be reached at the moment. Try again later.")
NOTHING_ADDED: Final = marked("Nothing was added at the payment provider.")


@post(f"{VISIT}/set-up", status_code=HTTP_200_OK)
async def do_set_up(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Go to the rail to set one up."""

    async def step(context: VisitContext) -> Response[Any]:
        kind = kind_of((await form_of(request)).get("kind", ""))
        if kind is None or kind not in context.terms.methods:
            return go(context.to("method"))
        environment = context.visit.environment
        try:
            url = await setups.begin(context.service, context.buyer.party_id, environment, kind, context.to("set-up"))
        except RailUnavailableError:
            return await method_page(context, status=HTTP_503_SERVICE_UNAVAILABLE, problems={"key": _(UNREACHABLE)})
        return go_to_rail(url)

    return await with_visit(request, visit_id, step)


@get(f"{VISIT}/set-up")
async def show_set_up(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Back from the rail: pay with what was found there."""

    async def step(context: VisitContext) -> Response[Any]:
        setup_id = request.query_params.get("setup", "")
        try:
            outcome = await setups.come_back(context.service, context.buyer.party_id, setup_id)
        except RailUnavailableError:
            return _look_again(context, setup_id)
        if outcome is None or outcome.setup.environment != context.visit.environment:
            return go(context.to("method"))
        if outcome.method is not None and outcome.method.method in context.terms.methods:
            return await pay_with(context, ChosenMethod(outcome.method.method, outcome.method.payment_method_id))
        if outcome.given_up or "given-up" in request.query_params:
            return await method_page(context, problems={"key": _(NOTHING_ADDED)})
        return _look_again(context, setup_id)

    return await with_visit(request, visit_id, step)


def _look_again(context: VisitContext, setup_id: str) -> Response[Any]:
    return context.page("hosted/set_up.html", setup_id=setup_id)


set_up_routes = [do_set_up, show_set_up]
