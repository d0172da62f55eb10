"""Pages of the simulated provider, for sandboxes: where a card is set up, and where its owner confirms a payment."""

from typing import Any

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.processors.simulated import PAGES
from tallystick.services.rails import simulated_provider
from tallystick.services.rails.simulated_provider import ConfirmationAsked, SimulatedSetup
from tallystick.web.common.method_setup import go_to_rail
from tallystick.web.common.shared import PageRequest, form_of, page, service_of


@get(f"{PAGES}/set-up/{{reference:str}}")
async def show_setup(request: PageRequest, reference: FromPath[str]) -> Response[Any]:
    """The numbers that the provider takes."""
    return _setup_page(await _setup(request, reference))


@post(f"{PAGES}/set-up/{{reference:str}}", status_code=HTTP_200_OK)
async def do_setup(request: PageRequest, reference: FromPath[str]) -> Response[Any]:
    """Give one of them, and go back to where the buyer came from."""
    setup = await _setup(request, reference)
    number = (await form_of(request)).get("number", "")
    if not await simulated_provider.give(service_of(request), setup, number):
        return _setup_page(setup, problems={"number": "Choose one of the numbers."})
    return go_to_rail(setup.return_url)


@post(f"{PAGES}/set-up/{{reference:str}}/cancel", status_code=HTTP_200_OK)
async def do_cancel(request: PageRequest, reference: FromPath[str]) -> Response[Any]:
    """Turn back without giving one."""
    setup = await _setup(request, reference)
    await simulated_provider.give_up(service_of(request), setup)
    return go_to_rail(setup.cancel_url)


@get(f"{PAGES}/confirm/{{reference:str}}")
async def show_confirm(request: PageRequest, reference: FromPath[str]) -> Response[Any]:
    """Ask the card's owner."""
    return page("rails/confirm.html", asked=await _asked(request, reference), sandbox=True)


@post(f"{PAGES}/confirm/{{reference:str}}", status_code=HTTP_200_OK)
async def do_confirm(request: PageRequest, reference: FromPath[str]) -> Response[Any]:
    """The card's owner says yes."""
    await _asked(request, reference)
    await simulated_provider.confirm(service_of(request), reference)
    return page("rails/confirm.html", asked=await _asked(request, reference), sandbox=True)


async def _setup(request: PageRequest, reference: str) -> SimulatedSetup:
    found = await simulated_provider.open_setup(service_of(request), reference)
    if found is None:
        raise NotFoundException
    return found


async def _asked(request: PageRequest, reference: str) -> ConfirmationAsked:
    found = await simulated_provider.confirmation(service_of(request), reference)
    if found is None:
        raise NotFoundException
    return found


def _setup_page(setup: SimulatedSetup, problems: dict[str, str] | None = None) -> Response[Any]:
    return page(
        "rails/set_up.html",
        status=HTTP_422_UNPROCESSABLE_ENTITY if problems else HTTP_200_OK,
        setup=setup,
        numbers=simulated_provider.numbers(setup.kind),
        problems=problems or {},
        sandbox=True,
    )


provider_routes = [show_setup, do_setup, do_cancel, show_confirm, do_confirm]
