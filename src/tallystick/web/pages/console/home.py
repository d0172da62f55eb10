"""The console's first page: how business stands."""

from typing import Any

from litestar import get
from litestar.params import FromPath
from litestar.response import Response

from tallystick.web.pages.console.desk import Desk, for_staff
from tallystick.web.pages.shared import PageRequest


@get("/console/{business:int}/{environment:str}")
async def show_home(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """How business stands."""

    async def step(desk: Desk) -> Response[Any]:
        return desk.page("console/home.html")

    return await for_staff(request, business, environment, step)


home_routes = [show_home]
