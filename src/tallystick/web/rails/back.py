"""The address to which rails send buyers back: it leads on to the page of ours from which they went."""

from typing import Any

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.services.rails import setups
from tallystick.services.rails.setups import BACK
from tallystick.web.common.shared import PageRequest, go, service_of


@get(f"{BACK}/{{setup_id:str}}")
async def come_back(request: PageRequest, setup_id: FromPath[str]) -> Response[Any]:
    """On to where the buyer was. What was found is looked at there, for whom it is."""
    setup = await setups.find(service_of(request), setup_id)
    if setup is None:
        raise NotFoundException
    given_up = "&given-up" if "given-up" in request.query_params else ""
    return go(f"{setup.back_to}?setup={setup.setup_id}{given_up}")
