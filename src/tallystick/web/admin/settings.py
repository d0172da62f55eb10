"""The settings of this process: the effective values and where each came from."""

import os
from typing import Any

from litestar import get
from litestar.response import Response

from tallystick.services.operations.configuration import configuration
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.shared import PageRequest


@get(f"{HOME}/settings")
async def show_settings(request: PageRequest) -> Response[Any]:
    """Every setting of the process that answers."""

    async def step(operator: OperatorContext) -> Response[Any]:
        return operator.page("admin/settings.html", lines=configuration(operator.service.settings, os.environ))

    return await for_operator(request, step)
