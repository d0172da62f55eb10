"""Signing in to the console, and choosing a seller where there are several."""

from typing import Any

from litestar import get, post
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.domain.environments import LIVE, SANDBOX
from tallystick.services.form_errors import FormError
from tallystick.services.identity.reauthentication import CodeNeededError
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.staff import businesses_of
from tallystick.web.common.browser.signing_in import UNUSABLE, code_page, enter
from tallystick.web.common.browser.staff_sign_in import CONSOLE, SIGN_IN, own_path
from tallystick.web.common.browser.ways_back import ENDED
from tallystick.web.common.shared import PageRequest, form_of, go, page, service_of, signed_in


@get(CONSOLE)
async def show_businesses(request: PageRequest) -> Response[Any]:
    """The console of the only seller, or a choice."""
    person = await signed_in(request)
    if person is None:
        return go(SIGN_IN)
    service = service_of(request)
    employers = await businesses_of(service, person)
    if len(employers) == 1:
        business_id = employers[0].business_id
        live = await first_book_of(service, business_id, LIVE)
        return go(f"{CONSOLE}/{business_id}/{SANDBOX if live is None else LIVE}")
    return page("console/businesses.html", person=person, employers=employers)


@get(SIGN_IN)
async def show_sign_in(request: PageRequest) -> Response[Any]:
    """Ask who it is."""
    way_on = own_path(request.query_params.get("next", CONSOLE))
    if await signed_in(request) is not None:
        return go(way_on)
    return page("console/sign_in.html", next=way_on, ended=ENDED in request.query_params)


@post(SIGN_IN, status_code=HTTP_200_OK)
async def do_sign_in(request: PageRequest) -> Response[Any]:
    """Check e-mail address and password, or the passkey."""
    typed = await form_of(request)
    way_on = own_path(typed.get("next", CONSOLE))
    try:
        await enter(request, typed)
    except CodeNeededError as asked:
        return code_page(request, asked, way_on)
    except FormError as error:
        return page(
            "console/sign_in.html", status=UNUSABLE, next=way_on, ended=False, typed=typed, problems=error.problems
        )
    return go(way_on)


entrance_routes = [show_businesses, show_sign_in, do_sign_in]
